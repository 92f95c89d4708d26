/** Presences of channels that have no socket in the room: what they stand on, and what a server's word does to others. */

import { describe, expect, test } from "vitest";
import { NO_CHANGE } from "../../src/core/diff.ts";
import { type Entry, type Home, timeoutsOf, PresenceSet } from "../../src/core/presence-set.ts";

const PATIENCE = timeoutsOf({ maxAgeMs: 60_000, graceMs: 10_000 });
const ADA = { id: "ada" };
const EVE = { id: "eve" };

const AT_CHANNEL: Home = { socket: null, link: 1 };
const AT_ROOM: Home = { socket: { room: "home", view: "diff" }, link: 7 };
const SOCKET = { resume: "secret", home: null };

function guest(home: Home) {
  return { resume: null, home };
}

/** A set with nothing left to write. */
function saved(fill: (set: PresenceSet) => void): PresenceSet {
  const set = new PresenceSet(PATIENCE);
  fill(set);
  set.takeUnsaved();
  return set;
}

function written(set: PresenceSet): { puts: string[]; deletes: readonly string[] } {
  const { puts, deletes } = set.takeUnsaved();
  return { puts: puts.map(({ presence }) => presence.channel), deletes };
}

describe("a channel without a socket here", () => {
  test("comes with its home, and both are written", () => {
    const set = new PresenceSet(PATIENCE);
    const diff = set.join("a", ADA, 1_000, guest(AT_ROOM));
    expect(diff.joins).toEqual([{ channel: "a", user: ADA, joinedAt: 1_000 }]);
    expect(set.get("a")).toMatchObject({ resume: null, home: AT_ROOM, loss: null });
    expect(set.takeUnsaved().puts).toMatchObject([{ home: AT_ROOM, lastSeen: 1_000 }]);
  });

  test("that is added again keeps its join and moves to its newest home, which is written", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, guest(AT_CHANNEL)));
    const home = { ...AT_CHANNEL, link: 9 };
    expect(set.join("a", ADA, 2_000, guest(home))).toEqual(NO_CHANGE);
    expect(set.get("a")).toMatchObject({ home, lastSeen: 2_000, presence: { joinedAt: 1_000 } });
    expect(written(set)).toEqual({ puts: ["a"], deletes: [] });
  });

  test("that gets another user keeps its newest home", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, guest(AT_CHANNEL)));
    const diff = set.join("a", EVE, 2_000, guest(AT_ROOM));
    expect(diff).toEqual({
      joins: [{ channel: "a", user: EVE, joinedAt: 2_000 }],
      updates: [],
      leaves: [{ channel: "a", user: ADA, joinedAt: 1_000, lastSeen: 2_000, reason: "replaced" }],
    });
    expect(set.get("a")).toMatchObject({ home: AT_ROOM, resume: null });
    expect(set.size).toBe(1);
  });

  test("has its touches written, since no socket remembers them", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, guest(AT_CHANNEL)));
    set.touch("a", 5_000);
    expect(written(set)).toEqual({ puts: ["a"], deletes: [] });
    set.touch("a", 5_000);
    set.touch("a", 4_000);
    expect(written(set)).toEqual({ puts: [], deletes: [] });
    expect(set.get("a")?.lastSeen).toBe(5_000);
  });

  test("but with one in another room has none written: its host remembers", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, guest(AT_ROOM)));
    set.touch("a", 5_000);
    expect(set.get("a")?.lastSeen).toBe(5_000);
    expect(written(set)).toEqual({ puts: [], deletes: [] });
  });

  test("is corrected by its host, to earlier than was thought too, but not to before it was added", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, guest({ ...AT_ROOM, link: 3_000 })));
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
    const set = saved((empty) => empty.join("a", ADA, 1_000, guest(AT_CHANNEL)));
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
      resume: null,
      home: AT_CHANNEL,
      loss: { at: 0, cause: "cut" },
    };
    const set = new PresenceSet(PATIENCE, [entry]);
    set.join("a", ADA, 5_000, guest(AT_CHANNEL));
    expect(set.get("a")?.loss).toBeNull();
  });
});

describe("a channel with a socket here", () => {
  test("that a server adds again keeps its socket, its secret and its join", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, SOCKET));
    expect(set.join("a", ADA, 2_000, { resume: null, home: null })).toEqual(NO_CHANGE);
    expect(set.get("a")).toMatchObject({ resume: "secret", home: null, lastSeen: 2_000 });
    expect(written(set)).toEqual({ puts: [], deletes: [] });
  });

  test("that a server gives another user keeps its socket and secret, without its state", () => {
    const set = saved((empty) => {
      empty.join("a", ADA, 1_000, SOCKET);
      empty.update("a", { typing: true });
    });
    const diff = set.join("a", EVE, 2_000);
    expect(diff.joins).toEqual([{ channel: "a", user: EVE, joinedAt: 2_000 }]);
    expect(set.get("a")).toMatchObject({ resume: "secret", home: null });
  });

  test("keeps its state where the same user only shows other info", () => {
    const set = saved((empty) => {
      empty.join("a", ADA, 1_000, SOCKET);
      empty.update("a", 7);
    });
    const diff = set.join("a", { ...ADA, name: "Ada" }, 2_000);
    expect(diff.joins).toMatchObject([{ user: { name: "Ada" }, state: 7 }]);
    expect(diff.leaves).toMatchObject([{ user: ADA, state: 7, reason: "replaced" }]);
  });

  test("never gets a home elsewhere", () => {
    const set = saved((empty) => empty.join("a", ADA, 1_000, SOCKET));
    set.join("a", ADA, 2_000, guest(AT_CHANNEL));
    expect(set.get("a")).toMatchObject({ resume: "secret", home: null });
    set.join("a", EVE, 3_000, guest(AT_ROOM));
    expect(set.get("a")).toMatchObject({ resume: "secret", home: null });
  });

  test("that is lost stays lost for a server's word, also as another user", () => {
    const set = saved((empty) => {
      empty.join("a", ADA, 1_000, SOCKET);
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
      empty.join("a", ADA, 1_000, SOCKET);
      empty.lose("a", "cut", 2_000);
    });
    expect(set.join("a", ADA, 3_000, SOCKET)).toEqual(NO_CHANGE);
    expect(set.get("a")?.loss).toBeNull();
    expect(set.prune(12_000)).toEqual(NO_CHANGE);
  });
});

/** Seen at 10 s, 20 s and 30 s. */
function three(): PresenceSet {
  return saved((empty) => {
    empty.join("a", ADA, 10_000, SOCKET);
    empty.join("b", null, 20_000, guest(AT_CHANNEL));
    empty.join("c", EVE, 30_000, guest(AT_ROOM));
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
  test("removes whoever was seen so long ago or longer, whatever they stand on", () => {
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
    const set = saved((empty) => empty.join("a", ADA, 10_000, SOCKET));
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
