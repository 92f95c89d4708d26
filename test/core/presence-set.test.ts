/** The set by example: what it answers, what it shows, and what it asks the store to write. */

import { describe, expect, test } from "vitest";
import { NO_CHANGE } from "../../src/core/diff.ts";
import { PresenceSet } from "../../src/core/presence-set.ts";
import { ADA, BOB, EVE, TIMEOUTS } from "./random-steps.ts";

const NO_GRACE = { maxAgeMs: 60_000, graceMs: { reload: 0, cut: 0, restart: 0 } };

function newSet(): PresenceSet {
  return new PresenceSet(TIMEOUTS);
}

/** A set that has nothing left to write. */
function savedSet(...channels: readonly string[]): PresenceSet {
  const set = newSet();
  for (const channel of channels)
    set.join(channel, ADA, 1_000, { kind: "local", secret: "secret" });
  set.takeUnsaved();
  return set;
}

describe("joining", () => {
  test("an empty room has nobody, no lurkers and no deadline", () => {
    const set = newSet();
    expect(set.members()).toEqual([]);
    expect([set.size, set.memberCount, set.lurkers, set.deadline]).toEqual([0, 0, 0, Infinity]);
  });

  test("a join says who joined and when", () => {
    expect(newSet().join("a", ADA, 1_000)).toEqual({
      joins: [{ channel: "a", user: ADA, joinedAt: 1_000 }],
      updates: [],
      leaves: [],
    });
  });

  test("a user with several tabs is one member and several presences", () => {
    const set = newSet();
    for (const channel of ["a", "b", "c"]) set.join(channel, ADA, 1_000);
    expect(set.members()).toEqual([ADA]);
    expect([set.size, set.memberCount]).toEqual([3, 1]);
  });

  test("a second tab of the same user joins by itself", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    expect(set.join("b", ADA, 2_000).joins).toEqual([{ channel: "b", user: ADA, joinedAt: 2_000 }]);
  });

  test("members are in the order of their first joins", () => {
    const set = newSet();
    set.join("a", BOB, 1_000);
    set.join("b", ADA, 2_000);
    set.join("c", BOB, 3_000);
    expect(set.members()).toEqual([BOB, ADA]);
  });

  test("a member keeps the place in the order when the oldest tab leaves", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.join("b", BOB, 2_000);
    set.join("c", ADA, 3_000);
    set.leave("a", "left");
    expect(set.members()).toEqual([ADA, BOB]);
  });

  test("a member who left and came back is the last in the order", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.join("b", BOB, 2_000);
    set.leave("a", "left");
    set.join("a", ADA, 3_000);
    expect(set.members()).toEqual([BOB, ADA]);
  });

  test("the place in the order outlives storage although the oldest tab is gone", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.join("b", BOB, 2_000);
    set.join("c", ADA, 3_000);
    set.leave("a", "left");
    expect(new PresenceSet(TIMEOUTS, set.takeUnsaved().puts).members()).toEqual([ADA, BOB]);
  });

  test("someone who joins after a reload from storage comes after everyone in it", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.join("b", BOB, 2_000);
    const reloaded = new PresenceSet(TIMEOUTS, set.takeUnsaved().puts);
    reloaded.join("c", EVE, 3_000);
    expect(reloaded.members()).toEqual([ADA, BOB, EVE]);
  });

  test("the newest tab says how its user is called", () => {
    const set = newSet();
    set.join("a", { id: "ada", name: "Ada" }, 1_000);
    set.join("b", { id: "ada", name: "Ada Lovelace" }, 2_000);
    expect(set.members()).toEqual([{ id: "ada", name: "Ada Lovelace" }]);
  });

  test("when the newest tab leaves, the one before it says how its user is called", () => {
    const set = newSet();
    set.join("a", { id: "ada", name: "Ada" }, 1_000);
    set.join("b", { id: "ada", name: "Ada Lovelace" }, 2_000);
    set.leave("b", "left");
    expect(set.members()).toEqual([{ id: "ada", name: "Ada" }]);
  });

  test("anonymous presences are lurkers and no members", () => {
    const set = newSet();
    set.join("a", null, 1_000);
    set.join("b", null, 1_000);
    expect(set.members()).toEqual([]);
    expect([set.size, set.memberCount, set.lurkers]).toEqual([2, 0, 2]);
  });

  test("a lurker that leaves is not counted any more", () => {
    const set = newSet();
    set.join("a", null, 1_000);
    set.join("b", null, 1_000);
    set.leave("a", "left");
    expect(set.lurkers).toBe(1);
  });

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
    "%s is a user's id and a channel's name like any other",
    (name) => {
      const set = newSet();
      set.join(name, { id: name }, 1_000);
      set.join("b", { id: name }, 1_000);
      expect(set.members()).toEqual([{ id: name }]);
      expect(set.leave(name, "left").leaves).toHaveLength(1);
      expect([set.size, set.memberCount]).toEqual([1, 1]);
    },
  );
});

describe("joining again", () => {
  test("a channel that is in the room already stays one presence, and nobody hears of it", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    expect(set.join("a", { ...ADA }, 2_000)).toEqual(NO_CHANGE);
    expect(set.size).toBe(1);
  });

  test("an anonymous channel that is in the room already stays one lurker", () => {
    const set = newSet();
    set.join("a", null, 1_000);
    expect(set.join("a", null, 2_000)).toEqual(NO_CHANGE);
    expect(set.lurkers).toBe(1);
  });

  test("it is a sign of life", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.join("a", ADA, 50_000);
    expect(set.prune(61_000)).toEqual(NO_CHANGE);
  });

  test("it keeps the state and the time of the join", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.update("a", { typing: true });
    set.join("a", ADA, 2_000);
    expect(set.get("a")?.presence).toEqual({
      channel: "a",
      user: ADA,
      joinedAt: 1_000,
      state: { typing: true },
    });
  });

  test("it keeps the secret that resumes the presence", () => {
    const set = newSet();
    set.join("a", ADA, 1_000, { kind: "local", secret: "secret" });
    set.join("a", ADA, 2_000);
    set.join("a", BOB, 3_000);
    expect(set.get("a")?.owner).toEqual({ kind: "local", secret: "secret" });
  });

  test("another user replaces the one before, in one presence", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    expect(set.join("a", BOB, 2_000)).toEqual({
      joins: [{ channel: "a", user: BOB, joinedAt: 2_000 }],
      updates: [],
      leaves: [{ channel: "a", user: ADA, joinedAt: 1_000, lastSeen: 2_000, reason: "replaced" }],
    });
    expect(set.members()).toEqual([BOB]);
    expect([set.size, set.memberCount]).toEqual([1, 1]);
  });

  test("a lurker that is given a user is a lurker no more", () => {
    const set = newSet();
    set.join("a", null, 1_000);
    set.join("a", ADA, 2_000);
    expect(set.members()).toEqual([ADA]);
    expect(set.lurkers).toBe(0);
  });

  test("a user who is taken away leaves a lurker", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.join("a", null, 2_000);
    expect(set.members()).toEqual([]);
    expect(set.lurkers).toBe(1);
  });

  test("a user who changes only in info keeps the place in the order", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.join("b", BOB, 2_000);
    set.join("a", { id: "ada", name: "Ada Lovelace" }, 3_000);
    expect(set.members()).toEqual([{ id: "ada", name: "Ada Lovelace" }, BOB]);
  });

  test("a state of the user before is not passed on to the next one", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.update("a", { typing: true });
    set.join("a", BOB, 2_000);
    expect(set.get("a")?.presence).not.toHaveProperty("state");
  });
});

describe("state", () => {
  test("an update tells the new state", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    expect(set.update("a", { typing: true })).toEqual({
      joins: [],
      updates: [{ channel: "a", user: ADA, joinedAt: 1_000, state: { typing: true } }],
      leaves: [],
    });
  });

  test("an equal state changes nothing, whatever the order of its keys", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.update("a", { x: 1, y: 2 });
    expect(set.update("a", { y: 2, x: 1 })).toEqual(NO_CHANGE);
  });

  test("null takes the state back", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.update("a", { typing: true });
    expect(set.update("a", null).updates).toEqual([{ channel: "a", user: ADA, joinedAt: 1_000 }]);
  });

  test("null where there is no state changes nothing", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    expect(set.update("a", null)).toEqual(NO_CHANGE);
  });

  test.each([[0], [false], [""], [[]]])("%j is a state", (state) => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    expect(set.update("a", state).updates).toHaveLength(1);
  });

  test("the state of a stranger changes nothing", () => {
    expect(newSet().update("a", { typing: true })).toEqual(NO_CHANGE);
  });

  test("a diff that was handed out does not change afterwards", () => {
    const set = newSet();
    const { joins } = set.join("a", ADA, 1_000);
    set.update("a", { typing: true });
    expect(joins).toEqual([{ channel: "a", user: ADA, joinedAt: 1_000 }]);
  });
});

describe("leaving", () => {
  test.each(["left", "removed"] as const)("a leave says why: %s", (reason) => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    expect(set.leave("a", reason)).toEqual({
      joins: [],
      updates: [],
      leaves: [{ channel: "a", user: ADA, joinedAt: 1_000, lastSeen: 1_000, reason }],
    });
  });

  test("a leave leaves everyone else alone", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.join("b", BOB, 1_000);
    set.leave("a", "left");
    expect(set.members()).toEqual([BOB]);
  });

  test("a stranger who leaves changes nothing", () => {
    expect(newSet().leave("a", "left")).toEqual(NO_CHANGE);
  });

  test("the member stays until the last tab leaves", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.join("b", ADA, 1_000);
    set.leave("a", "left");
    expect(set.memberCount).toBe(1);
    set.leave("b", "left");
    expect(set.memberCount).toBe(0);
  });
});

describe("other info", () => {
  test("of the same user is an update, not a leave and a join", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.update("a", { typing: true });
    const renamed = { ...ADA, name: "Ada Lovelace" };
    set.takeUnsaved();
    const presence = { channel: "a", user: renamed, joinedAt: 1_000, state: { typing: true } };
    expect(set.join("a", renamed, 2_000)).toEqual({
      joins: [],
      updates: [presence],
      leaves: [],
      newInfo: ["a"],
    });
    expect(set.members()).toEqual([renamed]);
    expect(set.takeUnsaved()).toMatchObject({ puts: [{ presence, lastSeen: 2_000 }], deletes: [] });
  });

  test("is another user's where the id differs, and the state goes", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.update("a", { typing: true });
    expect(set.join("a", BOB, 2_000).joins).toEqual([{ channel: "a", user: BOB, joinedAt: 2_000 }]);
  });
});

describe("losing the connection", () => {
  test("the first loss stands: what ends later is not the presence's connection any more", () => {
    const set = savedSet("a");
    set.lose("a", "reload", 2_000);
    expect(set.lose("a", "cut", 3_000)).toEqual(NO_CHANGE);
    expect(set.get("a")?.loss).toEqual({ at: 2_000, cause: "reload" });
  });

  const causes = [
    ["reload", "left", 2_500],
    ["cut", "lost", 10_000],
    ["restart", "lost", 10_000],
  ] as const;

  test.each(causes)("a %s is not heard of at once", (cause) => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    expect(set.lose("a", cause, 2_000)).toEqual(NO_CHANGE);
    expect(set.members()).toEqual([ADA]);
  });

  test.each(causes)("after a %s the presence stays until its grace ends", (cause, _, graceMs) => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.lose("a", cause, 2_000);
    expect(set.prune(2_000 + graceMs - 1)).toEqual(NO_CHANGE);
  });

  test.each(causes)("after a %s the presence leaves as `%s`", (cause, reason, graceMs) => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.lose("a", cause, 2_000);
    expect(set.prune(2_000 + graceMs).leaves).toEqual([
      { channel: "a", user: ADA, joinedAt: 1_000, lastSeen: 1_000, reason },
    ]);
  });

  test.each(causes)("without a grace a %s is a leave at once, as `%s`", (cause, reason) => {
    const set = new PresenceSet(NO_GRACE);
    set.join("a", ADA, 1_000);
    expect(set.lose("a", cause, 2_000).leaves).toEqual([
      { channel: "a", user: ADA, joinedAt: 1_000, lastSeen: 1_000, reason },
    ]);
  });

  test.each(causes)("whoever comes back in time after a %s was never away", (cause) => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.update("a", { typing: true });
    set.lose("a", cause, 2_000);
    expect(set.join("a", ADA, 4_000)).toEqual(NO_CHANGE);
    expect(set.get("a")?.presence.state).toEqual({ typing: true });
    expect(set.prune(30_000)).toEqual(NO_CHANGE);
  });

  test("a stranger who is lost changes nothing", () => {
    expect(newSet().lose("a", "cut", 1_000)).toEqual(NO_CHANGE);
  });

  test("a sign of life does not bring a lost connection back", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.lose("a", "cut", 2_000);
    set.touch("a", 11_000);
    expect(set.prune(12_000).leaves).toMatchObject([{ channel: "a", reason: "lost" }]);
  });

  test("the grace of one does not end that of another", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.join("b", BOB, 1_000);
    set.lose("a", "cut", 2_000);
    set.lose("b", "cut", 5_000);
    expect(set.prune(12_000).leaves).toMatchObject([{ channel: "a" }]);
    expect(set.members()).toEqual([BOB]);
  });
});

describe("pruning", () => {
  test("a presence is fresh until the maximum age", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    expect(set.prune(60_999)).toEqual(NO_CHANGE);
  });

  test("a presence without a sign of life for the maximum age expires", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    expect(set.prune(61_000).leaves).toEqual([
      { channel: "a", user: ADA, joinedAt: 1_000, lastSeen: 1_000, reason: "expired" },
    ]);
  });

  test("a sign of life puts the expiry off", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.touch("a", 2_000);
    expect(set.prune(61_999)).toEqual(NO_CHANGE);
  });

  test("a sign of life older than the last one does not bring the expiry nearer", () => {
    const set = newSet();
    set.join("a", ADA, 2_000);
    set.touch("a", 1_000);
    expect(set.prune(61_000)).toEqual(NO_CHANGE);
  });

  test("a sign of life of a stranger is none", () => {
    const set = newSet();
    set.touch("a", 1_000);
    expect(set.size).toBe(0);
  });

  test("whoever is lost has the whole grace, though the maximum age be over", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.lose("a", "cut", 60_000);
    expect(set.prune(69_999)).toEqual(NO_CHANGE);
    expect(set.prune(70_000).leaves).toMatchObject([{ reason: "lost" }]);
  });

  test("the expired and the lost leave together, the fresh stay", () => {
    const set = newSet();
    set.join("old", ADA, 1_000);
    set.join("lost", BOB, 50_000);
    set.join("fresh", EVE, 50_000);
    set.lose("lost", "cut", 51_000);
    expect(set.prune(61_000).leaves.map(({ channel, reason }) => [channel, reason])).toEqual([
      ["old", "expired"],
      ["lost", "lost"],
    ]);
    expect(set.members()).toEqual([EVE]);
  });

  test("expired lurkers are not counted any more", () => {
    const set = newSet();
    set.join("a", null, 1_000);
    set.prune(61_000);
    expect(set.lurkers).toBe(0);
  });
});

describe("the deadline", () => {
  test("an expiry waits two seconds for those who came shortly after", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    expect(set.deadline).toBe(63_000);
  });

  test("with a short maximum age an expiry waits for an eighth of it", () => {
    const set = new PresenceSet({ ...TIMEOUTS, maxAgeMs: 4_000 });
    set.join("a", ADA, 1_000);
    expect(set.deadline).toBe(5_500);
  });

  test("the end of a grace waits for nobody", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.lose("a", "cut", 2_000);
    expect(set.deadline).toBe(12_000);
  });

  test("it is the earliest of all", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.join("b", BOB, 2_000);
    set.lose("b", "reload", 3_000);
    expect(set.deadline).toBe(5_500);
  });

  test("a prune finds the next one", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.join("b", BOB, 2_000);
    set.touch("b", 20_000);
    set.prune(61_000);
    expect(set.deadline).toBe(82_000);
  });

  test("there is none in a room that a prune emptied", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.prune(61_000);
    expect(set.deadline).toBe(Infinity);
  });

  test("entries from storage have theirs", () => {
    const set = newSet();
    set.join("a", ADA, 1_000);
    set.lose("a", "cut", 2_000);
    expect(new PresenceSet(TIMEOUTS, set.takeUnsaved().puts).deadline).toBe(12_000);
  });
});

describe("what must be written", () => {
  test("a join is written once", () => {
    const set = newSet();
    set.join("a", ADA, 1_000, { kind: "local", secret: "secret" });
    expect(set.takeUnsaved()).toEqual({
      puts: [
        {
          presence: { channel: "a", user: ADA, joinedAt: 1_000 },
          lastSeen: 1_000,
          rank: 1,
          memberSince: 1_000,
          owner: { kind: "local", secret: "secret" },
          loss: null,
        },
      ],
      deletes: [],
      movements: [
        { kind: "joined", channel: "a", user: ADA, joinedAt: 1_000, memberSince: 1_000, rank: 1 },
      ],
    });
    expect(set.takeUnsaved()).toEqual({ puts: [], deletes: [], movements: [] });
  });

  test("a leave deletes", () => {
    const set = savedSet("a", "b");
    set.leave("a", "left");
    expect(set.takeUnsaved()).toEqual({
      puts: [],
      deletes: ["a"],
      movements: [expect.objectContaining({ kind: "left", channel: "a" })],
    });
  });

  test("a presence that is pruned is deleted", () => {
    const set = savedSet("a");
    set.prune(61_000);
    expect(set.takeUnsaved()).toEqual({
      puts: [],
      deletes: ["a"],
      movements: [expect.objectContaining({ kind: "left", channel: "a" })],
    });
  });

  test("a replaced user is one write and no delete", () => {
    const set = savedSet("a");
    set.join("a", BOB, 2_000);
    const { puts, deletes } = set.takeUnsaved();
    expect(puts).toMatchObject([{ presence: { channel: "a", user: BOB } }]);
    expect(deletes).toEqual([]);
  });

  test("a leave and a join of the same channel are one write", () => {
    const set = savedSet("a");
    set.leave("a", "left");
    set.join("a", ADA, 2_000);
    const { puts, deletes } = set.takeUnsaved();
    expect(puts).toMatchObject([{ presence: { channel: "a", joinedAt: 2_000 } }]);
    expect(deletes).toEqual([]);
  });

  test("a lost connection is written with its time and cause", () => {
    const set = savedSet("a", "b");
    set.lose("a", "cut", 2_000);
    expect(set.takeUnsaved()).toMatchObject({
      puts: [{ presence: { channel: "a" }, loss: { at: 2_000, cause: "cut" } }],
      deletes: [],
    });
  });

  test("a lost connection takes its state into storage, for no socket keeps it", () => {
    const set = savedSet("a");
    set.update("a", { typing: true });
    set.lose("a", "cut", 2_000);
    expect(set.takeUnsaved().puts).toMatchObject([{ presence: { state: { typing: true } } }]);
  });

  test.each(["reload", "cut"] as const)("coming back after a %s writes nothing", (cause) => {
    const set = savedSet("a");
    set.lose("a", cause, 2_000);
    set.takeUnsaved();
    set.join("a", ADA, 3_000);
    expect(set.takeUnsaved()).toEqual({ puts: [], deletes: [], movements: [] });
  });

  test("coming back after a restart writes one row, with the time of the return", () => {
    const set = savedSet("a", "b");
    set.lose("a", "restart", 2_000);
    set.takeUnsaved();
    set.join("a", ADA, 3_000, { kind: "local", secret: "secret" });
    expect(set.takeUnsaved()).toMatchObject({
      puts: [{ presence: { channel: "a" }, lastSeen: 3_000, loss: null }],
      deletes: [],
    });
  });

  test("a state, a sign of life and a repeated join of a socket write nothing", () => {
    const set = savedSet("a");
    set.update("a", { typing: true });
    set.touch("a", 2_000);
    set.join("a", ADA, 3_000);
    expect(set.takeUnsaved()).toEqual({ puts: [], deletes: [], movements: [] });
  });

  test.each(["touch", "join"] as const)(
    "a %s of a channel without a socket is written, for only its row knows when it was seen",
    (sign) => {
      const set = newSet();
      set.join("bot", ADA, 1_000);
      set.takeUnsaved();
      if (sign === "touch") set.touch("bot", 40_000);
      else set.join("bot", ADA, 40_000);
      expect(set.takeUnsaved().puts).toMatchObject([{ lastSeen: 40_000 }]);
    },
  );

  test("entries from storage are written already", () => {
    const { puts } = (() => {
      const set = newSet();
      set.join("a", ADA, 1_000);
      return set.takeUnsaved();
    })();
    expect(new PresenceSet(TIMEOUTS, puts).takeUnsaved()).toEqual({
      puts: [],
      deletes: [],
      movements: [],
    });
  });
});

describe("a channel without a socket", () => {
  test("has its state and its ttl written; a socket's state is not", () => {
    const set = newSet();
    set.join("bot", null, 1_000);
    set.join("tab", ADA, 1_000, { kind: "local", secret: "secret" });
    set.takeUnsaved();
    set.update("tab", 1);
    expect(set.takeUnsaved()).toMatchObject({ puts: [], deletes: [] });
    set.update("bot", 1);
    expect(set.takeUnsaved().puts).toMatchObject([{ presence: { channel: "bot", state: 1 } }]);
    set.setTtl("bot", 5_000);
    expect(set.takeUnsaved().puts).toMatchObject([{ ttlMs: 5_000 }]);
    set.update("bot", 1);
    set.setTtl("bot", 5_000);
    set.setTtl("nobody", 5_000);
    expect(set.takeUnsaved()).toMatchObject({ puts: [], deletes: [] });
  });

  test.each([
    [2_000, 2_250],
    [16_000, 18_000],
    [86_400_000, 86_402_000],
  ])("with a ttl of %i ms is due then, and its alarm a little later", (ttlMs, deadline) => {
    const set = newSet();
    set.join("bot", ADA, 0);
    set.setTtl("bot", ttlMs);
    expect(new PresenceSet(TIMEOUTS, set.entries()).deadline).toBe(deadline);
    expect(set.prune(ttlMs - 1)).toEqual(NO_CHANGE);
    expect(set.deadline).toBe(deadline);
    expect(set.prune(ttlMs).leaves).toMatchObject([{ channel: "bot", reason: "expired" }]);
  });
});
