/**
 * docs/from-django.md, row by row: what each of its tables promises to somebody who comes from
 * django-channels-presence. A test is named after its row; the last tests see to it that each has the other.
 */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, type RunnerTask, test, vi } from "vitest";
import guide from "../../docs/from-django.md?raw";
import * as product from "../../src/index.ts";
import { bindingsOf } from "../../src/config/env.ts";
import {
  type PresenceChange,
  presenceChanged,
  presences,
  removePresence,
  rooms,
  touchPresence,
} from "../../src/index.ts";
import { readSettings } from "../../src/config/settings.ts";
import { lobbyOf } from "../../src/rpc/lobbies.ts";
import wranglerToml from "../../wrangler.toml?raw";
import { call } from "../support/http.ts";
import {
  advance,
  after,
  alarmIn,
  evict,
  idsIn,
  socketsLeft,
  stored,
  storageOf,
} from "../support/room.ts";
import { firstFrames, newRoom, open, openAs, type OpenOptions } from "../support/socket.ts";
import { watched } from "../support/worker.ts";

const ADA = { id: "ada", name: "Ada" };
const BOB = { id: "bob", name: "Bob" };
const DIFF = { query: { view: "diff" } };

const all = rooms(bindingsOf(env));
const channels = presences(bindingsOf(env));

let logged: string[] = [];
const disconnects: (() => void)[] = [];

beforeEach(() => {
  logged = [];
  vi.spyOn(console, "error").mockImplementation((line) => logged.push(String(line)));
});

afterEach(() => {
  for (const disconnect of disconnects.splice(0)) disconnect();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** What `presenceChanged` tells of one room from now on. */
function changesIn(room: string): PresenceChange[] {
  const changes: PresenceChange[] = [];
  disconnects.push(
    presenceChanged.connect((change) => {
      if (change.room.name === room) changes.push(change);
    }),
  );
  return changes;
}

let channelCount = 0;

/** The name of a channel without a socket, as a server chooses it, that no other test uses. */
function newChannel(): string {
  channelCount += 1;
  return `django-channel-${channelCount}`;
}

/** Somebody in view `diff`, with their channel; everything so far has been heard. */
async function join(sub: string, room: string, options: OpenOptions = DIFF) {
  const socket = await openAs(sub, room, options);
  const { welcome } = await firstFrames(socket);
  await stored(room);
  return { socket, channel: welcome.channel ?? "" };
}

/** Calls the HTTP API with an admin's token: the status, and the body or `null`. */
async function http(method: string, path: string, body?: unknown): Promise<[number, unknown]> {
  const answer = await call(method, path, body === undefined ? {} : { body });
  return [answer.status, answer.body];
}

async function channelsIn(room: string): Promise<string[]> {
  const list = await all.get(room).presences();
  return list.map(({ channel }) => channel);
}

describe("Setting up", () => {
  test("INSTALLED_APPS", () => {
    expect(() => bindingsOf({})).toThrow(
      "binds no PRESENCE_ROOM; add [[durable_objects.bindings]]",
    );
    expect(() => bindingsOf({ PRESENCE_ROOM: env.PRESENCE_ROOM })).toThrow(
      'class_name = "Channel"',
    );
    expect(product).toMatchObject({
      Room: expect.any(Function),
      Channel: expect.any(Function),
      Lobby: expect.any(Function),
      default: product.app,
    });
  });

  test("channels_presence.apps.RoomsConfig", () => {
    expect(readSettings({})).toMatchObject({ maxAgeMs: 60_000, graceMs: 10_000 });
  });

  test("CHANNELS_PRESENCE_MAX_AGE", () => {
    expect(readSettings({}).maxAgeMs).toBe(60_000);
    expect(readSettings({ PRESENCE_MAX_AGE: "90" }).maxAgeMs).toBe(90_000);
    expect(() => readSettings({ PRESENCE_MAX_AGE: "-1" })).toThrow('PRESENCE_MAX_AGE is "-1"');
  });

  test("CHANNEL_LAYERS", async () => {
    // Nothing but the classes, and counters that the platform has anyway: no store to set up.
    const bound = wranglerToml.matchAll(
      /^(?:\[\[(?!ratelimits).+\]\]|name = "PRESENCE_[A-Z]+")$/gm,
    );
    expect(Array.from(bound, ([line]) => line)).toEqual(
      ["PRESENCE_ROOM", "PRESENCE_CHANNEL", "PRESENCE_LOBBY"].flatMap((name) => [
        "[[durable_objects.bindings]]",
        `name = "${name}"`,
      ]),
    );
    const room = newRoom();
    const { socket: ada } = await join("ada", room);
    const { socket: bob } = await join("bob", room);
    ada.send({ type: "message", payload: "hello" });
    expect(await bob.nextOf("messages")).toMatchObject({ messages: [{ payload: "hello" }] });
  });

  test("AUTH_USER_MODEL", async () => {
    const room = newRoom();
    const claims = { info: { name: "Ada" } };
    const ada = await openAs("ada", room, { claims, query: { user: "eve", sub: "eve" } });
    await ada.next();
    await (await open(room, { query: { user: "eve" } })).next();
    expect(await all.get(room).getUsers()).toEqual([ADA]);
    expect(await all.get(room).getAnonymousCount()).toBe(1);
  });

  test("channels_presence/migrations", async () => {
    const room = newRoom();
    const channel = newChannel();
    expect(await storageOf(room)).toMatchObject({ tables: 0 });
    await all.add(room, channel, ADA);
    expect(await storageOf(room)).not.toMatchObject({ tables: 0 });
    await all.remove(room, channel);
    await after(60, room);
    expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
  });

  test("channels_presence.admin", async () => {
    const room = newRoom();
    const channel = newChannel();
    await all.add(room, channel, ADA);
    const [, list] = await http("GET", `/rooms?prefix=${room}`);
    expect(list).toMatchObject({
      rooms: expect.arrayContaining([expect.objectContaining({ room })]),
    });
    expect(await http("GET", `/rooms/${room}/presences`)).toMatchObject([
      200,
      { presences: [{ room, channel, user: ADA }] },
    ]);
    const claims = { can: ["join", "send"] };
    expect(await call("GET", "/rooms", { claims })).toMatchObject({ status: 403 });
    expect(await call("GET", `/rooms/${room}/presences`, { claims })).toMatchObject({
      status: 403,
    });
  });

  test("channels_presence.views", async () => {
    const [status, document] = await http("GET", "/openapi.json");
    expect(status).toBe(200);
    expect(document).toMatchObject({
      openapi: expect.stringMatching(/^3\.1/),
      paths: { "/rooms": { get: expect.anything() } },
    });
  });
});

describe("Managers", () => {
  test("Room.objects.add(room_channel_name, user_channel_name, user)", async () => {
    const room = newRoom();
    const channel = newChannel();
    const changes = changesIn(room);
    expect(await all.add(room, channel, ADA)).toMatchObject({
      isNew: true,
      presence: { room, channel, user: ADA },
    });
    const path = `/rooms/${room}/presences/${channel}`;
    advance(5);
    const [status, again] = await http("PUT", path, { user: ADA });
    expect([status, again]).toMatchObject([200, { channel, user: ADA, lastSeen: Date.now() }]);
    expect(changes).toHaveLength(1);
    expect(await http("PUT", path, { user: BOB })).toMatchObject([200, { channel, user: BOB }]);
    expect(await http("PUT", path)).toMatchObject([200, { channel, user: BOB }]);
    expect(await http("PUT", path, { user: null })).toMatchObject([200, { channel, user: null }]);
    expect(await channelsIn(room)).toEqual([channel]);
    expect(await http("PUT", `/rooms/${room}/presences/${newChannel()}`)).toMatchObject([
      201,
      { user: null },
    ]);
  });

  test("Room.objects.remove(room_channel_name, user_channel_name)", async () => {
    const room = newRoom();
    const { socket: ada } = await join("ada", room);
    const { socket: bob, channel: bobs } = await join("bob", room);
    const { channel: cids } = await join("cid", room);
    const other = newRoom();
    await all.add(other, bobs, BOB);
    await all.remove(room, bobs);
    expect(await idsIn(other)).toEqual([]);
    expect(await bob.closes.next()).toMatchObject({ code: 4003 });
    expect(await http("DELETE", `/rooms/${room}/presences/${encodeURIComponent(cids)}`)).toEqual([
      204,
      null,
    ]);
    expect(await http("DELETE", `/rooms/${room}/presences/nobody`)).toEqual([204, null]);
    await all.remove(newRoom(), "nobody");
    await ada.handled();
    expect(await idsIn(room)).toEqual(["ada"]);
    expect(ada.closes.all).toEqual([]);
  });

  test("Room.objects.prune_presences(channel_layer, age)", async () => {
    const [room, other] = [newRoom(), newRoom()];
    const [old, young] = [newChannel(), newChannel()];
    await all.add(room, old, ADA);
    await all.add(other, newChannel(), ADA);
    advance(30);
    await all.add(room, young, BOB);
    expect(await all.prunePresences(40)).toMatchObject({ pruned: 0 });
    const result = await all.prunePresences(20, { rooms: [room, other] });
    expect(result).toEqual({ rooms: 2, pruned: 2 });
    expect(await channelsIn(room)).toEqual([young]);
    advance(61);
    const [status, answer] = await http("POST", "/prune/presences");
    expect([status, answer]).toEqual([
      200,
      { rooms: expect.any(Number), pruned: expect.any(Number) },
    ]);
    expect(await channelsIn(room)).toEqual([]);
  });

  test("Room.objects.prune_rooms()", async () => {
    const room = newRoom();
    const channel = newChannel();
    await all.add(room, channel, ADA);
    const crashed = newRoom();
    await env.PRESENCE_LOBBY.getByName(lobbyOf(crashed)).fill(crashed);
    expect((await all.pruneRooms()).removed).toBeGreaterThanOrEqual(1);
    expect(await http("POST", "/prune/rooms")).toEqual([200, { removed: 0 }]);
    const listed = (await all.list({ prefix: "room-" })).rooms.map((one) => one.room);
    expect(listed).toContain(room);
    expect(listed).not.toContain(crashed);
  });

  test("Room.objects.all()", async () => {
    const prefix = `${newRoom()}-`;
    const channel = newChannel();
    await Promise.all(["b", "a", "c"].map((name) => all.add(prefix + name, channel, ADA)));
    await all.remove(`${prefix}c`, channel);
    const { rooms: page, cursor } = await all.list({ prefix, limit: 1 });
    expect(page).toEqual([{ room: `${prefix}a`, since: expect.any(Number) }]);
    expect(cursor).toBeTypeOf("string");
    expect(await http("GET", `/rooms?prefix=${prefix}&limit=1&cursor=${cursor}`)).toEqual([
      200,
      { rooms: [{ room: `${prefix}b`, since: expect.any(Number) }] },
    ]);
  });

  test("Room.objects.get(channel_name=…)", async () => {
    const room = newRoom();
    expect(await all.get(room).getUsers()).toEqual([]);
    expect(await http("GET", `/rooms/${room}`)).toEqual([
      200,
      { channel_name: room, members: [], lurkers: 0 },
    ]);
    expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
    expect(() => all.get("")).toThrow("a room name is 1 to 255 bytes");
  });

  test("Presence.objects.touch(channel_name)", async () => {
    const [room, other] = [newRoom(), newRoom()];
    const channel = newChannel();
    await all.add(room, channel, ADA);
    await all.add(other, channel, ADA);
    await all.add(room, newChannel(), BOB);
    const changes = changesIn(room);
    advance(50);
    const kept = await channels.touch(channel);
    expect(kept.toSorted()).toEqual([room, other].toSorted());
    await after(20, room);
    await after(0, other);
    expect(await channelsIn(room)).toEqual([channel]);
    expect(await channelsIn(other)).toEqual([channel]);
    expect(changes).toMatchObject([{ added: null, removed: { user: BOB } }]);
    expect(await http("POST", `/channels/${channel}/touch`)).toEqual([
      200,
      { rooms: expect.arrayContaining([room, other]) },
    ]);
  });

  test("Presence.objects.leave_all(channel_name)", async () => {
    const [room, other] = [newRoom(), newRoom()];
    const { socket: ada } = await join("ada", room);
    const { socket: bob, channel } = await join("bob", room);
    await all.add(other, channel, BOB);
    const left = [changesIn(room), changesIn(other)];
    expect((await channels.leaveAll(channel)).toSorted()).toEqual([room, other].toSorted());
    const gone = { removed: { channel, user: { id: "bob" }, reason: "removed" } };
    expect(left).toMatchObject([[gone], [{ removed: { ...gone.removed, user: BOB } }]]);
    expect(await bob.closes.next()).toMatchObject({ code: 4003 });
    expect(await http("DELETE", `/channels/${encodeURIComponent(channel)}`)).toEqual([
      200,
      { rooms: [] },
    ]);
    await ada.handled();
    expect(await idsIn(room)).toEqual(["ada"]);
    expect(await idsIn(other)).toEqual([]);
  });

  test("Presence.objects.filter(channel_name=…)", async () => {
    const [room, other] = [newRoom(), newRoom()];
    const channel = newChannel();
    await all.add(room, channel, ADA);
    await all.add(other, channel, ADA);
    const whereabouts = {
      channel,
      user: ADA,
      rooms: expect.toSatisfy(
        (names: string[]) => names.toSorted().join() === [room, other].toSorted().join(),
      ),
      lastSeen: expect.any(Number),
    };
    expect(await channels.get(channel)).toEqual(whereabouts);
    expect(await http("GET", `/channels/${channel}`)).toEqual([200, whereabouts]);
    expect(await channels.get(newChannel())).toBeNull();
    expect(await http("GET", `/channels/${newChannel()}`)).toMatchObject([404, { error: {} }]);
  });
});

describe("Room", () => {
  test("room.channel_name", async () => {
    const room = newRoom();
    expect(all.get(room).name).toBe(room);
    await (await openAs("ada", room)).next();
    expect(await http("GET", `/rooms/${room}`)).toMatchObject([200, { channel_name: room }]);
  });

  test("str(room)", () => {
    const room = newRoom();
    expect(`in ${all.get(room).name}`).toBe(`in ${room}`);
  });

  test("room.id", async () => {
    const room = "chat/ü 1";
    const channel = newChannel();
    const path = `/rooms/${encodeURIComponent(room)}/presences/${channel}`;
    expect(await http("PUT", path, { user: ADA })).toMatchObject([201, { room, channel }]);
    expect(await all.get(room).getUsers()).toEqual([ADA]);
    await all.remove(room, channel);
  });

  test("Room.channel_name, unique", async () => {
    const room = newRoom();
    const added = await Promise.all(
      [newChannel(), newChannel()].map((channel) => all.add(room, channel, ADA)),
    );
    expect(added.map(({ isNew }) => isNew)).toEqual([true, true]);
    expect(await channelsIn(room)).toHaveLength(2);
    expect(
      (await all.list({ prefix: room })).rooms.filter((one) => one.room === room),
    ).toHaveLength(1);
  });

  test("room.presence_set", async () => {
    const room = newRoom();
    const { channel } = await join("ada", room);
    await all.add(room, newChannel(), null);
    const listed = await all.get(room).presences();
    const joinedAt = expect.any(Number);
    expect(listed).toEqual([
      { room, channel, user: { id: "ada" }, joinedAt, lastSeen: joinedAt },
      { room, channel: expect.any(String), user: null, joinedAt, lastSeen: joinedAt },
    ]);
    const [, first] = await http("GET", `/rooms/${room}/presences?limit=1`);
    expect(first).toMatchObject({ presences: [{ channel }], cursor: expect.any(String) });
  });

  test("room.add_presence(channel_name, user)", async () => {
    const room = newRoom();
    const { socket: ada, channel } = await join("ada", newRoom());
    const { isNew } = await all.get(room).add(channel, ADA);
    expect(isNew).toBe(true);
    expect(await ada.nextOf("sync")).toMatchObject({ room, presences: [{ channel, user: ADA }] });
    await all.get(room).add(newChannel(), BOB);
    expect(await ada.nextOf("diff")).toMatchObject({ room, joins: [{ user: BOB }] });
  });

  test("room.remove_presence(channel_name, presence)", async () => {
    const [host, room] = [newRoom(), newRoom()];
    const { socket: ada, channel } = await join("ada", host);
    const bobs = newChannel();
    await all.get(room).add(bobs, BOB);
    await all.get(room).add(channel, ADA);
    await all.get(room).remove(channel);
    expect(await channelsIn(room)).toEqual([bobs]);
    expect(await idsIn(host)).toEqual(["ada"]);
    await ada.handled();
    expect(ada.closes.all).toEqual([]);
    await all.get(host).remove(channel);
    expect(await ada.closes.next()).toMatchObject({ code: 4003 });
  });

  test("room.prune_presences(age_in_seconds)", async () => {
    const room = newRoom();
    const { socket: ada } = await join("ada", room);
    const { socket: bob, channel } = await join("bob", room);
    const changes = changesIn(room);
    advance(30);
    ada.send({ type: "state", state: { awake: true } });
    await ada.nextOf("diff");
    expect(await all.get(room).prunePresences(31)).toEqual([]);
    const pruned = await all.get(room).prunePresences(20);
    expect(pruned).toMatchObject([{ room, channel, user: { id: "bob" } }]);
    expect(await bob.closes.next()).toMatchObject({ code: 4108 });
    expect(changes).toMatchObject([
      { diff: { updates: [{ state: { awake: true } }] } },
      { removed: { channel, reason: "expired" }, bulkChange: false },
    ]);
    expect(await http("POST", `/rooms/${room}/prune`, { age: 20 })).toEqual([200, { pruned: [] }]);
    expect(ada.closes.all).toEqual([]);
    advance(61);
    expect(await http("POST", `/rooms/${room}/prune`)).toMatchObject([
      200,
      { pruned: [{ user: { id: "ada" } }] },
    ]);
  });

  test("room.get_users()", async () => {
    const room = newRoom();
    await all.add(room, newChannel(), BOB);
    await all.add(room, newChannel(), ADA);
    await all.add(room, newChannel(), { ...BOB, name: "Robert" });
    await all.add(room, newChannel(), null);
    const users = [{ id: "bob", name: "Robert" }, ADA];
    expect(await all.get(room).getUsers()).toEqual(users);
    expect(await http("GET", `/rooms/${room}`)).toMatchObject([200, { members: users }]);
  });

  test("room.get_anonymous_count()", async () => {
    const room = newRoom();
    await all.add(room, newChannel(), null);
    await (await open(room)).next();
    await (await open(room, { query: { watch: "1" } })).next();
    await all.add(room, newChannel(), ADA);
    expect(await all.get(room).getAnonymousCount()).toBe(2);
    expect(await http("GET", `/rooms/${room}`)).toMatchObject([200, { lurkers: 2 }]);
  });

  test("room.broadcast_changed(added, removed, bulk_change)", async () => {
    const room = newRoom();
    const changes = changesIn(room);
    const channel = newChannel();
    await all.add(room, channel, ADA);
    await all.remove(room, channel);
    expect(changes).toMatchObject([
      { added: { channel }, removed: null },
      { added: null, removed: { channel } },
    ]);
  });

  test("room.delete()", async () => {
    const room = newRoom();
    const { socket: ada } = await join("ada", room);
    await all.add(room, newChannel(), BOB);
    const changes = changesIn(room);
    expect(await all.get(room).prunePresences(0)).toHaveLength(2);
    expect(changes).toMatchObject([{ bulkChange: true }]);
    expect(await ada.closes.next()).toMatchObject({ code: 4108 });
    expect(await channelsIn(room)).toEqual([]);
  });
});

describe("Presence", () => {
  test("presence.room", async () => {
    const room = newRoom();
    await all.add(room, newChannel(), ADA);
    expect(await all.get(room).presences()).toMatchObject([{ room }]);
  });

  test("presence.channel_name", async () => {
    const room = newRoom();
    const { channel } = await join("ada", room);
    expect(channel.startsWith(`${room}!`)).toBe(true);
    expect(await all.get(room).presences()).toMatchObject([{ channel }]);
    const name = "ü".repeat(127);
    await all.add(room, name, ADA);
    expect(await channelsIn(room)).toContain(name);
    await expect(all.add(room, `${name}üü`, ADA)).rejects.toThrow("1 to 255 bytes");
    await all.remove(room, name);
  });

  test("presence.user", async () => {
    const room = newRoom();
    await all.add(room, newChannel(), ADA);
    await all.add(room, newChannel());
    expect(await all.get(room).presences()).toMatchObject([{ user: ADA }, { user: null }]);
  });

  test("presence.last_seen", async () => {
    const room = newRoom();
    const channel = newChannel();
    await all.add(room, channel, ADA);
    advance(30);
    await channels.touch(channel);
    expect(await all.get(room).presences()).toMatchObject([{ lastSeen: Date.now() }]);
  });

  test("presence.id", async () => {
    const room = newRoom();
    const channel = newChannel();
    await all.add(room, channel, ADA);
    await all.remove(room, channel);
    expect(await all.add(room, channel, ADA)).toMatchObject({ isNew: true, presence: { channel } });
  });

  test("str(presence)", async () => {
    const room = newRoom();
    const channel = newChannel();
    const { presence } = await all.add(room, channel, ADA);
    expect(`seen: ${presence.channel}`).toBe(`seen: ${channel}`);
  });

  test('unique_together = ("room", "channel_name")', async () => {
    const room = newRoom();
    const channel = newChannel();
    await all.add(room, channel, ADA);
    const changes = changesIn(room);
    expect(await all.add(room, channel, BOB)).toMatchObject({ isNew: false });
    expect(await channelsIn(room)).toEqual([channel]);
    expect(changes).toMatchObject([
      {
        added: { channel, user: BOB },
        removed: { channel, user: ADA, reason: "replaced" },
        bulkChange: false,
      },
    ]);
  });

  test("on_delete=models.CASCADE", async () => {
    const room = newRoom();
    const { socket: ada } = await join("ada", room);
    const { socket: bob } = await join("bob", room);
    await join("bob", room);
    const listed = await all.get(room).presences();
    const bobs = listed.filter(({ user }) => user?.id === "bob");
    await Promise.all(bobs.map(({ channel }) => channels.leaveAll(channel)));
    expect(await bob.closes.next()).toMatchObject({ code: 4003 });
    await ada.handled();
    expect(await idsIn(room)).toEqual(["ada"]);
  });
});

describe("Signal", () => {
  test("presence_changed.connect(receiver)", async () => {
    const room = newRoom();
    const seen: string[] = [];
    disconnects.push(
      presenceChanged.connect(async ({ room: handle, added }) => {
        if (handle.name !== room) return;
        const users = await handle.getUsers();
        seen.push(`${added?.user?.id} joined ${users.length}`);
        await handle.send("somebody came");
      }),
    );
    const ada = await openAs("ada", room);
    expect(await ada.nextOf("messages")).toEqual({
      type: "messages",
      room,
      messages: [{ from: null, payload: "somebody came" }],
    });
    expect(seen).toEqual(["ada joined 1"]);
  });

  test("presence_changed.disconnect(receiver)", async () => {
    const room = newRoom();
    const receiver = vi.fn<(change: PresenceChange) => void>();
    const disconnect = presenceChanged.connect(receiver);
    await all.add(room, newChannel(), ADA);
    expect(receiver).toHaveBeenCalledTimes(1);
    disconnect();
    await all.add(room, newChannel(), BOB);
    expect(receiver).toHaveBeenCalledTimes(1);
  });

  test("presence_changed.send(…)", async () => {
    const room = newRoom();
    disconnects.push(
      presenceChanged.connect((change) => {
        if (change.room.name === room) throw new Error("a bad receiver");
      }),
    );
    const changes = changesIn(room);
    await all.add(room, newChannel(), ADA);
    expect(changes).toHaveLength(1);
    expect(await idsIn(room)).toEqual(["ada"]);
    expect(logged.map((line): unknown => JSON.parse(line))).toEqual([
      expect.objectContaining({ room, error: "Error: a bad receiver" }),
    ]);
  });

  test("sender", async () => {
    const room = newRoom();
    const changes = changesIn(room);
    await all.add(room, newChannel(), ADA);
    const keys = changes.flatMap((change) => Object.keys(change));
    expect(keys.toSorted()).toEqual(["added", "bulkChange", "diff", "removed", "room"]);
  });

  test("room", async () => {
    const room = newRoom();
    const changes = changesIn(room);
    await all.add(room, newChannel(), ADA);
    expect(changes.map((change) => change.room.name)).toEqual([room]);
    expect(changes[0]?.room).toBeInstanceOf(all.get(room).constructor);
  });

  test("added", async () => {
    const room = newRoom();
    const changes = changesIn(room);
    const channel = newChannel();
    await all.add(room, channel, ADA);
    const [added] = await all.get(room).presences();
    expect(added).toMatchObject({ room, channel, user: ADA });
    expect(changes).toMatchObject([{ added, removed: null, bulkChange: false }]);
  });

  test("removed", async () => {
    const room = newRoom();
    await join("ada", room);
    const { socket: bob, channel } = await join("bob", room);
    const changes = changesIn(room);
    bob.ws.close();
    await bob.closes.next();
    expect(changes).toMatchObject([
      {
        added: null,
        removed: { room, channel, user: { id: "bob" }, reason: "left" },
        bulkChange: false,
      },
    ]);
    expect(await idsIn(room)).toEqual(["ada"]);
  });

  test("bulk_change", async () => {
    const room = newRoom();
    await all.add(room, newChannel(), ADA);
    await all.add(room, newChannel(), BOB);
    advance(61);
    const cids = newChannel();
    await all.add(room, cids, null);
    const changes = changesIn(room);
    await all.get(room).prunePresences();
    const leaves = [
      { user: ADA, reason: "expired" },
      { user: BOB, reason: "expired" },
    ];
    expect(changes).toMatchObject([
      { added: null, removed: null, bulkChange: true, diff: { leaves } },
    ]);
    expect(await channelsIn(room)).toEqual([cids]);
  });

  test("providing_args", async () => {
    const room = newRoom();
    const { socket: ada, channel } = await join("ada", room);
    const changes = changesIn(room);
    ada.send({ type: "state", state: { typing: true } });
    await ada.nextOf("diff");
    expect(changes).toMatchObject([
      {
        added: null,
        removed: null,
        bulkChange: false,
        diff: { joins: [], leaves: [], updates: [{ channel, state: { typing: true } }] },
      },
    ]);
  });
});

type Message = string | ArrayBuffer;

/** An object of somebody's own that holds the socket of one channel. */
class Consumer {
  readonly channel: string;
  readonly received: Message[] = [];
  isDisconnected = false;
  readonly webSocketMessage: (ws: WebSocket, data: Message) => void = receive;
  readonly webSocketClose: (ws: WebSocket, code: number) => Promise<void> = disconnect;

  constructor(channel: string) {
    this.channel = channel;
  }

  channelName(): string {
    return this.channel;
  }
}

/** What a compiler hands to a decorator. Done by hand, since the tools of the tests compile no decorators. */
const context = {
  kind: "method",
  static: false,
  private: false,
  metadata: {},
  addInitializer: () => {},
  access: { has: () => true, get: () => expect.unreachable() },
} as const;

const receive = touchPresence(
  function receiveMessage(this: Consumer, _ws: WebSocket, data: Message): void {
    this.received.push(data);
  },
  { ...context, name: "webSocketMessage" },
);

const disconnect = removePresence(
  async function forget(this: Consumer, _ws: WebSocket, _code: number): Promise<void> {
    await Promise.resolve();
    this.isDisconnected = true;
  },
  { ...context, name: "webSocketClose" },
);

describe("Decorators", () => {
  test("@touch_presence", async () => {
    const room = newRoom();
    const channel = newChannel();
    await all.add(room, channel, ADA);
    await all.add(room, newChannel(), BOB);
    const consumer = new Consumer(channel);
    advance(50);
    const touchedAt = Date.now();
    consumer.webSocketMessage(new WebSocketPair()[0], "hello");
    consumer.webSocketMessage(new WebSocketPair()[0], new ArrayBuffer(1));
    expect(consumer.received).toEqual(["hello", new ArrayBuffer(1)]);
    await vi.waitFor(async () => {
      const listed = await all.get(room).presences();
      expect(listed[0]?.lastSeen).toBeGreaterThanOrEqual(touchedAt);
    });
    await after(20, room);
    expect(await channelsIn(room)).toEqual([channel]);
  });

  test('"heartbeat"', async () => {
    const room = newRoom();
    const channel = newChannel();
    await all.add(room, channel, ADA);
    const consumer = new Consumer(channel);
    advance(50);
    const touchedAt = Date.now();
    consumer.webSocketMessage(new WebSocketPair()[0], '"heartbeat"');
    await vi.waitFor(async () => {
      const [presence] = await all.get(room).presences();
      expect(presence?.lastSeen).toBeGreaterThanOrEqual(touchedAt);
    });
    expect(consumer.received).toEqual([]);
  });

  test("@remove_presence", async () => {
    const channel = newChannel();
    const joining = [newRoom(), newRoom()].map(async (room) => {
      const { socket } = await join("bob", room);
      await all.add(room, channel, ADA);
      await socket.nextOf("diff");
      return socket;
    });
    const bobs = await Promise.all(joining);
    const consumer = new Consumer(channel);
    await consumer.webSocketClose(new WebSocketPair()[0], 1000);
    expect(consumer.isDisconnected).toBe(true);
    const leaves = [{ channel, reason: "removed" }];
    const heard = await Promise.all(bobs.map((bob) => bob.nextOf("diff")));
    expect(heard).toMatchObject([{ leaves }, { leaves }]);
  });

  test("consumer.channel_name", async () => {
    const room = newRoom();
    const { channel } = await join("ada", room);
    expect(await channels.get(channel)).toMatchObject({ channel, rooms: [room] });
    expect(new Consumer(channel).channelName()).toBe(channel);
  });
});

describe("The documented broadcast", () => {
  test('{"type": "presence", "payload": {…}}', async () => {
    const room = newRoom();
    await (await open(room)).next();
    const ada = await openAs("ada", room, { claims: { info: { name: "Ada" } } });
    const frame = await ada.next();
    expect(JSON.stringify(frame)).toBe(
      `{"type":"presence","payload":{"channel_name":"${room}","members":[{"id":"ada","name":"Ada"}],"lurkers":1}}`,
    );
  });

  test('"channel_name": room.channel_name', async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    expect(await ada.nextOf("presence")).toMatchObject({ payload: { channel_name: room } });
  });

  test('"members": [user.serialize() …]', async () => {
    const room = newRoom();
    const info = { name: "Ada", avatar: { url: "/ada.png" }, id: "eve" };
    const ada = await openAs("ada", room, { claims: { info } });
    await openAs("ada", room);
    const { payload } = await ada.nextOf("presence");
    expect(payload.members).toEqual([{ ...info, id: "ada" }]);
  });

  test('"lurkers": room.get_anonymous_count()', async () => {
    const room = newRoom();
    const lurker = await open(room);
    expect(await lurker.nextOf("presence")).toMatchObject({ payload: { members: [], lurkers: 1 } });
  });

  test("@receiver(presence_changed) def broadcast_presence", async () => {
    const room = newRoom();
    const lister = await open(room);
    await lister.next();
    const channel = newChannel();
    await all.add(room, channel, ADA);
    expect(await lister.nextOf("presence")).toMatchObject({ payload: { members: [ADA] } });
    await all.remove(room, channel);
    expect(await lister.nextOf("presence")).toMatchObject({ payload: { members: [] } });
  });

  test("channel_layer.group_send(room.channel_name, message)", async () => {
    const [room, host] = [newRoom(), newRoom()];
    const { socket: ada } = await join("ada", room);
    const { socket: bob, channel } = await join("bob", host);
    await all.add(room, channel, BOB);
    const messages = [{ from: null, payload: { any: "JSON" } }];
    expect(await all.get(room).send({ any: "JSON" })).toBe(2);
    for (const socket of [ada, bob]) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await socket.nextOf("messages")).toEqual({ type: "messages", room, messages });
    }
    expect(await http("POST", `/rooms/${room}/messages`, { payload: 1 })).toEqual([
      202,
      { connections: 2 },
    ]);
  });

  test("channel_layer.group_add, group_discard", async () => {
    const [room, host] = [newRoom(), newRoom()];
    const { socket: ada, channel } = await join("ada", host);
    await all.add(room, channel, ADA);
    expect(await ada.nextOf("sync")).toMatchObject({ room });
    await all.remove(room, channel);
    expect(await all.send(room, "nobody hears it")).toBe(0);
    await all.send(host, "here");
    expect(await ada.nextOf("messages")).toMatchObject({ room: host });
  });

  test("def forward_message(self, event)", async () => {
    const room = newRoom();
    const { socket: ada } = await join("ada", room);
    ada.send({ type: "message", payload: { from: "a page" } });
    const { messages } = await ada.nextOf("messages");
    expect(messages).toMatchObject([
      { from: { user: { id: "ada" } }, payload: { from: "a page" } },
    ]);
  });
});

describe("Commands and tasks", () => {
  test("./manage.py prune_presences", async () => {
    const room = newRoom();
    await all.add(room, newChannel(), ADA);
    advance(30);
    await all.add(room, newChannel(), BOB);
    const [status, result] = await http("POST", "/prune/presences", { age: 20 });
    expect([status, result]).toEqual([
      200,
      { rooms: expect.any(Number), pruned: expect.any(Number) },
    ]);
    expect(await idsIn(room)).toEqual(["bob"]);
  });

  test("./manage.py prune_rooms", async () => {
    const crashed = newRoom();
    await env.PRESENCE_LOBBY.getByName(lobbyOf(crashed)).fill(crashed);
    expect(await http("POST", "/prune/rooms")).toEqual([200, { removed: 1 }]);
    expect((await all.list({ prefix: crashed })).rooms.map((one) => one.room)).not.toContain(
      crashed,
    );
  });

  test("channels_presence.tasks.prune_presence", async () => {
    const room = newRoom();
    const { socket: ada } = await join("ada", room);
    const { socket: bob, channel } = await join("bob", room);
    advance(40);
    ada.send({ type: "state", state: { awake: true } });
    await ada.nextOf("diff");
    await evict(room);
    await after(23, room);
    expect((await ada.heard()).at(-1)).toMatchObject({ leaves: [{ channel, reason: "expired" }] });
    expect(await bob.closes.next()).toMatchObject({ code: 4108 });
    expect(await idsIn(room)).toEqual(["ada"]);
  });

  test("channels_presence.tasks.prune_rooms", async () => {
    const room = newRoom();
    const channel = newChannel();
    await all.add(room, channel, ADA);
    expect((await all.list({ prefix: room })).rooms).toContainEqual({
      room,
      since: expect.any(Number),
    });
    await all.remove(room, channel);
    expect((await all.list({ prefix: room })).rooms.map((one) => one.room)).not.toContain(room);
    expect(await alarmIn(room)).toBeLessThanOrEqual(60_000);
    await after(60, room);
    expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
  });

  test("CELERYBEAT_SCHEDULE", async () => {
    const room = newRoom();
    await all.add(room, newChannel(), ADA);
    expect(await alarmIn(room)).toBeGreaterThan(0);
    expect(await alarmIn(room)).toBeLessThanOrEqual(60_000);
    expect(product.app.scheduled).toBeTypeOf("function");
  });
});

describe("Consumers and pages", () => {
  test("WebsocketConsumer.connect(self)", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    expect(await ada.next()).toMatchObject({
      type: "presence",
      payload: { members: [{ id: "ada" }] },
    });
    expect(await channelsIn(room)).toHaveLength(1);
  });

  test("WebsocketConsumer.disconnect(self, close_code)", async () => {
    const room = newRoom();
    const { socket: ada } = await join("ada", room);
    const { socket: bob, channel: bobs } = await join("bob", room);
    const { socket: cid, channel: cids } = await join("cid", room);
    const { socket: eve, channel: eves } = await join("eve", room);
    bob.ws.close(1000);
    await bob.closes.next();
    expect((await ada.heard()).at(-1)).toMatchObject({
      leaves: [{ channel: bobs, reason: "left" }],
    });
    cid.ws.close(1001);
    await cid.closes.next();
    expect(await idsIn(room)).toEqual(["ada", "cid", "eve"]);
    await after(3, room);
    expect(await ada.nextOf("diff")).toMatchObject({ leaves: [{ channel: cids, reason: "left" }] });
    eve.cut();
    await socketsLeft(room, 1);
    expect(await idsIn(room)).toEqual(["ada", "eve"]);
    await after(10, room);
    expect(await ada.nextOf("diff")).toMatchObject({ leaves: [{ channel: eves, reason: "lost" }] });
  });

  test("WebsocketConsumer.receive(self, text_data, bytes_data)", async () => {
    const room = newRoom();
    const { socket: ada } = await join("ada", room);
    ada.send({ hello: "a message of the page's own" });
    expect(await ada.nextOf("error")).toMatchObject({ code: "bad_frame" });
    advance(50);
    ada.send({ type: "message", payload: { hello: "a message of the page's own" } });
    await ada.nextOf("messages");
    expect(await all.get(room).presences()).toMatchObject([{ lastSeen: Date.now() }]);
    expect(ada.closes.all).toEqual([]);
  });

  test('socket.send(JSON.stringify("heartbeat"))', async () => {
    const room = newRoom();
    const { socket: ada } = await join("ada", room);
    const before = watched(room).rows;
    ada.ws.send(JSON.stringify("heartbeat"));
    expect(await ada.next()).toBe("heartbeat");
    expect(watched(room).rows).toBe(before);
  });
});

/** The names of all tests in suites, in order. */
function namesOf(tasks: readonly RunnerTask[]): string[] {
  return tasks.flatMap((task) => ("tasks" in task ? namesOf(task.tasks) : [task.name]));
}

describe("what behaves differently", () => {
  test("a reload is no news in the list, and counts a lurker twice until the old page is gone", async () => {
    const room = newRoom();
    const lister = await openAs("ada", room);
    await lister.next();
    const bob = await openAs("bob", room);
    const lurker = await open(room);
    await lister.heard();
    const changes = changesIn(room);
    bob.ws.close(1001);
    await bob.closes.next();
    await openAs("bob", room);
    await after(3, room);
    expect(await lister.heard()).toEqual([]);
    expect(changes).toMatchObject([
      { added: { user: { id: "bob" } }, removed: null },
      { added: null, removed: { user: { id: "bob" } } },
    ]);
    lurker.ws.close(1001);
    await lurker.closes.next();
    await open(room);
    expect(await all.get(room).getAnonymousCount()).toBe(2);
    await after(3, room);
    expect(await all.get(room).getAnonymousCount()).toBe(1);
  });

  test("a prune with an age of one's own takes a lost connection too, whose grace is not over", async () => {
    const room = newRoom();
    await (await openAs("ada", room)).next();
    const bob = await openAs("bob", room);
    bob.cut();
    await socketsLeft(room, 1);
    advance(5);
    await all.get(room).prunePresences();
    expect(await idsIn(room)).toEqual(["ada", "bob"]);
    const pruned = await all.get(room).prunePresences(4);
    expect(pruned.map(({ user }) => user?.id)).toContain("bob");
  });
});

describe("docs/from-django.md", () => {
  const lines = guide.split("\n").filter((line) => line.startsWith("|"));
  /** The first cells of the tables, as they are to be read. */
  const rows = lines.flatMap((line) => /^\| `(.+?)` \|/.exec(line)?.[1] ?? []);

  /** Of the sections with a table. */
  const headings = new Set(
    Array.from(guide.matchAll(/^### (\D.*)\n\n\|/gm), ([, title = ""]) => title),
  );

  test("has a test for each row, and a row for each test", ({ task }) => {
    expect(rows.length).toBeGreaterThan(50);
    expect(new Set(rows).size).toBe(rows.length);
    const suites = task.file.tasks.filter(({ name }) => headings.has(name));
    expect(suites).toHaveLength(headings.size);
    expect(namesOf(suites)).toEqual(rows);
  });

  test("has three columns everywhere, and no empty cell", () => {
    for (const line of lines) expect(line).toMatch(/^\|( [^|]*\S[^|]* \|){3}$|^(\|---){3}\|$/);
  });
});
