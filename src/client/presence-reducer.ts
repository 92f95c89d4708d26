/**
 * Who is in the room: a pure reducer over the frames that say so, and the events between two of its
 * states. What did not change keeps its identity, so that a page draws only what did.
 */

import { applyDiff } from "../core/diff.ts";
import { jsonEqual } from "../core/json.ts";
import type { Presence } from "../core/presence.ts";
import { groupMembers } from "./grouping.ts";
import type { RoomEvents, RoomView } from "./room-view.ts";
import type { OccupancyFrame } from "./server-frames.ts";

export type RoomPresences = {
  /**
   * Whether there are names. Without them a change has nothing to change, and nobody can tell who
   * is new.
   */
  readonly isNamed: boolean;
  /** Users' presences, by channel. Empty where there are no names. */
  readonly presences: ReadonlyMap<string, Presence>;
  /** How many presences there are, anonymous ones too. */
  readonly size: number;
  /** What the view shows of it. */
  readonly shown: Pick<RoomView, "members" | "count" | "lurkers" | "namesHidden">;
};

/** The events between two states. */
export type RoomChanges = {
  readonly leave: RoomEvents["leave"][];
  readonly join: RoomEvents["join"][];
  readonly update: RoomEvents["update"][];
};

export const NO_PRESENCES: RoomPresences = {
  isNamed: false,
  presences: new Map(),
  size: 0,
  shown: { members: [], count: 0, lurkers: 0, namesHidden: false },
};

/** The state after a frame of this room. Applying a frame twice is the same as applying it once. */
export function reduce(before: RoomPresences, frame: OccupancyFrame): RoomPresences {
  const { lurkers } = frame;
  if (frame.type === "count") {
    // The names of before are not the truth any more.
    const shown = { ...NO_PRESENCES.shown, count: frame.members, lurkers, namesHidden: true };
    return { ...NO_PRESENCES, size: frame.presences, shown };
  }
  if (frame.type === "diff" && !before.isNamed) return before;
  const { presences: known } = before;
  const presences = snapshot(
    before,
    frame.type === "sync"
      ? frame.presences
      : applyDiff(frame.since === undefined ? known : bare(known), frame).values(),
  );
  const members = groupMembers(before.shown.members, presences);
  const shown = { members, count: members.length, lurkers, namesHidden: false };
  return { isNamed: true, presences, size: presences.size + lurkers, shown };
}

/**
 * The events from `before` to `after`: none where one of the two has no names, since nobody is made
 * up.
 */
export function changesBetween(
  before: RoomPresences,
  after: RoomPresences,
  frame: OccupancyFrame,
): RoomChanges {
  const changes: RoomChanges = { leave: [], join: [], update: [] };
  if (!before.isNamed || !after.isNamed) return changes;
  const left = new Map(before.shown.members.map((member) => [member.id, member]));
  for (const member of after.shown.members) {
    const previous = left.get(member.id);
    left.delete(member.id);
    if (!previous) changes.join.push(member);
    else if (previous !== member) changes.update.push({ member, previous });
  }
  const leaves = frame.type === "diff" ? frame.leaves : [];
  for (const member of left.values()) {
    // Of those who went while this client was away, all that is known is that they are gone.
    const last = leaves.find(({ channel }) => channel === member.presences.at(-1)?.channel);
    changes.leave.push({ member, reason: last?.reason ?? "lost" });
  }
  return changes;
}

/** What is equal to what was there before is the same object. */
function snapshot({ presences }: RoomPresences, after: Iterable<Presence>): Map<string, Presence> {
  return new Map(
    Array.from(after, (presence) => {
      const known = presences.get(presence.channel);
      return [presence.channel, known && jsonEqual(known, presence) ? known : presence];
    }),
  );
}

/** What was missed has all states, and all who are away: who is not in it has no state, and is not. */
function bare(presences: ReadonlyMap<string, Presence>): Map<string, Presence> {
  return new Map(
    Array.from(presences.values(), ({ channel, user, joinedAt }) => [
      channel,
      { channel, user, joinedAt },
    ]),
  );
}
