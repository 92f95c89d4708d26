/**
 * Whether somebody is at a connection: who is told, what survives, and what it costs, which is no row. The clock is
 * the test's; a client that goes on beating is one that says something to the room itself.
 */

import { afterEach, describe, expect, test, vi } from "vitest";
import {
  advance,
  crash,
  evict,
  flush,
  holdTimers,
  LIVES,
  occupants,
  ring,
  socketsLeft,
  stored,
} from "../support/room.ts";
import {
  firstFrames,
  newRoom,
  open,
  openAs,
  tokenFor,
  type TestSocket,
} from "../support/socket.ts";
import { watched } from "../support/worker.ts";
import { exports } from "cloudflare:workers";

const DIFF = { query: { view: "diff" } };

afterEach(() => {
  vi.useRealTimers();
});

async function join(id: string, room: string, query: Record<string, string> = {}) {
  const socket = await openAs(id, room, { query: { ...DIFF.query, ...query } });
  const { welcome, sync } = await firstFrames(socket);
  return { socket, sync, channel: welcome.channel ?? "", resume: welcome.resume ?? "" };
}

/** Everybody is there and has heard of all. */
async function party(room: string) {
  const ada = await join("ada", room);
  const bob = await join("bob", room);
  await ada.socket.heard();
  return { ada, bob };
}

async function tell(socket: TestSocket, status: unknown): Promise<void> {
  socket.send({ type: "status", status });
  await socket.handled();
}

/** Everybody gives a sign of life, so that nobody expires in the next alarm. */
async function beat(...sockets: readonly TestSocket[]): Promise<void> {
  await Promise.all(sockets.map((socket) => socket.handled()));
}

/** So many alarms ring, 50 seconds apart, while everybody goes on beating. */
async function pass(
  alarms: number,
  room: string,
  sockets: readonly TestSocket[],
  live: (room: string) => Promise<void> = stored,
): Promise<void> {
  if (alarms === 0) return;
  advance(50);
  await beat(...sockets);
  await ring(room);
  await live(room);
  await pass(alarms - 1, room, sockets, live);
}

function told(channel: string, status: "active" | "away", activeAt: unknown = expect.any(Number)) {
  return { joins: [], updates: [], leaves: [], statuses: [{ channel, status, activeAt }] };
}

describe.each(LIVES)("%s, a status", (_, live) => {
  test("is told to view diff when it changes, and to no other view", async () => {
    const room = newRoom();
    const { ada, bob } = await party(room);
    const list = await openAs("ada", room);
    const count = await openAs("ada", room, { query: { view: "count" } });
    const lists = await Promise.all([list.heard(), count.heard()]);
    expect(lists.flat()).toHaveLength(2);
    await ada.socket.heard();
    await live(room);
    await tell(bob.socket, "away");
    const [away, ...rest] = await ada.socket.heard();
    expect(rest).toEqual([]);
    expect(away).toMatchObject({ type: "diff", room, ...told(bob.channel, "away"), lurkers: 0 });
    await live(room);
    await tell(bob.socket, "active");
    expect(await ada.socket.heard()).toMatchObject([told(bob.channel, "active")]);
    expect([await list.heard(), await count.heard()]).toEqual([[], []]);
  });

  test("is in the snapshot of a newcomer where it is away, and in nothing where it is not", async () => {
    const room = newRoom();
    const { ada, bob } = await party(room);
    await tell(ada.socket, "active");
    await tell(bob.socket, "away");
    await live(room);
    const eve = await join("eve", room);
    const others = eve.sync.presences.slice(0, 2).map(({ status, activeAt }) => [status, activeAt]);
    expect(others).toEqual([
      [undefined, undefined],
      ["away", expect.any(Number)],
    ]);
    expect(JSON.stringify(eve.sync)).not.toContain('active"');
  });

  test("says when `active` was last told, and a renewal is told to nobody and costs no row", async () => {
    const room = newRoom();
    const { ada, bob } = await party(room);
    await live(room);
    const { rows } = watched(room);
    await tell(bob.socket, "active");
    await live(room);
    advance(30);
    const renewedAt = Date.now();
    await tell(bob.socket, "active");
    await live(room);
    advance(10);
    expect(await ada.socket.heard()).toEqual([]);
    await tell(bob.socket, "away");
    await live(room);
    await tell(bob.socket, "away");
    const frames = await ada.socket.heard();
    expect(frames).toMatchObject([told(bob.channel, "away", expect.any(Number))]);
    const [frame] = frames;
    const activeAt = Number(JSON.stringify(frame).match(/"activeAt":(\d+)/)?.[1]);
    expect(activeAt).toBeGreaterThanOrEqual(renewedAt);
    expect(activeAt).toBeLessThan(renewedAt + 5_000);
    expect(watched(room).rows).toBe(rows);
  });

  test("of active becomes away by itself six minutes after it was last told, in an alarm that rings anyway", async () => {
    const room = newRoom();
    const { ada, bob } = await party(room);
    await tell(ada.socket, "active");
    await tell(bob.socket, "active");
    await live(room);
    const sockets = [ada.socket, bob.socket];
    await pass(4, room, sockets);
    await tell(ada.socket, "active");
    await live(room);
    await pass(3, room, sockets);
    expect(await ada.socket.heard()).toEqual([]);
    advance(15);
    await beat(...sockets);
    const { rows, alarms } = watched(room);
    await ring(room);
    // The alarm that every room sets again, and nothing else.
    expect(watched(room)).toMatchObject({ rows: rows + 1, alarms: alarms + 1 });
    expect(await ada.socket.heard()).toMatchObject([told(bob.channel, "away")]);
    await live(room);
    expect((await join("eve", room)).sync.presences).toMatchObject([
      expect.not.objectContaining({ status: "away" }),
      { channel: bob.channel, status: "away" },
      { user: { id: "eve" } },
    ]);
    await ada.socket.heard();
    await ring(room);
    expect(await ada.socket.heard()).toEqual([]);
    await tell(bob.socket, "active");
    expect(await ada.socket.heard()).toMatchObject([told(bob.channel, "active")]);
  });

  test("that was never told stays none, however long somebody is silent", async () => {
    const room = newRoom();
    const { ada, bob } = await party(room);
    await pass(8, room, [ada.socket, bob.socket], live);
    expect(await ada.socket.heard()).toEqual([]);
    expect(JSON.stringify(await join("eve", room))).not.toContain("status");
  });

  test("is kept by who resumes the presence", async () => {
    const room = newRoom();
    const { ada, bob } = await party(room);
    await tell(bob.socket, "away");
    await ada.socket.heard();
    bob.socket.cut();
    await socketsLeft(room, 1);
    await live(room);
    const back = await join("bob", room, { channel: bob.channel, resume: bob.resume });
    expect(back.sync.presences).toMatchObject([{}, { channel: bob.channel, status: "away" }]);
    await live(room);
    await tell(back.socket, "active");
    expect(await ada.socket.heard()).toMatchObject([told(bob.channel, "active")]);
  });
});

test("of a newcomer is in its join where both are told at once", async () => {
  const room = newRoom();
  const { ada } = await party(room);
  holdTimers();
  await ada.socket.spendBurst();
  const eve = await join("eve", room);
  await tell(eve.socket, "away");
  await flush(room);
  const frame = await ada.socket.nextOf("diff");
  expect(frame.joins).toMatchObject([{ channel: eve.channel, status: "away" }]);
  expect(frame).not.toHaveProperty("statuses");
});

test("after a restart nobody knows it, until it is told again", async () => {
  const room = newRoom();
  const { ada, bob } = await party(room);
  await tell(bob.socket, "away");
  await ada.socket.heard();
  await crash(room);
  const back = await join("ada", room, { channel: ada.channel, resume: ada.resume });
  expect(JSON.stringify(back.sync)).not.toContain("away");
  const bobs = await join("bob", room, { channel: bob.channel, resume: bob.resume });
  await tell(bobs.socket, "away");
  expect(await back.socket.heard()).toMatchObject([told(bob.channel, "away")]);
});

test("a watcher has none, an anonymous presence shows none, and what is no status is refused", async () => {
  const room = newRoom();
  const { ada, bob } = await party(room);
  const watcher = await openAs("eve", room, { query: { view: "diff", watch: "1" } });
  await firstFrames(watcher);
  watcher.send({ type: "status", status: "away" });
  expect(await watcher.next()).toMatchObject({ type: "error", code: "forbidden" });
  const lurker = await open(room, DIFF);
  await firstFrames(lurker);
  expect(await ada.socket.heard()).toMatchObject([{ lurkers: 1 }]);
  await tell(lurker, "away");
  for (const status of [
    null,
    "",
    "Away",
    "dnd",
    "offline",
    1,
    ["away"],
    { away: true },
    undefined,
  ]) {
    bob.socket.send({ type: "status", status });
    // oxlint-disable-next-line no-await-in-loop
    expect(await bob.socket.nextOf("error")).toMatchObject({ code: "bad_frame" });
  }
  expect(await ada.socket.heard()).toEqual([]);
});

test("a server reads nothing of it, and is not told", async () => {
  const room = newRoom();
  const { bob } = await party(room);
  await tell(bob.socket, "away");
  expect(await occupants(room)).toEqual({
    channel_name: room,
    members: [{ id: "ada" }, { id: "bob" }],
    lurkers: 0,
  });
  const token = await tokenFor("server", { can: ["admin"] });
  const answer = await exports.default.fetch(`https://presence.test/rooms/${room}/presences`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  const text = await answer.text();
  expect(text).toContain(bob.channel);
  expect(text).not.toMatch(/status|activeAt/);
});

test("other info keeps it, another user begins without", async () => {
  const room = newRoom();
  const { ada, bob } = await party(room);
  await tell(bob.socket, "away");
  await ada.socket.heard();
  const token = await tokenFor("server", { can: ["admin"] });
  const put = async (user: object) => {
    const url = `https://presence.test/rooms/${room}/presences/${encodeURIComponent(bob.channel)}`;
    await exports.default.fetch(url, {
      method: "PUT",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ user }),
    });
  };
  await put({ id: "bob", name: "Bob" });
  await evict(room);
  const eve = await join("eve", room);
  expect(eve.sync.presences).toContainEqual(
    expect.objectContaining({ user: { id: "bob", name: "Bob" }, status: "away" }),
  );
  await put({ id: "kay" });
  await evict(room);
  const { sync } = await join("eve", room);
  expect(sync.presences).toContainEqual(expect.objectContaining({ user: { id: "kay" } }));
  expect(JSON.stringify(sync)).not.toContain("away");
});
