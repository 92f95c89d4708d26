/**
 * What a client believes, against the room's own set: whatever is said, however it is cut into frames, with
 * connections that are lost and frames that come twice.
 */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  changesBetween,
  NO_PRESENCES,
  reduce,
  type RoomPresences,
} from "../../src/client/presence-reducer.ts";
import type { Member } from "../../src/client/room-view.ts";
import { decodeServerFrame, type OccupancyFrame } from "../../src/client/server-frames.ts";
import { DiffGatherer } from "../../src/core/diff.ts";
import { countFrame, diffFrames, syncFrame } from "../../src/core/frames.ts";
import { PresenceSet } from "../../src/core/presence-set.ts";
import type { ServerFrame } from "../../src/core/protocol.ts";
import { TIMEOUTS, perform, type Step, steps } from "../core/random-steps.ts";

type Beat = {
  /** What happens in the room, told in one batch. */
  readonly batch: readonly Step[];
  /** How the client hears of it: the changes, once or twice; or it was away, and hears a snapshot or a count. */
  readonly telling: "once" | "twice" | "snapshot" | "count";
};

const beats: fc.Arbitrary<Beat[]> = fc.array(
  fc.record({
    batch: steps.map((all) => all.slice(0, 6)),
    telling: fc.constantFrom("once", "once", "once", "twice", "snapshot", "count"),
  }),
  { maxLength: 20 },
);

/** Through the decoder, as over the wire. */
function decoded(frame: ServerFrame): OccupancyFrame {
  const result = decodeServerFrame(JSON.stringify(frame));
  if (result?.type === "sync" || result?.type === "diff" || result?.type === "count") return result;
  throw new Error(`the decoder made ${JSON.stringify(result)} of it`);
}

/** The room, and the frames that a client hears of it. */
function* frames(all: readonly Beat[]): Generator<{ set: PresenceSet; frame: OccupancyFrame }> {
  const set = new PresenceSet(TIMEOUTS);
  let now = 1_000_000;
  let isNamed = true;
  yield { set, frame: decoded(syncFrame("room", set)) };
  for (const { batch, telling } of all) {
    const gatherer = new DiffGatherer();
    for (const { wait, operation } of batch) {
      now += wait;
      gatherer.add(perform(set, operation, now));
    }
    const said: readonly ServerFrame[] =
      telling === "count"
        ? [countFrame("room", set)]
        : telling === "snapshot" || !isNamed
          ? [syncFrame("room", set)]
          : diffFrames("room", set, gatherer.take());
    isNamed = telling !== "count";
    // Of two frames the first tells of a leave that the second follows; each is repeated by itself.
    for (const frame of said) {
      yield { set, frame: decoded(frame) };
      if (telling === "twice") yield { set, frame: decoded(frame) };
    }
  }
}

/** What there is to know of members, whatever their order. */
function known(members: Iterable<Member>): unknown[] {
  return Array.from(members, ({ id, user, presences, state }) => ({
    id,
    user,
    presences: presences.toSorted((a, b) => a.channel.localeCompare(b.channel)),
    state: presences.length === 1 ? state : null,
  })).toSorted((a, b) => a.id.localeCompare(b.id));
}

/** The same of the room. */
function knownOf(set: PresenceSet): unknown[] {
  const presences = Array.from(set.entries(), ({ presence }) => presence);
  return set
    .members()
    .map((user) => {
      const own = presences.filter((presence) => presence.user?.id === user.id);
      return {
        id: user.id,
        user,
        presences: own.toSorted((a, b) => a.channel.localeCompare(b.channel)),
        state: own.length === 1 ? own[0]?.state : null,
      };
    })
    .toSorted((a, b) => a.id.localeCompare(b.id));
}

test("the members are those of the room after each batch, and where names are hidden their number is", () => {
  fc.assert(
    fc.property(beats, (all) => {
      let state = NO_PRESENCES;
      let last: { set: PresenceSet; size: number } | undefined;
      for (const { set, frame } of frames(all)) {
        state = reduce(state, frame);
        last = { set, size: set.memberCount };
        expect(state.shown.lurkers).toBe(frame.lurkers);
      }
      if (!last) return;
      expect(state.shown.count).toBe(last.size);
      const isHidden = state.shown.namesHidden;
      expect(known(state.shown.members)).toEqual(isHidden ? [] : knownOf(last.set));
    }),
    { numRuns: 500 },
  );
});

test("the events, replayed, give the members; a list replaces what was before", () => {
  fc.assert(
    fc.property(beats, (all) => {
      let state = NO_PRESENCES;
      let replayed = new Map<string, Member>();
      for (const { frame } of frames(all)) {
        const before = state;
        state = reduce(before, frame);
        const { leave, join, update } = changesBetween(before, state, frame);
        for (const { member } of leave) expect(replayed.delete(member.id)).toBe(true);
        for (const member of join) {
          expect(replayed.has(member.id)).toBe(false);
          replayed.set(member.id, member);
        }
        for (const { member, previous } of update) {
          expect(replayed.get(member.id)).toBe(previous);
          replayed.set(member.id, member);
        }
        // Where names come or go there are no events but the list itself.
        if (before.isNamed !== state.isNamed) {
          replayed = new Map(state.shown.members.map((member) => [member.id, member]));
        }
        expect(new Set(replayed.values())).toEqual(new Set(state.shown.members));
      }
    }),
    { numRuns: 500 },
  );
});

test("what did not change is the same object: members, their presences, and the list of all", () => {
  fc.assert(
    fc.property(beats, (all) => {
      let state = NO_PRESENCES;
      for (const { frame } of frames(all)) {
        const before = state;
        state = reduce(before, frame);
        sharing(before, state);
        const again = reduce(state, frame);
        expect(again.shown.members).toBe(
          frame.type === "count" ? again.shown.members : state.shown.members,
        );
      }
    }),
  );
});

/** Whatever reads the same must be the same. */
function sharing(before: RoomPresences, after: RoomPresences): void {
  const old = new Map<string, unknown>([
    ...Array.from(
      before.presences.values(),
      (presence) => [JSON.stringify(presence), presence] as const,
    ),
    ...before.shown.members.map((member) => [JSON.stringify(member), member] as const),
  ]);
  for (const item of [...after.presences.values(), ...after.shown.members]) {
    expect(old.get(JSON.stringify(item)) ?? item).toBe(item);
  }
}

test("members are in the order of their first joins, also when the first tab is closed", () => {
  const sync = reduce(NO_PRESENCES, {
    type: "sync",
    room: "room",
    presences: [tab("a1", "ada"), tab("b1", "bob"), tab("a2", "ada")],
    lurkers: 0,
  });
  const after = reduce(sync, {
    type: "diff",
    room: "room",
    joins: [tab("c1", "eve")],
    updates: [],
    leaves: [{ channel: "a1", reason: "left" }],
    lurkers: 0,
  });
  expect(after.shown.members.map(({ id }) => id)).toEqual(["ada", "bob", "eve"]);
  expect(after.shown.members[1]).toBe(sync.shown.members[1]);
});

function tab(channel: string, id: string) {
  return { channel, user: { id }, joinedAt: 1 };
}

function statusesOf({ shown }: RoomPresences): unknown[] {
  return shown.members.map(({ id, status, activeAt }) => [id, status, activeAt]);
}

test("a member is active while any tab is, and else away since the newest of them", () => {
  const gone = (channel: string, activeAt: number) => ({
    ...tab(channel, "ada"),
    status: "away" as const,
    activeAt,
  });
  const sync = reduce(NO_PRESENCES, {
    type: "sync",
    room: "room",
    presences: [gone("a1", 5), tab("a2", "ada"), tab("b1", "bob")],
    lurkers: 0,
  });
  const active = ["bob", "active", undefined];
  expect(statusesOf(sync)).toEqual([["ada", "active", undefined], active]);
  const change = { type: "diff", room: "room", joins: [], updates: [], leaves: [], lurkers: 0 };
  const away = reduce(sync, {
    ...change,
    type: "diff",
    statuses: [{ channel: "a2", status: "away", activeAt: 3 }],
  });
  expect(statusesOf(away)).toEqual([["ada", "away", 5], active]);
  expect(away.shown.members[1]).toBe(sync.shown.members[1]);
  const frame = {
    ...change,
    type: "diff" as const,
    statuses: [{ channel: "a1", status: "active" as const, activeAt: 9 }],
  };
  const back = reduce(away, frame);
  expect(statusesOf(back)).toEqual([["ada", "active", undefined], active]);
  expect(changesBetween(away, back, frame).update).toHaveLength(1);
});

test("after what was missed, only who is mentioned has a state or is away, be it by a join", () => {
  const away = { status: "away", activeAt: 2 } as const;
  const sync = reduce(NO_PRESENCES, {
    type: "sync",
    room: "room",
    presences: [
      { ...tab("a", "ada"), state: 1, ...away },
      { ...tab("b", "bob"), state: 1, ...away },
      { ...tab("c", "eve"), state: 1, ...away },
      tab("d", "kay"),
    ],
    lurkers: 0,
  });
  const after = reduce(sync, {
    type: "diff",
    room: "room",
    // Who left and came again is in joins alone, with all there is.
    joins: [{ ...tab("a", "ada"), joinedAt: 5, state: 2, ...away }],
    updates: [{ channel: "b", state: 1 }],
    leaves: [],
    statuses: [{ channel: "b", ...away }],
    lurkers: 0,
    since: "x",
  });
  expect([...after.presences.values()]).toEqual([
    { ...tab("a", "ada"), joinedAt: 5, state: 2, ...away },
    { ...tab("b", "bob"), state: 1, ...away },
    tab("c", "eve"),
    tab("d", "kay"),
  ]);
  expect(after.presences.get("b")).toBe(sync.presences.get("b"));
  expect(after.presences.get("d")).toBe(sync.presences.get("d"));
});

test("a change before the first list changes nothing", () => {
  const diff: OccupancyFrame = {
    type: "diff",
    room: "r",
    joins: [tab("a", "ada")],
    updates: [],
    leaves: [],
    lurkers: 0,
  };
  expect(reduce(NO_PRESENCES, diff)).toBe(NO_PRESENCES);
});

test("frames and keys that a newer server knows are passed over; those that are malformed are named", () => {
  expect(decodeServerFrame('{"type":"weather","room":"r"}')).toBeNull();
  expect(decodeServerFrame('{"type":"__proto__"}')).toBeNull();
  expect(decodeServerFrame('"heartbeat"')).toBeNull();
  expect(decodeServerFrame("{")).toBeNull();
  expect(decodeServerFrame('{"type":"diff","room":"r"}')).toMatchObject({
    type: "error",
    code: "bad_diff",
  });
  expect(
    decodeServerFrame('{"type":"count","room":"r","members":1,"presences":1,"lurkers":0,"moon":1}'),
  ).toEqual({
    type: "count",
    room: "r",
    members: 1,
    presences: 1,
    lurkers: 0,
  });
});
