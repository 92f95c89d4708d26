/** A page of a room's events, as servers ask for them. Pure. */

import type { RoomEvent } from "./room-events.ts";
import {
  eventsOf,
  type LogIdentity,
  type LogPart,
  placed,
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
  for (const each of placed(parts)) {
    if (each.after.n <= after) continue;
    if (filter.to !== null && each.record.at > filter.to) return { events, next: null };
    if (read === limits.records) return { events, next: revOf(identity.life, each.before.n) };
    read += 1;
    for (const { number, event } of eventsOf(identity, each, filter.types)) {
      if (number <= after || !isWanted(event, filter)) continue;
      const last = events.at(-1);
      if (last && events.length === limits.events) return { events, next: last.rev };
      events.push(event);
    }
  }
  return { events, next: null };
}

function isWanted({ at, user }: RoomEvent, filter: EventFilter): boolean {
  if (filter.from !== null && at < filter.from) return false;
  return filter.user === null || user?.id === filter.user;
}
