/** Presences of channels that have no socket in the room: their owners, and what a server that vouches does to others. */

import { describe, expect, test } from "vitest";
import { NO_CHANGE } from "../../src/core/diff.ts";
import type { DetachedOwner, LocalOwner, RemoteOwner } from "../../src/core/owner.ts";
import { type Entry, timeoutsOf, PresenceSet } from "../../src/core/presence-set.ts";

const TIMEOUTS = timeoutsOf({ maxAgeMs: 60_000, graceMs: 10_000 });
const ADA = { id: "ada" };
const EVE = { id: "eve" };

const DETACHED: DetachedOwner = { kind: "detached", generation: 1, linkedAt: 1 };
const REMOTE: RemoteOwner = {
  kind: "remote",
  room: "home",
  view: "diff",
  generation: 7,
  linkedAt: 7,
};
const LOCAL: LocalOwner = { kind: "local", secret: "secret" };

/** A set with nothing left to write. */
function saved(fill: (set: PresenceSet) => void): PresenceSet {
  const set = new PresenceSet(TIMEOUTS);
  fill(set);
  set.takeUnsaved();
  return set;
}

function written(set: PresenceSet): { puts: string[]; deletes: readonly string[] } {
  const { puts, deletes } = set.takeUnsaved();
  return { puts: puts.map(({ presence }) => presence.channel), deletes };
}

describe("a channel without a socket here", () => {
  test("comes with its owner, and both are written", () => {
    const set = new PresenceSet(TIMEOUTS);
    const diff = set.join("a", ADA, 1_000, REMOTE);
    expect(diff.joins).toEqual([{ channel: "a", user: ADA, joinedAt: 1_000 }]);
    expect(set.get("a")).toMatchObject({ owner: REMOTE, loss: null });
    expect(set.takeUnsaved().puts).toMatchObject([{ owner: REMOTE, lastSeen: 1_000 }]);
  });

  test("that is added again keeps its join and moves to its newest owner, which is written", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, DETACHED));
    const owner = { ...DETACHED, generation: 9, linkedAt: 9 };
    expect(set.join("a", ADA, 2_000, owner)).toEqual(NO_CHANGE);
    expect(set.get("a")).toMatchObject({ owner, lastSeen: 2_000, presence: { joinedAt: 1_000 } });
    expect(written(set)).toEqual({ puts: ["a"], deletes: [] });
  });

  test("that gets another user keeps its newest owner", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, DETACHED));
    const diff = set.join("a", EVE, 2_000, REMOTE);
    expect(diff).toEqual({
      joins: [{ channel: "a", user: EVE, joinedAt: 2_000 }],
      updates: [],
      leaves: [{ channel: "a", user: ADA, joinedAt: 1_000, lastSeen: 2_000, reason: "replaced" }],
    });
    expect(set.get("a")).toMatchObject({ owner: REMOTE });
    expect(set.size).toBe(1);
  });

  test("has its touches written, since no socket remembers them", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, DETACHED));
    set.touch("a", 5_000);
    expect(written(set)).toEqual({ puts: ["a"], deletes: [] });
    set.touch("a", 5_000);
    set.touch("a", 4_000);
    expect(written(set)).toEqual({ puts: [], deletes: [] });
    expect(set.get("a")?.lastSeen).toBe(5_000);
  });

  test("but with one in another room has none written: its owner remembers", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, REMOTE));
    set.touch("a", 5_000);
    expect(set.get("a")?.lastSeen).toBe(5_000);
    expect(written(set)).toEqual({ puts: [], deletes: [] });
  });

  test("is corrected by its owner, to earlier than was thought too, but not to before it was added", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, { ...REMOTE, linkedAt: 3_000 }));
    set.touch("a", 50_000);
    set.correct("a", 20_000);
    expect(set.get("a")?.lastSeen).toBe(20_000);
    expect(set.deadline).toBeLessThanOrEqual(20_000 + 60_000 + 2_000);
    set.correct("a", 2_000);
    expect(set.get("a")?.lastSeen).toBe(3_000);
    set.correct("a", 30_000);
    expect(set.get("a")?.lastSeen).toBe(30_000);
    set.correct("a stranger", 30_000);
    expect(set.size).toBe(1);
    expect(written(set)).toEqual({ puts: [], deletes: [] });
  });

  test("expires when it is not touched, and its leave says when it was seen last", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, DETACHED));
    set.touch("a", 5_000);
    expect(set.prune(64_999)).toEqual(NO_CHANGE);
    expect(set.prune(65_000).leaves).toEqual([
      { channel: "a", user: ADA, joinedAt: 1_000, lastSeen: 5_000, reason: "expired" },
    ]);
    expect(set.deadline).toBe(Number.POSITIVE_INFINITY);
  });

  test("is no lost connection that a server's word brings back only in part: the word is a sign of life", () => {
    const entry: Entry = {
      presence: { channel: "a", user: ADA, joinedAt: 0 },
      lastSeen: 0,
      rank: 1,
      memberSince: 0,
      owner: DETACHED,
      loss: { at: 0, cause: "cut" },
    };
    const set = new PresenceSet(TIMEOUTS, [entry]);
    set.join("a", ADA, 5_000, DETACHED);
    expect(set.get("a")?.loss).toBeNull();
  });
});

describe("a channel with a socket here", () => {
  test("that a server adds again keeps its socket, its secret and its join", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, LOCAL));
    expect(set.join("a", ADA, 2_000)).toEqual(NO_CHANGE);
    expect(set.get("a")).toMatchObject({ owner: LOCAL, lastSeen: 2_000 });
    expect(written(set)).toEqual({ puts: [], deletes: [] });
  });

  test("that a server gives another user keeps its socket and secret, without its state", () => {
    const set = saved((empty) => {
      empty.join("a", ADA, 1_000, LOCAL);
      empty.update("a", { typing: true });
    });
    const diff = set.join("a", EVE, 2_000);
    expect(diff.joins).toEqual([{ channel: "a", user: EVE, joinedAt: 2_000 }]);
    expect(set.get("a")).toMatchObject({ owner: LOCAL });
  });

  test("keeps its state where the same user only shows other info", () => {
    const set = saved((empty) => {
      empty.join("a", ADA, 1_000, LOCAL);
      empty.update("a", 7);
    });
    const diff = set.join("a", { ...ADA, name: "Ada" }, 2_000);
    expect(diff.updates).toMatchObject([{ user: { name: "Ada" }, state: 7 }]);
    expect([...diff.joins, ...diff.leaves]).toEqual([]);
  });

  test("never gets an owner elsewhere", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, LOCAL));
    set.join("a", ADA, 2_000, DETACHED);
    expect(set.get("a")).toMatchObject({ owner: LOCAL });
    set.join("a", EVE, 3_000, REMOTE);
    expect(set.get("a")).toMatchObject({ owner: LOCAL });
  });

  test("that is lost stays lost for a server's word, also as another user", () => {
    const set = saved((empty) => {
      empty.join("a", ADA, 1_000, LOCAL);
      empty.lose("a", "cut", 2_000);
    });
    set.join("a", ADA, 3_000);
    expect(set.get("a")?.loss).toEqual({ at: 2_000, cause: "cut" });
    set.join("a", EVE, 4_000);
    expect(set.get("a")?.loss).toEqual({ at: 2_000, cause: "cut" });
    expect(set.prune(12_000).leaves).toMatchObject([{ user: EVE, reason: "lost" }]);
  });

  test("that comes back by itself is lost no more", () => {
    const set = saved((empty) => {
      empty.join("a", ADA, 1_000, LOCAL);
      empty.lose("a", "cut", 2_000);
    });
    expect(set.join("a", ADA, 3_000, LOCAL)).toEqual(NO_CHANGE);
    expect(set.get("a")?.loss).toBeNull();
    expect(set.prune(12_000)).toEqual(NO_CHANGE);
  });
});

/** Seen at 10 s, 20 s and 30 s. */
function three(): PresenceSet {
  return saved((empty) => {
    empty.join("a", ADA, 10_000, LOCAL);
    empty.join("b", null, 20_000, DETACHED);
    empty.join("c", EVE, 30_000, REMOTE);
  });
}

function left(set: PresenceSet, now: number, ageMs?: number): string[] {
  return set.prune(now, ageMs).leaves.map(({ channel }) => channel);
}

/** The first of the three has lost its connection at 25 s. */
function oneLost(): PresenceSet {
  const set = three();
  set.lose("a", "cut", 25_000);
  return set;
}

describe("pruning by an age", () => {
  test("removes whoever was seen so long ago or longer, whatever their owners", () => {
    expect(left(three(), 30_000, 0)).toEqual(["a", "b", "c"]);
    expect(left(three(), 30_000, 10_000)).toEqual(["a", "b"]);
    expect(left(three(), 30_000, 10_001)).toEqual(["a"]);
    expect(left(three(), 30_000, 20_001)).toEqual([]);
  });

  test("may be longer than the maximum age: then it spares whom the alarm would remove", () => {
    const set = three();
    expect(left(set, 85_000, 1e9)).toEqual([]);
    expect(left(set, 85_000, Number.POSITIVE_INFINITY)).toEqual([]);
    expect(left(set, 85_000)).toEqual(["a", "b"]);
  });

  test("of 0 removes one whose last sign of life was rounded up into the future", () => {
    const set = saved((empty) => empty.join("a", ADA, 10_000, LOCAL));
    set.touch("a", 11_000);
    expect(left(set, 10_500, 500)).toEqual([]);
    expect(left(set, 10_500, 0)).toEqual(["a"]);
  });

  test("sets the deadline by the maximum age of those who stay, not by the age that was asked for", () => {
    const set = three();
    set.prune(30_000, 15_000);
    const slack = 2_000;
    expect(set.deadline).toBe(20_000 + 60_000 + slack);
  });

  test("removes one in its grace by either, whichever comes first, and calls it lost", () => {
    expect(left(oneLost(), 30_000)).toEqual([]);
    expect(left(oneLost(), 30_000, 20_001)).toEqual([]);
    expect(oneLost().prune(30_000, 20_000).leaves).toMatchObject([
      { channel: "a", reason: "lost" },
    ]);
    expect(oneLost().prune(35_000, 1e9).leaves).toMatchObject([{ channel: "a", reason: "lost" }]);
    expect(oneLost().prune(34_999, 1e9)).toEqual(NO_CHANGE);
  });

  test("writes who left, and no others", () => {
    const set = three();
    set.prune(30_000, 10_000);
    expect(written(set)).toEqual({ puts: [], deletes: ["a", "b"] });
    expect([set.size, set.memberCount, set.lurkers]).toEqual([1, 1, 0]);
  });
});
