/** What somebody missed who knew a room at an earlier revision. Pure. */

import type { Diff, Leave } from "./diff.ts";
import type { Entry } from "./presence-set.ts";
import { type LogPart, type LogRecord, placed } from "./room-log.ts";
import type { Presence, User } from "./presence.ts";
import type { StatusChange } from "./status.ts";

/** The least that must be known of the presences as they are. */
export type Present = { get(channel: string): Entry | undefined; entries(): Iterable<Entry> };

export type Gap = {
  /** Parts of the log that have what came after the `after`-th event. */
  readonly parts: Iterable<LogPart>;
  readonly after: number;
  /** Presences that are not in the log yet. */
  readonly unlogged: readonly Presence[];
  /** Whoever asks: their presence before this one, if they had one and say so. */
  readonly former: Former | null;
};

export type Former = { readonly channel: string; readonly user: User };

/** What became of one channel in the gap: who it was before, if it was there, and its last leave. */
type Story = { readonly known: { readonly user: User | null } | null; left: LogRecord | undefined };

/**
 * The diff that leads from what was known to the presences as they are. What came and went in between
 * is not in it. The log has no states, so `updates` has everyone who has one: of others it is gone. Likewise
 * `statuses` has everyone who is away: the others are not.
 */
export function missedIn({ parts, after, unlogged, former }: Gap, present: Present): Diff {
  const joins = new Map<string, Presence>(unlogged.map((join) => [join.channel, join]));
  const leaves: Leave[] = [];
  const newInfo = new Set<string>();
  for (const [channel, { known, left }] of storiesIn(parts, after)) {
    const now = present.get(channel)?.presence;
    // One that went and came again is told in one frame: a join takes the place of what was known. But
    // nobody is told of a join without a name.
    const isReplaced = now !== undefined && now.user !== null;
    if (known && left && !isReplaced) leaves.push({ ...leaveOf(left), user: known.user });
    if (now && (!known || left)) joins.set(channel, now);
    else if (now) newInfo.add(channel);
  }
  // They were told of themselves at once, perhaps before that was in the log; a crash may have undone it.
  if (
    former &&
    !present.get(former.channel) &&
    !leaves.some(({ channel }) => channel === former.channel)
  ) {
    leaves.push({ ...former, joinedAt: 0, lastSeen: 0, reason: "lost" });
  }
  const updates: Presence[] = [];
  const statuses: StatusChange[] = [];
  for (const { presence, told } of present.entries()) {
    const { channel, state } = presence;
    if (joins.has(channel)) continue;
    if (state !== undefined || newInfo.has(channel)) updates.push(presence);
    if (told?.status === "away") statuses.push({ channel, ...told });
  }
  return { joins: [...joins.values()], updates, leaves, newInfo: [...newInfo], statuses };
}

function storiesIn(parts: Iterable<LogPart>, after: number): ReadonlyMap<string, Story> {
  const stories = new Map<string, Story>();
  for (const { record, after: place } of placed(parts)) {
    if (place.n <= after) continue;
    const { channel, kind, user } = record;
    const known = kind === "joined" ? null : { user };
    const story = stories.get(channel) ?? { known, left: undefined };
    stories.set(channel, story);
    if (kind === "left") story.left = record;
  }
  return stories;
}

function leaveOf({ channel, user, joinedAt, at, reason = "left" }: LogRecord): Leave {
  return { channel, user, joinedAt, lastSeen: at, reason };
}
