/** A page of a room's events, as servers ask for them. Pure. */

import type { RoomEvent } from "./room-events.ts";
import {
  decodeRev,
  eventsOf,
  type LogIdentity,
  type LogPart,
  positionAfter,
  revOf,
  type Selection,
} from "./room-log.ts";

/** Which events. Times are in milliseconds since the epoch, and are included. */
export type EventFilter = {
  readonly from: number | null;
  readonly to: number | null;
  /** The id of the user that they are about. */
  readonly user: string | null;
  readonly types: Selection;
};

export type EventPageLimits = {
  readonly events: number;
  /** Comings and goings that are looked at. */
  readonly records: number;
};

export type EventPage = {
  readonly events: readonly RoomEvent[];
  /** The revision behind which the next page begins; `null` where there is none. */
  readonly next: string | null;
};

/**
 * The first events behind the `after`-th that pass the filter. A page may have fewer than its limit, or
 * none, and yet not be the last.
 *
 * @param parts the log from the `after`-th event on, from the oldest part on
 */
export function eventPageOf(
  identity: LogIdentity,
  parts: Iterable<LogPart>,
  after: number,
  filter: EventFilter,
  limits: EventPageLimits,
): EventPage {
  const events: RoomEvent[] = [];
  let read = 0;
  for (const { start, records } of parts) {
    let position = start;
    for (const record of records) {
      const before = position;
      position = positionAfter(before, record);
      if (position.n <= after) continue;
      if (filter.to !== null && record.at > filter.to) return { events, next: null };
      if (read === limits.records) return { events, next: revOf(identity.life, before.n) };
      read += 1;
      for (const event of eventsOf(identity, before, record, filter.types)) {
        if (!isWanted(event, after, filter)) continue;
        const last = events.at(-1);
        if (last && events.length === limits.events) return { events, next: last.rev };
        events.push(event);
      }
    }
  }
  return { events, next: null };
}

function isWanted({ rev, at, user }: RoomEvent, after: number, filter: EventFilter): boolean {
  if ((decodeRev(rev)?.n ?? 0) <= after) return false;
  if (filter.from !== null && at < filter.from) return false;
  return filter.user === null || user?.id === filter.user;
}
