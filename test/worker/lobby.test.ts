/** The list of occupied rooms: complete, in order, told once, and put right by itself after whatever goes wrong. */

import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { LOBBIES as LOBBY_COUNT, ROOMS_PER_SWEEP_STEP } from "../../src/core/limits.ts";
import { compareNames } from "../../src/core/names.ts";
import { encodeCursor } from "../../src/api/cursor.ts";
import { bindingsOf } from "../../src/config/env.ts";
import { type RoomListOptions, rooms } from "../../src/api/rooms.ts";
import { LOBBY_NAMES, lobbyOf } from "../../src/rpc/lobbies.ts";
import {
  evictLobbyOf,
  listedIn,
  listWrongly,
  ringLobby,
  rowsOfLobby,
  unlistWrongly,
} from "../support/lobbies.ts";
import { channelObject, NOTHING } from "../support/objects.ts";
import {
  advance,
  after,
  crash,
  evict,
  inRoom,
  ring,
  socketsLeft,
  storageOf,
} from "../support/room.ts";
import { newRoom, openAs } from "../support/socket.ts";
import { Lobby, watched } from "../support/worker.ts";

const bindings = bindingsOf(env);
const all = rooms(env);

/** The channel that is in every room of `occupy`. */
const OCCUPANT = "occupant";

let logged: string[] = [];

beforeEach(() => {
  logged = [];
  vi.spyOn(console, "error").mockImplementation((line) => logged.push(String(line)));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** What happens between the steps of a test: to the room, to its lobby, to both. */
const LIVES = [
  ["where all stay awake", async (_room: string) => {}],
  ["where the room is evicted between all steps", evict],
  ["where the lobby is evicted between all steps", evictLobbyOf],
  [
    "where room and lobby are evicted between all steps",
    async (room: string) => {
      await evict(room);
      await evictLobbyOf(room);
    },
  ],
] as const;

/** All pages of a list; `between` happens after each. */
async function pagesOf(
  options: RoomListOptions,
  between = async (_page: number) => {},
): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    // oxlint-disable-next-line no-await-in-loop
    const page = await all.list({ ...options, cursor });
    pages.push(page.rooms.map(({ room }) => room));
    cursor = page.cursor;
    // oxlint-disable-next-line no-await-in-loop
    await between(pages.length);
  } while (cursor !== undefined);
  return pages;
}

/** The room dies in the middle of what it does. */
async function abort(room: string): Promise<void> {
  const dying = inRoom(room, (_, state) => state.abort("a crash"));
  await expect(dying).rejects.toThrow("a crash");
}

/** Whether the room is on the list that everybody gets. */
async function isOnList(room: string): Promise<boolean> {
  return (await all.list({ prefix: room })).rooms.some((listed) => listed.room === room);
}

/** Puts one channel into each room, many at once, as a room's neighbours would: their homes are left out. */
async function occupy(names: readonly string[]): Promise<void> {
  for (let from = 0; from < names.length; from += 100) {
    // oxlint-disable-next-line no-await-in-loop
    await Promise.all(names.slice(from, from + 100).map(occupyOne));
  }
}

function occupyOne(room: string): Promise<unknown> {
  return bindings.PRESENCE_ROOM.getByName(room).add(OCCUPANT, null, {
    kind: "detached",
    generation: 1,
    linkedAt: 1,
  });
}

function vacate(room: string): Promise<unknown> {
  return bindings.PRESENCE_ROOM.getByName(room).remove(OCCUPANT);
}

/** That many names that belong to one lobby. */
function namesOf(lobby: string, prefix: string, size: number): string[] {
  const names: string[] = [];
  for (let index = 0; names.length < size; index += 1) {
    const name = `${prefix}${String(index).padStart(6, "0")}`;
    if (lobbyOf(name) === lobby) names.push(name);
  }
  return names;
}

/** Watches what lobbies are told; everything works as before. */
function watchLobbies() {
  const fill = vi.spyOn(Lobby.prototype, "fill");
  const empty = vi.spyOn(Lobby.prototype, "empty");
  return {
    fills: (room: string) => countAbout(room, fill.mock.calls),
    empties: (room: string) => countAbout(room, empty.mock.calls),
  };
}

function countAbout(room: string, calls: readonly (readonly [string])[]): number {
  return calls.filter(([name]) => name === room).length;
}

/** A call of a lobby that gets there, does nothing and is never answered: what is said is lost. */
function loseOnce(name: "fill" | "empty"): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const never = new Promise<never>(() => {});
  vi.spyOn<{ fill: Tell; empty: Tell }, "fill" | "empty">(
    Lobby.prototype,
    name,
  ).mockImplementationOnce(() => {
    resolve();
    return never;
  });
  return promise;
}

/** Room and lobby must not be waited for where what they say to each other is lost. */
type Tell = (room: string) => void | Promise<void>;

/** Rings as long as there is an alarm, with something in between. Returns how often. */
async function ringAllOf(
  ringOnce: () => Promise<boolean>,
  between = async () => {},
): Promise<number> {
  let times = 0;
  // oxlint-disable-next-line no-await-in-loop
  for (; await ringOnce(); times += 1) {
    if (times > 30) throw new Error("the alarms never come to an end");
    // oxlint-disable-next-line no-await-in-loop
    await between();
  }
  return times;
}

describe.each(LIVES)("%s", (_, between) => {
  test("a room that fills is listed with the time when it did, and one that empties is not", async () => {
    const room = newRoom();
    const before = Date.now();
    const ada = await openAs("ada", room);
    await ada.next();
    await vi.waitFor(async () => expect(await isOnList(room)).toBe(true));
    const since = (await all.list({ prefix: room })).rooms[0]?.since ?? 0;
    expect(since).toBeGreaterThanOrEqual(before);
    expect(since).toBeLessThanOrEqual(Date.now());
    await between(room);
    advance(5);
    const bob = await openAs("bob", room);
    await bob.next();
    await between(room);
    expect((await all.list({ prefix: room })).rooms).toEqual([{ room, since }]);
    await after(20, room);
    await between(room);
    expect((await all.list({ prefix: room })).rooms).toEqual([{ room, since }]);
    ada.ws.close(1000);
    await ada.closes.next();
    await between(room);
    expect(await isOnList(room)).toBe(true);
    bob.ws.close(1000);
    await bob.closes.next();
    await vi.waitFor(async () => expect(await isOnList(room)).toBe(false));
    await between(room);
    await ring(room);
    expect(await storageOf(room)).toEqual(NOTHING);
    await between(room);
    expect(await isOnList(room)).toBe(false);
  });

  test("a lobby hears of a filling once, once more at the first alarm, and of an emptying once", async () => {
    const room = newRoom();
    const told = watchLobbies();
    const { fills, empties } = told;
    await all.add(room, "ada");
    await between(room);
    await all.add(room, "bob");
    await between(room);
    await all.remove(room, "bob");
    await between(room);
    expect([fills(room), empties(room)]).toEqual([1, 0]);
    await ring(room);
    await between(room);
    const confirmed = fills(room);
    expect(confirmed).toBeLessThanOrEqual(2);
    await all.add(room, "bob");
    await ring(room);
    await between(room);
    await ring(room);
    await between(room);
    expect([fills(room), empties(room)]).toEqual([confirmed, 0]);
    await all.remove(room, "ada");
    await between(room);
    await all.remove(room, "bob");
    await between(room);
    expect(empties(room)).toBe(1);
    await ring(room);
    await between(room);
    expect(fills(room)).toBe(confirmed);
    expect(empties(room)).toBeLessThanOrEqual(2);
    expect(await listedIn(room)).not.toContain(room);
  });

  test("a lobby that could not be told that a room filled hears it at the room's alarm", async () => {
    const room = newRoom();
    vi.spyOn(Lobby.prototype, "fill").mockImplementationOnce(() => {
      throw new Error("out of order");
    });
    await all.add(room, "ada");
    expect(await isOnList(room)).toBe(false);
    expect(logged.join("\n")).toContain(room);
    await between(room);
    const { alarm } = await storageOf(room);
    expect((alarm ?? Number.POSITIVE_INFINITY) - Date.now()).toBeLessThanOrEqual(5_000);
    await ring(room);
    expect(await isOnList(room)).toBe(true);
    await between(room);
    await all.remove(room, "ada");
    expect(await isOnList(room)).toBe(false);
  });

  test("a lobby that has heard that a room emptied, and could not say so, hears that it filled again", async () => {
    const room = newRoom();
    const channel = `${room}-bot`;
    await all.add(room, channel);
    // Called with its own lobby below.
    // oxlint-disable-next-line typescript/unbound-method
    const empty = Lobby.prototype.empty;
    vi.spyOn(Lobby.prototype, "empty").mockImplementationOnce(function lost(this: Lobby, name) {
      empty.call(this, name);
      throw new Error("the answer was lost");
    });
    await all.remove(room, channel);
    await all.add(room, channel);
    expect(await isOnList(room)).toBe(true);
  });

  test("a lobby that could not be told that a room emptied hears it at the room's alarm", async () => {
    const room = newRoom();
    await all.add(room, "ada");
    await between(room);
    vi.spyOn(Lobby.prototype, "empty").mockImplementationOnce(() => {
      throw new Error("out of order");
    });
    await all.remove(room, "ada");
    expect(await isOnList(room)).toBe(true);
    await between(room);
    await ring(room);
    expect(await isOnList(room)).toBe(false);
    await ring(room);
    expect(await storageOf(room)).toEqual(NOTHING);
  });

  test("a lobby that fails at the alarm too is told at a later one", async () => {
    const room = newRoom();
    const fill = vi.spyOn(Lobby.prototype, "fill");
    for (let times = 0; times < 3; times += 1) {
      fill.mockImplementationOnce(() => {
        throw new Error("out of order");
      });
    }
    await all.add(room, "ada");
    await between(room);
    await ring(room);
    await between(room);
    await ring(room);
    await between(room);
    expect(await isOnList(room)).toBe(false);
    expect(await ring(room)).toBe(true);
    expect(await isOnList(room)).toBe(true);
  });

  test("a room that filled again, of which its lobby did not hear, is listed at the next alarm", async () => {
    const room = newRoom();
    await all.add(room, "ada");
    await ring(room);
    await between(room);
    await all.remove(room, "ada");
    await between(room);
    vi.spyOn(Lobby.prototype, "fill").mockImplementationOnce(() => {
      throw new Error("out of order");
    });
    await all.add(room, "ada");
    expect(await isOnList(room)).toBe(false);
    await between(room);
    await ring(room);
    expect(await isOnList(room)).toBe(true);
  });

  test("a room that filled and emptied while its lobby was out of order is not listed", async () => {
    const room = newRoom();
    vi.spyOn(Lobby.prototype, "fill").mockImplementationOnce(() => {
      throw new Error("out of order");
    });
    vi.spyOn(Lobby.prototype, "empty").mockImplementationOnce(() => {
      throw new Error("out of order");
    });
    await all.add(room, "ada");
    await between(room);
    await all.remove(room, "ada");
    await between(room);
    await ringAllOf(
      () => ring(room),
      () => between(room),
    );
    expect(await isOnList(room)).toBe(false);
    expect(await storageOf(room)).toEqual(NOTHING);
  });
});

describe("a crash", () => {
  test("of a room right after it filled leaves it off the list until its next alarm", async () => {
    const room = newRoom();
    const lost = loseOnce("fill");
    const ada = await openAs("ada", room);
    await ada.next();
    await lost;
    await abort(room);
    expect(await isOnList(room)).toBe(false);
    await ring(room);
    expect(await isOnList(room)).toBe(true);
    await after(61, room);
    expect(await isOnList(room)).toBe(false);
  });

  test("of a room right after it emptied leaves it on the list until its next alarm", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    await vi.waitFor(async () => expect(await isOnList(room)).toBe(true));
    await ring(room);
    const lost = loseOnce("empty");
    ada.ws.close(1000);
    await lost;
    await abort(room);
    expect(await isOnList(room)).toBe(true);
    await ring(room);
    expect(await isOnList(room)).toBe(false);
    await ring(room);
    expect(await storageOf(room)).toEqual(NOTHING);
  });

  test("of a room that is on the list changes nothing, and its last one out takes it off", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    await vi.waitFor(async () => expect(await isOnList(room)).toBe(true));
    await crash(room);
    expect(await isOnList(room)).toBe(true);
    await ring(room);
    expect(await isOnList(room)).toBe(true);
    await after(11, room);
    await after(11, room);
    expect(await isOnList(room)).toBe(false);
    await ring(room);
    expect(await storageOf(room)).toEqual(NOTHING);
  });
});

test("a room that fills and empties 100 times leaves no row anywhere, and is not on the list", async () => {
  const room = newRoom();
  const channel = `${room}-bot`;
  const { fills, empties } = watchLobbies();
  for (let turn = 0; turn < 100; turn += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await all.add(room, channel, { id: "bot" });
    // oxlint-disable-next-line no-await-in-loop
    if (turn % 10 === 3) await ring(room);
    // oxlint-disable-next-line no-await-in-loop
    if (turn % 10 === 6) await evict(room);
    // oxlint-disable-next-line no-await-in-loop
    if (turn % 10 === 9) await evictLobbyOf(room);
    // oxlint-disable-next-line no-await-in-loop
    await all.remove(room, channel);
    // oxlint-disable-next-line no-await-in-loop
    if (turn % 10 === 5) await ring(room);
  }
  expect(await isOnList(room)).toBe(false);
  expect(await listedIn(room)).not.toContain(room);
  expect(await channelObject(channel).storage()).toEqual(NOTHING);
  await ring(room);
  expect(await storageOf(room)).toEqual(NOTHING);
  expect(fills(room)).toBeGreaterThanOrEqual(100);
  expect(empties(room)).toBeGreaterThanOrEqual(100);
}, 30_000);

test("sockets that fill and empty a room many times leave no row either", async () => {
  const room = newRoom();
  for (let turn = 0; turn < 10; turn += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const ada = await openAs("ada", room);
    ada.send({ type: "leave" });
    // oxlint-disable-next-line no-await-in-loop
    await ada.closes.next();
  }
  await socketsLeft(room, 0);
  await vi.waitFor(async () => expect(await isOnList(room)).toBe(false));
  await ring(room);
  expect(await storageOf(room)).toEqual(NOTHING);
  expect(await isOnList(room)).toBe(false);
});

test("a watcher alone does not put a room on the list, nor does somebody who only looks", async () => {
  const room = newRoom();
  const { fills, empties } = watchLobbies();
  const eve = await openAs("eve", room, { query: { watch: "1" } });
  await eve.next();
  await all.get(room).getUsers();
  await all.send(room, "hello");
  await ring(room);
  expect(await isOnList(room)).toBe(false);
  expect([fills(room), empties(room)]).toEqual([0, 0]);
});

describe("the list", () => {
  const PREFIX = "list/";
  /** Names on which a wrong order, a key of an object or a prefix could stumble. */
  const ODD = [
    "",
    "a",
    "aa",
    "aaa",
    "a!",
    "a ",
    " a",
    " ",
    "  ",
    "__proto__",
    "constructor",
    "room:",
    "room:a",
    "é",
    "e\u0301",
    "\uffff",
    "\ufffd",
    "\ue000",
    "\ud7ff",
    "🎈",
    "🎈🎈",
    "\u{10ffff}",
    "\u{10000}",
    "%",
    "%2F",
    "/",
    "//",
    "~",
    "\u00ff",
    "\u00a0",
    "日本語",
    "😀\ufffd",
    "\ufffd😀",
  ].map((name) => PREFIX + name);
  const NAMES = [
    ...ODD,
    ...Array.from({ length: 1_000 - ODD.length }, (_, index) => `${PREFIX}n${index}`),
  ];
  const encoder = new TextEncoder();

  /** By the bytes of their UTF-8, told in another way than the product does. */
  function byBytes(a: string, b: string): number {
    const [left, right] = [encoder.encode(a), encoder.encode(b)];
    const index = left.findIndex((byte, at) => byte !== right[at]);
    if (index === -1) return left.length - right.length;
    return (left[index] ?? 0) - (right[index] ?? -1);
  }

  const sorted = NAMES.toSorted(byBytes);

  beforeAll(() => occupy(NAMES), 120_000);

  test.each([1_000, 999, 100, 7])(
    "of 1,000 occupied rooms, %i a page, has each name once, by its bytes",
    async (limit) => {
      const pages = await pagesOf({ prefix: PREFIX, limit });
      expect(pages.flat()).toEqual(sorted);
      expect(pages).toHaveLength(Math.ceil(1_000 / limit));
    },
    30_000,
  );

  test("of one a page, too", async () => {
    const names = sorted.filter((name) => name.startsWith(`${PREFIX}n1`)).slice(0, 111);
    expect(await pagesOf({ prefix: `${PREFIX}n1`, limit: 1 })).toEqual(names.map((name) => [name]));
  });

  test("has each room once where all of them are in one lobby", async () => {
    const names = namesOf("lobby-3", "solo/", 5);
    await occupy(names);
    for (const limit of [1, 2, 4, 5]) {
      // oxlint-disable-next-line no-await-in-loop
      const pages = await pagesOf({ prefix: "solo/", limit });
      expect(pages.flat()).toEqual(names);
      expect(pages).toHaveLength(Math.ceil(5 / limit));
    }
  });

  test("is spread over all lobbies, and as even as a hash makes it", () => {
    const sizes = new Map(LOBBY_NAMES.map((lobby) => [lobby, 0]));
    for (const name of NAMES) sizes.set(lobbyOf(name), (sizes.get(lobbyOf(name)) ?? 0) + 1);
    expect(sizes.size).toBe(LOBBY_COUNT);
    for (const size of sizes.values()) {
      expect(size).toBeGreaterThan(1_000 / LOBBY_COUNT / 2);
      expect(size).toBeLessThan((1_000 / LOBBY_COUNT) * 2);
    }
  });

  test.each([
    ["", sorted.map((name) => name.slice(PREFIX.length))],
    ["a", ["a", "a ", "a!", "aa", "aaa"]],
    ["__", ["__proto__"]],
    ["n96", ["n96", "n960", "n961", "n962", "n963", "n964", "n965", "n966"]],
    ["🎈", ["🎈", "🎈🎈"]],
    ["\ufffd", ["\ufffd", "\ufffd😀"]],
    ["/", ["/", "//"]],
    ["nobody", []],
    [" a room of no name", []],
  ])("has the rooms of a prefix, and no others: %j", async (prefix, names) => {
    const expected = names.map((name) => PREFIX + name);
    expect((await pagesOf({ prefix: PREFIX + prefix, limit: 60 })).flat()).toEqual(expected);
    expect((await pagesOf({ prefix: PREFIX + prefix })).flat()).toEqual(expected);
  });

  test("has the rooms that patterns name, and no others", async () => {
    const listed = await pagesOf({ rooms: [`${PREFIX}n1*`, `${PREFIX}é`, "elsewhere*"], limit: 9 });
    expect(listed.flat()).toEqual(
      sorted.filter((name) => name.startsWith(`${PREFIX}n1`) || name === `${PREFIX}é`),
    );
  });

  test("has each room that stays once, while others come and go between the pages", async () => {
    const stays = sorted.filter((_, index) => index % 10 !== 3);
    const goes = sorted.filter((_, index) => index % 10 === 3);
    const listed: string[] = [];
    const comes: string[] = [];
    let turn = 0;
    const pages = await pagesOf({ prefix: PREFIX, limit: 100 }, async () => {
      const leaving = goes.slice(turn * 10, turn * 10 + 10);
      await Promise.all(leaving.map(vacate));
      const name = `${sorted[turn * 97] ?? PREFIX}-new`;
      comes.push(name);
      await occupy([name]);
      turn += 1;
    });
    listed.push(...pages.flat());
    expect(listed).toEqual(listed.toSorted(byBytes));
    expect(new Set(listed).size).toBe(listed.length);
    const mayVary = new Set([...goes, ...comes]);
    expect(listed.filter((name) => !mayVary.has(name))).toEqual(stays);
    await occupy(goes.slice(0, turn * 10));
    await Promise.all(comes.map(vacate));
    expect((await pagesOf({ prefix: PREFIX })).flat()).toEqual(sorted);
  }, 30_000);

  test("goes on behind a room that has gone since the page before", async () => {
    const first = await all.list({ prefix: `${PREFIX}n5`, limit: 3 });
    const last = first.rooms.at(-1)?.room ?? "";
    await vacate(last);
    const second = await all.list({ prefix: `${PREFIX}n5`, limit: 3, cursor: first.cursor });
    expect(compareNames(last, second.rooms[0]?.room ?? "")).toBeLessThan(0);
    const expected = sorted.filter((name) => name.startsWith(`${PREFIX}n5`)).slice(3, 6);
    expect(second.rooms.map(({ room }) => room)).toEqual(expected);
    await occupy([last]);
  });

  test("has no cursor on its last page, be it full or not", async () => {
    expect(await all.list({ prefix: `${PREFIX}aa`, limit: 2 })).not.toHaveProperty("cursor");
    expect(await all.list({ prefix: `${PREFIX}aa`, limit: 1 })).toHaveProperty("cursor");
    expect(await all.list({ prefix: `${PREFIX}nobody` })).toEqual({ rooms: [] });
  });

  test.each([
    ["empty", ""],
    ["no base64url", "§§§"],
    ["no JSON", btoa("lobby")],
    ["JSON of something else", btoa('{"after":"a"}')],
    ["a list that is empty", encodeCursor([])],
    ["of a sweep", encodeCursor([3, "a"])],
    ["a number", encodeCursor([7])],
    ["the name of a room", "lobby"],
  ])("refuses a cursor that is %s", async (_, cursor) => {
    await expect(all.list({ cursor })).rejects.toMatchObject({ code: "bad_cursor" });
  });

  test.each([
    ["of a list", encodeCursor(["lobby"])],
    ["garbage", "🎈"],
    ["before the first lobby", encodeCursor([-1, "a"])],
    ["between two lobbies", encodeCursor([0.5, "a"])],
    ["without a room", encodeCursor([1])],
  ])("a sweep refuses a cursor that is %s, and visits nobody", async (_, cursor) => {
    await expect(all.prunePresences(0, { cursor })).rejects.toMatchObject({ code: "bad_cursor" });
    await expect(all.pruneRooms({ cursor })).rejects.toMatchObject({ code: "bad_cursor" });
    expect((await all.list({ prefix: PREFIX })).rooms).toHaveLength(1_000);
  });
});

describe("pruneRooms", () => {
  test("takes rooms off the list that are empty or never were, and leaves the others", async () => {
    const [occupied, never, emptied] = ["p/occupied", "p/never", "p/emptied"];
    await all.add(occupied, "p-bot");
    await all.add(emptied, "p-bot");
    await all.remove(emptied, "p-bot");
    await listWrongly(never);
    await listWrongly(emptied);
    expect((await pagesOf({ prefix: "p/" })).flat()).toEqual([emptied, never, occupied]);
    expect(await all.pruneRooms()).toEqual({ removed: 2 });
    expect((await pagesOf({ prefix: "p/" })).flat()).toEqual([occupied]);
    expect(await storageOf(never)).toEqual(NOTHING);
    expect(await storageOf(emptied)).toEqual(NOTHING);
    expect(await all.get(occupied).getAnonymousCount()).toBe(1);
    expect(await all.pruneRooms()).toEqual({ removed: 0 });
  });

  test("makes an empty room forget itself before its alarm", async () => {
    const room = newRoom();
    await all.add(room, `${room}-bot`);
    await all.remove(room, `${room}-bot`);
    expect(await storageOf(room)).not.toEqual(NOTHING);
    await listWrongly(room);
    await evict(room);
    await all.pruneRooms({ rooms: [room] });
    expect(await storageOf(room)).toEqual(NOTHING);
    expect(await isOnList(room)).toBe(false);
  });

  test("touches only the rooms that its patterns name", async () => {
    await Promise.all(["q/one", "q/two", "r/one"].map(listWrongly));
    expect(await all.pruneRooms({ rooms: ["q/t*", "r/one"] })).toEqual({ removed: 2 });
    expect(await isOnList("q/one")).toBe(true);
    expect(await all.pruneRooms({ rooms: [] })).toEqual({ removed: 0 });
    expect(await all.pruneRooms({ rooms: ["q/*"] })).toEqual({ removed: 1 });
  });

  test("passes by a room that fails, and logs it", async () => {
    await listWrongly("s/one");
    await listWrongly("s/two");
    vi.spyOn(Lobby.prototype, "empty").mockImplementationOnce(() => {
      throw new Error("out of order");
    });
    expect(await all.pruneRooms({ rooms: ["s/*"] })).toEqual({ removed: 1, failed: 1 });
    expect(logged.join("\n")).toMatch(/s\/(one|two)/);
    expect(await all.pruneRooms({ rooms: ["s/*"] })).toEqual({ removed: 1 });
    expect((await all.list({ prefix: "s/" })).rooms).toEqual([]);
  });
});

describe("prunePresences over all rooms", () => {
  test("touches only the rooms that its patterns name, and says how many rooms and presences", async () => {
    await all.add("t/one", "t-bot-1");
    await all.add("t/one", "t-bot-2");
    await all.add("t/two", "t-bot-1");
    await all.add("u/one", "t-bot-1");
    expect(await all.prunePresences(1e6, { rooms: ["t/*"] })).toEqual({ rooms: 2, pruned: 0 });
    expect(await all.prunePresences(0, { rooms: ["t/*"] })).toEqual({ rooms: 2, pruned: 3 });
    expect(await all.get("u/one").getAnonymousCount()).toBe(1);
    expect(await all.get("t/one").presences()).toEqual([]);
    expect((await all.list({ prefix: "t/" })).rooms).toEqual([]);
  });

  test("takes PRESENCE_MAX_AGE where no age is named", async () => {
    advance(0);
    await all.add("v/old", "v-bot-1");
    advance(31);
    await all.add("v/young", "v-bot-2");
    advance(30);
    expect(await all.prunePresences(undefined, { rooms: ["v/*"] })).toEqual({
      rooms: 2,
      pruned: 1,
    });
    expect((await all.list({ prefix: "v/" })).rooms.map(({ room }) => room)).toEqual(["v/young"]);
  });
});

describe("the hourly pruning of rooms", () => {
  const LOBBY = "lobby-5";
  const GHOSTS = namesOf(LOBBY, "ghost/", ROOMS_PER_SWEEP_STEP * 2 + 7);

  test("visits the rooms of a lobby step by step, and comes to an end", async () => {
    // In an hour, so that no alarm rings but by the test.
    advance(3_600);
    const occupied = namesOf(LOBBY, "ghost/!", ROOMS_PER_SWEEP_STEP + 5);
    await occupy(occupied);
    await Promise.all(GHOSTS.map(listWrongly));
    await env.PRESENCE_LOBBY.getByName(LOBBY).startPruning();
    const left: number[] = [];
    await ringAllOf(
      () => ringLobby(LOBBY),
      async () => {
        left.push((await all.list({ prefix: "ghost/" })).rooms.length);
        await evictLobbyOf(GHOSTS[0] ?? "");
      },
    );
    expect(left.length).toBeGreaterThan(2);
    const before = [GHOSTS.length + occupied.length, ...left];
    const visited = left.map((rest, step) => (before[step] ?? 0) - rest);
    expect(Math.max(...visited)).toBeLessThanOrEqual(ROOMS_PER_SWEEP_STEP);
    expect((await all.list({ prefix: "ghost/" })).rooms.map(({ room }) => room)).toEqual(occupied);
    const rows = await rowsOfLobby(LOBBY);
    expect(rows.filter((key) => !key.startsWith("room:"))).toEqual([]);
    expect(await ringLobby(LOBBY)).toBe(false);
  });

  test("that is begun again while it is under way goes on where it is", async () => {
    advance(3_600);
    const lobby = env.PRESENCE_LOBBY.getByName(LOBBY);
    await Promise.all(GHOSTS.map(listWrongly));
    await lobby.startPruning();
    await ringLobby(LOBBY);
    const before = await rowsOfLobby(LOBBY);
    await lobby.startPruning();
    expect(await rowsOfLobby(LOBBY)).toEqual(before);
    const steps = await ringAllOf(() => ringLobby(LOBBY));
    expect(steps).toBeLessThanOrEqual(Math.ceil(1_100 / ROOMS_PER_SWEEP_STEP));
    expect((await pagesOf({ prefix: "ghost/0" })).flat()).toEqual([]);
  });

  test("is not needed for a room that its lobby has lost: its first alarm says it once more", async () => {
    const room = newRoom();
    await all.add(room, `${room}-bot`);
    await unlistWrongly(room);
    await evict(room);
    expect(await isOnList(room)).toBe(false);
    await ring(room);
    expect(await isOnList(room)).toBe(true);
  });

  test("of all rooms begins in every lobby", async () => {
    advance(3_600);
    const ghosts = LOBBY_NAMES.flatMap((lobby) => namesOf(lobby, "gone/", 2));
    await Promise.all(ghosts.map(listWrongly));
    await all.startPruning();
    await Promise.all(LOBBY_NAMES.map((lobby) => ringAllOf(() => ringLobby(lobby))));
    expect((await all.list({ prefix: "gone/" })).rooms).toEqual([]);
    expect(watched(LOBBY).alarms).toBeGreaterThan(0);
  }, 30_000);
});
