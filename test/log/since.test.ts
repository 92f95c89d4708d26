/** Who comes back and says what it knew is told what it missed, instead of everything. */

import pMap from "p-map";
import { afterEach, describe, expect, test, vi } from "vitest";
import { LOG_PART_LENGTH } from "../../src/core/limits.ts";
import { rooms } from "../../src/index.ts";
import { bindings } from "../support/objects.ts";
import { advance, crash, evict, inRoom, LIVES, socketsLeft } from "../support/room.ts";
import { firstFrames, newRoom, openAs, type TestSocket } from "../support/socket.ts";

const DIFF = { view: "diff" };
/** The default of `PRESENCE_HISTORY`. */
const HISTORY_SECONDS = 120;

afterEach(() => {
  vi.useRealTimers();
});

async function join(id: string, room: string, query: Record<string, string> = {}) {
  const socket = await openAs(id, room, { query: { ...DIFF, ...query } });
  return { socket, ...(await firstFrames(socket)) };
}

/** Comes back with a revision: the welcome, and the frame after it. */
async function comeBack(id: string, room: string, query: Record<string, string>) {
  const socket = await openAs(id, room, { query: { ...DIFF, ...query } });
  const welcome = await socket.nextOf("welcome");
  return { socket, welcome, frame: await socket.next() };
}

/** How many parts the room's log has. */
function partsIn(room: string): Promise<number> {
  return inRoom(room, (_, { storage }) => [...storage.kv.list({ prefix: "log:" })].length);
}

/** The last revision that a socket was told, once everything has come. */
async function lastRev(socket: TestSocket): Promise<string> {
  await socket.heard();
  const revs = socket.frames.all.flatMap((frame) =>
    frame !== "heartbeat" && "rev" in frame && frame.rev !== undefined ? [frame.rev] : [],
  );
  return revs.at(-1) ?? "";
}

async function tellStatus(socket: TestSocket, status: string): Promise<void> {
  socket.send({ type: "status", status });
  await socket.heard();
}

describe.each(LIVES)("%s, with since", (_, live) => {
  test("whoever missed nothing gets an empty diff", async () => {
    const room = newRoom();
    const ada = await join("ada", room);
    await join("bob", room);
    const rev = await lastRev(ada.socket);
    await live(room);
    ada.socket.cut();
    await socketsLeft(room, 1);
    await live(room);
    const { channel = "", resume = "" } = ada.welcome;
    const back = await comeBack("ada", room, { since: rev, channel, resume });
    expect(back.welcome).toMatchObject({ channel, rev });
    expect(back.frame).toEqual({
      type: "diff",
      room,
      joins: [],
      updates: [],
      leaves: [],
      lurkers: 0,
      since: rev,
      rev,
    });
  });

  test("joins, leaves, other info and all states are told; who came and went is not", async () => {
    const room = newRoom();
    const ada = await join("ada", room);
    const bob = await join("bob", room);
    const eve = await join("eve", room);
    const rev = await lastRev(ada.socket);
    const { channel = "", resume = "" } = ada.welcome;
    ada.socket.cut();
    await socketsLeft(room, 2);
    await live(room);
    const guest = await join("guest", room);
    guest.socket.send({ type: "leave" });
    await guest.socket.ended;
    await live(room);
    bob.socket.send({ type: "leave" });
    await bob.socket.ended;
    eve.socket.send({ type: "state", state: { typing: true } });
    await eve.socket.heard();
    await live(room);
    const kay = await join("kay", room);
    await live(room);
    const back = await comeBack("ada", room, { since: rev, channel, resume });
    expect(back.frame).toMatchObject({
      type: "diff",
      since: rev,
      joins: [{ channel: kay.welcome.channel, user: { id: "kay" } }],
      updates: [{ channel: eve.welcome.channel, state: { typing: true } }],
      leaves: [{ channel: bob.welcome.channel, reason: "left" }],
    });
    expect(back.welcome.rev).not.toBe(rev);
  });

  test("all who are away are told, and of nobody else who was", async () => {
    const room = newRoom();
    const ada = await join("ada", room);
    const bob = await join("bob", room);
    const eve = await join("eve", room);
    await tellStatus(bob.socket, "away");
    await tellStatus(eve.socket, "away");
    const rev = await lastRev(ada.socket);
    await live(room);
    ada.socket.cut();
    await socketsLeft(room, 2);
    await tellStatus(eve.socket, "active");
    await live(room);
    const { channel = "", resume = "" } = ada.welcome;
    const back = await comeBack("ada", room, { since: rev, channel, resume });
    expect(back.frame).toMatchObject({
      joins: [],
      updates: [],
      statuses: [{ channel: bob.welcome.channel, status: "away", activeAt: expect.any(Number) }],
    });
    expect(Reflect.get(Object(back.frame), "statuses")).toHaveLength(1);
  });

  test("whoever did not keep its presence is told of itself, and that its old one left", async () => {
    const room = newRoom();
    await join("bob", room);
    const ada = await join("ada", room);
    const { channel = "", resume = "" } = ada.welcome;
    const { rev = "" } = ada.sync;
    ada.socket.send({ type: "leave" });
    await ada.socket.ended;
    await live(room);
    const back = await comeBack("ada", room, { since: rev, channel, resume });
    expect(back.welcome.channel).not.toBe(channel);
    expect(back.frame).toMatchObject({
      joins: [{ channel: back.welcome.channel }],
      leaves: [{ channel, reason: "left" }],
    });
  });
});

describe("a snapshot comes instead", () => {
  test.each(["nonsense", "0:99", "another-life:1", ":", "0:0:0", "\u{1F600}:1"])(
    "for since=%s",
    async (since) => {
      const room = newRoom();
      const back = await comeBack("ada", room, { since });
      expect(back.frame).toMatchObject({ type: "sync" });
    },
  );

  test("where the room has begun another life", async () => {
    const room = newRoom();
    const { sync } = await join("ada", room);
    await evict(room);
    const rev = (await comeBack("ada", room, {})).welcome.rev ?? "";
    await crash(room);
    await inRoom(room, (__, { storage }) => storage.deleteAll());
    await crash(room);
    const back = await comeBack("ada", room, { since: rev });
    expect(back.frame).toMatchObject({ type: "sync" });
    expect(sync.rev).toBe("0:0");
  });

  test("in views that tell no changes", async () => {
    const room = newRoom();
    const { sync } = await join("ada", room);
    for (const view of ["list", "count"]) {
      // One after the other: each of them joins.
      // oxlint-disable-next-line no-await-in-loop
      const socket = await openAs("bob", room, { query: { view, since: sync.rev ?? "" } });
      // oxlint-disable-next-line no-await-in-loop
      expect(await socket.next()).toMatchObject({ type: view === "list" ? "presence" : "count" });
    }
  });
});

test("a room's revision moves with comings and goings, and with nothing else", async () => {
  const room = newRoom();
  const ada = await join("ada", room);
  await join("bob", room);
  const rev = await lastRev(ada.socket);
  ada.socket.send({ type: "state", state: 1 });
  expect(await lastRev(ada.socket)).toBe(rev);
  await join("eve", room);
  expect(await lastRev(ada.socket)).not.toBe(rev);
});

test("a revision is forgotten with what came after it, whether older parts of the log are still there or not", async () => {
  const room = newRoom();
  const ada = await join("ada", room);
  const handle = rooms(bindings).get(room);
  const text = "x".repeat(900);
  const bots = Array.from({ length: Math.ceil(LOG_PART_LENGTH / 900) }, (__, bot) => `bot-${bot}`);
  await pMap(bots, (id) => handle.add(id, { id, text }), { concurrency: 1 });
  const rev = await lastRev(ada.socket);
  await handle.remove("bot-0");
  expect(await partsIn(room)).toBe(2);
  advance(HISTORY_SECONDS + 10);
  await handle.add("late");
  const { channel = "", resume = "" } = ada.welcome;
  const { frame } = await comeBack("ada", room, { since: rev, channel, resume });
  expect(frame).toMatchObject({ type: "sync", presences: { length: bots.length } });
});
