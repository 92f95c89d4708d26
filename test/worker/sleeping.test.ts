/**
 * What a room costs: the objects that it constructs, the rows that it writes, the alarms that it sets. And
 * that it forgets itself. The runtime stamps heartbeats with the real time whatever the clock of the test
 * says, so here clients join in the past and beat in the present.
 */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  advance,
  after,
  alarmIn,
  breakOnce,
  evict,
  idsIn,
  inRoom,
  LIVES,
  occupants,
  ring,
  socketsLeft,
  storageOf,
} from "../support/room.ts";
import { firstFrames, newRoom, open, openAs, type TestSocket } from "../support/socket.ts";
import { type Watched, watched } from "../support/worker.ts";

const DIFF = { query: { view: "diff" } };
const NOTHING = { tables: 0, alarm: null };

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** What the room did from now on: to be called when it is done. */
function cost(room: string): () => Watched {
  const before = { ...watched(room) };
  return () => {
    const now = watched(room);
    return {
      constructed: now.constructed - before.constructed,
      rows: now.rows - before.rows,
      alarms: now.alarms - before.alarms,
    };
  };
}

/** Moves the clock to some seconds after the real time. */
function setClock(seconds: number): void {
  advance((vi.getRealSystemTime() - Date.now()) / 1_000 + seconds);
}

async function crowd(room: string): Promise<TestSocket[]> {
  const names = Array.from({ length: 100 }, (_, index) => `user-${index}`);
  return Promise.all(names.map((name) => openAs(name, room, DIFF)));
}

describe("a hundred people in a sleeping room", () => {
  test("have their heartbeats answered, and the room neither wakes nor writes", async () => {
    const room = newRoom();
    const sockets = await crowd(room);
    await evict(room);
    const spent = cost(room);
    await Promise.all(sockets.map((socket) => socket.beat()));
    await Promise.all(sockets.map((socket) => socket.beat()));
    expect(spent()).toEqual({ constructed: 0, rows: 0, alarms: 0 });
  });

  test.each([21, 40, 59])(
    "and who beat are all there when the alarm runs %i s after their heartbeats",
    async (seconds) => {
      const room = newRoom();
      setClock(-40);
      const sockets = await crowd(room);
      await evict(room);
      await Promise.all(sockets.map((socket) => socket.beat()));
      setClock(seconds);
      expect(await ring(room)).toBe(true);
      expect(await occupants(room)).toMatchObject({ members: { length: 100 } });
      await evict(room);
      expect(await idsIn(room)).toHaveLength(100);
      const heard = (await sockets[0]?.heard()) ?? [];
      const leaves = heard.filter(
        (frame) => frame !== "heartbeat" && frame.type === "diff" && frame.leaves.length > 0,
      );
      expect(leaves).toEqual([]);
    },
  );

  test.each(LIVES)("and are silent are expired in one frame: %s", async (_, between) => {
    const room = newRoom();
    setClock(-40);
    const ada = await openAs("ada", room, DIFF);
    const lister = await openAs("ada", room);
    const sockets = await crowd(room);
    const welcomes = await Promise.all(sockets.map((socket) => socket.nextOf("welcome")));
    await ada.heard();
    await lister.heard();
    await between(room);
    await ada.beat();
    await lister.beat();
    await between(room);
    setClock(21.5);
    await ring(room);
    const { leaves, lurkers } = await ada.nextOf("diff");
    expect(lurkers).toBe(0);
    expect(new Set(leaves)).toEqual(
      new Set(welcomes.map(({ channel }) => ({ channel, reason: "expired" }))),
    );
    expect(await ada.heard()).toEqual([]);
    expect(await lister.heard()).toEqual([
      { type: "presence", payload: { channel_name: room, members: [{ id: "ada" }], lurkers: 0 } },
    ]);
    const ends = sockets.map(async (socket) => {
      const { code, message } = await socket.nextOf("error");
      return { code, message, close: (await socket.closes.next()).code };
    });
    expect(await Promise.all(ends)).toEqual(
      sockets.map(() => ({ code: "expired", message: expect.any(String), close: 4108 })),
    );
  });
});

test("an alarm that wakes a sleeping room is one row, that of the next one", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room);
  await ada.next();
  await evict(room);
  advance(40);
  // The first alarm tells the lobby once more and remembers it.
  await ring(room);
  for (let turn = 0; turn < 3; turn += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await evict(room);
    advance(5);
    const spent = cost(room);
    // oxlint-disable-next-line no-await-in-loop
    await ring(room);
    // oxlint-disable-next-line no-await-in-loop
    await ada.beat();
    expect(spent()).toMatchObject({ rows: 1, alarms: 1 });
  }
});

describe.each(LIVES)("%s", (_, between) => {
  test("a first join is two rows: the presence and the alarm", async () => {
    const room = newRoom();
    const spent = cost(room);
    const ada = await openAs("ada", room);
    await ada.next();
    await between(room);
    expect(spent()).toMatchObject({ rows: 2, alarms: 1 });
  });

  test("a later join is one row, and a goodbye is one row", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    await between(room);
    const spentJoining = cost(room);
    const bob = await openAs("bob", room);
    await bob.next();
    await ada.next();
    await between(room);
    expect(spentJoining()).toMatchObject({ rows: 1, alarms: 0 });
    const spentLeaving = cost(room);
    bob.ws.close();
    await ada.next();
    await between(room);
    expect(spentLeaving()).toMatchObject({ rows: 1, alarms: 0 });
    const spentLeavingLast = cost(room);
    ada.send({ type: "leave" });
    await ada.closes.next();
    await between(room);
    expect(spentLeavingLast()).toMatchObject({ rows: 1, alarms: 0 });
  });

  test.each([
    ["a heartbeat", (socket: TestSocket) => socket.beat()],
    [
      "a heartbeat that the runtime does not know",
      async (socket: TestSocket) => {
        socket.ws.send(' "heartbeat"');
        await socket.frames.until((frame) => frame === "heartbeat");
      },
    ],
    ["a message", (socket: TestSocket) => socket.heard()],
    [
      "a state",
      async (socket: TestSocket) => {
        socket.send({ type: "state", state: { at: Date.now() } });
        await socket.nextOf("diff");
      },
    ],
    [
      "a sync",
      async (socket: TestSocket) => {
        socket.send({ type: "sync" });
        await socket.nextOf("sync");
      },
    ],
    ["a bad frame", (socket: TestSocket) => socket.settled()],
  ])("%s is no row, today and much later", async (_name, act) => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    await between(room);
    const spent = cost(room);
    await act(ada);
    await between(room);
    advance(20);
    await act(ada);
    await between(room);
    advance(20);
    await act(ada);
    await between(room);
    expect(spent()).toMatchObject({ rows: 0, alarms: 0 });
  });

  test("a clock that ticks while the room wakes is no reason for another alarm", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    await between(room);
    const spent = cost(room);
    let time = Date.now();
    const clock = vi.spyOn(Date, "now").mockImplementation(() => (time += 1));
    ada.send({ type: "state", state: "ticking" });
    await ada.nextOf("diff");
    clock.mockRestore();
    expect(spent()).toMatchObject({ rows: 0, alarms: 0 });
  });

  test("a resume is no row", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    const bob = await openAs("bob", room, DIFF);
    const { channel = "", resume = "" } = (await firstFrames(bob)).welcome;
    await between(room);
    const spent = cost(room);
    const again = await openAs("bob", room, { query: { view: "diff", channel, resume } });
    await firstFrames(again);
    await bob.closes.next();
    await between(room);
    expect(spent()).toMatchObject({ rows: 0, alarms: 0 });
    again.cut();
    await socketsLeft(room, 1);
    await between(room);
    const spentAfterCut = cost(room);
    const third = await openAs("bob", room, { query: { view: "diff", channel, resume } });
    await firstFrames(third);
    await between(room);
    expect(spentAfterCut()).toMatchObject({ rows: 0, alarms: 0 });
  });

  test("people who just sit there with heartbeats cost at most one alarm per 15 s", async () => {
    const room = newRoom();
    const names = ["ada", "bob", "cid", "dan", "eve"];
    const sockets = await Promise.all(names.map((name) => openAs(name, room)));
    await Promise.all(sockets.map((socket) => socket.heard()));
    const spent = cost(room);
    const minutes = 5;
    // A heartbeat that only the room understands: it goes by the clock of the test.
    for (let second = 0; second < minutes * 60; second += 5) {
      advance(5);
      const beating = sockets.filter((_socket, index) => second % 25 === index * 5);
      for (const socket of beating) socket.ws.send(' "heartbeat" ');
      // oxlint-disable-next-line no-await-in-loop
      await Promise.all(beating.map((socket) => socket.next()));
      // oxlint-disable-next-line no-await-in-loop
      await between(room);
      // oxlint-disable-next-line no-await-in-loop
      if ((await alarmIn(room)) <= 0) await ring(room);
    }
    const { rows, alarms } = spent();
    expect(alarms).toBeLessThanOrEqual(minutes * 4);
    // One row more, once: the first alarm notes that the lobby has the room on its list.
    expect(rows).toBe(alarms + 1);
    expect(await idsIn(room)).toHaveLength(names.length);
  });

  test("a room that is empty has forgotten itself within 60 s", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    await between(room);
    advance(50);
    await ada.heard();
    ada.ws.close();
    await ada.closes.next();
    await between(room);
    expect(await alarmIn(room)).toBeLessThanOrEqual(60_000);
    await after(60, room);
    expect(await storageOf(room)).toEqual(NOTHING);
    expect(await ring(room)).toBe(false);
    expect(await occupants(room)).toEqual({ channel_name: room, members: [], lurkers: 0 });
    expect(await storageOf(room)).toEqual(NOTHING);
  });

  test("a room that empties by a loss or an expiry forgets itself at once", async () => {
    const room = newRoom();
    const watcher = await open(room, { query: { watch: "1" } });
    await watcher.next();
    const ada = await openAs("ada", room);
    await ada.next();
    await watcher.next();
    const bob = await openAs("bob", room);
    await bob.next();
    await watcher.next();
    await between(room);
    bob.cut();
    await socketsLeft(room, 2);
    await between(room);
    await after(10, room);
    expect(await watcher.next()).toMatchObject({ payload: { members: [{ id: "ada" }] } });
    await between(room);
    await after(55, room);
    expect(await watcher.next()).toMatchObject({ payload: { members: [] } });
    expect(await storageOf(room)).toEqual(NOTHING);
  });

  test.each([
    ["forgets itself each time", 60, false],
    ["has no time to forget itself", 5, true],
  ])("a room that fills and empties again and again %s", async (_name, pause, isStored) => {
    const room = newRoom();
    const watcher = await openAs("eve", room, { query: { watch: "1" } });
    await watcher.next();
    for (let turn = 0; turn < 4; turn += 1) {
      /* oxlint-disable no-await-in-loop */
      const ada = await openAs("ada", room);
      expect(await ada.next()).toMatchObject({ payload: { members: [{ id: "ada" }] } });
      expect(await watcher.next()).toMatchObject({ payload: { members: [{ id: "ada" }] } });
      await between(room);
      expect(await storageOf(room)).toEqual({
        tables: expect.any(Number),
        alarm: expect.any(Number),
      });
      expect(await alarmIn(room)).toBeGreaterThan(0);
      ada.ws.close();
      expect(await watcher.next()).toMatchObject({ payload: { members: [] } });
      await between(room);
      advance(pause);
      if ((await alarmIn(room)) <= 0) await ring(room);
      expect((await storageOf(room)).tables !== 0).toBe(isStored);
      /* oxlint-enable no-await-in-loop */
    }
    await after(60, room);
    expect(await storageOf(room)).toEqual(NOTHING);
    await between(room);
    expect(await watcher.heard()).toEqual([]);
  });

  test("someone who comes into an empty room before it forgets itself stays", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    ada.ws.close();
    await ada.closes.next();
    await between(room);
    advance(55);
    const bob = await openAs("bob", room);
    await bob.next();
    await between(room);
    await after(5, room);
    expect(await idsIn(room)).toEqual(["bob"]);
    await between(room);
    expect(await alarmIn(room)).toBeLessThanOrEqual(60_000);
    expect(await bob.heard()).toEqual([]);
  });

  test("a look at an empty room stores nothing", async () => {
    const room = newRoom();
    await occupants(room);
    await between(room);
    const watcher = await openAs("eve", room, { query: { view: "diff", watch: "1" } });
    await firstFrames(watcher);
    await between(room);
    watcher.send({ type: "sync" });
    await watcher.nextOf("sync");
    await watcher.heard();
    await between(room);
    watcher.ws.close();
    await watcher.closes.next();
    expect(watched(room)).toMatchObject({ rows: 0, alarms: 0 });
    expect(await storageOf(room)).toEqual(NOTHING);
  });
});

test("an alarm that the platform lost is set again when the room wakes", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room);
  await ada.next();
  await inRoom(room, (_, { storage }) => storage.deleteAlarm());
  await evict(room);
  await occupants(room);
  await vi.waitFor(async () => expect(await alarmIn(room)).toBeLessThanOrEqual(65_000));
  expect(await idsIn(room)).toEqual(["ada"]);
});

async function adaAndLostBob(room: string) {
  const ada = await openAs("ada", room, DIFF);
  await firstFrames(ada);
  const bob = await openAs("bob", room, DIFF);
  const { channel } = (await firstFrames(bob)).welcome;
  await ada.nextOf("diff");
  bob.cut();
  await socketsLeft(room, 1);
  return { ada, channel };
}

describe("an alarm that fails", () => {
  let logged: string[] = [];

  beforeEach(() => {
    logged = [];
    vi.spyOn(console, "error").mockImplementation((line) => logged.push(String(line)));
  });

  test("says so in the log, and is set again for soon", async () => {
    const room = newRoom();
    await adaAndLostBob(room);
    await breakOnce(room, "delete");
    await after(10, room);
    expect(logged.map((line): unknown => JSON.parse(line))).toEqual([
      { event: "alarm failed", room, error: "Error: the disk is full" },
    ]);
    const alarm = await alarmIn(room);
    expect(alarm).toBeGreaterThan(0);
    expect(alarm).toBeLessThanOrEqual(5_000);
  });

  test("still lets those leave whom it was to remove, and the others hear of it once", async () => {
    const room = newRoom();
    const { ada, channel } = await adaAndLostBob(room);
    await breakOnce(room, "delete");
    await after(10, room);
    await after(5, room);
    expect(await ada.heard()).toMatchObject([
      { type: "diff", joins: [], leaves: [{ channel, reason: "lost" }] },
    ]);
    await evict(room);
    await after(30, room);
    expect(await ada.heard()).toEqual([]);
    expect(await idsIn(room)).toEqual(["ada"]);
  });

  test("still lets an empty room forget itself", async () => {
    const room = newRoom();
    const watcher = await openAs("eve", room, { query: { watch: "1" } });
    await watcher.next();
    const ada = await openAs("ada", room);
    await ada.next();
    ada.ws.close();
    await ada.closes.next();
    await breakOnce(room, "deleteAll");
    await after(60, room);
    expect(logged).toHaveLength(1);
    await after(5, room);
    expect(await storageOf(room)).toEqual(NOTHING);
  });
});
