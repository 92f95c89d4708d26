/** Who was in a room at some moment: the presences as they are, with what came after it undone. Pure. */

import type { User } from "./presence.ts";
import type { Entry } from "./presence-set.ts";
import { type LogPart, type LogPosition, type LogRecord, positionAfter } from "./room-log.ts";

/** The room as it was: members in the order of their first joins, and the number of its last event. */
export type PastRoom = {
  readonly members: readonly User[];
  readonly lurkers: number;
  readonly n: number;
};

/** What must be known of one presence. */
type Shown = { readonly user: User | null; readonly joinedAt: number; readonly rank: number };

/**
 * The room at a moment, in milliseconds since the epoch; as early as the parts reach, where they do not
 * reach so far.
 *
 * @param parts the log, from the newest part back
 * @param end the place behind its last record
 */
export function roomAt(
  moment: number,
  present: Iterable<Entry>,
  parts: Iterable<LogPart>,
  end: LogPosition,
): PastRoom {
  const shown = new Map<string, Shown>();
  for (const { presence, rank } of present) shown.set(presence.channel, { ...presence, rank });
  let { n } = end;
  for (const part of parts) {
    const stays = part.records.filter(({ at }) => at <= moment);
    n = stays.reduce(positionAfter, part.start).n;
    for (const record of part.records.slice(stays.length).toReversed()) undo(shown, record);
    if (stays.length > 0) break;
  }
  const presences = [...shown.values()].toSorted((a, b) => a.joinedAt - b.joinedAt);
  return {
    members: membersOf(presences),
    lurkers: presences.filter(({ user }) => user === null).length,
    n,
  };
}

function undo(shown: Map<string, Shown>, { kind, channel, user, joinedAt, rank }: LogRecord): void {
  const now = shown.get(channel);
  if (kind === "joined") shown.delete(channel);
  else if (kind === "left") shown.set(channel, { user, joinedAt, rank });
  else if (now) shown.set(channel, { ...now, user });
}

/** Each user once, as the newest presence shows them. */
function membersOf(presences: readonly Shown[]): User[] {
  const members = new Map<string, { readonly user: User; readonly rank: number }>();
  for (const { user, rank } of presences) if (user) members.set(user.id, { user, rank });
  return [...members.values()].toSorted((a, b) => a.rank - b.rank).map(({ user }) => user);
}
