/** How changes are gathered: the first at once, the others together, and a storm costs each client little. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { flush, holdTimers, evict } from "../support/room.ts";
import { rooms } from "../../src/index.ts";
import { bindings } from "../support/objects.ts";
import { firstFrames, newRoom, open, openAs } from "../support/socket.ts";
import { deploy } from "../support/worker.ts";

const DIFF = { query: { view: "diff" } };

afterEach(() => {
  vi.useRealTimers();
});

/** Ada, in a room that has said nothing for a while; from now on the timers are held. */
async function quietAda(room: string) {
  const ada = await openAs("ada", room, DIFF);
  await firstFrames(ada);
  await evict(room);
  holdTimers();
  return ada;
}

describe("with the timers held", () => {
  test("the first change after a quiet spell is told at once", async () => {
    const room = newRoom();
    const ada = await quietAda(room);
    const bob = await openAs("bob", room);
    expect(await ada.next()).toMatchObject({ joins: [{ user: { id: "bob" } }] });
    expect(await bob.next()).toMatchObject({ type: "presence" });
  });

  test("further changes wait, and come as one frame", async () => {
    const room = newRoom();
    const ada = await quietAda(room);
    const bob = await openAs("bob", room);
    await ada.next();
    await ada.spendBurst();
    await openAs("cid", room);
    await openAs("dan", room);
    await open(room);
    bob.ws.close();
    await bob.closes.next();
    expect(await ada.settled()).toEqual([]);
    await flush(room);
    expect(await ada.next()).toMatchObject({
      type: "diff",
      joins: [{ user: { id: "cid" } }, { user: { id: "dan" } }],
      updates: [],
      leaves: [{ reason: "left" }],
      lurkers: 1,
    });
    expect(await ada.settled()).toEqual([]);
  });

  test("what came and went within one batch is in none", async () => {
    const room = newRoom();
    const ada = await quietAda(room);
    await openAs("bob", room);
    await ada.next();
    await ada.spendBurst();
    const cid = await openAs("cid", room);
    cid.ws.close();
    await cid.closes.next();
    const lurker = await open(room);
    lurker.ws.close();
    await lurker.closes.next();
    await flush(room);
    expect(await ada.settled()).toEqual([]);
  });

  test("one who came and set a state within one batch is a join with that state", async () => {
    const room = newRoom();
    const ada = await quietAda(room);
    await openAs("bob", room);
    await ada.next();
    await ada.spendBurst();
    const cid = await openAs("cid", room);
    cid.send({ type: "state", state: 1 });
    cid.send({ type: "state", state: 2 });
    await cid.settled();
    await flush(room);
    expect(await ada.next()).toMatchObject({
      joins: [{ user: { id: "cid" }, state: 2 }],
      updates: [],
      leaves: [],
    });
  });

  test("of many states of one presence the last is told", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    const bob = await openAs("bob", room);
    await bob.next();
    await ada.next();
    await evict(room);
    holdTimers();
    bob.send({ type: "state", state: { x: 0 } });
    expect(await ada.next()).toMatchObject({ updates: [{ state: { x: 0 } }] });
    await ada.spendBurst();
    for (let x = 1; x < 20; x += 1) bob.send({ type: "state", state: { x } });
    await bob.settled();
    await flush(room);
    expect(await ada.next()).toMatchObject({ updates: [{ state: { x: 19 } }] });
    expect(await ada.settled()).toEqual([]);
  });

  test("one who set a state and left within one batch is a leave alone", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    const bob = await openAs("bob", room);
    await ada.nextOf("diff");
    await evict(room);
    holdTimers();
    await openAs("cid", room);
    await ada.next();
    await ada.spendBurst();
    bob.send({ type: "state", state: "bye" });
    bob.send({ type: "leave" });
    await bob.closes.next();
    await flush(room);
    expect(await ada.next()).toMatchObject({
      joins: [],
      updates: [],
      leaves: [{ reason: "left" }],
    });
  });

  test("a newcomer in a pause is greeted at once, with all that waits, and hears nothing twice", async () => {
    const room = newRoom();
    const ada = await quietAda(room);
    await openAs("bob", room);
    await ada.next();
    await ada.spendBurst();
    await openAs("cid", room);
    const dan = await openAs("dan", room, DIFF);
    const { sync } = await firstFrames(dan);
    expect(sync.presences.map(({ user }) => user?.id)).toEqual(["ada", "bob", "cid", "dan"]);
    await openAs("eve", room);
    expect(await ada.settled()).toEqual([]);
    await flush(room);
    expect(await ada.next()).toMatchObject({
      joins: [{ user: { id: "cid" } }, { user: { id: "dan" } }, { user: { id: "eve" } }],
    });
    expect(await dan.next()).toMatchObject({ joins: [{ user: { id: "eve" } }], leaves: [] });
    expect(await dan.settled()).toEqual([]);
  });

  test("of one who was in its snapshot and left before the flush, a newcomer hears", async () => {
    const room = newRoom();
    const ada = await quietAda(room);
    await openAs("bob", room);
    await ada.next();
    await ada.spendBurst();
    const cid = await openAs("cid", room);
    const dan = await openAs("dan", room, DIFF);
    await firstFrames(dan);
    cid.ws.close();
    await cid.closes.next();
    await flush(room);
    expect(await dan.next()).toMatchObject({ joins: [], leaves: [{ reason: "left" }] });
    expect(await ada.next()).toMatchObject({ joins: [{ user: { id: "dan" } }], leaves: [] });
  });

  test("the pause is a thirtieth of a second in a small room", async () => {
    const room = newRoom();
    const ada = await quietAda(room);
    await openAs("bob", room);
    await ada.next();
    await ada.spendBurst();
    await openAs("cid", room);
    expect(await ada.settled()).toEqual([]);
    await flush(room, 34);
    expect(await ada.next()).toMatchObject({ joins: [{ user: { id: "cid" } }] });
  });
});

test("what comes while a flush is under way waits since then, and no longer than two seconds", async () => {
  const room = newRoom();
  deploy(room, { PRESENCE_ANNOUNCE_RATE: "10" });
  const ada = await openAs("ada", room, DIFF);
  await firstFrames(ada);
  const names = Array.from({ length: 40 }, (_, index) => `user-${index}`);
  const sockets = await Promise.all(names.map((name) => openAs(name, room)));
  await Promise.all(sockets.map((socket) => socket.next()));
  await ada.heard();
  holdTimers();
  const server = rooms(bindings).get(room);
  // More than the sockets are handed in one turn. The rest of it waits for a timer that does not ring.
  await server.send("x".repeat(60_000));
  await flush(room);
  vi.setSystemTime(Date.now() + 10);
  await server.send("behind it");
  vi.setSystemTime(Date.now() + 1_900);
  await flush(room, 1);
  await flush(room, 100);
  const heard = await ada.settled();
  expect(JSON.stringify(heard)).toContain("behind it");
});

test("a storm of 200 joins costs each client a handful of frames, and all see the same in the end", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room, DIFF);
  const { sync } = await firstFrames(ada);
  const lister = await openAs("ada", room);
  await lister.next();
  await ada.nextOf("diff");
  const startedAt = Date.now();
  const names = Array.from({ length: 200 }, (_, index) => `user-${index}`);
  const sockets = await Promise.all(names.map((name) => openAs(name, room)));
  const heard = await ada.heard();
  const seconds = (Date.now() - startedAt) / 1_000;
  expect(heard.length).toBeLessThanOrEqual(30 * seconds + 2);
  expect(heard.length).toBeLessThan(100);
  const joined = heard.flatMap((frame) =>
    frame !== "heartbeat" && frame.type === "diff" ? frame.joins : [],
  );
  expect(new Set(joined.map(({ user }) => user?.id))).toEqual(new Set(names));
  expect(joined).toHaveLength(200);
  expect(new Set(joined.map(({ channel }) => channel)).size).toBe(200);
  ada.send({ type: "sync" });
  const last = await ada.nextOf("sync");
  expect(last.presences.length).toBe(sync.presences.length + 1 + 200);
  const lists = await lister.heard();
  expect(lists.length).toBeLessThanOrEqual(heard.length + 1);
  expect(lists.at(-1)).toMatchObject({ payload: { members: { length: 201 }, lurkers: 0 } });
  await Promise.all(sockets.map((socket) => socket.next()));
  const unread = sockets.map((socket) => socket.frames.all.length);
  expect(Math.max(...unread)).toBeLessThan(100);
});

test(
  "a storm of 200 goodbyes is told in a handful of frames too",
  { timeout: 20_000 },
  async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    const names = Array.from({ length: 200 }, (_, index) => `user-${index}`);
    const sockets = await Promise.all(names.map((name) => openAs(name, room)));
    await ada.heard();
    await evict(room);
    for (const { ws } of sockets) ws.close();
    await Promise.all(sockets.map((socket) => socket.closes.next()));
    const heard = await ada.heard();
    const left = heard.flatMap((frame) =>
      frame !== "heartbeat" && frame.type === "diff" ? frame.leaves : [],
    );
    expect(left).toHaveLength(200);
    expect(new Set(left.map(({ channel }) => channel)).size).toBe(200);
    expect(new Set(left.map(({ reason }) => reason))).toEqual(new Set(["left"]));
    expect(heard.length).toBeLessThan(100);
  },
);
