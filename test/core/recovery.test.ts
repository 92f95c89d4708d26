/** What is true when a room wakes up: after hibernation, after a restart, and after another one. */

import { describe, expect, test } from "vitest";
import type { User } from "../../src/core/presence.ts";
import type { Owner } from "../../src/core/owner.ts";
import { type Entry, type Loss, PresenceSet } from "../../src/core/presence-set.ts";
import { type Circumstances, type Live, recover, type Recovery } from "../../src/core/recovery.ts";
import { ADA, BOB, EVE, ownerOf, liveOf, TIMEOUTS, Rows } from "./random-steps.ts";

const DETACHED: Owner = { kind: "detached", generation: 1, linkedAt: 1 };

const GRACE_MS = TIMEOUTS.graceMs.restart;

type RowOptions = {
  lastSeen?: number;
  loss?: Loss | null;
  owner?: Owner;
};

/** A row of a presence that joined at 1,000. */
function row(
  channel: string,
  user: User | null,
  { lastSeen = 1_000, loss = null, owner = { kind: "local", secret: "secret" } }: RowOptions = {},
): Entry {
  return {
    presence: { channel, user, joinedAt: 1_000 },
    lastSeen,
    rank: 1,
    memberSince: 1_000,
    owner,
    loss,
  };
}

/** A live socket, without a state. */
function socket(lastSeen: number): Live {
  return { lastSeen, state: undefined };
}

function live(...sockets: readonly (readonly [string, Live])[]): Map<string, Live> {
  return new Map(sockets);
}

/** Mends the rows. Without a word on it, the room has the sockets that are live, and was never restarted. */
function wake(
  entries: readonly Entry[],
  sockets: ReadonlyMap<string, Live>,
  { restartedAt = null, hasSockets = sockets.size > 0, now = 5_000 }: Partial<Circumstances> = {},
): Recovery {
  return recover(entries, sockets, { restartedAt, hasSockets, now });
}

/** A room over its whole life: memory that comes and goes, rows that stay, and sockets. */
class House {
  readonly #rows = new Rows();
  set = new PresenceSet(TIMEOUTS);
  restartedAt: number | null = null;

  /** Evicted, but for the rows and the sockets. */
  hibernate(now: number): Recovery {
    return this.#wake(liveOf(this.set), now);
  }

  /** Evicted, but for the rows. */
  restart(now: number): Recovery {
    return this.#wake(live(), now);
  }

  join(channel: string, user: User, now: number): void {
    this.set.join(channel, user, now, ownerOf(channel));
    this.#rows.save(this.set);
  }

  cut(channel: string, now: number): void {
    this.set.lose(channel, "cut", now);
    this.#rows.save(this.set);
  }

  /** Who leaves at this time: `channel reason`. */
  prune(now: number): string[] {
    const { leaves } = this.set.prune(now);
    this.#rows.save(this.set);
    return leaves.map(({ channel, reason }) => `${channel} ${reason}`);
  }

  #wake(sockets: Map<string, Live>, now: number): Recovery {
    this.#rows.save(this.set);
    const entries = this.#rows.load();
    const { restartedAt } = this;
    const recovery = wake(entries, sockets, { restartedAt, now });
    ({ restartedAt: this.restartedAt } = recovery);
    this.set = new PresenceSet(TIMEOUTS, entries);
    return recovery;
  }
}

/** `a` came back after the first restart, at 5,000, and `b` did not; the second one is at 9,000. */
function twiceRestarted(): House {
  const house = new House();
  house.join("a", ADA, 1_000);
  house.join("b", BOB, 1_000);
  house.restart(5_000);
  house.join("a", ADA, 6_000);
  house.restart(9_000);
  return house;
}

describe("after hibernation", () => {
  test("an empty room has nothing to mend", () => {
    expect(wake([], live())).toEqual({
      restartedAt: null,
      unheard: [],
    });
  });

  test("the state and the time of a live socket win over its row", () => {
    const entry = row("a", ADA);
    const sockets = live(["a", { lastSeen: 4_000, state: { typing: true } }]);
    wake([entry], sockets);
    expect(entry).toMatchObject({ lastSeen: 4_000, presence: { state: { typing: true } } });
  });

  test("a state that the socket has not is none, whatever the row says", () => {
    const entry = row("a", ADA);
    entry.presence = { ...entry.presence, state: { typing: true } };
    wake([entry], live(["a", socket(4_000)]));
    expect(entry.presence).not.toHaveProperty("state");
  });

  test("a row that was seen later than its socket keeps its time", () => {
    const entry = row("a", ADA, { lastSeen: 4_500 });
    wake([entry], live(["a", socket(4_000)]));
    expect(entry.lastSeen).toBe(4_500);
  });

  test("a live socket wins over a loss in its row, for it came back", () => {
    const entry = row("a", ADA, { loss: { at: 2_000, cause: "cut" } });
    wake([entry], live(["a", socket(4_000)]));
    expect(entry.loss).toBeNull();
  });

  test("a row with a recorded loss keeps its deadline while others are connected", () => {
    const lost = row("a", ADA, { loss: { at: 2_000, cause: "cut" } });
    const recovery = wake([lost, row("b", BOB)], live(["b", socket(4_000)]));
    expect(recovery).toEqual({ restartedAt: null, unheard: [] });
    expect(lost.loss).toEqual({ at: 2_000, cause: "cut" });
  });

  test("a row with a recorded loss keeps its deadline where only watchers are left", () => {
    const lost = row("a", ADA, { loss: { at: 2_000, cause: "reload" } });
    expect(wake([lost], live(), { hasSockets: true })).toEqual({ restartedAt: null, unheard: [] });
    expect(lost.loss).toEqual({ at: 2_000, cause: "reload" });
  });

  test("the last presence, lost before the room slept, stays for one grace more and then leaves", () => {
    const house = new House();
    house.join("a", ADA, 1_000);
    house.cut("a", 2_000);
    house.hibernate(12_000);
    expect(house.prune(12_000)).toEqual([]);
    house.hibernate(13_000);
    expect(house.prune(12_000 + GRACE_MS)).toEqual(["a lost"]);
  });

  test("a socket that is gone unheard while others live is reported", () => {
    const entries = [row("a", ADA), row("b", BOB)];
    const recovery = wake(entries, live(["b", socket(4_000)]));
    expect(recovery).toEqual({ restartedAt: null, unheard: ["a"] });
  });

  test("a socket that is gone unheard has the whole grace, however old its row is", () => {
    const entries = [row("a", ADA), row("b", BOB)];
    const now = 500_000;
    const sockets = live(["b", socket(now - 1_000)]);
    wake(entries, sockets, { now });
    const set = new PresenceSet(TIMEOUTS, entries);
    set.lose("a", "cut", now);
    expect(set.prune(now + GRACE_MS - 1).leaves).toEqual([]);
    expect(set.prune(now + GRACE_MS).leaves).toMatchObject([{ channel: "a", reason: "lost" }]);
  });

  test("a channel that a server put there is never lost", () => {
    const bot = row("bot", BOB, { owner: DETACHED });
    for (const sockets of [live(), live(["a", socket(4_000)])]) {
      const recovery = wake([row("a", ADA), bot], sockets);
      expect(recovery.unheard).toEqual([]);
      expect(bot).toEqual(row("bot", BOB, { owner: DETACHED }));
    }
  });

  test("a room of channels that servers put there has not restarted", () => {
    const bot = row("bot", BOB, { owner: DETACHED });
    expect(wake([bot], live())).toEqual({
      restartedAt: null,
      unheard: [],
    });
  });

  test("a live socket without a row is nobody", () => {
    const entries = [row("a", ADA)];
    const recovery = wake(entries, live(["a", socket(2_000)], ["x", socket(2_000)]));
    expect(recovery.unheard).toEqual([]);
    expect(entries).toHaveLength(1);
  });
});

describe("after a restart", () => {
  test("the grace runs from the wake", () => {
    const house = new House();
    house.join("a", ADA, 1_000);
    house.restart(500_000);
    expect(house.prune(500_000 + GRACE_MS - 2)).toEqual([]);
    expect(house.prune(500_000 + GRACE_MS)).toEqual(["a lost"]);
  });

  test("when it was is told, to be kept", () => {
    const { restartedAt } = wake([row("a", ADA)], live());
    expect(restartedAt).toBe(4_999);
  });

  test("nobody is reported as lost unheard", () => {
    const house = new House();
    house.join("a", ADA, 1_000);
    house.join("b", BOB, 1_000);
    expect(house.restart(5_000).unheard).toEqual([]);
  });

  test("states are gone, for sockets kept them", () => {
    const entry = row("a", ADA);
    entry.presence = { ...entry.presence, state: { typing: true } };
    wake([entry], live());
    expect(entry.presence).not.toHaveProperty("state");
  });

  test("nobody expires before the grace ends, however old their row is", () => {
    const house = new House();
    house.join("a", ADA, 1_000);
    house.restart(1_000_000);
    expect(house.prune(1_000_000)).toEqual([]);
  });

  test("who comes back in time was never away, and the others leave", () => {
    const house = new House();
    house.join("a", ADA, 1_000);
    house.join("b", BOB, 1_000);
    house.restart(5_000);
    house.join("a", ADA, 6_000);
    expect(house.prune(5_000 + GRACE_MS)).toEqual(["b lost"]);
    expect(house.set.members()).toEqual([ADA]);
  });

  test("who comes back in the event that woke the room was never away", () => {
    const house = new House();
    house.join("a", ADA, 1_000);
    house.restart(5_000);
    house.join("a", ADA, 5_000);
    house.hibernate(9_000);
    expect(house.prune(5_000 + GRACE_MS)).toEqual([]);
  });

  test("another wake without sockets is no other restart", () => {
    const house = new House();
    house.join("a", ADA, 1_000);
    house.restart(5_000);
    expect(house.restart(9_000)).toEqual({ restartedAt: 4_999, unheard: [] });
    expect(house.prune(5_000 + GRACE_MS)).toEqual(["a lost"]);
  });

  test("those who are still away keep their grace when the room sleeps with others in it", () => {
    const house = new House();
    house.join("a", ADA, 1_000);
    house.join("b", BOB, 1_000);
    house.restart(5_000);
    house.join("a", ADA, 6_000);
    expect(house.hibernate(9_000)).toEqual({ restartedAt: 4_999, unheard: [] });
    expect(house.prune(5_000 + GRACE_MS - 2)).toEqual([]);
    expect(house.prune(5_000 + GRACE_MS)).toEqual(["b lost"]);
  });

  test("who joined after it and is gone unheard is reported", () => {
    const house = new House();
    house.join("a", ADA, 1_000);
    house.restart(5_000);
    house.join("a", ADA, 6_000);
    house.join("b", BOB, 6_000);
    const entries = [...house.set.entries()];
    const recovery = wake(entries, live(["a", socket(6_000)]), {
      restartedAt: house.restartedAt,
      now: 20_000,
    });
    expect(recovery).toEqual({ restartedAt: 4_999, unheard: ["b"] });
  });

  test("who was cut after coming back keeps the deadline of the cut", () => {
    const house = new House();
    house.join("a", ADA, 1_000);
    house.join("b", BOB, 1_000);
    house.restart(5_000);
    house.join("a", ADA, 6_000);
    house.join("b", BOB, 6_000);
    house.cut("a", 8_000);
    house.hibernate(9_000);
    expect(house.prune(18_000 - 1)).toEqual([]);
    expect(house.prune(18_000)).toEqual(["a lost"]);
  });

  test("who came back from a cut long before has the whole grace", () => {
    const house = new House();
    house.join("a", ADA, 1_000);
    house.cut("a", 2_000);
    house.join("a", ADA, 3_000);
    house.restart(50_000);
    expect(house.prune(50_000 + GRACE_MS - 2)).toEqual([]);
    expect(house.prune(50_000 + GRACE_MS)).toEqual(["a lost"]);
  });

  test("who came back from a cut just before has the whole grace", () => {
    const house = new House();
    house.join("a", ADA, 1_000);
    house.cut("a", 2_000);
    house.join("a", ADA, 3_000);
    house.restart(8_000);
    expect(house.prune(8_000 + GRACE_MS - 2)).toEqual([]);
    expect(house.prune(8_000 + GRACE_MS)).toEqual(["a lost"]);
  });

  test("without a grace everyone leaves at once", () => {
    const timeouts = { maxAgeMs: 60_000, graceMs: { reload: 0, cut: 0, restart: 0 } };
    const entries = [row("a", ADA)];
    wake(entries, live());
    expect(new PresenceSet(timeouts, entries).prune(5_000).leaves).toMatchObject([
      { channel: "a", reason: "lost" },
    ]);
  });
});

describe("after a second restart", () => {
  test("when it was is told, to be kept", () => {
    expect(twiceRestarted().restartedAt).toBe(8_999);
  });

  test("those who came back after the first get a new grace", () => {
    const house = twiceRestarted();
    house.prune(9_000 + GRACE_MS - 2);
    expect(house.set.get("a")).toBeDefined();
    house.prune(9_000 + GRACE_MS);
    expect(house.set.get("a")).toBeUndefined();
  });

  test("those who never came back have the grace of the second, for nobody wrote down the first", () => {
    const house = twiceRestarted();
    expect(house.prune(5_000 + GRACE_MS)).toEqual([]);
    expect(house.prune(9_000 + GRACE_MS)).toContain("b lost");
  });

  test("who joined between the two has the grace of the second", () => {
    const house = new House();
    house.join("a", ADA, 1_000);
    house.restart(5_000);
    house.join("c", EVE, 6_000);
    house.restart(9_000);
    house.prune(9_000 + GRACE_MS - 2);
    expect(house.set.members()).toContainEqual(EVE);
    house.prune(9_000 + GRACE_MS);
    expect(house.set.size).toBe(0);
  });
});
