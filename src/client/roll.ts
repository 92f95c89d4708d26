/**
 * Who is in the room, from the frames that say so: a pure reducer from the roll before to the roll after, and
 * the events in between. What did not change keeps its identity, so that a page draws only what did.
 */

import { applyDiff } from "../core/diff.ts";
import { jsonEqual } from "../core/json.ts";
import type { LeaveReason, Presence } from "../core/presence.ts";
import { groupMembers } from "./grouping.ts";
import type { Member, RoomEvents } from "./room-view.ts";
import type { Count, DiffOfRoom, RollFrame, Sync } from "./server-frames.ts";

export type Roll = {
  /** Whether there ever was a snapshot: without one a diff says nothing. */
  readonly isKnown: boolean;
  readonly presences: ReadonlyMap<string, Presence>;
  readonly members: readonly Member[];
  readonly count: number;
  readonly lurkers: number;
  readonly namesHidden: boolean;
};

export type RollEvent =
  | { readonly type: "join"; readonly event: RoomEvents["join"] }
  | { readonly type: "leave"; readonly event: RoomEvents["leave"] }
  | { readonly type: "update"; readonly event: RoomEvents["update"] }
  | { readonly type: "sync" };

/** The roll after a frame, and what happened, in the order in which to tell it. */
export type Heard = { readonly roll: Roll; readonly events: readonly RollEvent[] };

export const BLANK_ROLL: Roll = {
  isKnown: false,
  presences: new Map(),
  members: [],
  count: 0,
  lurkers: 0,
  namesHidden: false,
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
  const after = new Map<string, Presence>();
  for (const presence of presences) {
    if (presence.user === null) continue;
    const known = roll.presences.get(presence.channel);
    after.set(presence.channel, known && isSame(known, presence) ? known : presence);
  }
  const isNews = roll.isKnown && !roll.namesHidden;
  const heard = settle(roll, after, { lurkers, reasons: new Map() });
  return { roll: heard.roll, events: [...(isNews ? heard.events : []), { type: "sync" }] };
}

function hearDiff(roll: Roll, { joins, updates, leaves, lurkers }: DiffOfRoom): Heard {
  // Before a snapshot, and where names are hidden, a change has nothing to change.
  if (!roll.isKnown || roll.namesHidden) return { roll, events: [] };
  const { presences } = roll;
  const news = {
    joins: joins.filter((presence) => {
      const known = presences.get(presence.channel);
      return presence.user !== null && !(known && isSame(known, presence));
    }),
    updates: updates.filter(({ channel, state }) => {
      const known = presences.get(channel);
      return known !== undefined && !jsonEqual(known.state ?? null, state);
    }),
    leaves: leaves.filter(({ channel }) => presences.has(channel)),
  };
  const reasons = new Map(leaves.map(({ channel, reason }) => [channel, reason]));
  const isEmpty = news.joins.length + news.updates.length + news.leaves.length === 0;
  if (isEmpty) return { roll: lurkers === roll.lurkers ? roll : { ...roll, lurkers }, events: [] };
  return settle(roll, applyDiff(presences, news), { lurkers, reasons });
}

/** Numbers instead of names. The names of before are not the truth any more, and nobody has left. */
function hearCount(roll: Roll, { members, lurkers }: Count): Heard {
  if (roll.namesHidden) {
    const isSameCount = roll.count === members && roll.lurkers === lurkers;
    return { roll: isSameCount ? roll : { ...roll, count: members, lurkers }, events: [] };
  }
  const hidden = { ...BLANK_ROLL, isKnown: true, namesHidden: true, count: members, lurkers };
  return { roll: hidden, events: [{ type: "sync" }] };
}

type Rest = {
  readonly lurkers: number;
  /** Why presences left, by channel, where it is known. */
  readonly reasons: ReadonlyMap<string, LeaveReason>;
};

function settle(roll: Roll, presences: ReadonlyMap<string, Presence>, rest: Rest): Heard {
  const members = groupMembers(roll.members, presences);
  const after = {
    isKnown: true,
    presences,
    members,
    count: members.length,
    lurkers: rest.lurkers,
    namesHidden: false,
  };
  return { roll: after, events: eventsBetween(roll.members, members, rest.reasons) };
}

function eventsBetween(
  before: readonly Member[],
  after: readonly Member[],
  reasons: Rest["reasons"],
): RollEvent[] {
  if (before === after) return [];
  const was = new Map(before.map((member) => [member.id, member]));
  const is = new Set(after.map(({ id }) => id));
  const events: RollEvent[] = [];
  for (const member of before) {
    if (is.has(member.id)) continue;
    events.push({ type: "leave", event: { member, reason: reasonOf(member, reasons) } });
  }
  for (const member of after) {
    const previous = was.get(member.id);
    if (previous === undefined) events.push({ type: "join", event: member });
    else if (previous !== member) events.push({ type: "update", event: { member, previous } });
  }
  return events;
}

/** Of a member who went while this client was away, all that is known is that they are gone. */
function reasonOf({ presences }: Member, reasons: Rest["reasons"]): LeaveReason {
  for (const { channel } of presences.toReversed()) {
    const reason = reasons.get(channel);
    if (reason !== undefined) return reason;
  }
  return "lost";
}

function isSame(a: Presence, b: Presence): boolean {
  return (
    a.joinedAt === b.joinedAt &&
    jsonEqual(a.user, b.user) &&
    jsonEqual(a.state ?? null, b.state ?? null)
  );
}
