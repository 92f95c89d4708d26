/** The object dies with all its sockets, as in a deploy or on a broken machine, and nobody was away who is back in time. */

import { afterEach, describe, expect, test, vi } from "vitest";
import {
  advance,
  after,
  alarmIn,
  crash,
  inRoom,
  evict,
  idsIn,
  LIVES,
  occupants,
  socketsLeft,
  storageOf,
} from "../support/room.ts";
import { firstFrames, newRoom, open, openAs, type TestSocket } from "../support/socket.ts";
import { watched } from "../support/worker.ts";

const DIFF = { query: { view: "diff" } };

afterEach(() => {
  vi.useRealTimers();
});

type Ticket = { id: string; channel: string; resume: string };

/** Somebody in view `diff`, and what takes the presence up again. */
async function join(id: string, room: string): Promise<{ socket: TestSocket; ticket: Ticket }> {
  const socket = await openAs(id, room, DIFF);
  const { channel = "", resume = "" } = (await firstFrames(socket)).welcome;
  return { socket, ticket: { id, channel, resume } };
}

/** Comes back with a ticket, and must get the presence of before. */
async function comeBack({ id, channel, resume }: Ticket, room: string): Promise<TestSocket> {
  const socket = await openAs(id, room, { query: { view: "diff", channel, resume } });
  expect((await firstFrames(socket)).welcome.channel).toBe(channel);
  return socket;
}

function leaves(channels: string[]) {
  return channels.map((channel) => ({ channel, reason: "lost" }));
}

describe.each(LIVES)("after a crash, %s", (_, between) => {
  test("everybody is still there, and so is a newcomer", async () => {
    const room = newRoom();
    await join("ada", room);
    await join("bob", room);
    const lurker = await open(room);
    await lurker.next();
    await crash(room);
    expect(await lurker.closes.next()).toMatchObject({ code: 1006 });
    await between(room);
    expect(await occupants(room)).toEqual({
      channel_name: room,
      members: [{ id: "ada" }, { id: "bob" }],
      lurkers: 1,
    });
    await between(room);
    const eve = await openAs("eve", room);
    expect(await eve.next()).toMatchObject({
      payload: { members: [{ id: "ada" }, { id: "bob" }, { id: "eve" }], lurkers: 1 },
    });
  });

  test.each([1, 30, 86_400])(
    "the grace runs from the moment the room wakes, here %i s later",
    async (seconds) => {
      const room = newRoom();
      await join("ada", room);
      await join("bob", room);
      await crash(room);
      advance(seconds);
      expect(await idsIn(room)).toEqual(["ada", "bob"]);
      await between(room);
      const alarm = await alarmIn(room);
      expect(alarm).toBeGreaterThan(9_000);
      expect(alarm).toBeLessThanOrEqual(10_000);
      await after(9, room);
      await between(room);
      expect(await idsIn(room)).toEqual(["ada", "bob"]);
      await after(1, room);
      await between(room);
      expect(await idsIn(room)).toEqual([]);
    },
  );

  test("an alarm that wakes the room gives the grace too", async () => {
    const room = newRoom();
    const { ticket } = await join("ada", room);
    await join("bob", room);
    await crash(room);
    await after(65, room);
    await between(room);
    expect(await idsIn(room)).toEqual(["ada", "bob"]);
    const ada = await comeBack(ticket, room);
    await after(10, room);
    expect(await idsIn(room)).toEqual(["ada"]);
    expect(await ada.heard()).toMatchObject([{ type: "diff", leaves: [{ reason: "lost" }] }]);
  });

  test("whoever comes back in time was never away, and the others leave once as lost", async () => {
    const room = newRoom();
    const names = ["ada", "bob", "cid", "dan"];
    const { ticket: adas } = await join("ada", room);
    const { ticket: bobs } = await join("bob", room);
    const { ticket: cids } = await join("cid", room);
    const { ticket: dans } = await join("dan", room);
    await crash(room);
    const ada = await comeBack(adas, room);
    await between(room);
    const watcher = await openAs("eve", room, { query: { watch: "1" } });
    const list = (ids: string[]) => ({
      type: "presence",
      payload: { channel_name: room, members: ids.map((id) => ({ id })), lurkers: 0 },
    });
    expect(await watcher.next()).toEqual(list(names));
    await between(room);
    advance(8);
    const bob = await comeBack(bobs, room);
    await between(room);
    expect(await ada.heard()).toEqual([]);
    await after(3, room);
    await between(room);
    const gone = leaves([cids.channel, dans.channel]);
    expect(await ada.heard()).toMatchObject([{ type: "diff", joins: [], leaves: gone }]);
    expect(await bob.heard()).toMatchObject([{ type: "diff", joins: [], leaves: gone }]);
    expect(await watcher.heard()).toEqual([list(["ada", "bob"])]);
    await between(room);
    await after(20, room);
    await between(room);
    expect(await ada.heard()).toEqual([]);
    expect(await idsIn(room)).toEqual(["ada", "bob"]);
  });

  test("two crashes in a row are as one: each gives the grace anew", async () => {
    const room = newRoom();
    const { ticket: adas } = await join("ada", room);
    const { ticket: bobs } = await join("bob", room);
    const { ticket: cids } = await join("cid", room);
    await crash(room);
    await comeBack(adas, room);
    await comeBack(bobs, room);
    await between(room);
    advance(5);
    await crash(room);
    advance(8);
    const ada = await comeBack(adas, room);
    await between(room);
    await after(9, room);
    await between(room);
    expect(await idsIn(room)).toContain("bob");
    const bob = await comeBack(bobs, room);
    await after(2, room);
    await between(room);
    await after(20, room);
    expect(await idsIn(room)).toEqual(["ada", "bob"]);
    const gone = [{ type: "diff", joins: [], leaves: leaves([cids.channel]) }];
    expect(await ada.heard()).toMatchObject(gone);
    expect(await bob.heard()).toMatchObject(gone);
  });

  test("a crash before anyone was back gives the grace anew", async () => {
    const room = newRoom();
    const { ticket } = await join("ada", room);
    await join("bob", room);
    await crash(room);
    await idsIn(room);
    advance(6);
    await crash(room);
    await between(room);
    advance(3);
    const ada = await comeBack(ticket, room);
    expect(await ada.heard()).toEqual([]);
    await after(30, room);
    expect(await ada.heard()).toMatchObject([{ leaves: [{ reason: "lost" }] }]);
  });

  test("a presence in its grace can still come back, and leaves once if it does not", async () => {
    const room = newRoom();
    const { ticket: adas } = await join("ada", room);
    const { socket: bob, ticket: bobs } = await join("bob", room);
    const { socket: cid, ticket: cids } = await join("cid", room);
    bob.cut();
    cid.cut();
    await socketsLeft(room, 1);
    advance(5);
    await crash(room);
    const ada = await comeBack(adas, room);
    await between(room);
    await comeBack(bobs, room);
    await between(room);
    expect(await ada.heard()).toEqual([]);
    await after(10, room);
    await between(room);
    await after(10, room);
    expect(await ada.heard()).toMatchObject([
      { type: "diff", joins: [], leaves: leaves([cids.channel]) },
    ]);
    expect(await idsIn(room)).toEqual(["ada", "bob"]);
  });

  test.each([
    ["a cut line", (socket: TestSocket) => socket.cut()],
    ["close 1001", (socket: TestSocket) => socket.ws.close(1001)],
  ])("one who had come back from %s just before has the whole grace", async (_name, end) => {
    const room = newRoom();
    const { socket, ticket } = await join("ada", room);
    end(socket);
    await socketsLeft(room, 0);
    advance(1);
    await comeBack(ticket, room);
    await between(room);
    advance(1);
    await crash(room);
    expect(await idsIn(room)).toEqual(["ada"]);
    await after(8.5, room);
    await between(room);
    expect(await idsIn(room)).toEqual(["ada"]);
    await comeBack(ticket, room);
    await after(10, room);
    expect(await idsIn(room)).toEqual(["ada"]);
  });

  test("one who has said goodbye does not rise again", async () => {
    const room = newRoom();
    const { ticket } = await join("ada", room);
    const { socket: bob } = await join("bob", room);
    bob.ws.close();
    await bob.closes.next();
    await between(room);
    await crash(room);
    const ada = await comeBack(ticket, room);
    expect(await idsIn(room)).toEqual(["ada"]);
    expect(await ada.heard()).toEqual([]);
  });

  test("one who comes back without a ticket is two presences and one member until the grace is over", async () => {
    const room = newRoom();
    const { ticket: adas } = await join("ada", room);
    const { ticket: bobs } = await join("bob", room);
    await crash(room);
    const ada = await comeBack(adas, room);
    const lister = await openAs("eve", room, { query: { watch: "1" } });
    await lister.next();
    await between(room);
    const { ticket: fresh } = await join("bob", room);
    expect(await ada.heard()).toMatchObject([{ joins: [{ channel: fresh.channel }] }]);
    await between(room);
    await after(10, room);
    expect(await ada.heard()).toMatchObject([{ joins: [], leaves: leaves([bobs.channel]) }]);
    expect(await lister.heard()).toEqual([]);
  });

  test("a state is gone until its owner says it again", async () => {
    const room = newRoom();
    const { ticket: adas } = await join("ada", room);
    const { socket: bob, ticket: bobs } = await join("bob", room);
    bob.send({ type: "state", state: "typing" });
    await bob.nextOf("diff");
    await crash(room);
    const ada = await comeBack(adas, room);
    const bobAgain = await comeBack(bobs, room);
    await between(room);
    bobAgain.send({ type: "state", state: "typing" });
    expect(await ada.next()).toMatchObject({
      type: "diff",
      joins: [],
      updates: [{ channel: bobs.channel, state: "typing" }],
    });
    ada.send({ type: "sync" });
    expect((await ada.nextOf("sync")).presences).toMatchObject([
      { channel: adas.channel },
      { channel: bobs.channel, state: "typing" },
    ]);
  });

  test("the members are in the order of before", async () => {
    const room = newRoom();
    const { ticket: adas } = await join("ada", room);
    const { ticket: bobs } = await join("bob", room);
    await crash(room);
    await comeBack(bobs, room);
    await between(room);
    await comeBack(adas, room);
    await between(room);
    expect(await idsIn(room)).toEqual(["ada", "bob"]);
  });

  test("a room to which nobody comes back forgets itself", async () => {
    const room = newRoom();
    await join("ada", room);
    await join("bob", room);
    await crash(room);
    await idsIn(room);
    await between(room);
    await after(10, room);
    expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
  });
});

test("a room of watchers comes through a crash with nothing stored", async () => {
  const room = newRoom();
  const watcher = await open(room, { query: { watch: "1" } });
  await watcher.next();
  await crash(room);
  expect(await occupants(room)).toEqual({ channel_name: room, members: [], lurkers: 0 });
  expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
});

test("a restart writes two rows, its time and the alarm, whatever the number of presences", async () => {
  const room = newRoom();
  await Promise.all(["ada", "bob", "cid", "dan", "eve"].map((id) => join(id, room)));
  await crash(room);
  const before = watched(room).rows;
  expect(await idsIn(room)).toHaveLength(5);
  await evict(room);
  expect(await idsIn(room)).toHaveLength(5);
  expect(watched(room).rows - before).toBe(2);
});

test("a row of the first version, which knew no homes, is read as it was meant", async () => {
  const room = newRoom();
  const channel = `${room}!abcdefghijkl`;
  await inRoom(room, (_, { storage }) => {
    const presence = { channel, user: { id: "ada" }, joinedAt: Date.now() };
    const row = { presence, lastSeen: Date.now(), rank: 1, resume: "secret", loss: null };
    storage.kv.put(`presence:${channel}`, row);
  });
  const query = { view: "diff", channel, resume: "secret" };
  const ada = await openAs("ada", room, { query });
  expect(await ada.next()).toMatchObject({ type: "welcome", channel });
});

test("rows of owners as the first version stored them are read as they were meant", async () => {
  const room = newRoom();
  const elsewhere = newRoom();
  const ada = await openAs("ada", elsewhere, DIFF);
  // Its owner knows it, or it would be dropped.
  const { channel: remote = "" } = (await firstFrames(ada)).welcome;
  await inRoom(room, (_, { storage }) => {
    const now = Date.now();
    const put = (key: string, channel: string, home: unknown) => {
      const presence = { channel, user: { id: channel.slice(-3) }, joinedAt: now };
      storage.kv.put(key + channel, {
        presence,
        lastSeen: now,
        rank: 1,
        resume: null,
        home,
        loss: null,
      });
    };
    put("guest:", remote, { socket: { room: elsewhere, view: "diff" }, link: now });
    put("presence:", "bot", { socket: null, link: now });
    storage.kv.put(`links:${room}!abcdefghijkl`, { rooms: [[elsewhere, now]], gone: null });
  });
  expect((await idsIn(room)).toSorted()).toEqual(["bot", remote.slice(-3)].toSorted());
  await evict(room);
  expect((await idsIn(room)).toSorted()).toEqual(["bot", remote.slice(-3)].toSorted());
});
