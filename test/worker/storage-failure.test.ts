/** What a room does where its storage fails: memory must not lie, and nobody may be told what is not so. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  advance,
  after,
  alarmIn,
  breakOnce,
  crash,
  evict,
  flush,
  holdTimers,
  idsIn,
  inRoom,
  occupants,
  ring,
  socketsLeft,
  storageOf,
} from "../support/room.ts";
import { firstFrames, newRoom, openAs, type TestSocket } from "../support/socket.ts";

let logged: string[] = [];

beforeEach(() => {
  logged = [];
  vi.spyOn(console, "error").mockImplementation((line) => logged.push(String(line)));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function namesIn(socket: TestSocket): string[] {
  const lists = socket.frames.all.flatMap((frame) =>
    frame !== "heartbeat" && frame.type === "presence" ? [frame.payload.members] : [],
  );
  return (lists.at(-1) ?? []).map(({ id }) => id);
}

/** Ada and yan are told at once; zoe, bob and cid are gathered, and can then not be stored. */
async function gatheredAndFailed(room: string) {
  const ada = await openAs("ada", room);
  await ada.next();
  await evict(room);
  holdTimers();
  await openAs("yan", room);
  await ada.next();
  const gathered = [
    await openAs("zoe", room),
    await openAs("bob", room),
    await openAs("cid", room),
  ];
  await breakOnce(room, "put");
  return { ada, gathered };
}

describe("joins that cannot be stored", () => {
  test("are told to nobody, and their clients are sent to come again", async () => {
    const room = newRoom();
    const { ada, gathered } = await gatheredAndFailed(room);
    await flush(room);
    for (const { closes, frames } of gathered) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await closes.next()).toMatchObject({ code: 1011 });
      expect(frames.all).toEqual([]);
    }
    vi.useRealTimers();
    expect(namesIn(ada)).toEqual(["ada", "yan"]);
    expect(await idsIn(room)).toEqual(["ada", "yan"]);
    expect(logged.map((line): unknown => JSON.parse(line))).toEqual([
      { event: "what waited could not be told", room, error: "Error: the disk is full" },
    ]);
    const again = await openAs("cid", room);
    expect(await again.next()).toMatchObject({
      payload: { members: [{ id: "ada" }, { id: "yan" }, { id: "cid" }] },
    });
    expect(await evict(room).then(() => idsIn(room))).toEqual(["ada", "yan", "cid"]);
  });

  test("take nothing with them that is stored by another change in time", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    await evict(room);
    holdTimers();
    const yan = await openAs("yan", room);
    await ada.next();
    await openAs("zoe", room);
    yan.send({ type: "leave" });
    await yan.closes.next();
    // What waits is told to nobody yet, and would outlive the room's death.
    await crash(room);
    vi.useRealTimers();
    expect(await idsIn(room)).toEqual(["ada", "zoe"]);
  });

  test("alone, are refused at once", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    await evict(room);
    await breakOnce(room, "put");
    await expect(openAs("cid", room)).rejects.toThrow("try again later");
    // None is left behind that nobody holds the other end of.
    const open = await inRoom(room, (_, state) =>
      state.getWebSockets().filter(({ readyState }) => readyState === WebSocket.OPEN),
    );
    expect(open).toHaveLength(1);
    expect(await idsIn(room)).toEqual(["ada"]);
    await ada.handled();
    expect(namesIn(ada)).toEqual(["ada"]);
  });
});

test("a join that waits to be told is undone by a crash: nobody has heard of it, and it is not there", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room);
  await ada.next();
  await evict(room);
  holdTimers();
  await openAs("yan", room);
  await ada.next();
  const zoe = await openAs("zoe", room);
  await crash(room);
  vi.useRealTimers();
  expect(await zoe.closes.next()).toMatchObject({ code: 1006 });
  expect(zoe.frames.all).toEqual([]);
  expect(await idsIn(room)).toEqual(["ada", "yan"]);
});

describe.each([
  ["a lost connection", "put" as const, (ada: TestSocket) => ada.cut()],
  ["a goodbye", "delete" as const, (ada: TestSocket) => ada.ws.close(1000)],
])("%s that cannot be stored, of somebody who was lost before and came back,", (_, write, end) => {
  test("is a loss from now on: the grace is kept, and is the end of it", async () => {
    const room = newRoom();
    const bob = await openAs("bob", room);
    await bob.next();
    const before = await openAs("ada", room, { query: { view: "diff" } });
    const { channel = "", resume = "" } = (await firstFrames(before)).welcome;
    before.cut();
    await socketsLeft(room, 1);
    const ada = await openAs("ada", room, { query: { view: "diff", channel, resume } });
    await firstFrames(ada);
    await after(28, room);
    await bob.handled();
    await breakOnce(room, write);
    end(ada);
    await socketsLeft(room, 1);
    expect(await idsIn(room)).toEqual(["bob", "ada"]);
    await ring(room);
    expect(await idsIn(room)).toEqual(["bob", "ada"]);
    expect(await alarmIn(room)).toBeLessThanOrEqual(10_000);
    await after(11, room);
    expect(await idsIn(room)).toEqual(["bob"]);
  });
});

test("an alarm whose room cannot even be read is set again", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room);
  await ada.next();
  await evict(room);
  advance(62);
  await inRoom(room, (_, { storage }) => {
    const list = storage.kv.list.bind(storage.kv);
    const fail = () => {
      Object.defineProperty(storage.kv, "list", { configurable: true, value: list });
      throw new Error("the disk is gone");
    };
    Object.defineProperty(storage.kv, "list", { configurable: true, value: fail });
  });
  await ring(room);
  expect(logged).toHaveLength(1);
  expect(await alarmIn(room)).toBeGreaterThan(0);
  expect(await alarmIn(room)).toBeLessThanOrEqual(5_000);
});

test("an emptied room that has lost its alarm gets another when it wakes, and forgets itself", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room);
  await ada.next();
  ada.ws.close();
  await ada.closes.next();
  await inRoom(room, (_, { storage }) => storage.deleteAlarm());
  await evict(room);
  expect(await occupants(room)).toMatchObject({ members: [] });
  await vi.waitFor(async () => expect(await alarmIn(room)).toBeGreaterThan(0));
  await after(60, room);
  expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
});

test("a row that cannot be read is discarded, and the others stay", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room);
  await ada.next();
  await inRoom(room, (_, { storage }) =>
    storage.kv.put("presence:strange", { from: "another version" }),
  );
  await evict(room);
  expect(await idsIn(room)).toEqual(["ada"]);
  expect(logged.map((line): unknown => JSON.parse(line))).toEqual([
    { event: "unreadable row discarded", key: "presence:strange" },
  ]);
});

test("a socket whose attachment cannot be read is closed, and the others stay", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room, { query: { view: "diff" } });
  await firstFrames(ada);
  const bob = await openAs("bob", room);
  await bob.next();
  await inRoom(room, (_, state) => {
    const [socket] = state.getWebSockets("view:list");
    socket?.serializeAttachment({ from: "another version" });
  });
  await evict(room);
  expect(await idsIn(room)).toEqual(["ada", "bob"]);
  expect(await bob.closes.next()).toMatchObject({ code: 1011 });
  await after(13, room);
  expect(await idsIn(room)).toEqual(["ada"]);
});

test("a state of the largest size is kept whatever its numbers take in memory", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room, { query: { view: "diff" } });
  await firstFrames(ada);
  // Two bytes each as JSON, nine as a structured clone.
  ada.ws.send(`{"type":"state","state":[${"-0,".repeat(1_022)}-0]}`);
  await ada.nextOf("diff");
  await evict(room);
  ada.send({ type: "sync" });
  const { presences } = await ada.nextOf("sync");
  expect(JSON.stringify(presences[0]?.state)).toHaveLength(2_047);
});
