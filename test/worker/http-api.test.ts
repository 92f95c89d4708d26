/** The HTTP API where all is well: what each call answers, what it does, and who in the room hears of it. */

import { createExecutionContext, runDurableObjectAlarm } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { Hono } from "hono";
import * as v from "valibot";
import { afterEach, describe, expect, test, vi } from "vitest";
import { app } from "../../src/http/app.ts";
import { encodeCursor } from "../../src/api/cursor.ts";
import { type Operation, OPERATIONS } from "../../src/http/operations.ts";
import { lobbyOf } from "../../src/rpc/lobbies.ts";
import {
  type Answer,
  call,
  type CallOptions,
  channelPath,
  ORIGIN,
  pathOf,
  presencePath,
  roomPath,
} from "../support/http.ts";
import { bindings } from "../support/objects.ts";
import { advance, after, idsIn, inRoom, LIVES, storageOf } from "../support/room.ts";
import { firstFrames, newRoom, open, openAs, tokenFor } from "../support/socket.ts";

type Name = keyof typeof OPERATIONS;
type Asked = CallOptions & { room?: string; channel?: string; query?: string };

const JSON_TYPE = { "content-type": "application/json" };
const DIFF = { query: { view: "diff" } };
const asked = new Set<string>();
let prefixes = 0;

afterEach(() => {
  vi.useRealTimers();
});

/** Asks as the operation says; fails where the answer is none that the operation tells of. */
async function ask(name: Name, options: Asked = {}): Promise<Answer> {
  const { room = "", channel = "", query = "", ...rest } = options;
  const operation: Operation = OPERATIONS[name];
  const path = pathOf(operation, encodeURIComponent(room), encodeURIComponent(channel));
  const answer = await call(operation.method.toUpperCase(), path + query, rest);
  const documented = operation.answers[answer.status];
  if (!documented) throw new Error(`${name}: ${answer.status} ${JSON.stringify(answer.body)}`);
  const told = documented.body && v.parse(documented.body, answer.body);
  expect(answer.body).toEqual(told);
  asked.add(name);
  return answer;
}

/** The answer's body where it must be a success. */
async function answerOf(name: Name, options: Asked = {}): Promise<unknown> {
  return (await ask(name, options)).body;
}

function add(room: string, channel: string, user?: object | null): Promise<Answer> {
  return ask("addPresence", { room, channel, ...(user === undefined ? {} : { body: { user } }) });
}

/** Beginnings of names that no other test uses, and a token for such rooms only. */
function newPrefix(): { prefix: string; claims: { rooms: string[] } } {
  prefixes += 1;
  const prefix = `tenant-${prefixes}-`;
  return { prefix, claims: { rooms: [`${prefix}*`] } };
}

/** Puts rooms on the list that nobody is in, as a crash may. */
async function list(...rooms: string[]): Promise<void> {
  await Promise.all(rooms.map((room) => env.PRESENCE_LOBBY.getByName(lobbyOf(room)).fill(room)));
}

const Page = v.object({
  rooms: v.optional(v.array(v.object({ room: v.string() }))),
  presences: v.optional(v.array(v.object({ channel: v.string() }))),
  cursor: v.optional(v.string()),
});

/** The names on all pages of a list, and how many are on each. */
async function pagesOf(name: Name, limit: number, options: Asked = {}) {
  const { query = "?" } = options;
  const names: string[] = [];
  const sizes: number[] = [];
  let cursor: string | undefined = "";
  while (cursor !== undefined) {
    const next: string = cursor === "" ? "" : `&cursor=${cursor}`;
    // oxlint-disable-next-line no-await-in-loop
    const body = await answerOf(name, { ...options, query: `${query}&limit=${limit}${next}` });
    const page = v.parse(Page, body);
    const found = [
      ...(page.rooms ?? []).map(({ room }) => room),
      ...(page.presences ?? []).map(({ channel }) => channel),
    ];
    names.push(...found);
    sizes.push(found.length);
    if (sizes.length > 50) throw new Error(`the pages do not end: ${names.slice(-5).join(", ")}`);
    ({ cursor } = page);
  }
  return { names, sizes };
}

async function channelsIn(room: string): Promise<string[]> {
  return (await pagesOf("listPresences", 100, { room })).names;
}

/** The cron trigger, as the platform calls it. */
async function ringCron(): Promise<void> {
  const worker: object = exports.default;
  if (!hasCron(worker)) throw new Error("the Worker has no scheduled handler");
  await worker.scheduled({ scheduledTime: new Date(), cron: "0 * * * *" });
}

/** The types of the tests know of `fetch` only. */
function hasCron(worker: object): worker is { scheduled(event: object): Promise<unknown> } {
  return typeof Reflect.get(worker, "scheduled") === "function";
}

// First, what visits every room: of those of the other tests there would be many.

describe("the scheduled handler", () => {
  test.each([
    ["of the Worker", ringCron],
    ["of the app, in a Worker of one's own", () => app.scheduled({}, bindings)],
  ])("%s has every lobby take off its list whom a crash left there", async (_name, run) => {
    const { prefix } = newPrefix();
    const rooms = Array.from({ length: 20 }, (_, index) => `${prefix}${index}`);
    await list(...rooms);
    await add(`${prefix}1`, "bot");
    expect(new Set(rooms.map(lobbyOf)).size).toBeGreaterThan(4);
    await run();
    const query = `?prefix=${prefix}`;
    await vi.waitFor(
      async () => {
        await Promise.all(
          rooms.map((room) => runDurableObjectAlarm(env.PRESENCE_LOBBY.getByName(lobbyOf(room)))),
        );
        const { names } = await pagesOf("listRooms", 100, { query });
        expect(names).toEqual([`${prefix}1`]);
      },
      { timeout: 5_000 },
    );
    expect(await channelsIn(`${prefix}1`)).toEqual(["bot"]);
  });
});

test("POST /prune/presences without a body takes the maximum age, and with a token for all rooms visits all", async () => {
  const { prefix } = newPrefix();
  await add(`${prefix}a`, "old");
  advance(65);
  await add(`${prefix}b`, "new");
  const answer = await answerOf("prunePresences");
  expect(answer).toEqual({ rooms: expect.any(Number), pruned: expect.any(Number) });
  const { names } = await pagesOf("listRooms", 10, { query: `?prefix=${prefix}` });
  expect(names).toEqual([`${prefix}b`]);
});

test("POST /webhooks/test says why the receiver of webhooks did not answer, and not where it is", async () => {
  const variables = {
    PRESENCE_HISTORY: "120",
    PRESENCE_WEBHOOK_URL: "http://127.0.0.1:1/private",
    PRESENCE_WEBHOOK_SECRET: `whsec_${"A".repeat(43)}=`,
  };
  const answer = await answerOf("testWebhook", { variables });
  expect(answer).toEqual({ status: null, error: "the receiver could not be reached" });
});

test("GET /rooms/:name/stats tells what a room is and what it has counted", async () => {
  const room = newRoom();
  await add(room, "bot", { id: "ada" });
  const ada = await openAs("ada", room, DIFF);
  await ada.nextOf("sync");
  expect(await answerOf("getStats", { room })).toMatchObject({
    room,
    connections: 1,
    presences: 2,
    members: 1,
    joins: 2,
    leaves: { left: 0, lost: 0, expired: 0, removed: 0, replaced: 0 },
    frames: { in: 0, out: 2 },
  });
});

describe("GET /rooms", () => {
  test("lists occupied rooms by name, each since when it is occupied", async () => {
    const { prefix } = newPrefix();
    const before = Date.now();
    await add(`${prefix}b`, "bot");
    await (await openAs("ada", `${prefix}a`)).next();
    const query = `?prefix=${prefix}`;
    await vi.waitFor(async () =>
      expect(await answerOf("listRooms", { query })).toEqual({
        rooms: [
          { room: `${prefix}a`, since: expect.any(Number) },
          { room: `${prefix}b`, since: expect.any(Number) },
        ],
      }),
    );
    const { rooms } = v.parse(
      v.object({ rooms: v.array(v.object({ since: v.number() })) }),
      await answerOf("listRooms", { query }),
    );
    for (const { since } of rooms) {
      expect(since).toBeGreaterThanOrEqual(before);
      expect(since).toBeLessThanOrEqual(Date.now());
    }
  });

  test("does not name a room whose last one is gone", async () => {
    const { prefix } = newPrefix();
    await add(`${prefix}a`, "bot");
    await add(`${prefix}b`, "bot");
    await ask("removePresence", { room: `${prefix}a`, channel: "bot" });
    expect((await pagesOf("listRooms", 10, { query: `?prefix=${prefix}` })).names).toEqual([
      `${prefix}b`,
    ]);
  });

  test.each([1, 2, 3, 7, 8, 1_000])(
    "pages of %i name each room once, in the order of its bytes",
    async (limit) => {
      const { prefix } = newPrefix();
      const ends = ["", "A", "a", "a/b", "aa", "ü", "～", "😀"];
      await list(...ends.map((end) => prefix + end).toReversed());
      const query = `?prefix=${encodeURIComponent(prefix)}`;
      const { names, sizes } = await pagesOf("listRooms", limit, { query });
      expect(names).toEqual(ends.map((end) => prefix + end));
      expect(sizes.slice(0, -1).every((size) => size === limit)).toBe(true);
      expect(sizes).toHaveLength(Math.ceil(ends.length / limit));
    },
  );

  test("a page goes on where the one before ended, though that room is gone", async () => {
    const { prefix } = newPrefix();
    await list(`${prefix}a`, `${prefix}b`, `${prefix}c`);
    const query = `?prefix=${prefix}&limit=2`;
    const { cursor = "" } = v.parse(Page, await answerOf("listRooms", { query }));
    await env.PRESENCE_LOBBY.getByName(lobbyOf(`${prefix}b`)).empty(`${prefix}b`);
    await list(`${prefix}bb`);
    const page = v.parse(Page, await answerOf("listRooms", { query: `${query}&cursor=${cursor}` }));
    expect(page.rooms?.map(({ room }) => room)).toEqual([`${prefix}bb`, `${prefix}c`]);
  });

  test("a page is 100 rooms if nothing else is asked for", async () => {
    const { prefix } = newPrefix();
    const rooms = Array.from({ length: 101 }, (_, index) => `${prefix}${index}`);
    await list(...rooms);
    const page = v.parse(Page, await answerOf("listRooms", { query: `?prefix=${prefix}` }));
    expect(page.rooms).toHaveLength(100);
    expect(page.cursor).toEqual(expect.any(String));
    await Promise.all(rooms.map((room) => env.PRESENCE_LOBBY.getByName(lobbyOf(room)).empty(room)));
  });

  test.each(["a/b", "100%", "%41", "a b", "a+b", "ü😀", "&limit=0", "a*"])(
    "the prefix may be %j",
    async (middle) => {
      const { prefix } = newPrefix();
      const room = `${prefix}${middle} and more`;
      await list(room, `${prefix}other`);
      const query = `?prefix=${encodeURIComponent(prefix + middle)}`;
      expect((await pagesOf("listRooms", 10, { query })).names).toEqual([room]);
    },
  );

  test("a prefix that is longer than any name is that of no room", async () => {
    const query = `?prefix=${"x".repeat(5_000)}`;
    expect(await answerOf("listRooms", { query })).toEqual({ rooms: [] });
  });
});

describe("GET /rooms/:name/presences", () => {
  test.each(LIVES)("tells all of each presence, in the order of joins: %s", async (_, between) => {
    const room = newRoom();
    const before = Date.now();
    const ada = await openAs("ada", room, { ...DIFF, claims: { info: { name: "Ada" } } });
    const { channel } = (await firstFrames(ada)).welcome;
    ada.send({ type: "state", state: { typing: true } });
    await ada.handled();
    await add(room, "bot", { id: "bot" });
    const lurker = await open(room, DIFF);
    const lurking = (await firstFrames(lurker)).welcome.channel;
    await (await openAs("eve", room, { query: { watch: "1" } })).next();
    await between(room);
    const times = { joinedAt: expect.any(Number), lastSeen: expect.any(Number) };
    const name = { id: "ada", name: "Ada" };
    const body = await answerOf("listPresences", { room });
    expect(body).toEqual({
      presences: [
        { room, channel, user: name, ...times, state: { typing: true } },
        { room, channel: "bot", user: { id: "bot" }, ...times },
        { room, channel: lurking, user: null, ...times },
      ],
    });
    const { presences } = v.parse(OPERATIONS.listPresences.answers[200].body, body);
    for (const { joinedAt, lastSeen } of presences) {
      expect(joinedAt).toBeGreaterThanOrEqual(before);
      expect(lastSeen).toBeGreaterThanOrEqual(joinedAt);
      expect(lastSeen).toBeLessThanOrEqual(Date.now());
    }
  });

  test("of a room that nobody is in is empty, and stores nothing", async () => {
    const room = newRoom();
    expect(await answerOf("listPresences", { room })).toEqual({ presences: [] });
    expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
  });

  test.each([1, 2, 5, 6])("pages of %i name each presence once", async (limit) => {
    const room = newRoom();
    const channels = ["z", "b/c", "😀", "a", "100%"].map((start) => `${start} ${room}`);
    for (const channel of channels) {
      // One after the other, and at different times, for their order.
      // oxlint-disable-next-line no-await-in-loop
      await add(room, channel);
      advance(0.001);
    }
    const { names, sizes } = await pagesOf("listPresences", limit, { room });
    expect(names).toEqual(channels);
    expect(sizes).toHaveLength(Math.ceil(channels.length / limit));
  });

  test("presences that joined in the same millisecond are named once", async () => {
    const room = newRoom();
    vi.useFakeTimers({ toFake: ["Date"] });
    const channels = ["c", "a", "b", "d"];
    await Promise.all(channels.map((channel) => add(room, channel)));
    const { names } = await pagesOf("listPresences", 1, { room });
    expect(names.toSorted()).toEqual(channels.toSorted());
  });

  test("one that leaves between two pages hides no other", async () => {
    const room = newRoom();
    for (const channel of ["a", "b", "c"]) {
      // oxlint-disable-next-line no-await-in-loop
      await add(room, channel);
      advance(0.001);
    }
    const first = v.parse(Page, await answerOf("listPresences", { room, query: "?limit=2" }));
    await ask("removePresence", { room, channel: "b" });
    const query = `?limit=2&cursor=${first.cursor}`;
    const second = v.parse(Page, await answerOf("listPresences", { room, query }));
    expect(second).toMatchObject({ presences: [{ channel: "c" }] });
  });

  test("a page is 100 presences if nothing else is asked for", async () => {
    const room = newRoom();
    await inRoom(room, async (instance) => {
      const owner = { kind: "detached", generation: 1, linkedAt: 1 } as const;
      const channels = Array.from({ length: 101 }, (_, index) => `bot-${index}`);
      await Promise.all(channels.map((channel) => instance.add(channel, null, owner)));
    });
    const page = v.parse(Page, await answerOf("listPresences", { room }));
    expect(page.presences).toHaveLength(100);
    expect(page.cursor).toEqual(expect.any(String));
  });
});

describe.each(LIVES)("PUT /rooms/:name/presences/:channel, %s", (_, between) => {
  test("adds a channel as a user, and everyone in the room hears of it", async () => {
    const room = newRoom();
    const eve = await openAs("eve", room, DIFF);
    await firstFrames(eve);
    const lea = await openAs("lea", room, { query: { watch: "1" } });
    await lea.next();
    await eve.heard();
    await between(room);
    const user = { id: "bot", name: "The bot", tags: [1, null, { a: true }] };
    const { status, body } = await add(room, "bot-1", user);
    expect(status).toBe(201);
    const presence = { channel: "bot-1", user, joinedAt: expect.any(Number) };
    expect(body).toEqual({ room, ...presence, lastSeen: expect.any(Number) });
    expect(await eve.heard()).toEqual([
      { type: "diff", room, joins: [presence], updates: [], leaves: [], lurkers: 0 },
    ]);
    expect(await lea.next()).toMatchObject({
      payload: { members: [{ id: "eve" }, user], lurkers: 0 },
    });
  });

  test("of one that is there as the same user is 200, and nobody hears of it", async () => {
    const room = newRoom();
    const eve = await openAs("eve", room, DIFF);
    const first = await add(room, "bot", { id: "bot", name: "Bot" });
    await eve.heard();
    await between(room);
    advance(20);
    const second = await add(room, "bot", { id: "bot", name: "Bot" });
    expect(second.status).toBe(200);
    const [before, now] = [first, second].map(({ body }) =>
      v.parse(OPERATIONS.addPresence.answers[200].body, body),
    );
    expect(now).toEqual({ ...before, lastSeen: expect.any(Number) });
    expect(now?.lastSeen).toBeGreaterThanOrEqual((before?.lastSeen ?? 0) + 20_000);
    expect(await eve.heard()).toEqual([]);
    expect(await channelsIn(room)).toHaveLength(2);
  });

  test.each([
    ["another user", { id: "ada" }, ["eve", "ada"], 0],
    ["nobody", null, ["eve"], 1],
  ] as const)("of one that is there gives it %s", async (_name, user, ids, lurkers) => {
    const room = newRoom();
    const eve = await openAs("eve", room);
    await add(room, "bot", { id: "bot" });
    await eve.heard();
    await between(room);
    const { status, body } = await add(room, "bot", user);
    expect(status).toBe(200);
    expect(body).toMatchObject({ channel: "bot", user });
    const members = ids.map((id) => ({ id }));
    expect(await eve.heard()).toMatchObject([{ payload: { members, lurkers } }]);
  });

  test.each([
    ["no body", {}],
    ["an empty object", { body: {} }],
    ["a user that is null", { body: { user: null } }],
    ["white space around the object", { raw: " {\n} ", headers: JSON_TYPE }],
  ])("with %s adds an anonymous one", async (_name, options) => {
    const room = newRoom();
    const eve = await openAs("eve", room);
    await eve.heard();
    await between(room);
    const { status, body } = await ask("addPresence", { room, channel: "bot", ...options });
    expect(status).toBe(201);
    expect(body).toMatchObject({ user: null });
    expect(await eve.heard()).toMatchObject([
      { payload: { members: [{ id: "eve" }], lurkers: 1 } },
    ]);
  });

  test("a socket's channel hears a second room over its socket", async () => {
    const [home, further] = [newRoom(), newRoom()];
    const ada = await openAs("ada", home, DIFF);
    const { channel = "" } = (await firstFrames(ada)).welcome;
    const eve = await openAs("eve", further, DIFF);
    await eve.heard();
    await between(home);
    await between(further);
    const { status, body } = await add(further, channel, { id: "ada" });
    expect(status).toBe(201);
    expect(body).toMatchObject({ room: further, channel, user: { id: "ada" } });
    expect(await ada.nextOf("sync")).toMatchObject({ room: further });
    expect(await eve.heard()).toMatchObject([{ room: further, joins: [{ channel }] }]);
    await between(home);
    await between(further);
    const sent = await ask("sendMessage", { room: further, body: { payload: "hi" } });
    expect(sent.body).toEqual({ connections: 2 });
    expect(await ada.nextOf("messages")).toEqual({
      type: "messages",
      room: further,
      messages: [{ from: null, payload: "hi" }],
    });
    expect(await answerOf("getChannel", { channel })).toMatchObject({ rooms: [home, further] });
  });

  test("a socket's own channel, in its own room, gets the user that the server says", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    const { channel = "" } = (await firstFrames(ada)).welcome;
    const eve = await openAs("eve", room);
    await eve.heard();
    await between(room);
    const { status, body } = await add(room, channel, { id: "zoe", name: "Zoë" });
    expect(status).toBe(200);
    expect(body).toMatchObject({ channel, user: { id: "zoe", name: "Zoë" } });
    expect(await idsIn(room)).toEqual(expect.arrayContaining(["zoe", "eve"]));
    expect(await eve.heard()).toMatchObject([{ payload: { members: expect.any(Array) } }]);
  });
});

describe("a body", () => {
  test.each([
    "application/json",
    "application/json; charset=utf-8",
    "Application/JSON ;charset=UTF-8",
    "application/vnd.presence+json",
  ])("may be of the type %s", async (type) => {
    const headers = { "content-type": type };
    const raw = '{"user":{"id":"bot"}}';
    const answer = await ask("addPresence", { room: newRoom(), channel: "bot", raw, headers });
    expect(answer.body).toMatchObject({ user: { id: "bot" } });
  });

  test("may be 65,536 bytes, with its length said before or not", async () => {
    const room = newRoom();
    const eve = await openAs("eve", room);
    const raw = JSON.stringify({ payload: "" });
    const payload = "x".repeat(65_536 - raw.length);
    const bytes = new TextEncoder().encode(JSON.stringify({ payload }));
    expect(bytes).toHaveLength(65_536);
    const stream = new Blob([bytes]).stream();
    for (const body of [bytes, stream]) {
      // oxlint-disable-next-line no-await-in-loop
      const { status } = await ask("sendMessage", { room, raw: body, headers: JSON_TYPE });
      expect(status).toBe(202);
      // oxlint-disable-next-line no-await-in-loop
      expect(await eve.nextOf("messages")).toMatchObject({ messages: [{ payload }] });
    }
  });

  test("may have a user of 128 characters, and 1,024 bytes of what else there is", async () => {
    const room = newRoom();
    const id = "😀".repeat(128);
    const user = { id, a: "x".repeat(1_024 - '{"a":""}'.length) };
    const answer = await call("PUT", presencePath(room, "bot"), { body: { user } });
    expect(answer).toMatchObject({ status: 201, body: { user } });
    expect(await idsIn(room)).toEqual([id]);
  });

  test("may have a payload of 64 levels", async () => {
    const room = newRoom();
    const eve = await openAs("eve", room);
    const payload: unknown = JSON.parse("[".repeat(64) + "]".repeat(64));
    await ask("sendMessage", { room, body: { payload } });
    expect(await eve.nextOf("messages")).toMatchObject({ messages: [{ payload }] });
  });

  test("of a call that wants none is not looked at", async () => {
    const room = newRoom();
    const channel = `bot of ${room}`;
    await add(room, channel);
    const raw = "not JSON";
    expect(await answerOf("touchChannel", { channel, raw })).toEqual({ rooms: [room] });
    expect((await ask("removePresence", { room, channel, raw })).status).toBe(204);
  });
});

describe.each(LIVES)("DELETE /rooms/:name/presences/:channel, %s", (_, between) => {
  test("closes the socket with 4003, says why, and the others hear of it", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    const { channel = "" } = (await firstFrames(ada)).welcome;
    const eve = await openAs("eve", room, DIFF);
    await eve.heard();
    await ada.heard();
    await between(room);
    expect((await ask("removePresence", { room, channel })).status).toBe(204);
    expect(await ada.nextOf("error")).toMatchObject({
      code: "removed",
      message: expect.stringContaining("server"),
    });
    expect(await ada.closes.next()).toMatchObject({ code: 4003 });
    expect(await eve.heard()).toMatchObject([
      { joins: [], leaves: [{ channel, reason: "removed" }], lurkers: 0 },
    ]);
    await between(room);
    expect((await ask("removePresence", { room, channel })).status).toBe(204);
    expect(await eve.heard()).toEqual([]);
    expect(await idsIn(room)).toEqual(["eve"]);
  });

  test("of a channel without a socket takes it out of this room alone", async () => {
    const [room, other] = [newRoom(), newRoom()];
    const eve = await openAs("eve", room, DIFF);
    const lea = await openAs("lea", other, DIFF);
    const user = { id: "bot" };
    await add(room, `bot of ${room}`, user);
    await add(other, `bot of ${room}`, user);
    await Promise.all([eve.heard(), lea.heard()]);
    await between(room);
    const answer = await ask("removePresence", { room, channel: `bot of ${room}` });
    expect(answer.status).toBe(204);
    expect(await eve.heard()).toMatchObject([
      { leaves: [{ channel: `bot of ${room}`, reason: "removed" }] },
    ]);
    expect(await lea.heard()).toEqual([]);
    expect(await answerOf("getChannel", { channel: `bot of ${room}` })).toMatchObject({
      rooms: [other],
    });
  });

  test("of a socket in a further room leaves the socket open, and at home", async () => {
    const [home, further] = [newRoom(), newRoom()];
    const ada = await openAs("ada", home, DIFF);
    const { channel = "" } = (await firstFrames(ada)).welcome;
    const eve = await openAs("eve", further, DIFF);
    await add(further, channel, { id: "ada" });
    await ada.nextOf("sync");
    await eve.heard();
    await between(home);
    await between(further);
    expect((await ask("removePresence", { room: further, channel })).status).toBe(204);
    expect(await eve.heard()).toMatchObject([{ leaves: [{ channel, reason: "removed" }] }]);
    await ada.beat();
    expect(ada.closes.all).toEqual([]);
    expect(await idsIn(home)).toEqual(["ada"]);
    expect(await idsIn(further)).toEqual(["eve"]);
  });

  test("of one that is not there is 204, and nothing happens", async () => {
    const room = newRoom();
    const eve = await openAs("eve", room, DIFF);
    await eve.heard();
    await between(room);
    expect((await ask("removePresence", { room, channel: "nobody" })).status).toBe(204);
    expect((await ask("removePresence", { room, channel: `${room}!aaaaaaaaaaaa` })).status).toBe(
      204,
    );
    expect(await eve.heard()).toEqual([]);
    const empty = newRoom();
    expect((await ask("removePresence", { room: empty, channel: "nobody" })).status).toBe(204);
    expect(await storageOf(empty)).toEqual({ tables: 0, alarm: null });
  });

  test("of the last one takes the room off the list", async () => {
    const { prefix } = newPrefix();
    const room = `${prefix}a`;
    await add(room, "bot");
    await between(room);
    await ask("removePresence", { room, channel: "bot" });
    expect(await answerOf("listRooms", { query: `?prefix=${prefix}` })).toEqual({ rooms: [] });
  });
});

describe.each(LIVES)("POST /rooms/:name/messages, %s", (_, between) => {
  test("reaches every connection, in every view, watchers too, from nobody", async () => {
    const room = newRoom();
    const sockets = [
      await openAs("ada", room),
      await openAs("bob", room, DIFF),
      await openAs("cid", room, { query: { view: "count" } }),
      await openAs("eve", room, { query: { watch: "1" } }),
      await open(room),
    ];
    await Promise.all(sockets.map((socket) => socket.next()));
    await add(room, "bot");
    await between(room);
    const { status, body } = await ask("sendMessage", { room, body: { payload: { a: [1] } } });
    expect(status).toBe(202);
    expect(body).toEqual({ connections: 5 });
    const frames = await Promise.all(sockets.map((socket) => socket.nextOf("messages")));
    for (const frame of frames) {
      expect(frame).toEqual({
        type: "messages",
        room,
        messages: [{ from: null, payload: { a: [1] } }],
      });
    }
  });

  test.each(["", 0, false, null, [], "ü👩‍🚀\u2028"])("may say %j", async (payload) => {
    const room = newRoom();
    const eve = await openAs("eve", room);
    await between(room);
    await ask("sendMessage", { room, body: { payload } });
    const { messages } = await eve.nextOf("messages");
    expect(messages).toEqual([{ from: null, payload }]);
  });

  test("in a room without connections reaches none, and stores nothing", async () => {
    const room = newRoom();
    await between(room);
    const answer = await ask("sendMessage", { room, body: { payload: "anyone?" } });
    expect(answer).toMatchObject({ status: 202, body: { connections: 0 } });
    expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
  });
});

describe.each(LIVES)("POST /rooms/:name/prune, %s", (_, between) => {
  test("with an age removes who was silent for longer, and tells who that was", async () => {
    const room = newRoom();
    const eve = await openAs("eve", room, { query: { watch: "1", view: "diff" } });
    const { body: old } = await add(room, "old", { id: "old" });
    advance(20);
    await add(room, "new", { id: "new" });
    await eve.heard();
    await between(room);
    expect(await answerOf("pruneRoom", { room, body: { age: 21 } })).toEqual({ pruned: [] });
    expect(await eve.heard()).toEqual([]);
    expect(await answerOf("pruneRoom", { room, body: { age: 19.5 } })).toEqual({ pruned: [old] });
    expect(await eve.heard()).toMatchObject([
      { joins: [], leaves: [{ channel: "old", reason: "expired" }] },
    ]);
    expect(await channelsIn(room)).toEqual(["new"]);
    advance(1);
    expect(await answerOf("pruneRoom", { room, body: { age: 0 } })).toMatchObject({
      pruned: [{ channel: "new" }],
    });
  });

  test.each([
    ["no body", {}],
    ["an empty object", { body: {} }],
  ])("with %s takes the maximum age", async (_name, options) => {
    const room = newRoom();
    await add(room, "old");
    advance(55);
    await add(room, "new");
    await between(room);
    expect(await answerOf("pruneRoom", { room, ...options })).toEqual({ pruned: [] });
    advance(10);
    expect(await answerOf("pruneRoom", { room, ...options })).toMatchObject({
      pruned: [{ channel: "old" }],
    });
  });

  test("closes the sockets of those that it removes, and no other", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    const { channel } = (await firstFrames(ada)).welcome;
    const eve = await openAs("eve", room, DIFF);
    await eve.heard();
    advance(20);
    await eve.heard();
    await between(room);
    expect(await answerOf("pruneRoom", { room, body: { age: 10 } })).toMatchObject({
      pruned: [{ channel, user: { id: "ada" } }],
    });
    expect(await ada.nextOf("error")).toMatchObject({ code: "expired" });
    expect(await ada.closes.next()).toMatchObject({ code: 4108 });
    expect(await eve.heard()).toMatchObject([{ leaves: [{ channel, reason: "expired" }] }]);
    expect(await idsIn(room)).toEqual(["eve"]);
  });

  test("with an age beyond all time removes nobody", async () => {
    const room = newRoom();
    await add(room, "bot");
    advance(30);
    const raw = '{"age":1e308}';
    const answer = await answerOf("pruneRoom", { room, raw, headers: JSON_TYPE });
    expect(answer).toEqual({ pruned: [] });
    expect(await channelsIn(room)).toEqual(["bot"]);
  });
});

describe("POST /prune/presences", () => {
  test("removes the silent in all rooms, and says in how many rooms it looked", async () => {
    const { prefix, claims } = newPrefix();
    const eve = await openAs("eve", `${prefix}a`, { query: { watch: "1", view: "diff" } });
    await eve.nextOf("sync");
    await add(`${prefix}a`, "old-1");
    await add(`${prefix}a`, "old-2");
    await add(`${prefix}b`, "old-3");
    advance(20);
    await add(`${prefix}b`, "new-1");
    await add(`${prefix}c`, "new-2");
    await eve.heard();
    const body = { age: 10 };
    expect(await answerOf("prunePresences", { claims, body })).toEqual({ rooms: 3, pruned: 3 });
    expect(await eve.heard()).toMatchObject([{ type: "diff", leaves: [], lurkers: 0 }]);
    const { names } = await pagesOf("listRooms", 10, { query: `?prefix=${prefix}` });
    expect(names).toEqual([`${prefix}b`, `${prefix}c`]);
    expect(await channelsIn(`${prefix}b`)).toEqual(["new-1"]);
    expect(await answerOf("prunePresences", { claims, body })).toEqual({ rooms: 2, pruned: 0 });
  });
});

describe("POST /prune/rooms", () => {
  test("takes those off the list that nobody is in, and no other", async () => {
    const { prefix, claims } = newPrefix();
    await list(`${prefix}a`, `${prefix}b`);
    await add(`${prefix}b`, "bot");
    await add(`${prefix}c`, "bot");
    expect(await answerOf("pruneRooms", { claims })).toEqual({ removed: 1 });
    const { names } = await pagesOf("listRooms", 10, { query: `?prefix=${prefix}` });
    expect(names).toEqual([`${prefix}b`, `${prefix}c`]);
    expect(await channelsIn(`${prefix}b`)).toEqual(["bot"]);
    expect(await answerOf("pruneRooms", { claims, body: {} })).toEqual({ removed: 0 });
    expect(await storageOf(`${prefix}a`)).toEqual({ tables: 0, alarm: null });
  });
});

/** Lobbies of which the first has a room more after each, without end; what they were asked is in `steps`. */
function endlessLobbies(steps: unknown[][]): object {
  const sweep = (...step: unknown[]) => {
    steps.push(step);
    return Promise.resolve({ rooms: 1, pruned: 2, after: `room ${steps.length}` });
  };
  return { PRESENCE_LOBBY: { getByName: () => ({ sweep }) } };
}

describe.each([
  ["prunePresences", { rooms: 40, pruned: 80 }, { task: "presences", ageMs: 5_000 }, { age: 5 }],
  ["pruneRooms", { removed: 80 }, { task: "rooms" }, {}],
] as const)("%s of more rooms than one request may visit", (name, counts, sweep, body) => {
  test("says how far it got, and goes on from there with the cursor", async () => {
    const steps: unknown[][] = [];
    const variables = endlessLobbies(steps);
    const first = await answerOf(name, { body, variables });
    expect(first).toEqual({ ...counts, cursor: expect.any(String) });
    expect(steps.map(([, place]) => place)).toEqual([
      null,
      ...Array.from({ length: 39 }, (_, index) => `room ${index + 1}`),
    ]);
    const { cursor } = v.parse(v.object({ cursor: v.string() }), first);
    await answerOf(name, { body: { ...body, cursor }, variables });
    expect(steps[40]).toEqual([sweep, "room 40"]);
  });
});

test("a sweep visits only what is behind its cursor", async () => {
  const { prefix, claims } = newPrefix();
  const rooms = Array.from({ length: 99 }, (_, index) => `${prefix}${index}`).toSorted();
  const [low = "", high = ""] = rooms.filter((room) => lobbyOf(room) === "lobby-9");
  const earlier = rooms.find((room) => lobbyOf(room) === "lobby-2") ?? "";
  const later = rooms.find((room) => lobbyOf(room) === "lobby-12") ?? "";
  const filled = [earlier, low, high, later];
  await Promise.all(filled.map((room) => add(room, `bot of ${prefix}`)));
  advance(20);
  const leftAfter = async (...place: [number, string]) => {
    const body = { age: 10, cursor: encodeCursor(place) };
    await answerOf("prunePresences", { claims, body });
    const page = v.parse(Page, await answerOf("listRooms", { claims }));
    return filled.filter((room) => page.rooms?.some((listed) => listed.room === room));
  };
  expect(await leftAfter(15, "~")).toEqual(filled);
  expect(await leftAfter(12, later)).toEqual(filled);
  expect(await leftAfter(9, low)).toEqual([earlier, low]);
  expect(await leftAfter(2, earlier)).toEqual([earlier]);
  expect(await leftAfter(0, "")).toEqual([]);
});

describe.each(LIVES)("channels, %s", (_, between) => {
  test("GET tells user, rooms and last sign of life of one without a socket", async () => {
    const [one, two] = [newRoom(), newRoom()];
    const channel = `bot of ${one}`;
    const before = Date.now();
    await add(one, channel, { id: "bot" });
    await add(two, channel, { id: "bot" });
    await between(one);
    await between(two);
    const body = await answerOf("getChannel", { channel });
    const user = { id: "bot" };
    expect(body).toEqual({ channel, user, rooms: [one, two], lastSeen: expect.any(Number) });
    const { lastSeen } = v.parse(OPERATIONS.getChannel.answers[200].body, body);
    expect(lastSeen).toBeGreaterThanOrEqual(before);
  });

  test("GET of one that is in no room is 404", async () => {
    const room = newRoom();
    await add(room, `gone from ${room}`);
    await ask("removePresence", { room, channel: `gone from ${room}` });
    await between(room);
    for (const channel of ["nobody", `gone from ${room}`, `${room}!aaaaaaaaaaaa`]) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await call("GET", channelPath(channel))).toMatchObject({
        status: 404,
        body: { error: { code: "not_found", message: expect.stringContaining("no room") } },
      });
    }
  });

  test("touch keeps one alive in all its rooms, and nobody hears of it", async () => {
    const [one, two] = [newRoom(), newRoom()];
    const channel = `bot of ${one}`;
    const eve = await openAs("eve", one, { query: { watch: "1", view: "diff" } });
    await add(one, channel);
    await add(two, channel);
    await add(two, `silent in ${two}`);
    await eve.heard();
    advance(50);
    await between(one);
    expect(await answerOf("touchChannel", { channel })).toEqual({ rooms: [one, two] });
    const { lastSeen } = v.parse(
      v.object({ lastSeen: v.number() }),
      await answerOf("getChannel", { channel }),
    );
    expect(Date.now() - lastSeen).toBeLessThan(5_000);
    expect(await eve.heard()).toEqual([]);
    await after(15, two);
    await after(0, one);
    expect(await channelsIn(one)).toEqual([channel]);
    expect(await channelsIn(two)).toEqual([channel]);
  });

  test("touch and DELETE of one that is nowhere do nothing", async () => {
    const room = newRoom();
    await between(room);
    for (const channel of ["nobody", `${room}!aaaaaaaaaaaa`]) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await answerOf("touchChannel", { channel })).toEqual({ rooms: [] });
      // oxlint-disable-next-line no-await-in-loop
      expect(await answerOf("leaveAll", { channel })).toEqual({ rooms: [] });
    }
    expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
  });

  test("DELETE takes one out of all its rooms, and tells which", async () => {
    const [one, two] = [newRoom(), newRoom()];
    const channel = `bot of ${one}`;
    const eve = await openAs("eve", one, DIFF);
    const lea = await openAs("lea", two, DIFF);
    const user = { id: "bot" };
    await add(one, channel, user);
    await add(two, channel, user);
    await add(two, `other of ${two}`, user);
    await Promise.all([eve.heard(), lea.heard()]);
    await between(one);
    await between(two);
    expect(await answerOf("leaveAll", { channel })).toEqual({ rooms: [one, two] });
    for (const socket of [eve, lea]) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await socket.heard()).toMatchObject([{ leaves: [{ channel, reason: "removed" }] }]);
    }
    expect(await call("GET", channelPath(channel))).toMatchObject({ status: 404 });
    expect(await answerOf("leaveAll", { channel })).toEqual({ rooms: [] });
    expect(await idsIn(two)).toEqual(["lea", "bot"]);
  });

  test("DELETE of a socket's channel closes it with 4003, and both rooms hear of it", async () => {
    const [home, further] = [newRoom(), newRoom()];
    const ada = await openAs("ada", home, DIFF);
    const { channel = "" } = (await firstFrames(ada)).welcome;
    const eve = await openAs("eve", home, DIFF);
    const lea = await openAs("lea", further, DIFF);
    await add(further, channel, { id: "ada" });
    await ada.nextOf("sync");
    await Promise.all([eve.heard(), lea.heard()]);
    await between(home);
    await between(further);
    const touched = await answerOf("touchChannel", { channel });
    expect(touched).toEqual({ rooms: [home, further] });
    expect(await answerOf("leaveAll", { channel })).toEqual({ rooms: [home, further] });
    expect(await ada.nextOf("error")).toMatchObject({ code: "removed" });
    expect(await ada.closes.next()).toMatchObject({ code: 4003 });
    for (const socket of [eve, lea]) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await socket.heard()).toMatchObject([{ leaves: [{ channel, reason: "removed" }] }]);
    }
    expect(await call("GET", channelPath(channel))).toMatchObject({ status: 404 });
  });
});

describe("a name", () => {
  const names = [
    ["a slash", "a/b"],
    ["slashes at its ends", "/a/"],
    ["a percent sign", "100%"],
    ["what looks like an escape", "%2F%41"],
    ["an emoji of several code points", "👩‍🚀"],
    ["spaces", " a b "],
    ["an exclamation mark", "a!b"],
    ["an exclamation mark at its end", "a!"],
    ["dots", "a.b..c"],
    ["three dots alone", "..."],
    ["a question mark and a hash", "a?b#c"],
    ["a plus", "a+b"],
    ["a backslash", "a\\b"],
    ["a star", "a*"],
    ["what JavaScript's objects have", "__proto__"],
    ["characters of HTML and JSON", `<"'&>`],
    ["255 bytes", `${"ü".repeat(127)}x`],
    ["255 bytes of spaces", " ".repeat(255)],
    ["the name of a part of the path", "presences"],
    ["the name of a lobby", "lobby-0"],
  ] as const;

  test.each(names)("may have %s: a room's, and its channel's", async (_, name) => {
    const [room, channel] = [name, name];
    const eve = await openAs("eve", room, DIFF);
    await firstFrames(eve);
    const added = await add(room, channel, { id: "bot" });
    expect(added).toMatchObject({ status: 201, body: { room, channel } });
    expect(await eve.next()).toMatchObject({ room, joins: [{ channel }] });
    expect(await answerOf("getRoom", { room })).toMatchObject({ channel_name: room });
    expect((await channelsIn(room)).at(-1)).toBe(channel);
    const query = `?prefix=${encodeURIComponent(room)}`;
    expect((await pagesOf("listRooms", 100, { query })).names).toContain(room);
    expect(await answerOf("getChannel", { channel })).toMatchObject({ channel, rooms: [room] });
    expect(await answerOf("touchChannel", { channel })).toEqual({ rooms: [room] });
    await ask("sendMessage", { room, body: { payload: 1 } });
    expect(await eve.nextOf("messages")).toMatchObject({ room });
    expect(await answerOf("pruneRoom", { room })).toEqual({ pruned: [] });
    await ask("removePresence", { room, channel });
    expect(await eve.next()).toMatchObject({ leaves: [{ channel }] });
    await add(room, channel);
    expect(await answerOf("leaveAll", { channel })).toEqual({ rooms: [room] });
    expect(await channelsIn(room)).toHaveLength(1);
  });

  test("of a socket's channel is longer than 255 bytes in a room of 255", async () => {
    const room = `${"ö".repeat(127)}!`;
    const further = newRoom();
    const ada = await openAs("ada", room, DIFF);
    const { channel = "" } = (await firstFrames(ada)).welcome;
    expect(new TextEncoder().encode(channel)).toHaveLength(268);
    expect(await add(further, channel)).toMatchObject({ status: 201 });
    expect(await answerOf("getChannel", { channel })).toMatchObject({ rooms: [room, further] });
    expect(await answerOf("touchChannel", { channel })).toEqual({ rooms: [room, further] });
    await ask("removePresence", { room: further, channel });
    expect(await answerOf("leaveAll", { channel })).toEqual({ rooms: [room] });
    expect(await ada.closes.next()).toMatchObject({ code: 4003 });
  });

  test("is the same however it is escaped", async () => {
    const room = `${newRoom()}/!a`;
    await add(room, "b/c");
    const [start] = room.split("/");
    const paths = [`${start}%2f!a`, `${start}%2F%21%61`];
    const channels = ["b%2fc", "%62%2F%63"];
    for (const [index, path] of paths.entries()) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await call("PUT", `/rooms/${path}/presences/${channels[index]}`);
      expect(answer).toMatchObject({ status: 200, body: { room, channel: "b/c" } });
    }
  });
});

describe("tokens for some rooms", () => {
  test("list only these, with a prefix too, and pages stay right", async () => {
    const { prefix } = newPrefix();
    const { prefix: foreign } = newPrefix();
    const own = ["a", "b", "c", "d"].map((end) => prefix + end);
    await list(...own, ...["a", "b", "c", "d"].map((end) => foreign + end));
    const claims = { rooms: [`${prefix}*`] };
    expect(await pagesOf("listRooms", 1, { claims })).toEqual({ names: own, sizes: [1, 1, 1, 1] });
    expect(await pagesOf("listRooms", 3, { claims })).toEqual({ names: own, sizes: [3, 1] });
    for (const query of ["?prefix=", `?prefix=${prefix}`, `?prefix=${prefix.slice(0, -1)}`]) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await pagesOf("listRooms", 2, { claims, query })).names).toEqual(own);
    }
    const narrow = { claims, query: `?prefix=${prefix}c` };
    expect((await pagesOf("listRooms", 2, narrow)).names).toEqual([`${prefix}c`]);
    for (const query of [`?prefix=${foreign}`, `?prefix=${foreign}a`]) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await answerOf("listRooms", { claims, query })).toEqual({ rooms: [] });
    }
  });

  test.each([1, 2, 3, 100])(
    "may name rooms exactly, and overlap: pages of %i name each once",
    async (limit) => {
      const { prefix } = newPrefix();
      const ends = ["a", "a-1", "a-10", "a-11", "b", "b-1", "b-2", "c", "d*", "dx"];
      await list(...ends.map((end) => prefix + end));
      const patterns = ["a-1", "b*", "b-*", "b-1", "c", "c", "dx", "nothing", "e*"];
      const rooms = patterns.map((pattern) => prefix + pattern);
      const { names, sizes } = await pagesOf("listRooms", limit, { claims: { rooms } });
      const seen = ["a-1", "b", "b-1", "b-2", "c", "dx"];
      expect(names).toEqual(seen.map((end) => prefix + end));
      expect(sizes).toHaveLength(Math.ceil(seen.length / limit));
      const query = `?prefix=${prefix}a-1`;
      const exact = await pagesOf("listRooms", limit, { claims: { rooms }, query });
      expect(exact.names).toEqual([`${prefix}a-1`]);
    },
  );

  test.each([
    ["none", []],
    ["an exact name that is only the beginning of others", ["tenant-"]],
  ])("for %s see nothing and prune nothing", async (_, rooms) => {
    const { prefix } = newPrefix();
    await add(`${prefix}a`, "bot");
    advance(20);
    const claims = { rooms };
    expect(await answerOf("listRooms", { claims })).toEqual({ rooms: [] });
    const body = { age: 0 };
    expect(await answerOf("prunePresences", { claims, body })).toEqual({ rooms: 0, pruned: 0 });
    expect(await answerOf("pruneRooms", { claims })).toEqual({ removed: 0 });
    expect(await channelsIn(`${prefix}a`)).toEqual(["bot"]);
  });

  test("prune only these", async () => {
    const { prefix, claims } = newPrefix();
    const { prefix: foreign } = newPrefix();
    await add(`${prefix}a`, "bot");
    await add(`${foreign}a`, "bot");
    await list(`${prefix}stale`, `${foreign}stale`);
    advance(20);
    const body = { age: 10 };
    expect(await answerOf("prunePresences", { claims, body })).toEqual({ rooms: 2, pruned: 1 });
    expect(await channelsIn(`${prefix}a`)).toEqual([]);
    expect(await channelsIn(`${foreign}a`)).toEqual(["bot"]);
    expect(await answerOf("pruneRooms", { claims })).toEqual({ removed: 1 });
    const { names } = await pagesOf("listRooms", 10, { query: `?prefix=${foreign}` });
    expect(names).toEqual([`${foreign}a`, `${foreign}stale`]);
  });

  test("do not reach further with a cursor of a token for all rooms", async () => {
    const { prefix, claims } = newPrefix();
    const { prefix: foreign } = newPrefix();
    await list(`${prefix}a`, `${foreign}a`, `${foreign}b`);
    const query = `?prefix=${foreign}&limit=1`;
    const { cursor } = v.parse(Page, await answerOf("listRooms", { query }));
    const page = v.parse(Page, await answerOf("listRooms", { claims, query: `?cursor=${cursor}` }));
    expect(page.rooms).toEqual([]);
  });

  test("see no channel that is in other rooms only, and do nothing to it", async () => {
    const { prefix, claims } = newPrefix();
    const foreign = newRoom();
    const ada = await openAs("ada", foreign, DIFF);
    const { channel: socket = "" } = (await firstFrames(ada)).welcome;
    await add(foreign, `bot of ${prefix}`, { id: "bot" });
    await ada.heard();
    advance(20);
    const before = (await ask("listPresences", { room: foreign })).body;
    for (const channel of [socket, `bot of ${prefix}`]) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await call("GET", channelPath(channel), { claims });
      expect(answer).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
      // oxlint-disable-next-line no-await-in-loop
      expect(await answerOf("touchChannel", { channel, claims })).toEqual({ rooms: [] });
      // oxlint-disable-next-line no-await-in-loop
      expect(await answerOf("leaveAll", { channel, claims })).toEqual({ rooms: [] });
    }
    expect((await ask("listPresences", { room: foreign })).body).toEqual(before);
    expect(await ada.heard()).toEqual([]);
    expect(ada.closes.all).toEqual([]);
  });

  test("see, touch and remove a channel that is in other rooms too in theirs only", async () => {
    const { prefix, claims } = newPrefix();
    const foreign = newRoom();
    const channel = `bot of ${prefix}`;
    const eve = await openAs("eve", foreign, DIFF);
    await add(`${prefix}a`, channel, { id: "bot" });
    await add(foreign, channel, { id: "bot" });
    await eve.heard();
    advance(20);
    const before = await channelsSeen(foreign);
    const rooms = [`${prefix}a`];
    expect(await answerOf("getChannel", { channel, claims })).toMatchObject({ rooms });
    expect(await answerOf("touchChannel", { channel, claims })).toEqual({ rooms });
    expect(await answerOf("leaveAll", { channel, claims })).toEqual({ rooms });
    expect(await channelsSeen(`${prefix}a`)).toEqual({ presences: [] });
    expect(await channelsSeen(foreign)).toEqual(before);
    expect(await eve.heard()).toEqual([]);
  });

  test("do everything to a channel that is in theirs only", async () => {
    const { prefix, claims } = newPrefix();
    const channel = `bot of ${prefix}`;
    for (const room of [`${prefix}a`, `${prefix}b`]) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await ask("addPresence", { room, channel, claims })).toMatchObject({ status: 201 });
    }
    const rooms = [`${prefix}a`, `${prefix}b`];
    expect(await answerOf("getChannel", { channel, claims })).toMatchObject({ rooms });
    expect(await answerOf("touchChannel", { channel, claims })).toEqual({ rooms });
    expect(await answerOf("leaveAll", { channel, claims })).toEqual({ rooms });
  });
});

/** All of a room's presences, with their times. */
async function channelsSeen(room: string): Promise<unknown> {
  return answerOf("listPresences", { room });
}

type Init = { headers?: Record<string, string>; body?: string };

describe.each(["/presence", "/a/b-c.d"])("mounted under %s", (mount) => {
  const outer = new Hono().route(mount, app);

  async function request(method: string, path: string, init: Init = {}): Promise<Response> {
    const token = await tokenFor("server", { can: ["admin"], rooms: ["mounted*"] });
    const headers = { authorization: `Bearer ${token}`, ...init.headers };
    const made = new Request(ORIGIN + mount + path, { method, ...init, headers });
    return outer.fetch(made, env, createExecutionContext());
  }

  test("every call works", async () => {
    const room = `mounted ${newRoom()}${mount}`;
    const channel = `bot/of ${room}`;
    const calls: Record<Name, [status: number, body: unknown]> = {
      addPresence: [201, { room, channel }],
      listRooms: [200, { rooms: [{ room }] }],
      getRoom: [200, { channel_name: room, lurkers: 1 }],
      getStats: [200, { room, lurkers: 1, joins: 1 }],
      // These tests run without the log; those of test/log with it.
      listEvents: [404, { error: { code: "no_history" } }],
      getAttendance: [404, { error: { code: "no_history" } }],
      listPresences: [200, { presences: [{ room, channel }] }],
      getChannel: [200, { channel, rooms: [room] }],
      touchChannel: [200, { rooms: [room] }],
      sendMessage: [202, { connections: 0 }],
      pruneRoom: [200, { pruned: [] }],
      prunePresences: [200, { pruned: expect.any(Number) }],
      pruneRooms: [200, { removed: expect.any(Number) }],
      leaveAll: [200, { rooms: [room] }],
      removePresence: [204, null],
      // No receiver is set here, and this token is for some rooms.
      replayWebhooks: [409, { error: { code: "no_webhook" } }],
      testWebhook: [403, { error: { code: "forbidden" } }],
      openSocket: [426, { error: { code: "upgrade_required" } }],
      getHealth: [200, { ok: true }],
    };
    const known = new Map(Object.entries<Operation>(OPERATIONS));
    for (const [name, [status, body]] of Object.entries(calls)) {
      const operation = known.get(name);
      if (!operation) throw new Error(`${name} is unknown`);
      const path = pathOf(operation, encodeURIComponent(room), encodeURIComponent(channel));
      const query = name === "listRooms" ? `?prefix=${encodeURIComponent(room)}` : "";
      const headers = JSON_TYPE;
      const init = name === "sendMessage" ? { body: '{"payload":1}', headers } : {};
      // One after the other: each finds what the one before did.
      // oxlint-disable-next-line no-await-in-loop
      const response = await request(operation.method.toUpperCase(), path + query, init);
      // oxlint-disable-next-line no-await-in-loop
      const text = await response.text();
      expect({ name, status: response.status, text }).toMatchObject({ name, status });
      expect({ body: text === "" ? null : JSON.parse(text) }).toMatchObject({ body });
    }
  });

  test("a socket opens, and its refusals are told over it", async () => {
    const room = `mounted ${newRoom()}${mount}`;
    const path = `${roomPath(room)}/ws?view=diff`;
    for (const [name, type] of [
      [path, "welcome"],
      ["/rooms/%00/ws", "error"],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const { webSocket } = await request("GET", name, { headers: { upgrade: "websocket" } });
      const first = new Promise((resolve) => {
        webSocket?.addEventListener("message", ({ data }) => resolve(JSON.parse(String(data))), {
          once: true,
        });
      });
      webSocket?.accept();
      // oxlint-disable-next-line no-await-in-loop
      expect(await first).toMatchObject({ type });
      webSocket?.close(1000, "done");
    }
  });

  test("a call that is refused is refused in JSON, with what is allowed", async () => {
    const response = await request("PATCH", presencePath("a", "b"));
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("PUT, DELETE");
    const anonymous = await request("GET", "/rooms", { headers: { authorization: "" } });
    expect(anonymous.status).toBe(401);
    expect(await anonymous.json()).toMatchObject({ error: { code: "unauthorized" } });
  });

  test("the OpenAPI document names the address with the path", async () => {
    const response = await request("GET", "/openapi.json");
    expect(await response.json()).toMatchObject({ servers: [{ url: ORIGIN + mount }] });
  });
});

describe("GET /openapi.json", () => {
  test("needs no token, and names the address that it was asked at", async () => {
    const { status, body, headers } = await call("GET", "/openapi.json", { claims: null });
    expect(status).toBe(200);
    expect(headers.get("content-type")).toMatch(/^application\/json/);
    expect(body).toMatchObject({
      openapi: expect.stringMatching(/^3\.1\./),
      servers: [{ url: ORIGIN }],
      paths: { "/rooms/{name}/presences/{channel}": { put: { operationId: "addPresence" } } },
    });
  });

  test("needs no secret to be set", async () => {
    const variables = { PRESENCE_SECRET: "" };
    const { status } = await call("GET", "/openapi.json", { claims: null, variables });
    expect(status).toBe(200);
  });

  test("names the host of its visitor, and no query", async () => {
    const response = await exports.default.fetch("http://other.test:8080/openapi.json?a=b#c");
    expect(await response.json()).toMatchObject({ servers: [{ url: "http://other.test:8080" }] });
  });
});

test("every call of the API was made by a test of this file, but the socket's", async () => {
  await ask("getHealth", { claims: null });
  // These need a room that keeps a log: test/log/history.test.ts, test/end-to-end/webhooks.test.ts.
  const logged = ["listEvents", "getAttendance", "replayWebhooks"];
  expect([...asked, "openSocket", ...logged].toSorted()).toEqual(
    Object.keys(OPERATIONS).toSorted(),
  );
});
