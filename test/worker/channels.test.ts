/** Channels that are in several rooms: those that have a socket in one of them, and those that have none. */

import { exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { presences, rooms } from "../../src/index.ts";
import type { View } from "../../src/core/protocol.ts";
import {
  believed,
  bindings,
  channelObject,
  channelsIn,
  expectNothingIn,
  heardOf,
  nextOfRoom,
  NOTHING,
  ringAll,
  roomObject,
  roomOf,
} from "../support/objects.ts";
import {
  advance,
  after,
  alarmIn,
  crash,
  evict,
  flush,
  holdTimers,
  idsIn,
  LIVES,
  occupants,
  ring,
  socketsLeft,
  storageOf,
} from "../support/room.ts";
import {
  firstFrames,
  newRoom,
  open,
  openAs,
  tokenFor,
  type TestSocket,
} from "../support/socket.ts";
import { Room } from "../support/worker.ts";

const DIFF = { query: { view: "diff" } };
const ADA = { id: "ada" };
const BOB = { id: "bob" };

let logged: string[] = [];

beforeEach(() => {
  logged = [];
  vi.spyOn(console, "error").mockImplementation((line) => logged.push(String(line)));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Moves the clock to some seconds after the real time, by which heartbeats are stamped. */
function setClock(seconds: number): void {
  advance((vi.getRealSystemTime() - Date.now()) / 1_000 + seconds);
}

/** Bob at home, seen by Hal; Ada in a second room, with somebody who watches its list. */
async function neighbours(view: View = "diff") {
  const [home, second] = [newRoom(), newRoom()];
  const [hal, ada, lister] = await Promise.all([
    openAs("hal", home, DIFF),
    openAs("ada", second, DIFF),
    openAs("eve", second, { query: { watch: "1" } }),
  ]);
  await firstFrames(hal);
  const bob = await openAs("bob", home, { query: { view } });
  const presence = (await hal.nextOf("diff")).joins[0];
  const channel = presence?.channel ?? "";
  const welcome = view === "diff" ? (await firstFrames(bob)).welcome : await bob.next();
  const resume = typeof welcome === "object" && "resume" in welcome ? (welcome.resume ?? "") : "";
  await ada.heard();
  await lister.heard();
  return { home, second, hal, bob, channel, resume, ada, lister };
}

/** The same, and Bob is a guest of the second room; all has been heard so far. */
async function withGuest(view: View = "diff") {
  const all = await neighbours(view);
  await rooms(bindings).add(all.second, all.channel, BOB);
  await all.ada.nextOf("diff");
  await all.lister.nextOf("presence");
  await nextOfRoom(all.bob, all.second);
  return all;
}

function list(room: string, ids: string[], lurkers = 0) {
  const members = ids.map((id) => ({ id }));
  return { type: "presence", payload: { channel_name: room, members, lurkers } };
}

function left(room: string, channel: string, reason: string) {
  return { type: "diff", room, joins: [], updates: [], leaves: [{ channel, reason }], lurkers: 0 };
}

function joined(room: string, channel: string, user: object) {
  const joins = [{ channel, user, joinedAt: expect.any(Number) }];
  return { type: "diff", room, joins, updates: [], leaves: [], lurkers: 0 };
}

function counts(room: string, members: number, lurkers = 0) {
  return { type: "count", room, members, presences: members + lurkers, lurkers };
}

function said(room: string, ...payloads: unknown[]) {
  const messages = payloads.map((payload) => ({ from: null, payload }));
  return { type: "messages", room, messages };
}

/** Back with the same presence, in whichever view. */
async function comeBack(
  home: string,
  { channel, resume }: { channel: string; resume: string },
  view: View = "diff",
): Promise<TestSocket> {
  return openAs("bob", home, { query: { view, channel, resume } });
}

describe("a socket's channel that is added to a second room", () => {
  test("hears of it in view list: the list with itself, then each change", async () => {
    const { second, bob, channel, ada } = await neighbours("list");
    await rooms(bindings).add(second, channel, BOB);
    expect(await nextOfRoom(bob, second)).toEqual(list(second, ["ada", "bob"]));
    const cid = await openAs("cid", second);
    expect(await nextOfRoom(bob, second)).toEqual(list(second, ["ada", "bob", "cid"]));
    ada.ws.close();
    expect(await nextOfRoom(bob, second)).toEqual(list(second, ["bob", "cid"]));
    cid.ws.close();
    expect(await nextOfRoom(bob, second)).toEqual(list(second, ["bob"]));
  });

  test("hears of it in view diff: a sync with itself, then each diff, and no welcome", async () => {
    const { second, bob, channel, ada } = await neighbours("diff");
    await rooms(bindings).add(second, channel, BOB);
    const sync = await nextOfRoom(bob, second);
    expect(sync).toEqual({
      type: "sync",
      room: second,
      presences: [
        { channel: expect.stringMatching(`^${second}!`), user: ADA, joinedAt: expect.any(Number) },
        { channel, user: BOB, joinedAt: expect.any(Number) },
      ],
      lurkers: 0,
    });
    ada.send({ type: "state", state: { typing: true } });
    const adas = (await ada.nextOf("diff")).joins;
    expect(adas).toHaveLength(1);
    const { updates } = await bob.nextOf("diff");
    expect(updates).toEqual([{ channel: expect.any(String), state: { typing: true } }]);
    ada.send({ type: "leave" });
    expect(await nextOfRoom(bob, second)).toEqual(left(second, updates[0]?.channel ?? "", "left"));
    expect(await heardOf(bob, second)).toEqual([]);
  });

  test("hears of it in view count: the numbers with itself, then each change", async () => {
    const { second, bob, channel } = await neighbours("count");
    await rooms(bindings).add(second, channel, BOB);
    expect(await nextOfRoom(bob, second)).toEqual(counts(second, 2));
    const lurker = await open(second);
    expect(await nextOfRoom(bob, second)).toEqual(counts(second, 2, 1));
    lurker.ws.close();
    expect(await nextOfRoom(bob, second)).toEqual(counts(second, 2));
  });

  test.each(["list", "diff", "count"] as const)(
    "gets the messages of all its rooms in view %s, each room's in order",
    async (view) => {
      const { home, second, bob, channel, ada } = await neighbours(view);
      const third = newRoom();
      await rooms(bindings).add(second, channel, BOB);
      await rooms(bindings).add(third, channel, BOB);
      const numbers = Array.from({ length: 20 }, (_, index) => index);
      for (const number of numbers) {
        ada.send({ type: "message", payload: number });
        // oxlint-disable-next-line no-await-in-loop
        await Promise.all([home, third].map((room) => rooms(bindings).send(room, number)));
      }
      await ada.handled();
      await rooms(bindings).send(second, "end");
      await bob.frames.until(
        (frame) =>
          frame !== "heartbeat" &&
          frame.type === "messages" &&
          frame.messages.some(({ payload }) => payload === "end"),
      );
      await heardOf(bob, home);
      await heardOf(bob, third);
      const payloads = (room: string) =>
        bob.frames.all.flatMap((frame) =>
          frame !== "heartbeat" && frame.type === "messages" && frame.room === room
            ? frame.messages.map(({ payload }) => payload)
            : [],
        );
      expect(payloads(home)).toEqual(numbers);
      expect(payloads(second)).toEqual([...numbers, "end"]);
      expect(payloads(third)).toEqual(numbers);
    },
  );

  test("gets each message with its sender, and counts as one connection", async () => {
    const { second, bob, ada } = await withGuest();
    ada.send({ type: "message", payload: "hello" });
    const { room, messages } = await bob.nextOf("messages");
    expect(room).toBe(second);
    expect(messages).toEqual([
      { from: { channel: expect.stringMatching(`^${second}!`), user: ADA }, payload: "hello" },
    ]);
    expect(await rooms(bindings).send(second, "to all")).toBe(3);
    expect(await bob.nextOf("messages")).toEqual(said(second, "to all"));
  });

  test("is seen to come by those who are there", async () => {
    const { second, channel, ada, lister } = await neighbours();
    await rooms(bindings).add(second, channel, BOB);
    expect(await ada.next()).toEqual(joined(second, channel, BOB));
    expect(await lister.next()).toEqual(list(second, ["ada", "bob"]));
    expect(await ada.heard()).toEqual([]);
    expect(await lister.heard()).toEqual([]);
  });

  test("is on every list of the room, and its home is unchanged", async () => {
    const { home, second, hal, channel } = await neighbours();
    const before = await rooms(bindings).get(home).presences();
    const at = Date.now();
    const { isNew, presence } = await rooms(bindings).add(second, channel, BOB);
    expect(isNew).toBe(true);
    expect(presence).toMatchObject({ room: second, channel, user: BOB });
    const listed = await rooms(bindings).get(second).presences();
    expect(listed).toHaveLength(2);
    const {
      lastSeen = 0,
      joinedAt = 0,
      ...rest
    } = listed.find((one) => one.channel === channel) ?? {};
    expect(rest).toEqual({ room: second, channel, user: BOB });
    expect(joinedAt).toBeGreaterThanOrEqual(at);
    expect(lastSeen).toBeGreaterThanOrEqual(at);
    expect(lastSeen).toBeLessThanOrEqual(Date.now());
    expect(await occupants(second)).toEqual(list(second, ["ada", "bob"]).payload);
    expect(await rooms(bindings).get(second).getUsers()).toEqual([ADA, BOB]);
    expect(await idsIn(home)).toEqual(["hal", "bob"]);
    const now = await rooms(bindings).get(home).presences();
    expect(now.map((one) => [one.channel, one.joinedAt])).toEqual(
      before.map((one) => [one.channel, one.joinedAt]),
    );
    expect(await hal.heard()).toEqual([]);
    expect(await presences(bindings).get(channel)).toMatchObject({
      channel,
      user: BOB,
      rooms: [home, second],
    });
  });

  test("may be anonymous there: then it is a lurker, and gets the numbers", async () => {
    const { second, bob, channel, ada } = await neighbours();
    await rooms(bindings).add(second, channel);
    expect(await ada.next()).toEqual({
      type: "diff",
      room: second,
      joins: [],
      updates: [],
      leaves: [],
      lurkers: 1,
    });
    expect(await nextOfRoom(bob, second)).toMatchObject({
      type: "sync",
      presences: [{ user: ADA }],
      lurkers: 1,
    });
    expect(await rooms(bindings).get(second).getAnonymousCount()).toBe(1);
  });

  test("is one presence when it is added again, and another user replaces it", async () => {
    const { home, second, channel, ada, bob } = await withGuest();
    expect((await rooms(bindings).add(second, channel, BOB)).isNew).toBe(false);
    expect(await ada.heard()).toEqual([]);
    expect(await heardOf(bob, second)).toEqual([]);
    expect((await rooms(bindings).add(second, channel, { id: "zoe" })).isNew).toBe(false);
    expect(await ada.next()).toEqual(left(second, channel, "replaced"));
    expect(await ada.next()).toEqual(joined(second, channel, { id: "zoe" }));
    expect(await nextOfRoom(bob, second)).toEqual(left(second, channel, "replaced"));
    expect(await nextOfRoom(bob, second)).toEqual(joined(second, channel, { id: "zoe" }));
    expect(await idsIn(second)).toEqual(["ada", "zoe"]);
    expect(await idsIn(home)).toEqual(["hal", "bob"]);
    bob.ws.close();
    expect(await ada.next()).toEqual(left(second, channel, "left"));
  });

  test("is refreshed there when it is added again", async () => {
    const { second, channel } = await withGuest();
    advance(20);
    const { presence } = await rooms(bindings).add(second, channel, BOB);
    expect(presence.lastSeen).toBe(Date.now());
    await evict(second);
    const listed = await rooms(bindings).get(second).presences();
    expect(listed.find((one) => one.channel === channel)?.lastSeen).toBe(Date.now());
    expect(await rooms(bindings).get(second).prunePresences(15)).toMatchObject([{ user: ADA }]);
  });

  test("gets everything of all its rooms again when it asks by a sync frame", async () => {
    const { home, second, bob } = await withGuest();
    bob.send({ type: "sync" });
    expect(await nextOfRoom(bob, home)).toMatchObject({ type: "sync", presences: { length: 2 } });
    await bob.frames.until(
      (frame) => roomOf(frame) === second && frame !== "heartbeat" && frame.type === "sync",
    );
  });

  test("is in a third room in the same way, and leaves all of them", async () => {
    const { home, second, bob, channel, ada } = await withGuest();
    const third = newRoom();
    const cid = await openAs("cid", third, DIFF);
    await firstFrames(cid);
    await rooms(bindings).add(third, channel, BOB);
    expect(await cid.next()).toEqual(joined(third, channel, BOB));
    expect(await nextOfRoom(bob, third)).toMatchObject({ type: "sync", presences: { length: 2 } });
    const found = await presences(bindings).get(channel);
    expect(found?.rooms).toEqual([home, second, third]);
    bob.ws.close();
    expect(await ada.next()).toEqual(left(second, channel, "left"));
    expect(await cid.next()).toEqual(left(third, channel, "left"));
    expect(await presences(bindings).get(channel)).toBeNull();
  });

  test("lets the room's own frame limits and lists be: 25 guests of one home are told by their home", async () => {
    const [home, second] = [newRoom(), newRoom()];
    const guests = await Promise.all(
      Array.from({ length: 25 }, (_, index) => openAs(`user-${index}`, home, DIFF)),
    );
    const welcomes = await Promise.all(guests.map((guest) => guest.nextOf("welcome")));
    await Promise.all(
      welcomes.map(({ channel = "", user }) => rooms(bindings).add(second, channel, user)),
    );
    const ada = await openAs("ada", second, DIFF);
    await firstFrames(ada);
    expect(await rooms(bindings).send(second, "hello")).toBe(26);
    await Promise.all(
      guests.map(async (guest) => {
        expect(await guest.nextOf("messages")).toEqual(said(second, "hello"));
      }),
    );
    expect(await occupants(second)).toMatchObject({ members: { length: 26 } });
  });
});

describe.each(LIVES)("a channel with a guest presence, %s", (_, between) => {
  test.each([
    ["close 1000", (bob: TestSocket) => bob.ws.close(1000)],
    ["a close without a code", (bob: TestSocket) => bob.ws.close()],
    ["the frame leave", (bob: TestSocket) => bob.send({ type: "leave" })],
  ])("leaves everywhere at once by %s", async (_name, goodbye) => {
    const { home, second, hal, bob, channel, ada, lister } = await withGuest();
    await Promise.all([home, second].map(between));
    goodbye(bob);
    expect(await hal.next()).toEqual(left(home, channel, "left"));
    expect(await ada.next()).toEqual(left(second, channel, "left"));
    expect(await lister.next()).toEqual(list(second, ["ada"]));
    await Promise.all([home, second].map(between));
    expect(await ada.heard()).toEqual([]);
    expect(await lister.heard()).toEqual([]);
    expect(await presences(bindings).get(channel)).toBeNull();
  });

  test.each([
    ["close 1001", 2, 3, "left", (bob: TestSocket) => bob.ws.close(1001)],
    ["a cut line", 9, 10, "lost", (bob: TestSocket) => bob.cut()],
  ])(
    "leaves everywhere by %s, and not before its grace",
    async (_name, early, late, reason, end) => {
      const { home, second, hal, bob, channel, ada, lister } = await withGuest();
      await Promise.all([home, second].map(between));
      advance(0);
      end(bob);
      await socketsLeft(home, 1);
      await Promise.all([home, second].map(between));
      advance(early);
      await ring(second);
      await ring(home);
      expect(await ada.heard()).toEqual([]);
      expect(await lister.heard()).toEqual([]);
      expect(await idsIn(second)).toEqual(["ada", "bob"]);
      await Promise.all([home, second].map(between));
      advance(late - early);
      await ring(home);
      expect(await hal.next()).toEqual(left(home, channel, reason));
      expect(await ada.next()).toEqual(left(second, channel, reason));
      expect(await lister.next()).toEqual(list(second, ["ada"]));
      expect(await ada.heard()).toEqual([]);
      expect(await presences(bindings).get(channel)).toBeNull();
    },
  );

  test("is not missed by anybody when it is resumed in time", async () => {
    const { home, second, hal, bob, channel, resume, ada, lister } = await withGuest();
    await Promise.all([home, second].map(between));
    advance(0);
    bob.cut();
    await socketsLeft(home, 1);
    await Promise.all([home, second].map(between));
    advance(9);
    await rooms(bindings).send(second, "missed");
    expect(await ada.next()).toEqual(said(second, "missed"));
    expect(await lister.next()).toEqual(said(second, "missed"));
    const again = await comeBack(home, { channel, resume });
    expect((await firstFrames(again)).welcome.channel).toBe(channel);
    expect(await nextOfRoom(again, second)).toMatchObject({
      type: "sync",
      presences: [{ user: ADA }, { channel, user: BOB }],
    });
    await Promise.all([home, second].map(between));
    advance(10);
    await ring(home);
    await ring(second);
    expect(await hal.heard()).toEqual([]);
    expect(await ada.heard()).toEqual([]);
    expect(await lister.heard()).toEqual([]);
    await rooms(bindings).send(second, "heard");
    expect(await again.nextOf("messages")).toEqual(said(second, "heard"));
    again.ws.close();
    expect(await ada.nextOf("diff")).toEqual(left(second, channel, "left"));
  });

  test.each([
    ["list", (second: string) => list(second, ["ada", "bob"])],
    ["count", (second: string) => counts(second, 2)],
  ] as const)("that is resumed in view %s is told of further rooms in that", async (view, all) => {
    const { home, second, bob, channel, resume } = await withGuest("diff");
    await Promise.all([home, second].map(between));
    bob.cut();
    await socketsLeft(home, 1);
    await Promise.all([home, second].map(between));
    const again = await comeBack(home, { channel, resume }, view);
    expect(await nextOfRoom(again, second)).toEqual(all(second));
    await Promise.all([home, second].map(between));
    const cid = await openAs("cid", second);
    await cid.next();
    expect(await nextOfRoom(again, second)).toEqual(
      view === "list" ? list(second, ["ada", "bob", "cid"]) : counts(second, 3),
    );
  });

  test("that another connection of its client takes over stays in all rooms", async () => {
    const { home, second, bob, channel, resume, ada } = await withGuest();
    await Promise.all([home, second].map(between));
    const again = await comeBack(home, { channel, resume }, "list");
    expect(await bob.closes.next()).toMatchObject({ code: 4009 });
    expect(await nextOfRoom(again, second)).toEqual(list(second, ["ada", "bob"]));
    await Promise.all([home, second].map(between));
    expect(await ada.heard()).toEqual([]);
    await rooms(bindings).send(second, "hello");
    expect(await again.nextOf("messages")).toEqual(said(second, "hello"));
  });

  test.each([
    ["home first", [0, 1]],
    ["the second room first", [1, 0]],
  ])("expires in all rooms by silence, %s", async (_name, order) => {
    const { home, second, hal, bob, channel, ada, lister } = await withGuest();
    await Promise.all([home, second].map(between));
    advance(40);
    await hal.handled();
    await ada.handled();
    await Promise.all([home, second].map(between));
    advance(23);
    for (const index of order) {
      // oxlint-disable-next-line no-await-in-loop
      await ring([home, second][index] ?? "");
      // oxlint-disable-next-line no-await-in-loop
      await Promise.all([home, second].map(between));
    }
    expect(await hal.next()).toEqual(left(home, channel, "expired"));
    expect(await ada.next()).toEqual(left(second, channel, "expired"));
    expect(await lister.next()).toEqual(list(second, ["ada"]));
    expect(await bob.closes.next()).toMatchObject({ code: 4108 });
    expect(await ada.heard()).toEqual([]);
    expect(await presences(bindings).get(channel)).toBeNull();
  });

  test("leaves everywhere when a server takes it out of its home", async () => {
    const { home, second, hal, bob, channel, ada, lister } = await withGuest();
    await Promise.all([home, second].map(between));
    await rooms(bindings).remove(home, channel);
    expect(await hal.next()).toEqual(left(home, channel, "removed"));
    expect(await ada.next()).toEqual(left(second, channel, "removed"));
    expect(await lister.next()).toEqual(list(second, ["ada"]));
    expect(await bob.closes.next()).toMatchObject({ code: 4003, reason: "removed" });
    expect(bob.frames.all.at(-1)).toMatchObject({ type: "error", code: "removed" });
    expect(await ada.heard()).toEqual([]);
  });

  test("leaves everywhere by leaveAll, which says where it was", async () => {
    const { home, second, hal, bob, channel, ada, lister } = await withGuest();
    await Promise.all([home, second].map(between));
    expect(await presences(bindings).leaveAll(channel)).toEqual([home, second]);
    expect(await hal.next()).toEqual(left(home, channel, "removed"));
    expect(await ada.next()).toEqual(left(second, channel, "removed"));
    expect(await lister.next()).toEqual(list(second, ["ada"]));
    expect(await bob.closes.next()).toMatchObject({ code: 4003 });
    await Promise.all([home, second].map(between));
    expect(await presences(bindings).leaveAll(channel)).toEqual([]);
    expect(await ada.heard()).toEqual([]);
  });

  test("leaves everywhere when its home crashes and nobody comes back", async () => {
    const { home, second, channel, ada, lister } = await withGuest();
    await crash(home);
    await Promise.all([home, second].map(between));
    advance(20);
    await ring(home);
    await Promise.all([home, second].map(between));
    advance(9);
    await ring(second);
    await ring(home);
    expect(await ada.heard()).toEqual([]);
    await Promise.all([home, second].map(between));
    advance(1);
    await ring(home);
    expect(await ada.next()).toEqual(left(second, channel, "lost"));
    expect(await lister.next()).toEqual(list(second, ["ada"]));
    expect(await presences(bindings).get(channel)).toBeNull();
  });

  test("is not missed by anybody when its home crashes and it comes back in time", async () => {
    const { home, second, channel, resume, ada, lister } = await withGuest();
    await crash(home);
    await Promise.all([home, second].map(between));
    advance(5);
    const again = await comeBack(home, { channel, resume });
    await firstFrames(again);
    expect(await nextOfRoom(again, second)).toMatchObject({
      type: "sync",
      presences: [{ user: ADA }, { channel, user: BOB }],
    });
    await Promise.all([home, second].map(between));
    advance(30);
    await again.handled();
    await ring(home);
    await ring(second);
    expect(await ada.heard()).toEqual([]);
    expect(await lister.heard()).toEqual([]);
    await rooms(bindings).send(second, "hello");
    expect(await again.nextOf("messages")).toEqual(said(second, "hello"));
  });

  test("is kept by the heartbeats that its home gets, and by nothing else", async () => {
    setClock(-40);
    const { home, second, bob, channel, ada, lister } = await withGuest();
    await Promise.all([home, second].map(between));
    await bob.beat();
    await ada.beat();
    setClock(59);
    await ring(second);
    expect(await idsIn(second)).toEqual(["ada", "bob"]);
    expect(await idsIn(home)).toContain("bob");
    await Promise.all([home, second].map(between));
    expect(await ada.heard()).toEqual([]);
    expect(await lister.heard()).toEqual([list(second, ["ada", "bob"])].slice(1));
    const found = await rooms(bindings).get(second).presences();
    const { lastSeen = 0 } = found.find((one) => one.channel === channel) ?? {};
    expect(Math.abs(lastSeen - vi.getRealSystemTime())).toBeLessThan(5_000);
    await ada.handled();
    await Promise.all([home, second].map(between));
    setClock(63);
    await ring(second);
    expect(await ada.next()).toEqual(left(second, channel, "expired"));
    await ring(home);
    expect(await bob.closes.next()).toMatchObject({ code: 4108 });
  });

  test("stays for hours by frames at home, whoever rings first", async () => {
    const { home, second, bob, ada, channel } = await withGuest();
    for (let turn = 0; turn < 6; turn += 1) {
      advance(50);
      // oxlint-disable-next-line no-await-in-loop
      await Promise.all([bob.handled(), ada.handled()]);
      // oxlint-disable-next-line no-await-in-loop
      await Promise.all([home, second].map(between));
      // oxlint-disable-next-line no-await-in-loop
      for (const room of turn % 2 ? [home, second] : [second, home]) await ring(room);
    }
    expect(await idsIn(second)).toEqual(["ada", "bob"]);
    expect(await presences(bindings).get(channel)).toMatchObject({ rooms: [home, second] });
    expect(await ada.heard()).toEqual([]);
  });

  test("is kept in all rooms by a touch", async () => {
    const { home, second, ada, channel, hal } = await withGuest();
    await Promise.all([home, second].map(between));
    advance(50);
    await Promise.all([hal.handled(), ada.handled()]);
    expect(await presences(bindings).touch(channel)).toEqual([home, second]);
    await Promise.all([home, second].map(between));
    advance(50);
    await Promise.all([hal.handled(), ada.handled()]);
    await ring(second);
    await ring(home);
    expect(await idsIn(second)).toEqual(["ada", "bob"]);
    expect(await idsIn(home)).toEqual(["hal", "bob"]);
    await Promise.all([home, second].map(between));
    advance(13);
    await ring(second);
    await ring(home);
    expect(await ada.heard()).toEqual([left(second, channel, "expired")]);
  });

  test("is kept at home by an addition there", async () => {
    const { home, hal, channel } = await neighbours();
    advance(50);
    await hal.handled();
    expect((await rooms(bindings).add(home, channel, BOB)).isNew).toBe(false);
    await between(home);
    advance(50);
    await hal.handled();
    await ring(home);
    expect(await idsIn(home)).toEqual(["hal", "bob"]);
    expect(await hal.heard()).toEqual([]);
  });
});

describe("taken out of the second room only", () => {
  test.each([
    ["list", (second: string) => list(second, ["ada"])],
    ["diff", (second: string, channel: string) => left(second, channel, "removed")],
    ["count", (second: string) => counts(second, 1)],
  ] as const)(
    "it gets a last frame without itself in view %s, then nothing more, and may come again",
    async (view, last) => {
      const { home, second, hal, bob, channel, ada, lister } = await withGuest(view);
      await rooms(bindings).remove(second, channel);
      expect(await ada.next()).toEqual(left(second, channel, "removed"));
      expect(await lister.next()).toEqual(list(second, ["ada"]));
      expect(await nextOfRoom(bob, second)).toEqual(last(second, channel));
      const cid = await openAs("cid", second);
      await cid.next();
      expect(await rooms(bindings).send(second, "not for bob")).toBe(3);
      expect((await ada.nextOf("messages")).messages).toHaveLength(1);
      await rooms(bindings).send(home, "for bob");
      expect(await bob.next()).toEqual(said(home, "for bob"));
      expect(await heardOf(bob, home)).toEqual([]);
      expect(await hal.heard()).toEqual([said(home, "for bob")]);
      expect(bob.ws.readyState).toBe(WebSocket.OPEN);
      expect(await presences(bindings).get(channel)).toMatchObject({ rooms: [home] });
      expect((await rooms(bindings).add(second, channel, BOB)).isNew).toBe(true);
      expect(roomOf(await bob.next())).toBe(second);
      await rooms(bindings).send(second, "for bob again");
      expect(await bob.nextOf("messages")).toEqual(said(second, "for bob again"));
      bob.ws.close();
      expect(
        await ada.frames.until(
          (frame) => frame !== "heartbeat" && frame.type === "diff" && frame.leaves.length > 0,
        ),
      ).toEqual(left(second, channel, "left"));
    },
  );

  test("its home knows at once: neither touch nor leaveAll names that room", async () => {
    const { home, second, channel } = await withGuest();
    await rooms(bindings).remove(second, channel);
    expect(await presences(bindings).touch(channel)).toEqual([home]);
    expect(await presences(bindings).leaveAll(channel)).toEqual([home]);
  });

  test("and put in again at once, it is there, and leaves it with its home", async () => {
    const { second, bob, channel, ada } = await withGuest();
    for (let turn = 0; turn < 5; turn += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await rooms(bindings).remove(second, channel);
      // oxlint-disable-next-line no-await-in-loop
      await rooms(bindings).add(second, channel, BOB);
    }
    await heardOf(bob, second);
    expect(await channelsIn(second)).toContainEqual([channel, "bob"]);
    bob.ws.close();
    await vi.waitFor(async () => {
      expect(await idsIn(second)).toEqual(["ada"]);
    });
    expect((await ada.heard()).at(-1)).toEqual(left(second, channel, "left"));
  });

  test("as the last one, it leaves a room that forgets itself", async () => {
    const { home, second, channel, ada, lister } = await withGuest();
    ada.ws.close();
    lister.ws.close();
    await socketsLeft(second, 0);
    await rooms(bindings).remove(second, channel);
    await ring(second);
    expect(await storageOf(second)).toEqual(NOTHING);
    expect(await idsIn(home)).toEqual(["hal", "bob"]);
  });

  test("by pruning that room, it stays at home with its socket open", async () => {
    const { home, second, bob, channel, ada } = await withGuest();
    advance(20);
    await ada.handled();
    const pruned = await rooms(bindings).get(second).prunePresences(10);
    expect(pruned.map((one) => one.channel)).toEqual([channel]);
    expect(await ada.next()).toEqual(left(second, channel, "expired"));
    expect(await nextOfRoom(bob, second)).toEqual(left(second, channel, "expired"));
    expect(await idsIn(home)).toEqual(["hal", "bob"]);
    await bob.handled();
    expect(bob.closes.all).toEqual([]);
  });
});

/** Ada in a second room with five guests, all from one home. */
async function five() {
  const [home, second] = [newRoom(), newRoom()];
  const ada = await openAs("ada", second, DIFF);
  await firstFrames(ada);
  const names = ["bob", "cid", "dan", "eve", "fay"];
  const guests = await Promise.all(names.map((name) => openAs(name, home, DIFF)));
  const welcomes = await Promise.all(guests.map((guest) => guest.nextOf("welcome")));
  const channels = welcomes.map(({ channel = "" }) => channel);
  await Promise.all(
    channels.map((channel, index) =>
      rooms(bindings).add(second, channel, { id: names[index] ?? "" }),
    ),
  );
  await ada.heard();
  return { home, second, ada, channels };
}

describe("several channels of one home in one further room", () => {
  test.each([
    ["expire", "expired", (home: string) => after(63, home)],
    ["are pruned", "expired", (home: string) => rooms(bindings).get(home).prunePresences(0)],
  ])("that %s together leave it for that reason", async (_name, reason, end) => {
    const { home, second, ada, channels } = await five();
    await end(home);
    await vi.waitFor(async () => {
      expect((await channelsIn(second)).map(([channel]) => channel)).not.toContain(channels[4]);
    });
    await vi.waitFor(async () => expect(await channelsIn(second)).toHaveLength(1));
    const leaves = (await ada.heard()).flatMap((frame) =>
      frame !== "heartbeat" && frame.type === "diff" ? frame.leaves : [],
    );
    const byChannel = new Map(leaves.map((leave) => [leave.channel, leave.reason]));
    expect([...byChannel.values()]).toEqual(channels.map(() => reason));
    expect(leaves).toHaveLength(5);
  });
});

describe("a further room", () => {
  test("that was evicted keeps the grace of its own people, however long a guest has been there", async () => {
    const { home, second, bob, ada } = await withGuest();
    for (let turn = 0; turn < 3; turn += 1) {
      advance(31);
      // oxlint-disable-next-line no-await-in-loop
      await Promise.all([bob.handled(), ada.handled()]);
      // oxlint-disable-next-line no-await-in-loop
      for (const room of [home, second]) await ring(room);
    }
    await evict(second);
    ada.cut();
    await socketsLeft(second, 1);
    expect(await alarmIn(second)).toBeLessThanOrEqual(10_000);
  });

  test("that crashed before it told of a newcomer tells its guests all the same", async () => {
    const { second, bob } = await withGuest();
    await evict(second);
    holdTimers();
    await openAs("cid", second);
    expect(await nextOfRoom(bob, second)).toMatchObject({ type: "diff", joins: [{}] });
    await rooms(bindings).add(second, "gathered", { id: "dan" });
    await crash(second);
    vi.useRealTimers();
    await openAs("fay", second);
    await heardOf(bob, second);
    const known = [...believed(bob, second).keys()].toSorted();
    expect(known).toEqual((await channelsIn(second)).map(([channel]) => channel));
  });

  test("tells everything after the welcome to a socket that takes its presence up again", async () => {
    const { home, second, bob, channel, resume, hal } = await withGuest();
    bob.cut();
    await socketsLeft(home, 1);
    await evict(home);
    holdTimers();
    await openAs("cid", home);
    await hal.nextOf("diff");
    const again = await comeBack(home, { channel, resume });
    await rooms(bindings).send(second, "hello");
    await flush(home);
    await again.frames.until(
      (frame) => frame !== "heartbeat" && frame.type === "sync" && frame.room === second,
    );
    // Messages are told apart by their room, and may overtake.
    const lists = again.frames.all.filter(
      (frame) => frame !== "heartbeat" && frame.type !== "messages",
    );
    expect(lists.slice(0, 2)).toMatchObject([
      { type: "welcome", room: home },
      { type: "sync", room: home },
    ]);
  });

  test("has no changes for a socket that is back until it has told it everything", async () => {
    const { home, second, bob, channel, resume, ada } = await withGuest();
    bob.cut();
    await socketsLeft(home, 1);
    // Called with its own room below.
    // oxlint-disable-next-line typescript/unbound-method
    const works = Room.prototype.resync;
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    vi.spyOn(Room.prototype, "resync").mockImplementationOnce(async function late(
      this: Room,
      ...given
    ) {
      asked.resolve();
      await answer.promise;
      works.apply(this, given);
    });
    const again = await comeBack(home, { channel, resume });
    await asked.promise;
    await openAs("cid", second);
    await ada.nextOf("diff");
    await rooms(bindings).send(second, "hello");
    await ada.nextOf("messages");
    expect(await nextOfRoom(again, second)).toMatchObject({ type: "messages" });
    answer.resolve();
    expect(await nextOfRoom(again, second)).toMatchObject({ type: "sync" });
    const named = (await channelsIn(second)).filter(([, user]) => user !== null);
    expect([...believed(again, second).keys()].toSorted()).toEqual(named.map(([one]) => one));
  });
});

describe.each([
  ["any name", () => `bot-${crypto.randomUUID()}`],
  ["a name like a socket's", () => `${newRoom()}!AbCdEfGhIjKl`],
])("a channel without a socket, of %s,", (_, newChannel) => {
  /** In three rooms, with Ada in the first. */
  async function inThree() {
    const channel = newChannel();
    const names = [newRoom(), newRoom(), newRoom()];
    const [first = "", second = "", third = ""] = names;
    const ada = await openAs("ada", first, DIFF);
    await firstFrames(ada);
    for (const room of names) {
      // oxlint-disable-next-line no-await-in-loop
      const { isNew, presence } = await rooms(bindings).add(room, channel, BOB);
      expect(isNew).toBe(true);
      expect(presence).toMatchObject({ room, channel, user: BOB });
    }
    expect(await ada.next()).toEqual(joined(first, channel, BOB));
    return { channel, names, first, second, third, ada };
  }

  test("is in all the rooms that it was added to, and known with them", async () => {
    const { channel, names, first } = await inThree();
    for (const room of names) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await channelsIn(room)).toContainEqual([channel, "bob"]);
    }
    expect(await occupants(first)).toEqual(list(first, ["ada", "bob"]).payload);
    const found = await presences(bindings).get(channel);
    expect(found).toEqual({ channel, user: BOB, rooms: names, lastSeen: expect.any(Number) });
    expect(Math.abs((found?.lastSeen ?? 0) - Date.now())).toBeLessThan(5_000);
  });

  test("stays while it is touched, in all its rooms, and expires without", async () => {
    const { channel, names, first, ada } = await inThree();
    for (let turn = 0; turn < 4; turn += 1) {
      advance(40);
      // oxlint-disable-next-line no-await-in-loop
      await ada.handled();
      // oxlint-disable-next-line no-await-in-loop
      expect(await presences(bindings).touch(channel)).toEqual(names);
      // oxlint-disable-next-line no-await-in-loop
      await ringAll([...names.map(roomObject), channelObject(channel)]);
    }
    expect(await presences(bindings).get(channel)).toMatchObject({ rooms: names });
    advance(59);
    await ada.handled();
    await ringAll(names.map(roomObject));
    expect(await presences(bindings).get(channel)).toMatchObject({ rooms: names });
    expect(await ada.heard()).toEqual([]);
    advance(3);
    await Promise.all(names.map(ring));
    expect(await ada.next()).toEqual(left(first, channel, "expired"));
    expect(await presences(bindings).get(channel)).toBeNull();
    expect(await presences(bindings).touch(channel)).toEqual([]);
    advance(60);
    await ringAll([channelObject(channel), ...names.slice(1).map(roomObject)]);
    await expectNothingIn([channelObject(channel), ...names.slice(1).map(roomObject)]);
  });

  test("leaves all rooms by leaveAll, which names exactly those, and forgets itself", async () => {
    const { channel, first, second, third, ada } = await inThree();
    await rooms(bindings).remove(second, channel);
    expect(await presences(bindings).leaveAll(channel)).toEqual([first, third]);
    expect(await ada.next()).toEqual(left(first, channel, "removed"));
    expect(await presences(bindings).get(channel)).toBeNull();
    await expectNothingIn([channelObject(channel)]);
    expect(await presences(bindings).leaveAll(channel)).toEqual([]);
    await expectNothingIn([channelObject(channel)]);
    await ringAll([second, third].map(roomObject));
    await expectNothingIn([second, third].map(roomObject));
  });

  test("forgets itself when it is removed from its last room", async () => {
    const { channel, names, first, ada } = await inThree();
    for (const room of names.toReversed()) {
      // oxlint-disable-next-line no-await-in-loop
      await rooms(bindings).remove(room, channel);
    }
    expect(await ada.next()).toEqual(left(first, channel, "removed"));
    await expectNothingIn([channelObject(channel)]);
    expect(await presences(bindings).touch(channel)).toEqual([]);
    await expectNothingIn([channelObject(channel)]);
  });

  test("is replaced by another user, and is one presence with the same", async () => {
    const { channel, first, ada } = await inThree();
    expect((await rooms(bindings).add(first, channel, BOB)).isNew).toBe(false);
    expect(await ada.heard()).toEqual([]);
    const { isNew, presence } = await rooms(bindings).add(first, channel, {
      id: "zoe",
      name: "Zoe",
    });
    expect(isNew).toBe(false);
    expect(presence.user).toEqual({ id: "zoe", name: "Zoe" });
    expect(await ada.next()).toEqual(left(first, channel, "replaced"));
    expect(await ada.next()).toEqual(joined(first, channel, { id: "zoe", name: "Zoe" }));
    expect(await idsIn(first)).toEqual(["ada", "zoe"]);
    expect(await presences(bindings).get(channel)).toMatchObject({ rooms: { length: 3 } });
  });

  test("can come again after it has left, and expires as before", async () => {
    const { channel, first, names, ada } = await inThree();
    await presences(bindings).leaveAll(channel);
    expect((await rooms(bindings).add(first, channel, BOB)).isNew).toBe(true);
    expect(await presences(bindings).touch(channel)).toEqual([first]);
    advance(30);
    await ada.handled();
    await rooms(bindings).add(first, channel, BOB);
    advance(32);
    await ada.handled();
    await ringAll([...names.map(roomObject), channelObject(channel)]);
    expect(await presences(bindings).get(channel)).toMatchObject({ rooms: [first] });
    advance(31);
    await ada.handled();
    await ring(first);
    expect(await presences(bindings).get(channel)).toBeNull();
    advance(60);
    await ringAll([channelObject(channel)]);
    await expectNothingIn([channelObject(channel)]);
  });

  test("that nobody ever added is nowhere, and asking for it stores nothing", async () => {
    const channel = newChannel();
    expect(await presences(bindings).get(channel)).toBeNull();
    expect(await presences(bindings).touch(channel)).toEqual([]);
    expect(await presences(bindings).leaveAll(channel)).toEqual([]);
    const room = newRoom();
    await rooms(bindings).remove(room, channel);
    await expectNothingIn([channelObject(channel), roomObject(room)]);
  });
});

describe("a channel without a socket", () => {
  test.each([
    ["like django's", "specific.!aBcDeFgHiJkL"],
    ["of 255 bytes", "ü".padEnd(254, "x")],
    ["of a stranger", "__proto__"],
    ["with spaces and signs", "a room/of one's own? 100%"],
  ])("may have a name %s", async (_kind, channel) => {
    const [first, second] = [newRoom(), newRoom()];
    await rooms(bindings).add(first, channel, BOB);
    await rooms(bindings).add(second, channel, BOB);
    expect(await presences(bindings).touch(channel)).toEqual([first, second]);
    expect(await presences(bindings).leaveAll(channel)).toEqual([first, second]);
    expect(await presences(bindings).get(channel)).toBeNull();
    await ringAll([first, second].map(roomObject));
    await expectNothingIn([channelObject(channel), ...[first, second].map(roomObject)]);
  });
});

describe("a channel whose name says the room that it is added to", () => {
  test("and that has no socket there is a channel without a socket", async () => {
    const room = newRoom();
    const channel = `${room}!AbCdEfGhIjKl`;
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    expect((await rooms(bindings).add(room, channel, BOB)).isNew).toBe(true);
    expect(await ada.next()).toEqual(joined(room, channel, BOB));
    expect(await presences(bindings).touch(channel)).toEqual([room]);
    await evict(room);
    expect(await presences(bindings).leaveAll(channel)).toEqual([room]);
    expect(await ada.next()).toEqual(left(room, channel, "removed"));
    await expectNothingIn([channelObject(channel)]);
  });

  test("and whose socket is gone can be added by a server, without the client's leave to resume it", async () => {
    const { home, second, bob, channel, resume, hal } = await withGuest();
    bob.ws.close();
    await hal.nextOf("diff");
    expect((await rooms(bindings).add(home, channel, BOB)).isNew).toBe(true);
    expect(await presences(bindings).get(channel)).toMatchObject({ rooms: [home] });
    const stranger = await comeBack(home, { channel, resume });
    expect((await firstFrames(stranger)).welcome.channel).not.toBe(channel);
    expect(await presences(bindings).leaveAll(channel)).toEqual([home]);
    expect(await idsIn(second)).toEqual(["ada"]);
  });
});

test("the HTTP API does and says the same of a channel in several rooms", async () => {
  const { home, second, bob, channel, ada } = await neighbours();
  const token = await tokenFor("server", { can: ["admin"] });
  const ask = (method: string, path: string, body?: unknown) =>
    exports.default.fetch(`https://presence.test${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const path = `/rooms/${second}/presences/${encodeURIComponent(channel)}`;
  expect((await ask("PUT", path, { user: BOB })).status).toBe(201);
  expect((await ask("PUT", path, { user: BOB })).status).toBe(200);
  expect(await nextOfRoom(bob, second)).toMatchObject({ type: "sync" });
  const at = `/channels/${encodeURIComponent(channel)}`;
  expect(await (await ask("GET", at)).json()).toMatchObject({ rooms: [home, second], user: BOB });
  expect(await (await ask("POST", `${at}/touch`)).json()).toEqual({ rooms: [home, second] });
  expect(await (await ask("DELETE", at)).json()).toEqual({ rooms: [home, second] });
  expect((await ask("GET", at)).status).toBe(404);
  expect((await ada.nextOf("diff")).joins).toHaveLength(1);
  expect(await ada.nextOf("diff")).toEqual(left(second, channel, "removed"));
  expect(await bob.closes.next()).toMatchObject({ code: 4003 });
});
