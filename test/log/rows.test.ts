/** What the log costs in rows: at most one more with each commit, and deletions of whole parts. */

import { afterEach, expect, test, vi } from "vitest";
import { NO_LINK } from "../../src/core/owner.ts";
import { eventsOf } from "../support/history.ts";
import { advance, flush, holdTimers, inRoom, ring, storageOf } from "../support/room.ts";
import {
  firstFrames,
  newRoom,
  open,
  openAs,
  type TestSocket,
  tokenFor,
} from "../support/socket.ts";
import { watched } from "../support/worker.ts";

const DIFF = { query: { view: "diff" } };
const HISTORY_SECONDS = 120;

afterEach(() => {
  vi.useRealTimers();
});

/** How many rows a room writes meanwhile. */
async function rowsOf(room: string, work: () => Promise<unknown>): Promise<number> {
  const before = watched(room).rows;
  await work();
  return watched(room).rows - before;
}

async function join(id: string, room: string): Promise<TestSocket> {
  const socket = await openAs(id, room, DIFF);
  await firstFrames(socket);
  return socket;
}

test("the first join is three rows with its alarm and its log, each other two", async () => {
  const room = newRoom();
  const first = await rowsOf(room, async () => (await join("ada", room)).heard());
  expect(first).toBe(3);
  for (const id of ["bob", "eve"]) {
    // One after the other, so that each is a commit.
    // oxlint-disable-next-line no-await-in-loop
    expect(await rowsOf(room, async () => (await join(id, room)).heard())).toBe(2);
  }
});

test("a leave is two rows, the last one too", async () => {
  const room = newRoom();
  const ada = await join("ada", room);
  const bob = await join("bob", room);
  await bob.heard();
  for (const socket of [ada, bob]) {
    // oxlint-disable-next-line no-await-in-loop
    const rows = await rowsOf(room, async () => {
      socket.send({ type: "leave" });
      await socket.ended;
    });
    expect(rows).toBe(2);
  }
});

test("heartbeats, messages, states and resumptions are none", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room, DIFF);
  const { welcome } = await firstFrames(ada);
  await ada.heard();
  const rows = await rowsOf(room, async () => {
    ada.send("heartbeat");
    ada.send({ type: "state", state: { typing: true } });
    ada.send({ type: "message", payload: 1 });
    await ada.heard();
    const { channel = "", resume = "", rev = "" } = welcome;
    const query = { view: "diff", channel, resume, since: rev };
    await (await openAs("ada", room, { query })).heard();
    await eventsOf(room);
  });
  expect(rows).toBe(0);
});

test("a flush of 1,000 joins is at most 1,020 rows", async () => {
  const room = newRoom();
  holdTimers();
  // So that its alarm, its listing and its pause are behind it.
  const ada = await join("ada", room);
  await flush(room);
  await ada.spendBurst();
  const ids = Array.from({ length: 1_000 }, (_, index) => `u${index}`);
  const tokens = await Promise.all(ids.map((id) => tokenFor(id)));
  const rows = await rowsOf(room, async () => {
    await Promise.all(tokens.map((token) => open(room, { token, ...DIFF })));
    await flush(room);
  });
  expect((await eventsOf(room, { limit: 1_000 })).events).toHaveLength(1_000);
  expect(rows).toBeGreaterThanOrEqual(1_000);
  expect(rows).toBeLessThanOrEqual(1_020);
}, 60_000);

test("what is too old is deleted part by part, by the room's own alarm", async () => {
  const room = newRoom();
  await join("ada", room);
  await inRoom(room, async (instance) => {
    for (let turn = 0; turn < 500; turn += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await instance.add(`c${turn}`, { id: `u${turn}` }, NO_LINK);
      // oxlint-disable-next-line no-await-in-loop
      await instance.remove(`c${turn}`);
    }
  });
  const kept = () =>
    inRoom(room, (_, { storage }) => [...storage.kv.list({ prefix: "log:" })].length);
  const parts = await kept();
  expect(parts).toBeGreaterThan(10);
  expect(parts).toBeLessThan(60);
  advance(HISTORY_SECONDS + 1);
  const rows = await rowsOf(room, () => ring(room));
  expect(await kept()).toBe(1);
  // Each part that goes, the alarm, and Ada, whose maximum age is over.
  expect(rows).toBeLessThanOrEqual(parts + 4);
});

test("a room whose log has run out is erased, and writes no more", async () => {
  const room = newRoom();
  const ada = await join("ada", room);
  ada.send({ type: "leave" });
  await ada.ended;
  await ring(room);
  advance(HISTORY_SECONDS);
  await ring(room);
  expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
  const rows = await rowsOf(room, async () => {
    await eventsOf(room);
    await ring(room);
  });
  expect(rows).toBe(0);
});
