/** The limits that an operator sets, here so low that a test reaches them: at each, and one past it. */

import { afterEach, describe, expect, test, vi } from "vitest";
import {
  after,
  evict,
  flush,
  holdTimers,
  idsIn,
  inRoom,
  LIVES,
  occupants,
  ring,
  crash,
  socketsLeft,
  storageOf,
} from "../support/room.ts";
import { firstFrames, newRoom, open, openAs, type TestSocket } from "../support/socket.ts";
import { watched } from "../support/worker.ts";

const DIFF = { query: { view: "diff" } };

afterEach(() => {
  vi.useRealTimers();
});

/** That many people, and the room has told all it had to. */
async function people(room: string, size: number, from = 0): Promise<TestSocket[]> {
  const names = Array.from({ length: size }, (_, index) => `user-${from + index}`);
  const sockets: TestSocket[] = [];
  // One after the other, for the order of members.
  // oxlint-disable-next-line no-await-in-loop
  for (const name of names) sockets.push(await openAs(name, room));
  await Promise.all(sockets.map((socket) => socket.heard()));
  return sockets;
}

function ids(size: number): string[] {
  return Array.from({ length: size }, (_, index) => `user-${index}`);
}

function list(room: string, names: string[], parts: object = {}) {
  const members = names.map((id) => ({ id }));
  return { type: "presence", payload: { channel_name: room, members, lurkers: 0, ...parts } };
}

function count(room: string, members: number) {
  return { type: "count", room, members, presences: members, lurkers: 0 };
}

/** Thirty connections, every third a watcher: as many as the room takes. */
async function full(room: string): Promise<TestSocket[]> {
  const opening = Array.from({ length: 30 }, (_, index) =>
    index % 3 === 0 ? open(room, { query: { watch: "1" } }) : openAs(`user-${index}`, room),
  );
  const sockets = await Promise.all(opening);
  await Promise.all(sockets.map((socket) => socket.next()));
  return sockets;
}

async function expectFull(room: string): Promise<void> {
  const late = await openAs("late", room, DIFF);
  expect(await late.next()).toEqual({
    type: "error",
    code: "room_full",
    message: expect.stringContaining("30"),
  });
  expect(await late.closes.next()).toMatchObject({ code: 4100 });
}

describe.each(LIVES)("above ten presences, %s", (_, between) => {
  test("a list has no names but their count", async () => {
    const room = newRoom();
    const sockets = await people(room, 10);
    const watcher = await openAs("eve", room, { query: { watch: "1" } });
    expect(await watcher.next()).toEqual(list(room, ids(10)));
    await between(room);
    const [last] = await people(room, 1, 10);
    expect(await watcher.heard()).toEqual([list(room, [], { count: 11 })]);
    expect(last?.frames.all[0]).toEqual(list(room, [], { count: 11 }));
    expect((await sockets[0]?.heard())?.at(-1)).toEqual(list(room, [], { count: 11 }));
  });

  test("a diff gets counts, and newcomers a welcome and a count", async () => {
    const room = newRoom();
    await people(room, 10);
    const watcher = await openAs("eve", room, { query: { view: "diff", watch: "1" } });
    await firstFrames(watcher);
    await between(room);
    await people(room, 1, 10);
    expect(await watcher.heard()).toEqual([count(room, 11)]);
    await between(room);
    const newcomer = await openAs("zoe", room, DIFF);
    expect(await newcomer.heard()).toEqual([
      expect.objectContaining({ type: "welcome", user: { id: "zoe" } }),
      count(room, 12),
    ]);
    expect(await watcher.heard()).toEqual([count(room, 12)]);
  });

  test("names come back below eight, with the whole snapshot, and not before", async () => {
    const room = newRoom();
    const sockets = await people(room, 11);
    const differ = await openAs("eve", room, { query: { view: "diff", watch: "1" } });
    const lister = await openAs("eve", room, { query: { watch: "1" } });
    await differ.heard();
    await lister.heard();
    for (const size of [10, 9, 8]) {
      /* oxlint-disable no-await-in-loop */
      await between(room);
      sockets[size]?.ws.close();
      expect(await differ.next()).toEqual(count(room, size));
      expect(await lister.next()).toEqual(list(room, [], { count: size }));
      /* oxlint-enable no-await-in-loop */
    }
    await between(room);
    sockets[7]?.ws.close();
    const sync = await differ.nextOf("sync");
    expect(sync.presences.map(({ user }) => user?.id)).toEqual(ids(7));
    expect(await lister.next()).toEqual(list(room, ids(7)));
    await between(room);
    await people(room, 1, 7);
    expect(await differ.heard()).toMatchObject([
      { type: "diff", joins: [{ user: { id: "user-7" } }] },
    ]);
    expect(await lister.heard()).toEqual([list(room, ids(8))]);
  });

  test("a second tab, which changes the number of presences and no member, is told to diffs alone", async () => {
    const room = newRoom();
    const sockets = await people(room, 11);
    const differ = await openAs("eve", room, { query: { view: "diff", watch: "1" } });
    await differ.heard();
    await sockets[1]?.heard();
    await between(room);
    const tab = await openAs("user-0", room);
    await tab.next();
    expect(await differ.heard()).toEqual([{ ...count(room, 11), presences: 12 }]);
    expect(await sockets[1]?.heard()).toEqual([]);
  });

  test("a state is told to nobody", async () => {
    const room = newRoom();
    const sockets = await people(room, 11);
    const differ = await openAs("eve", room, { query: { view: "diff", watch: "1" } });
    await differ.heard();
    await between(room);
    sockets[0]?.send({ type: "state", state: 1 });
    await sockets[0]?.handled();
    expect(await differ.heard()).toEqual([]);
  });

  test("a sync is a count, and HTTP still tells all names", async () => {
    const room = newRoom();
    const sockets = await people(room, 11);
    await between(room);
    const differ = await openAs("eve", room, { query: { view: "diff", watch: "1" } });
    await differ.heard();
    await between(room);
    differ.send({ type: "sync" });
    sockets[0]?.send({ type: "sync" });
    expect(await differ.heard()).toEqual([count(room, 11)]);
    expect(await sockets[0]?.nextOf("presence")).toEqual(list(room, [], { count: 11 }));
    await between(room);
    expect(await occupants(room)).toEqual(list(room, ids(11)).payload);
  });

  test("a room that told counts, emptied and forgot itself begins with names", async () => {
    const room = newRoom();
    const sockets = await people(room, 11);
    await between(room);
    for (const { ws } of sockets) ws.close();
    await Promise.all(sockets.map((socket) => socket.closes.next()));
    await between(room);
    await after(60, room);
    expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
    const ada = await openAs("ada", room);
    expect(await ada.next()).toEqual(list(room, ["ada"]));
  });
});

describe("a full room", () => {
  test.each(LIVES)(
    "turns the thirty-first away, watchers counted, and tells nobody: %s",
    async (_, between) => {
      const room = newRoom();
      const sockets = await full(room);
      const bystander = sockets[1];
      await bystander?.heard();
      await between(room);
      await expectFull(room);
      await between(room);
      expect(await bystander?.heard()).toEqual([]);
      expect(await idsIn(room)).toHaveLength(20);
    },
  );

  test.each(LIVES)("has a place again when one goes: %s", async (_, between) => {
    const room = newRoom();
    const sockets = await full(room);
    await between(room);
    sockets[0]?.ws.close();
    await sockets[0]?.closes.next();
    await between(room);
    const late = await openAs("late", room);
    expect(await late.next()).toMatchObject({ type: "presence" });
    await between(room);
    await expectFull(room);
  });

  test("is as full as before when closed connections answer late", async () => {
    const room = newRoom();
    const sockets = await full(room);
    await evict(room);
    for (const socket of sockets.slice(0, 5)) socket.send({ type: "leave" });
    const more = await Promise.all(
      Array.from({ length: 12 }, (_, index) => openAs(`more-${index}`, room)),
    );
    await Promise.all(sockets.slice(0, 5).map((socket) => socket.closes.next()));
    await Promise.all(more.map((socket) => socket.next()));
    const evenMore = await Promise.all(
      Array.from({ length: 12 }, (_, index) => openAs(`even-more-${index}`, room)),
    );
    await Promise.all(evenMore.map((socket) => socket.next()));
    const inside = [...more, ...evenMore].filter(({ frames }) => {
      const [first] = frames.all;
      return first !== undefined && first !== "heartbeat" && first.type === "presence";
    });
    expect(inside).toHaveLength(5);
  });

  test("lets one who is in it take its own place again", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    const { channel = "", resume = "" } = (await firstFrames(ada)).welcome;
    await Promise.all(Array.from({ length: 29 }, () => open(room, { query: { watch: "1" } })));
    await expectFull(room);
    const again = await openAs("ada", room, { query: { view: "diff", channel, resume } });
    expect((await again.nextOf("welcome")).channel).toBe(channel);
    expect(await ada.closes.next()).toMatchObject({ code: 4009 });
    await expectFull(room);
    expect(await again.heard()).toMatchObject([{ type: "sync" }]);
  });
});

describe("without a grace", () => {
  test.each(LIVES)("a cut line is a loss at once: %s", async (_, between) => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    const bob = await openAs("bob", room, DIFF);
    const { channel = "", resume = "" } = (await firstFrames(bob)).welcome;
    await ada.nextOf("diff");
    await between(room);
    bob.cut();
    expect(await ada.next()).toMatchObject({ leaves: [{ channel, reason: "lost" }] });
    await between(room);
    const again = await openAs("bob", room, { query: { view: "diff", channel, resume } });
    expect((await again.nextOf("welcome")).channel).not.toBe(channel);
  });

  test.each(LIVES)("close 1001 is a goodbye at once: %s", async (_, between) => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    const bob = await openAs("bob", room, DIFF);
    const { channel } = (await firstFrames(bob)).welcome;
    await ada.nextOf("diff");
    await between(room);
    bob.ws.close(1001);
    expect(await ada.next()).toMatchObject({ leaves: [{ channel, reason: "left" }] });
    expect(await idsIn(room)).toEqual(["ada"]);
  });

  test("a loss is one row, as a goodbye is", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    const bob = await openAs("bob", room);
    await ada.next();
    const before = watched(room).rows;
    bob.cut();
    await socketsLeft(room, 1);
    await ada.heard();
    expect(watched(room).rows - before).toBe(1);
  });

  test("after a crash those who were there leave as soon as the room wakes", async () => {
    const room = newRoom();
    await (await openAs("ada", room)).next();
    await crash(room);
    const bob = await openAs("bob", room, DIFF);
    await firstFrames(bob);
    await ring(room);
    await vi.waitFor(async () => expect(await idsIn(room)).toEqual(["bob"]));
    await bob.heard();
    await evict(room);
    expect(await bob.heard()).toEqual([]);
  });
});

describe.each(LIVES)("a state, %s", (_, between) => {
  test("of 64 bytes is taken, also where it is fewer characters", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    await between(room);
    ada.send({ type: "state", state: "x".repeat(62) });
    expect(await ada.next()).toMatchObject({ updates: [{ state: "x".repeat(62) }] });
    await between(room);
    ada.send({ type: "state", state: "é".repeat(31) });
    expect(await ada.next()).toMatchObject({ updates: [{ state: "é".repeat(31) }] });
  });

  test.each(["x".repeat(63), "é".repeat(32), { a: "x".repeat(57) }])(
    "of a byte more is refused, and the one before stays: %j",
    async (state) => {
      const room = newRoom();
      const ada = await openAs("ada", room, DIFF);
      await firstFrames(ada);
      ada.send({ type: "state", state: "before" });
      await ada.next();
      await between(room);
      ada.send({ type: "state", state });
      expect(await ada.next()).toMatchObject({
        type: "error",
        code: "state_too_large",
        message: expect.stringContaining("the limit is 64"),
      });
      await between(room);
      ada.send({ type: "sync" });
      expect((await ada.nextOf("sync")).presences[0]?.state).toBe("before");
    },
  );
});

test("a frame of a byte above the limit closes with 1009, one at the limit does not", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room);
  await ada.heard();
  const mallory = await openAs("mallory", room);
  await mallory.next();
  await ada.next();
  mallory.ws.send("x".repeat(512));
  expect(await mallory.next()).toMatchObject({ code: "bad_frame" });
  mallory.ws.send("x".repeat(513));
  expect(await mallory.next()).toMatchObject({ code: "frame_too_large" });
  expect(await mallory.closes.next()).toMatchObject({ code: 1009 });
  expect(await ada.next()).toEqual(list(room, ["ada"]));
});

test("a room that sends 200 frames a second tells 20 connections at once twice, and then gathers for 2 n / 200 seconds", async () => {
  const room = newRoom();
  const sockets = await people(room, 6);
  const watchers = await Promise.all(
    Array.from({ length: 14 }, () => open(room, { query: { view: "count", watch: "1" } })),
  );
  await Promise.all(watchers.map((watcher) => watcher.next()));
  const [counter] = watchers;
  await evict(room);
  holdTimers();
  sockets[5]?.ws.close();
  expect(await counter?.next()).toEqual(count(room, 5));
  sockets[4]?.ws.close();
  expect(await counter?.next()).toEqual(count(room, 4));
  sockets[3]?.ws.close();
  await sockets[3]?.closes.next();
  await flush(room, 150);
  expect(await counter?.settled()).toEqual([]);
  await flush(room, 50);
  expect(await counter?.next()).toEqual(count(room, 3));
});

test("presences that outlive their connections are bounded too", async () => {
  const room = newRoom();
  const rows = Array.from({ length: 60 }, (_, index) => index);
  await inRoom(room, (_, { storage }) => {
    for (const index of rows) {
      const presence = { channel: `${room}!ghost${index}`, user: null, joinedAt: Date.now() };
      const loss = { at: Date.now() + 60_000, cause: "cut" };
      const entry = {
        presence,
        lastSeen: Date.now(),
        rank: 1,
        memberSince: 0,
        owner: { kind: "local", secret: "secret" },
        loss,
      };
      storage.kv.put(`presence:${presence.channel}`, entry);
    }
  });
  const watcher = await open(room, { query: { watch: "1" } });
  expect(await watcher.next()).toMatchObject({ type: "presence" });
  const late = await open(room);
  expect(await late.next()).toMatchObject({ type: "error", code: "room_full" });
});

test("a counting room that has forgotten itself stores nothing when it speaks once more", async () => {
  const room = newRoom();
  const watcher = await openAs("eve", room, { query: { watch: "1" } });
  await watcher.next();
  const sockets = await people(room, 11);
  for (const socket of sockets) socket.cut();
  await socketsLeft(room, 1);
  await watcher.heard();
  holdTimers();
  watcher.send({ type: "message", payload: "first" });
  await watcher.handled();
  await ring(room);
  await flush(room);
  expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
});
