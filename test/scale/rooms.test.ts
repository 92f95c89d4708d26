/**
 * All rooms there are, ten thousand of them, pruned within the limits of the platform, call after call. Nearly
 * all of the time goes into making and waking ten thousand objects, each with its own file of SQLite.
 */

import { evictAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import {
  CALLS_AT_ONCE,
  LOBBIES,
  ROOMS_PER_SWEEP_STEP,
  SWEEP_STEPS_PER_CALL,
} from "../../src/core/limits.ts";
import { bindingsOf } from "../../src/config/env.ts";
import { rooms } from "../../src/index.ts";
import { LOBBY_NAMES, lobbyOf } from "../../src/rpc/lobbies.ts";
import { rowsOfLobby } from "../support/lobbies.ts";
import { NOTHING } from "../support/objects.ts";
import { advance, storageOf } from "../support/room.ts";
import { Lobby, Room } from "../support/worker.ts";

/** 1,000 in every run of the tests; 10,000, which takes minutes, in project `scale`. */
const SIZE = Number(env.ROOMS);
/** Objects that are awake at a time. Each has three files open, and the system allows some 20,000. */
const AWAKE_MAX = 5_000;
/** Far more than it takes, for a machine that does other things beside. */
const PATIENCE_MS = 15 * 60_000;

const bindings = bindingsOf(env);
const all = rooms(env);
/** Those that a sweep visits first come last: they are awake then, which saves much time. */
const names = Array.from({ length: SIZE }, (_, index) => `room ${index}`).toSorted(
  (a, b) => LOBBY_NAMES.indexOf(lobbyOf(b)) - LOBBY_NAMES.indexOf(lobbyOf(a)),
);

/** One channel in each room. The channel's object is left out: no prune asks it. */
async function fill(some: readonly string[]): Promise<void> {
  const waiting = some.values();
  const worker = async () => {
    for (const name of waiting) {
      const owner = { kind: "detached", generation: 1, linkedAt: 1 } as const;
      // oxlint-disable-next-line no-await-in-loop
      await bindings.PRESENCE_ROOM.getByName(name).add(`channel of ${name}`, { id: name }, owner);
    }
  };
  await Promise.all(Array.from({ length: 20 }, worker));
}

beforeAll(async () => {
  // Tomorrow, or the alarms of the first rooms would ring before the last are made, and remove whom nobody touched.
  advance(86_400);
  await fill(names.slice(0, SIZE - AWAKE_MAX));
  await evictAllDurableObjects();
  await fill(names.slice(SIZE - AWAKE_MAX));
}, PATIENCE_MS);

afterEach(() => {
  vi.restoreAllMocks();
});

afterAll(() => {
  vi.useRealTimers();
});

/** Counts what a call has done: rooms that were visited, the most at once, steps of lobbies. */
function watchCall() {
  const done = { visits: 0, atOnce: 0, steps: 0 };
  let underWay = 0;
  const works: unknown = Reflect.get(Room.prototype, "prune");
  if (typeof works !== "function") throw new Error("a room has no method prune");
  const prune = vi.spyOn(Room.prototype, "prune");
  prune.mockImplementation(async function visit(this: Room, ageMs?: number) {
    done.visits += 1;
    underWay += 1;
    done.atOnce = Math.max(done.atOnce, underWay);
    try {
      return await Reflect.apply(works, this, [ageMs]);
    } finally {
      underWay -= 1;
    }
  });
  const sweep = vi.spyOn(Lobby.prototype, "sweep");
  return () => {
    prune.mockRestore();
    const steps = sweep.mock.calls.length;
    sweep.mockRestore();
    return { ...done, steps };
  };
}

test(
  `prunePresences visits ${env.ROOMS} rooms in calls of a bounded size, and says how far it got`,
  async () => {
    let calls = 0;
    let [visited, pruned] = [0, 0];
    let cursor: string | undefined;
    do {
      const stop = watchCall();
      // oxlint-disable-next-line no-await-in-loop
      const result = await all.prunePresences(0, { cursor });
      const { visits, atOnce, steps } = stop();
      expect(visits).toBe(result.rooms);
      expect(visits).toBeLessThanOrEqual(ROOMS_PER_SWEEP_STEP * SWEEP_STEPS_PER_CALL);
      expect(steps).toBeLessThanOrEqual(SWEEP_STEPS_PER_CALL);
      expect(atOnce).toBeLessThanOrEqual(CALLS_AT_ONCE);
      expect(atOnce).toBeGreaterThan(1);
      calls += 1;
      visited += result.rooms;
      pruned += result.pruned;
      cursor = result.cursor;
      // oxlint-disable-next-line no-await-in-loop
      if (calls % 3 === 0) await evictAllDurableObjects();
    } while (cursor !== undefined);
    expect([visited, pruned]).toEqual([SIZE, SIZE]);
    // The last page of a lobby is seldom a full one.
    expect(calls).toBeLessThanOrEqual(
      Math.ceil((SIZE / ROOMS_PER_SWEEP_STEP + LOBBIES) / SWEEP_STEPS_PER_CALL),
    );
    expect(await all.list()).toEqual({ rooms: [] });
    const rows = await Promise.all(LOBBY_NAMES.map(rowsOfLobby));
    expect(rows.flat()).toEqual([]);
  },
  PATIENCE_MS,
);

test("pruning them again finds nobody, and what is left of a room forgets itself", async () => {
  expect(await all.prunePresences(0)).toEqual({ rooms: 0, pruned: 0 });
  const some = names.filter((_, index) => index % 1_000 === 7);
  for (const name of some) {
    // oxlint-disable-next-line no-await-in-loop
    expect(await all.get(name).presences()).toEqual([]);
    // oxlint-disable-next-line no-await-in-loop
    expect(await bindings.PRESENCE_ROOM.getByName(name).vacate()).toBe(true);
    // oxlint-disable-next-line no-await-in-loop
    expect(await storageOf(name)).toEqual(NOTHING);
  }
});
