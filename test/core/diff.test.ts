/** Applying and gathering diffs, by example. What holds for all of them is in laws.test.ts. */

import { describe, expect, test } from "vitest";
import {
  applyDiff,
  type Diff,
  DiffGatherer,
  isEmpty,
  NO_CHANGE,
  withState,
} from "../../src/core/diff.ts";
import type { Json } from "../../src/core/json.ts";
import type { LeaveReason, Presence, User } from "../../src/core/presence.ts";
import type { StatusChange } from "../../src/core/status.ts";
import { ADA, BOB } from "./random-steps.ts";

function presence(channel: string, user: User | null = ADA, state?: Json): Presence {
  return withState({ channel, user, joinedAt: 1_000 }, state);
}

function joins(...list: readonly Presence[]): Diff {
  return { ...NO_CHANGE, joins: list };
}

function updates(...list: readonly Presence[]): Diff {
  return { ...NO_CHANGE, updates: list };
}

function statuses(...list: readonly StatusChange[]): Diff {
  return { ...NO_CHANGE, statuses: list };
}

function away(channel: string, activeAt = 900): StatusChange {
  return { channel, status: "away", activeAt };
}

function leaves(reason: LeaveReason, ...list: readonly Presence[]): Diff {
  return {
    ...NO_CHANGE,
    leaves: list.map((left) => Object.assign({ reason, lastSeen: 1_000 }, left)),
  };
}

function mapOf(...list: readonly Presence[]): Map<string, Presence> {
  return new Map(list.map((item) => [item.channel, item]));
}

function gather(...diffs: readonly Diff[]): Diff {
  const gatherer = new DiffGatherer();
  for (const diff of diffs) gatherer.add(diff);
  return gatherer.take();
}

describe("an empty diff", () => {
  test("is one without joins, updates, leaves and statuses", () => {
    expect(isEmpty(NO_CHANGE)).toBe(true);
  });

  test.each([
    ["joins", joins(presence("a"))],
    ["updates", updates(presence("a"))],
    ["leaves", leaves("left", presence("a"))],
    ["statuses", statuses(away("a"))],
  ])("is not one with %s", (_, diff) => {
    expect(isEmpty(diff)).toBe(false);
  });
});

describe("applying", () => {
  test("does not change the presences it is given", () => {
    const before = mapOf(presence("a"));
    applyDiff(before, { ...joins(presence("b")), ...leaves("left", presence("a")) });
    expect(before).toEqual(mapOf(presence("a")));
  });

  test("an update replaces the whole state", () => {
    const before = mapOf(presence("a", ADA, { x: 1 }));
    const after = applyDiff(before, updates(presence("a", ADA, { y: 2 })));
    expect(after).toEqual(mapOf(presence("a", ADA, { y: 2 })));
  });

  test("an update from the wire with null removes the state", () => {
    const before = mapOf(presence("a", ADA, { x: 1 }));
    const diff = { joins: [], updates: [{ channel: "a", state: null }], leaves: [] };
    expect(applyDiff(before, diff).get("a")).not.toHaveProperty("state");
  });

  test("what an update from the wire leaves out stays as it was", () => {
    const before = mapOf(presence("a", ADA, { x: 1 }));
    const renamed = { ...ADA, name: "Ada" };
    const user = { joins: [], updates: [{ channel: "a", user: renamed }], leaves: [] };
    expect(applyDiff(before, user)).toEqual(mapOf(presence("a", renamed, { x: 1 })));
    const state = { joins: [], updates: [{ channel: "a", state: 2 }], leaves: [] };
    expect(applyDiff(applyDiff(before, user), state)).toEqual(mapOf(presence("a", renamed, 2)));
  });

  test("an update of a stranger is nothing", () => {
    expect(applyDiff(mapOf(), updates(presence("a", ADA, 1)))).toEqual(mapOf());
  });

  test("a channel that leaves and joins at once is there with its new user", () => {
    const diff = { ...leaves("replaced", presence("a")), joins: [presence("a", BOB)] };
    expect(applyDiff(mapOf(presence("a")), diff)).toEqual(mapOf(presence("a", BOB)));
  });

  test("`__proto__` is a channel like any other", () => {
    const after = applyDiff(mapOf(), joins(presence("__proto__")));
    expect([...after.keys()]).toEqual(["__proto__"]);
  });
});

describe("a status", () => {
  const isAway = { status: "away", activeAt: 900 } as const;

  test("of away is in the presence, one of active is not, and a stranger's is nothing", () => {
    const before = mapOf(presence("a"), { ...presence("b"), ...isAway });
    const back = { channel: "b", status: "active", activeAt: 1_200 } as const;
    const after = applyDiff(before, statuses(away("a"), back, away("c")));
    expect(after).toEqual(mapOf({ ...presence("a"), ...isAway }, presence("b")));
    expect(after.get("b")).not.toHaveProperty("activeAt");
  });

  test("is gathered into the join, and the last one of a channel counts", () => {
    expect(gather(joins(presence("a")), statuses(away("a")))).toEqual(
      joins({ ...presence("a"), ...isAway }),
    );
    const back = { channel: "a", status: "active", activeAt: 1_200 } as const;
    expect(gather(statuses(away("a")), statuses(back))).toEqual(statuses(back));
    expect(gather(statuses(back), statuses(away("a")))).toEqual(statuses(away("a")));
  });

  test("is beside an update, and is gone with its presence", () => {
    const update = updates(presence("a", ADA, { typing: true }));
    const both = gather(update, statuses(away("a")));
    expect(both).toEqual({ ...update, statuses: [away("a")] });
    const left = leaves("left", presence("a"));
    expect(gather(both, left)).toEqual(left);
    expect(gather(both, left, joins(presence("a", BOB)))).toEqual({
      ...left,
      joins: [presence("a", BOB)],
    });
  });
});

describe("gathering", () => {
  test("a new gatherer is empty, and so is what it gathered", () => {
    const gatherer = new DiffGatherer();
    expect(gatherer.isEmpty).toBe(true);
    expect(gatherer.take()).toEqual(NO_CHANGE);
  });

  test("what was taken is not given again", () => {
    const gatherer = new DiffGatherer();
    gatherer.add(joins(presence("a")));
    expect(gatherer.isEmpty).toBe(false);
    expect(gatherer.take()).toEqual(joins(presence("a")));
    expect(gatherer.isEmpty).toBe(true);
    expect(gatherer.take()).toEqual(NO_CHANGE);
  });

  test("a leave of someone whose join was taken before is told", () => {
    const gatherer = new DiffGatherer();
    gatherer.add(joins(presence("a")));
    gatherer.take();
    gatherer.add(leaves("left", presence("a")));
    expect(gatherer.take()).toEqual(leaves("left", presence("a")));
  });

  test("joins keep their order", () => {
    expect(gather(joins(presence("b")), joins(presence("a")))).toEqual(
      joins(presence("b"), presence("a")),
    );
  });

  test("who came and went is in none of the lists", () => {
    expect(gather(joins(presence("a")), leaves("left", presence("a")))).toEqual(NO_CHANGE);
  });

  test("who came, said something and went is in none of the lists", () => {
    expect(
      gather(
        joins(presence("a")),
        updates(presence("a", ADA, 1)),
        leaves("left", presence("a", ADA, 1)),
      ),
    ).toEqual(NO_CHANGE);
  });

  test("a state after a join is part of the join", () => {
    expect(gather(joins(presence("a")), updates(presence("a", ADA, 1)))).toEqual(
      joins(presence("a", ADA, 1)),
    );
  });

  test("of several states the last one is told", () => {
    expect(gather(updates(presence("a", ADA, 1)), updates(presence("a", ADA, 2)))).toEqual(
      updates(presence("a", ADA, 2)),
    );
  });

  test("a state before a leave is not told", () => {
    const left = leaves("left", presence("a", ADA, 1));
    expect(gather(updates(presence("a", ADA, 1)), left)).toEqual(left);
  });

  test("other info is told once, until the channel leaves", () => {
    const renamed = { ...updates(presence("a")), newInfo: ["a"] };
    expect(gather(renamed, updates(presence("a", ADA, 1)))).toEqual({
      ...updates(presence("a", ADA, 1)),
      newInfo: ["a"],
    });
    expect(gather(renamed, leaves("left", presence("a")))).toEqual(leaves("left", presence("a")));
    const gatherer = new DiffGatherer();
    gatherer.add(renamed);
    gatherer.take();
    gatherer.add(updates(presence("a", ADA, 2)));
    expect(gatherer.take()).toEqual(updates(presence("a", ADA, 2)));
  });

  test("other info of somebody whose join was not told yet is part of the join", () => {
    const renamed = { ...ADA, name: "Ada" };
    const update = { ...updates(presence("a", renamed)), newInfo: ["a"] };
    expect(gather(joins(presence("a")), update)).toEqual(joins(presence("a", renamed)));
  });

  test("a replaced user who was known is a leave and a join", () => {
    const replaced = { ...leaves("replaced", presence("a")), joins: [presence("a", BOB)] };
    expect(gather(replaced)).toEqual(replaced);
  });

  test("a user who was replaced before anyone heard of them is a join of the second user", () => {
    const replaced = { ...leaves("replaced", presence("a")), joins: [presence("a", BOB)] };
    expect(gather(joins(presence("a")), replaced)).toEqual(joins(presence("a", BOB)));
  });

  test("who left, came back and left again left for the first reason", () => {
    expect(
      gather(
        leaves("lost", presence("a")),
        joins(presence("a", BOB)),
        leaves("removed", presence("a", BOB)),
      ),
    ).toEqual(leaves("lost", presence("a")));
  });
});
