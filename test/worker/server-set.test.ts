/** Presences that a server sets: their state, how long they stay, and what is left out. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { rooms } from "../../src/index.ts";
import type { Json } from "../../src/core/json.ts";
import {
  call,
  type CallOptions,
  channelPath,
  errorOf,
  presencePath,
  roomPath,
} from "../support/http.ts";
import {
  believed,
  bindings,
  channelObject,
  channelsIn,
  expectNothingIn,
  nextOfRoom,
  roomObject,
} from "../support/objects.ts";
import { advance, after, alarmIn, crash, LIVES, ring, stored } from "../support/room.ts";
import { firstFrames, newRoom, openAs, type TestSocket } from "../support/socket.ts";
import { watched } from "../support/worker.ts";

const DIFF = { query: { view: "diff" } };
const BOT = { id: "bot", name: "The bot" };
const THINKING = { thinking: true };

afterEach(() => {
  vi.useRealTimers();
});

/** What happens between the steps: nobody may notice. A crash takes every socket, so nobody listens then. */
const ENDS = [...LIVES, ["in a room that crashes between all steps", crash]] as const;

type Given = { user?: unknown; state?: Json; ttl?: unknown };

function put(room: string, channel: string, body: Given, options: CallOptions = {}) {
  return call("PUT", presencePath(room, channel), { body, ...options });
}

/** A room with somebody who hears all of it. */
async function heardBy(name: string): Promise<{ room: string; eve: TestSocket }> {
  const room = newRoom();
  const eve = await openAs(name, room, DIFF);
  await firstFrames(eve);
  return { room, eve };
}

async function listed(room: string): Promise<unknown> {
  const { body } = await call("GET", `${roomPath(room)}/presences`);
  return body;
}

/** Somebody with a socket, and their channel. */
async function withSocket(room: string) {
  const ada = await openAs("ada", room, DIFF);
  const { channel = "", resume = "" } = (await firstFrames(ada)).welcome;
  await stored(room);
  return { ada, channel, resume };
}

describe.each(LIVES)("others, %s", (_, between) => {
  test("see a join with the state, then updates, and at the end expired", async () => {
    const { room, eve } = await heardBy("eve");
    await between(room);
    const { status, body } = await put(room, "bot-1", { user: BOT, state: THINKING, ttl: 30 });
    expect(status).toBe(201);
    const presence = { channel: "bot-1", user: BOT, joinedAt: expect.any(Number), state: THINKING };
    expect(body).toEqual({ room, ...presence, lastSeen: expect.any(Number) });
    const diff = { type: "diff", room, joins: [], updates: [], leaves: [], lurkers: 0 };
    expect(await eve.heard()).toEqual([{ ...diff, joins: [presence] }]);

    await between(room);
    const updated = await put(room, "bot-1", { state: { thinking: false } });
    expect(updated).toMatchObject({ status: 200, body: { user: BOT, state: { thinking: false } } });
    const update = { channel: "bot-1", state: { thinking: false } };
    expect(await eve.heard()).toEqual([{ ...diff, updates: [update] }]);

    await between(room);
    await after(29, room);
    expect(await eve.heard()).toEqual([]);
    await between(room);
    await after(3, room);
    const leave = { channel: "bot-1", reason: "expired" };
    expect(await eve.heard()).toEqual([{ ...diff, leaves: [leave] }]);
    expect(await channelsIn(room)).toEqual([[expect.any(String), "eve"]]);
  });

  test("are told once of a state and other info in one call", async () => {
    const { room, eve } = await heardBy("eve");
    await put(room, "bot-1", { user: BOT });
    await eve.heard();
    await between(room);
    const user = { id: "bot", name: "Another name" };
    await put(room, "bot-1", { user, state: 1 });
    expect(await eve.heard()).toMatchObject([
      { joins: [], updates: [{ channel: "bot-1", state: 1, user }], leaves: [] },
    ]);
  });

  test("hear nothing of an equal state, and of a state that was removed", async () => {
    const { room, eve } = await heardBy("eve");
    await put(room, "bot-1", { user: BOT, state: { a: 1, b: [2] } });
    await eve.heard();
    await between(room);
    await put(room, "bot-1", { state: { b: [2], a: 1 } });
    expect(await eve.heard()).toEqual([]);
    await between(room);
    const { body } = await put(room, "bot-1", { state: null });
    expect(body).not.toHaveProperty("state");
    expect(await eve.heard()).toMatchObject([{ updates: [{ channel: "bot-1", state: null }] }]);
    await between(room);
    await put(room, "bot-1", { state: null });
    expect(await eve.heard()).toEqual([]);
  });
});

describe.each(ENDS)("what is left out stays as it is, %s", (_, between) => {
  test("the user, where a state is set", async () => {
    const room = newRoom();
    await put(room, "bot-1", { user: BOT });
    await between(room);
    expect((await put(room, "bot-1", { state: 1 })).body).toMatchObject({ user: BOT, state: 1 });
    await between(room);
    expect((await call("PUT", presencePath(room, "bot-1"))).body).toMatchObject({
      user: BOT,
      state: 1,
    });
    await between(room);
    expect(await channelsIn(room)).toEqual([["bot-1", "bot"]]);
  });

  test("the state, where a user is set, be it another one", async () => {
    const room = newRoom();
    await put(room, "bot-1", { user: BOT, state: THINKING });
    await between(room);
    const { body } = await put(room, "bot-1", { user: { id: "droid" } });
    expect(body).toMatchObject({ user: { id: "droid" }, state: THINKING });
    await between(room);
    expect(await listed(room)).toMatchObject({
      presences: [{ user: { id: "droid" }, state: THINKING }],
    });
  });

  test("the ttl, where nothing is said of it", async () => {
    const room = newRoom();
    await put(room, "bot-1", { ttl: 300 });
    for (const body of [{}, { user: BOT }, { state: 1 }, { user: { id: "droid" } }]) {
      // oxlint-disable-next-line no-await-in-loop
      await between(room);
      // oxlint-disable-next-line no-await-in-loop
      await after(200, room);
      // oxlint-disable-next-line no-await-in-loop
      expect((await put(room, "bot-1", body)).status).toBe(200);
    }
    await between(room);
    await after(299, room);
    expect(await channelsIn(room)).toHaveLength(1);
    await after(4, room);
    expect(await channelsIn(room)).toEqual([]);
  });

  test("a new presence is anonymous, has no state, and stays for the maximum age", async () => {
    const room = newRoom();
    expect((await put(room, "bot-1", {})).body).toEqual({
      room,
      channel: "bot-1",
      user: null,
      joinedAt: expect.any(Number),
      lastSeen: expect.any(Number),
    });
    await between(room);
    await after(59, room);
    expect(await channelsIn(room)).toHaveLength(1);
    await after(4, room);
    expect(await channelsIn(room)).toEqual([]);
  });
});

describe.each(ENDS)("a ttl, %s", (_, between) => {
  test.each([2, 7, 59, 61, 3_600, 86_400])(
    "of %i s is counted anew by each PUT and each touch",
    async (ttl) => {
      const room = newRoom();
      const channel = `bot of ${room}`;
      await put(room, channel, { ttl });
      await between(room);
      await after(ttl - 1, room);
      await put(room, channel, {});
      await between(room);
      await after(ttl - 1, room);
      const touched = await call("POST", `${channelPath(channel)}/touch`);
      expect(touched.body).toEqual({ rooms: [room] });
      await between(room);
      await after(ttl - 1, room);
      expect(await channelsIn(room)).toHaveLength(1);
      await after(1 + Math.min(2, ttl / 8), room);
      expect(await channelsIn(room)).toEqual([]);
    },
  );

  test("of two seconds ends at most five seconds late: the room's alarm is set for then", async () => {
    const room = newRoom();
    await rooms(bindings).add(room, "old", BOT);
    await between(room);
    await rooms(bindings).add(room, "bot-1", null, { ttl: 2 });
    await between(room);
    expect(await alarmIn(room)).toBeLessThanOrEqual(7_000);
    await after(5, room);
    expect(await channelsIn(room)).toEqual([["old", "bot"]]);
  });

  test("is replaced by another one, shorter or longer", async () => {
    const room = newRoom();
    await put(room, "bot-1", { ttl: 86_400 });
    await between(room);
    await put(room, "bot-1", { ttl: 4 });
    await between(room);
    expect(await alarmIn(room)).toBeLessThanOrEqual(9_000);
    await put(room, "bot-1", { ttl: 300 });
    await between(room);
    await after(200, room);
    expect(await channelsIn(room)).toHaveLength(1);
  });

  test("does not keep who is pruned by an age, and a prune without one obeys it", async () => {
    const room = newRoom();
    await put(room, "bot-1", { ttl: 3_600 });
    await between(room);
    advance(100);
    expect((await call("POST", `${roomPath(room)}/prune`)).body).toEqual({ pruned: [] });
    await between(room);
    const pruned = await call("POST", `${roomPath(room)}/prune`, { body: { age: 99 } });
    expect(pruned.body).toMatchObject({ pruned: [{ channel: "bot-1" }] });
  });

  test("leaves nothing behind, neither in the room nor in the home of the channel", async () => {
    const room = newRoom();
    const channel = `bot of ${room}`;
    await put(room, channel, { state: THINKING, ttl: 3_600 });
    await between(room);
    for (const seconds of [100, 3_600, 100]) {
      advance(seconds);
      // oxlint-disable-next-line no-await-in-loop
      await ring(room);
      // oxlint-disable-next-line no-await-in-loop
      await channelObject(channel).ring();
    }
    expect(await channelsIn(room)).toEqual([]);
    await expectNothingIn([roomObject(room), channelObject(channel)]);
  });
});

describe("a channel with a socket", () => {
  const SAID = [
    ["a state", { state: THINKING }],
    ["a state that is removed", { state: null }],
    ["a ttl", { ttl: 60 }],
  ] as const;

  test.each(SAID)("is not given %s in its own room: 409, and nothing changes", async (_, given) => {
    const { room, eve } = await heardBy("eve");
    const { ada, channel } = await withSocket(room);
    await eve.heard();
    const { status, code, message } = errorOf(await put(room, channel, given));
    expect({ status, code }).toEqual({ status: 409, code: "has_socket" });
    expect(message).toMatch(/leave state and ttl out/);
    expect(await eve.heard()).toEqual([]);
    ada.send({ type: "state", state: "her own" });
    expect(await eve.heard()).toMatchObject([{ updates: [{ state: "her own" }] }]);
  });

  test.each(SAID)("is not given %s in another room, be it in it or not", async (_, given) => {
    const [home, further] = [newRoom(), newRoom()];
    const { channel } = await withSocket(home);
    expect(errorOf(await put(further, channel, given)).code).toBe("has_socket");
    // The refusal left no link, and no presence.
    expect((await call("GET", channelPath(channel))).body).toMatchObject({ rooms: [home] });
    await expectNothingIn([roomObject(further), channelObject(channel)]);
    await put(further, channel, { user: { id: "ada" } });
    expect(errorOf(await put(further, channel, given)).code).toBe("has_socket");
    expect(await channelsIn(further)).toEqual([[channel, "ada"]]);
  });

  test("is not given a state while it is away, either", async () => {
    const room = newRoom();
    const { ada, channel, resume } = await withSocket(room);
    ada.send({ type: "state", state: "her own" });
    await ada.handled();
    ada.cut();
    await vi.waitFor(async () => expect(await socketsIn(room)).toBe(0));
    expect(errorOf(await put(room, channel, { state: 1 })).code).toBe("has_socket");
    const again = await openAs("ada", room, { query: { view: "diff", channel, resume } });
    expect((await firstFrames(again)).welcome.channel).toBe(channel);
  });

  test("may be given a user alone, as before, and keeps its own without one", async () => {
    const { room, eve } = await heardBy("eve");
    const { ada, channel } = await withSocket(room);
    ada.send({ type: "state", state: "her own" });
    await ada.handled();
    await eve.heard();
    const kept = { status: 200, body: { user: { id: "ada" }, state: "her own" } };
    expect(await put(room, channel, {})).toMatchObject(kept);
    expect(await eve.heard()).toEqual([]);
    const user = { id: "ada", name: "Ada" };
    expect(await put(room, channel, { user })).toMatchObject({ status: 200, body: { user } });
    expect(await eve.heard()).toMatchObject([{ updates: [{ channel, user, state: "her own" }] }]);
  });

  test("keeps its user in another room, too, where that is left out", async () => {
    const [home, further] = [newRoom(), newRoom()];
    const { ada, channel } = await withSocket(home);
    await put(further, channel, { user: { id: "ada" } });
    await nextOfRoom(ada, further);
    expect((await put(further, channel, {})).body).toMatchObject({ user: { id: "ada" } });
    expect([...believed(ada, further).values()]).toMatchObject([{ user: { id: "ada" } }]);
  });
});

describe("rows", () => {
  test("a PUT that says the same again writes what it wrote before: one in the room, one at home", async () => {
    const room = newRoom();
    const channel = `bot of ${room}`;
    const given = { user: BOT, state: THINKING, ttl: 3_600 };
    await put(room, channel, given);
    const rows = async (body: Given) => {
      const before = [watched(room).rows, watched(channel).rows];
      advance(1);
      await put(room, channel, body);
      return [watched(room).rows, watched(channel).rows].map((now, at) => now - (before[at] ?? 0));
    };
    expect(await rows({})).toEqual([1, 1]);
    expect(await rows(given)).toEqual([1, 1]);
    expect(await rows({ state: { thinking: false } })).toEqual([1, 1]);
    expect(await rows({ user: { id: "droid" }, state: 3 })).toEqual([1, 1]);
  });
});

/** Milliseconds from now to the alarm of a channel's own object. */
async function alarmOf(channel: string): Promise<number> {
  return ((await channelObject(channel).storage()).alarm ?? Number.NaN) - Date.now();
}

describe("the home of a channel without a socket", () => {
  test("looks for a presence with a long ttl when that may be over, not in each maximum age", async () => {
    const room = newRoom();
    const channel = `bot of ${room}`;
    await put(room, channel, { ttl: 3_600 });
    expect(await alarmOf(channel)).toBeLessThanOrEqual(60_000);
    advance(60);
    await channelObject(channel).ring();
    expect(await alarmOf(channel)).toBeGreaterThan(3_500_000);
    expect(await alarmOf(channel)).toBeLessThanOrEqual(3_545_000);
    // A sign of life in between moves it on, once it has rung.
    advance(3_000);
    await put(room, channel, {});
    advance(545);
    await channelObject(channel).ring();
    expect(await alarmOf(channel)).toBeGreaterThan(3_000_000);
    expect((await call("GET", channelPath(channel))).body).toEqual({
      channel,
      user: null,
      rooms: [room],
      lastSeen: expect.any(Number),
    });
  });

  test("looks within the maximum age where any of its rooms has no ttl, or is new", async () => {
    const [room, other] = [newRoom(), newRoom()];
    const channel = `bot of ${room}`;
    await put(room, channel, { ttl: 3_600 });
    advance(60);
    await channelObject(channel).ring();
    await put(other, channel, {});
    expect(await alarmOf(channel)).toBeLessThanOrEqual(60_000);
    advance(59);
    await channelObject(channel).ring();
    expect(await alarmOf(channel)).toBeLessThanOrEqual(60_000);
    await after(5, other);
    advance(60);
    await channelObject(channel).ring();
    expect((await call("GET", channelPath(channel))).body).toMatchObject({ rooms: [room] });
    expect(await alarmOf(channel)).toBeGreaterThan(3_000_000);
  });
});

describe("in TypeScript", () => {
  test("rooms(env).add and the handle of a room take a state and a ttl", async () => {
    const room = newRoom();
    const first = await rooms(bindings).add(room, "bot-1", BOT, { state: THINKING, ttl: 300 });
    expect(first).toMatchObject({ isNew: true, presence: { user: BOT, state: THINKING } });
    const handle = rooms(bindings).get(room);
    const second = await handle.add("bot-1", undefined, { state: [1] });
    expect(second).toMatchObject({ isNew: false, presence: { user: BOT, state: [1] } });
    expect(await handle.add("bot-1", null)).toMatchObject({ presence: { user: null, state: [1] } });
    await after(200, room);
    expect(await channelsIn(room)).toEqual([["bot-1", null]]);
  });

  test("a state is JSON as others will see it", async () => {
    const state: unknown = { at: new Date(0), gone: undefined };
    // SAFETY: what a caller without types may hand over.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const options = { state: state as Json };
    const { presence } = await rooms(bindings).add(newRoom(), "bot", null, options);
    expect(presence.state).toEqual({ at: "1970-01-01T00:00:00.000Z" });
  });

  test.each([0, 1, 1.5, 2.5, -2, 86_401, Number.NaN, Number.POSITIVE_INFINITY, "60", null])(
    "a ttl of %s is a RangeError that names the range",
    async (ttl) => {
      const room = newRoom();
      // SAFETY: what a caller without types may hand over.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      const adding = rooms(bindings).add(room, "bot", null, { ttl: ttl as number });
      await expect(adding).rejects.toThrow(RangeError);
      await expect(adding).rejects.toThrow("from 2 to 86,400");
      await expectNothingIn([roomObject(room)]);
    },
  );

  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  test.each([
    ["too large", "x".repeat(2_047), "state_too_large"],
    ["too deep", JSON.parse("[".repeat(65) + "]".repeat(65)), "bad_frame"],
    ["infinite", [Number.POSITIVE_INFINITY], "bad_frame"],
    ["an integer that is rounded", 2 ** 60, "bad_frame"],
    ["a function", () => {}, "bad_frame"],
    ["a cycle", cycle, "bad_frame"],
  ])("a state that is %s is refused", async (_name, state, code) => {
    const room = newRoom();
    // SAFETY: what a caller without types may hand over.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const adding = rooms(bindings).add(room, "bot", null, { state: state as Json });
    await expect(adding).rejects.toMatchObject({ name: "ProtocolError", code });
    await expectNothingIn([roomObject(room)]);
  });
});

async function socketsIn(room: string): Promise<number> {
  const { body } = await call("GET", `${roomPath(room)}/stats`);
  return Number(Reflect.get(Object(body), "connections"));
}
