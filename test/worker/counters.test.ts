/** What a room counts: exact to the last frame, at no row's cost, across sleep. A crash begins anew. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { COUNTERS } from "../../src/core/counters.ts";
import { presencePath, call, roomPath } from "../support/http.ts";
import {
  advance,
  after,
  crash,
  evict,
  inRoom,
  LIVES,
  ring,
  socketsLeft,
  stored,
} from "../support/room.ts";
import { firstFrames, newRoom, open, openAs } from "../support/socket.ts";
import { reportsOf, watched } from "../support/worker.ts";

const DIFF = { query: { view: "diff" } };

afterEach(() => {
  vi.useRealTimers();
});

async function statsOf(room: string): Promise<Record<string, unknown>> {
  const { status, body } = await call("GET", `${roomPath(room)}/stats`);
  expect(status).toBe(200);
  return { ...Object(body) };
}

/** The numbers of a report by the names of its counters. */
function namedReport(doubles: readonly (number | undefined)[]) {
  const names = [...COUNTERS, "connections", "presences"];
  return Object.fromEntries(names.map((name, index) => [name, doubles[index]]));
}

describe.each(LIVES)("%s", (_, between) => {
  test("each coming and going is counted once, by its reason", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    await between(room);
    const bob = await openAs("bob", room, DIFF);
    const { channel = "", resume = "" } = (await firstFrames(bob)).welcome;
    await between(room);
    bob.cut();
    await socketsLeft(room, 1);
    await between(room);
    const back = await openAs("bob", room, { query: { view: "diff", channel, resume } });
    await firstFrames(back);
    await between(room);
    const cid = await openAs("cid", room);
    await cid.next();
    cid.send({ type: "leave" });
    await cid.closes.next();
    await between(room);
    const dan = await openAs("dan", room, DIFF);
    await firstFrames(dan);
    dan.cut();
    await socketsLeft(room, 2);
    await between(room);
    await after(10, room);
    await between(room);
    await call("PUT", presencePath(room, "bot"), { body: { user: { id: "bot" } } });
    await call("PUT", presencePath(room, "bot"), { body: { user: { id: "other" } } });
    await between(room);
    await call("DELETE", presencePath(room, channel));
    await back.closes.next();
    await between(room);
    expect(await statsOf(room)).toMatchObject({
      room,
      connections: 1,
      presences: 2,
      members: 2,
      lurkers: 0,
      joins: 6,
      resumes: 1,
      leaves: { left: 1, lost: 1, expired: 0, removed: 1, replaced: 1 },
      alarms: 1,
    });
    advance(70);
    await ring(room);
    expect(await ada.nextOf("error")).toMatchObject({ code: "expired" });
  });

  test("frames are counted in and out, and batches, which are fewer", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    const watcher = await open(room, { query: { watch: "1" } });
    await watcher.next();
    const before = await statsOf(room);
    expect(before).toMatchObject({ connections: 2, presences: 1, frames: { in: 0, out: 3 } });
    await between(room);
    ada.send({ type: "state", state: 1 });
    await ada.nextOf("diff");
    await between(room);
    ada.send("?");
    await ada.nextOf("error");
    await between(room);
    ada.send({ type: "message", payload: "hello" });
    await Promise.all([ada.nextOf("messages"), watcher.nextOf("messages")]);
    await between(room);
    // A heartbeat is the runtime's business.
    await ada.beat();
    // A diff and a message for Ada, an error for her, a message for the watcher: lists show no state.
    expect(await statsOf(room)).toMatchObject({ frames: { in: 3, out: 7 }, throttled: 0 });
  });

  test("dropped frames are counted", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    const mallory = await openAs("mallory", room, DIFF);
    await firstFrames(mallory);
    await between(room);
    advance(0);
    for (let turn = 0; turn < 50; turn += 1) mallory.send({ type: "state", state: 1 });
    // Always heard, and never dropped.
    mallory.send({ type: "leave" });
    await mallory.closes.next();
    await between(room);
    expect(await statsOf(room)).toMatchObject({ throttled: 10, frames: { in: 51 } });
  });

  test("rows are counted as they are billed, and counting costs none", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    await between(room);
    const bob = await openAs("bob", room, DIFF);
    await firstFrames(bob);
    await between(room);
    bob.send({ type: "leave" });
    await bob.closes.next();
    await between(room);
    await after(60, room);
    expect(await statsOf(room)).toMatchObject({ rowsWritten: watched(room).rows });
  });
});

test("who goes leaves what they counted to those who stay, down to the last one", async () => {
  const room = newRoom();
  const sockets = await Promise.all(
    ["ada", "bob", "cid", "dan"].map((name) => openAs(name, room, DIFF)),
  );
  await Promise.all(sockets.map(firstFrames));
  const [last, ...others] = sockets;
  for (const socket of others) {
    socket.send({ type: "leave" });
    // oxlint-disable-next-line no-await-in-loop
    await socket.closes.next();
    // oxlint-disable-next-line no-await-in-loop
    await evict(room);
  }
  expect(await statsOf(room)).toMatchObject({ joins: 4, leaves: { left: 3 } });
  last?.send({ type: "leave" });
  await last?.closes.next();
  await evict(room);
  expect(await statsOf(room)).toMatchObject({ connections: 0, joins: 0, leaves: { left: 0 } });
});

test("a socket of the version before has no counters, and counts from now on", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room, DIFF);
  await firstFrames(ada);
  await stored(room);
  await inRoom(room, (_, state) => {
    for (const ws of state.getWebSockets()) {
      const {
        counters: _counters,
        bucket: _bucket,
        ...old
      } = { ...Object(ws.deserializeAttachment()) };
      ws.serializeAttachment(old);
    }
  });
  await evict(room);
  ada.send({ type: "state", state: 1 });
  await ada.nextOf("diff");
  expect(await statsOf(room)).toMatchObject({ joins: 0, frames: { in: 1, out: 1 } });
});

test("a crash begins anew, and says since when", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room, DIFF);
  await firstFrames(ada);
  const { since } = await statsOf(room);
  advance(5);
  await crash(room);
  const bob = await openAs("bob", room, DIFF);
  await firstFrames(bob);
  const stats = await statsOf(room);
  expect(stats).toMatchObject({ joins: 1 });
  expect(stats["since"]).toBeGreaterThanOrEqual(Number(since) + 5_000);
});

test("a token that cannot admin in the room learns nothing, and the room sleeps on", async () => {
  const room = newRoom();
  for (const claims of [{ can: ["join", "send"] }, { rooms: ["other*"] }]) {
    // oxlint-disable-next-line no-await-in-loop
    const { status } = await call("GET", `${roomPath(room)}/stats`, { claims });
    expect(status).toBe(403);
  }
  expect(watched(room).constructed).toBe(0);
});

describe.each(LIVES)("the Analytics Engine, %s,", (_, between) => {
  test("gets what was counted since the last time: at an alarm, and when the last one goes", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    await between(room);
    const bob = await openAs("bob", room, DIFF);
    await firstFrames(bob);
    await between(room);
    await ring(room);
    await between(room);
    bob.send({ type: "leave" });
    await bob.closes.next();
    await between(room);
    ada.send({ type: "leave" });
    await ada.closes.next();
    const reports = reportsOf(room).map(namedReport);
    expect(reports).toMatchObject([
      { joins: 2, left: 0, alarms: 1, connections: 2, presences: 2 },
      { joins: 0, left: 2, framesIn: 2, alarms: 0, connections: 0, presences: 0 },
    ]);
  });

  test("gets nothing of a room in which people just sit", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    await ring(room);
    expect(reportsOf(room)).toHaveLength(1);
    for (let turn = 0; turn < 3; turn += 1) {
      advance(15);
      // oxlint-disable-next-line no-await-in-loop
      await ada.beat();
      // oxlint-disable-next-line no-await-in-loop
      await between(room);
      // oxlint-disable-next-line no-await-in-loop
      await ring(room);
    }
    expect(reportsOf(room)).toHaveLength(1);
  });
});
