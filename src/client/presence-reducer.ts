/**
 * Who is in the room, from the frames that say so: a pure reducer from the roll before to the roll after, and
 * what happened in between. What did not change keeps its identity, so that a page draws only what did.
 */

import { applyDiff } from "../core/diff.ts";
import { jsonEqual } from "../core/json.ts";
import type { Presence } from "../core/presence.ts";
import { groupMembers } from "./grouping.ts";
import type { RoomEvents, RoomView } from "./room-view.ts";
import type { DiffOfRoom, RollFrame } from "./server-frames.ts";

export type Roll = {
  /** Whether there are names. Without them a change has nothing to change, and nobody can tell who is new. */
  readonly isNamed: boolean;
  readonly presences: ReadonlyMap<string, Presence>;
  /** What the view shows of it. */
  readonly shown: Pick<RoomView, "members" | "count" | "lurkers" | "namesHidden">;
};

/** What happened between two rolls. */
export type Happenings = {
  readonly leave: RoomEvents["leave"][];
  readonly join: RoomEvents["join"][];
  readonly update: RoomEvents["update"][];
};

export const BLANK_ROLL: Roll = {
  isNamed: false,
  presences: new Map(),
  shown: { members: [], count: 0, lurkers: 0, namesHidden: false },
};

/** The roll after a frame of this room. Hearing it twice is hearing it once. */
export function hear(roll: Roll, frame: RollFrame): Roll {
  const { lurkers } = frame;
  if (frame.type === "count") {
    // The names of before are not the truth any more.
    const shown = { ...BLANK_ROLL.shown, count: frame.members, lurkers, namesHidden: true };
    return { ...BLANK_ROLL, shown };
  }
  if (frame.type === "diff" && !roll.isNamed) return roll;
  const presences = frame.type === "sync" ? snapshot(roll, frame.presences) : change(roll, frame);
  const members = groupMembers(roll.shown.members, presences);
  const shown = { members, count: members.length, lurkers, namesHidden: false };
  return { isNamed: true, presences, shown };
}

/** Nothing, where one of the two has no names: nobody is made up. */
export function happenedBetween(before: Roll, after: Roll, frame: RollFrame): Happenings {
  const happenings: Happenings = { leave: [], join: [], update: [] };
  if (!before.isNamed || !after.isNamed) return happenings;
  const left = new Map(before.shown.members.map((member) => [member.id, member]));
  for (const member of after.shown.members) {
    const previous = left.get(member.id);
    left.delete(member.id);
    if (!previous) happenings.join.push(member);
    else if (previous !== member) happenings.update.push({ member, previous });
  }
  const leaves = frame.type === "diff" ? frame.leaves : [];
  for (const member of left.values()) {
    // Of those who went while this client was away, all that is known is that they are gone.
    const last = leaves.find(({ channel }) => channel === member.presences.at(-1)?.channel);
    happenings.leave.push({ member, reason: last?.reason ?? "lost" });
  }
  return happenings;
}

function snapshot(roll: Roll, presences: readonly Presence[]): Map<string, Presence> {
  return new Map(presences.map((presence) => [presence.channel, asKnown(roll, presence)]));
}

function change(roll: Roll, { joins, updates, leaves }: DiffOfRoom): Map<string, Presence> {
  const { presences } = roll;
  return applyDiff(presences, {
    joins: joins.map((presence) => asKnown(roll, presence)),
    updates: updates.filter(
      ({ channel, state }) => !jsonEqual(presences.get(channel)?.state ?? null, state),
    ),
    leaves,
  });
}

/** The object that is there already, if it says the same. */
function asKnown({ presences }: Roll, presence: Presence): Presence {
  const known = presences.get(presence.channel);
  return known && jsonEqual(known, presence) ? known : presence;
}
