/** What a room does where its storage fails: memory must not lie, and nobody may be told what is not so. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  advance,
  after,
  alarmIn,
  breakOnce,
  crash,
  evict,
  holdTimers,
  idsIn,
  inRoom,
  occupants,
  ring,
  socketsLeft,
  storageOf,
} from "../support/room.ts";
import { firstFrames, newRoom, openAs, type TestSocket } from "../support/socket.ts";

const DIFF = { query: { view: "diff" } };

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

describe("joins that cannot be stored", () => {
  test("are told to nobody but themselves, and their clients are sent to come again", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.heard();
    await evict(room);
    await breakOnce(room, "put");
    const cid = await openAs("cid", room);
    expect(await cid.next()).toMatchObject({
      payload: { members: [{ id: "ada" }, { id: "cid" }] },
    });
    expect(await cid.closes.next()).toMatchObject({ code: 1011 });
    await ada.heard();
    expect(namesIn(ada)).toEqual(["ada"]);
    expect(await idsIn(room)).toEqual(["ada"]);
    expect(logged.map((line): unknown => JSON.parse(line))).toEqual([
      { event: "what waited could not be told", room, error: "Error: the disk is full" },
    ]);
    const again = await openAs("cid", room);
    expect(await again.next()).toMatchObject({
      payload: { members: [{ id: "ada" }, { id: "cid" }] },
    });
    await again.heard();
    expect(await evict(room).then(() => idsIn(room))).toEqual(["ada", "cid"]);
  });

  test("leave nobody behind who came in the same moment", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.heard();
    await evict(room);
    await breakOnce(room, "put");
    const names = Array.from({ length: 20 }, (_, index) => `user-${index}`);
    const opened = await Promise.allSettled(names.map((name) => openAs(name, room)));
    await ada.heard();
    const open = await inRoom(room, (_, state) =>
      state.getWebSockets().filter(({ readyState }) => readyState === WebSocket.OPEN),
    );
    const reasons = opened.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    const present = await idsIn(room);
    // One at least could not be stored; whoever is present has a socket, and the other way round.
    expect(present.length).toBeLessThanOrEqual(20);
    expect(open).toHaveLength(present.length);
    for (const reason of reasons) expect(String(reason)).toContain("try again later");
    expect(await evict(room).then(() => idsIn(room))).toEqual(present);
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
});

test("a crash between a greeting and its flush: nobody has heard, and the return is one join", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room, DIFF);
  const seat = await seatOf(ada);
  await evict(room);
  holdTimers();
  await ada.spendBurst();
  const zoe = await openAs("zoe", room, DIFF);
  const zoeSeat = await seatOf(zoe);
  expect(await ada.settled()).toEqual([]);
  await crash(room);
  vi.useRealTimers();
  expect(await zoe.closes.next()).toMatchObject({ code: 1006 });
  const adaAgain = await openAs("ada", room, { query: { view: "diff", ...seat } });
  const { sync } = await firstFrames(adaAgain);
  const before = sync.presences.filter(({ user }) => user.id === "zoe").length;
  const zoeAgain = await openAs("zoe", room, { query: { view: "diff", ...zoeSeat } });
  await firstFrames(zoeAgain);
  const heard = await adaAgain.heard();
  const joins = heard.flatMap((frame) =>
    frame !== "heartbeat" && frame.type === "diff" ? frame.joins : [],
  );
  expect(before + joins.length).toBe(1);
  expect(await idsIn(room)).toEqual(["ada", "zoe"]);
});

test("a state whose room could not store something else is told all the same", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room, DIFF);
  const seat = await seatOf(ada);
  const bob = await openAs("bob", room, DIFF);
  const bobSeat = await seatOf(bob);
  await crash(room);
  const adaAgain = await openAs("ada", room, { query: { view: "diff", ...seat } });
  await firstFrames(adaAgain);
  await evict(room);
  await breakOnce(room, "put");
  // Of a return after a restart there is a row to write, and nothing to tell. It is written in the next turn.
  const bobAgain = await openAs("bob", room, { query: { view: "diff", ...bobSeat } });
  await firstFrames(bobAgain);
  await inRoom(room, (instance, state) => {
    const [socket] = state.getWebSockets(`channel:${seat.channel.split("!")[1]}`);
    if (!socket) throw new Error("Ada has no socket");
    const say = () => instance.webSocketMessage(socket, '{"type":"state","state":{"typing":true}}');
    expect(say).toThrow("the disk is full");
  });
  await ring(room);
  const { presences } = await bobAgain.nextOf("sync");
  expect(presences).toMatchObject([{ user: { id: "ada" }, state: { typing: true } }, {}]);
});

/** What resumes the presence of a socket that was just opened in view `diff`. */
async function seatOf(socket: TestSocket): Promise<{ channel: string; resume: string }> {
  const { welcome } = await firstFrames(socket);
  return { channel: welcome.channel ?? "", resume: welcome.resume ?? "" };
}

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
