/**
 * Who is in the room, from the frames that say so: a pure reducer from the roll before to the roll after, and
 * what happened in between. What did not change keeps its identity, so that a page draws only what did.
 */

import { applyDiff, type DiffLike } from "../core/diff.ts";
import { jsonEqual } from "../core/json.ts";
import type { LeaveReason, Presence } from "../core/presence.ts";
import { groupMembers } from "./grouping.ts";
import type { Member, RoomEvents, RoomView } from "./room-view.ts";
import type { Count, DiffOfRoom, RollFrame, Sync } from "./server-frames.ts";

export type Roll = {
  /** Whether there ever was a snapshot: without one a diff says nothing. */
  readonly isKnown: boolean;
  readonly presences: ReadonlyMap<string, Presence>;
  /** What the view shows of it. */
  readonly shown: Pick<RoomView, "members" | "count" | "lurkers" | "namesHidden">;
};

/** The roll after a frame, and what happened, to be told in the order of these lists. */
export type Heard = {
  readonly roll: Roll;
  readonly leaves: readonly RoomEvents["leave"][];
  readonly joins: readonly RoomEvents["join"][];
  readonly updates: readonly RoomEvents["update"][];
  /** A whole list has come, or has gone. */
  readonly isSync: boolean;
};

export const BLANK_ROLL: Roll = {
  isKnown: false,
  presences: new Map(),
  shown: { members: [], count: 0, lurkers: 0, namesHidden: false },
};

/** Takes a frame of this room in. Hearing it twice is hearing it once. */
export function hear(roll: Roll, frame: RollFrame): Heard {
  switch (frame.type) {
    case "sync":
      return hearSync(roll, frame);
    case "diff":
      return hearDiff(roll, frame);
    case "count":
      return hearCount(roll, frame);
  }
}

/**
 * A snapshot. Against a list that was known, the differences are what happened meanwhile; where there was
 * none, or names were hidden, nobody can tell who is new, and nobody is made up.
 */
function hearSync(roll: Roll, { presences, lurkers }: Sync): Heard {
  const after = new Map(
    presences.map((presence) => [presence.channel, asKnown(roll, presence)] as const),
  );
  const heard = settle(roll, after, { lurkers, leaves: [] });
  if (roll.isKnown && !roll.shown.namesHidden) return { ...heard, isSync: true };
  return { ...quiet(heard.roll), isSync: true };
}

function hearDiff(roll: Roll, diff: DiffOfRoom): Heard {
  // Before a snapshot, and where names are hidden, a change has nothing to change.
  if (!roll.isKnown || roll.shown.namesHidden) return quiet(roll);
  const { presences } = roll;
  const news: DiffLike = {
    joins: diff.joins.map((presence) => asKnown(roll, presence)),
    updates: diff.updates.filter(
      ({ channel, state }) => !jsonEqual(presences.get(channel)?.state ?? null, state),
    ),
    leaves: diff.leaves,
  };
  return settle(roll, applyDiff(presences, news), diff);
}

/** Numbers instead of names. The names of before are not the truth any more, and nobody has left. */
function hearCount(roll: Roll, { members: count, lurkers }: Count): Heard {
  const shown = { members: BLANK_ROLL.shown.members, count, lurkers, namesHidden: true };
  const heard = quiet({ isKnown: true, presences: BLANK_ROLL.presences, shown });
  return { ...heard, isSync: !roll.shown.namesHidden };
}

function quiet(roll: Roll): Heard {
  return { roll, leaves: [], joins: [], updates: [], isSync: false };
}

function settle(
  roll: Roll,
  presences: ReadonlyMap<string, Presence>,
  { lurkers, leaves: gone }: Pick<DiffOfRoom, "lurkers" | "leaves">,
): Heard {
  const before = roll.shown.members;
  const members = groupMembers(before, presences);
  const shown = { members, count: members.length, lurkers, namesHidden: false };
  const was = new Map(before.map((member) => [member.id, member]));
  const joins: Member[] = [];
  const updates: RoomEvents["update"][] = [];
  for (const member of members) {
    const previous = was.get(member.id);
    was.delete(member.id);
    if (previous === undefined) joins.push(member);
    else if (previous !== member) updates.push({ member, previous });
  }
  const reasons = new Map(gone.map(({ channel, reason }) => [channel, reason]));
  const leaves = Array.from(was.values(), (member) => ({
    member,
    reason: reasonOf(member, reasons),
  }));
  return { roll: { isKnown: true, presences, shown }, leaves, joins, updates, isSync: false };
}

const REASONS: readonly LeaveReason[] = ["left", "lost", "expired", "removed", "replaced"];

/** Of the last tab. Of who went while this client was away, or for a reason of a newer server: lost. */
function reasonOf({ presences }: Member, reasons: ReadonlyMap<string, string>): LeaveReason {
  const told = reasons.get(presences.at(-1)?.channel ?? "");
  return REASONS.find((reason) => reason === told) ?? "lost";
}

/** The object that is there already, if it says the same. */
function asKnown({ presences }: Roll, presence: Presence): Presence {
  const known = presences.get(presence.channel);
  const isSame =
    known?.joinedAt === presence.joinedAt &&
    jsonEqual(known.user, presence.user) &&
    jsonEqual(known.state ?? null, presence.state ?? null);
  return known && isSame ? known : presence;
}
