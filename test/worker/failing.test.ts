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

/** Ada is told at once, zoe and bob are gathered, and cid cannot be stored. */
async function gatheredAndFailed(room: string): Promise<TestSocket> {
  const ada = await openAs("ada", room);
  await ada.next();
  await evict(room);
  holdTimers();
  await openAs("yan", room);
  await ada.next();
  await openAs("zoe", room);
  await openAs("bob", room);
  await breakOnce(room, "put");
  await expect(openAs("cid", room)).rejects.toThrow("try again later");
  return ada;
}

describe("a join that cannot be stored", () => {
  test("is told to nobody, and those who were gathered before it are", async () => {
    const room = newRoom();
    const ada = await gatheredAndFailed(room);
    await flush(room);
    await ada.handled();
    expect(namesIn(ada)).toEqual(["ada", "yan", "zoe", "bob"]);
    expect(await idsIn(room)).toEqual(["ada", "yan", "zoe", "bob"]);
  });

  test("leaves no socket behind that nobody holds the other end of", async () => {
    const room = newRoom();
    await gatheredAndFailed(room);
    const open = await inRoom(room, (_, state) =>
      state.getWebSockets().filter(({ readyState }) => readyState === WebSocket.OPEN),
    );
    expect(open).toHaveLength(4);
    await flush(room);
    vi.useRealTimers();
    await crash(room);
    expect(await idsIn(room)).toEqual(["ada", "yan", "zoe", "bob"]);
  });

  test("hides nobody when somebody looks before the room speaks", async () => {
    const room = newRoom();
    const ada = await gatheredAndFailed(room);
    expect(await idsIn(room)).toEqual(["ada", "yan", "zoe", "bob"]);
    await flush(room);
    await ada.handled();
    expect(namesIn(ada)).toEqual(["ada", "yan", "zoe", "bob"]);
  });
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
