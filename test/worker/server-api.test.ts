/** What a server does to one room: put channels in, take them out, list, send, prune. The sockets hear of all of it. */

import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Json } from "../../src/core/json.ts";
import type { ListedPresence, User } from "../../src/core/presence.ts";
import { bindingsOf } from "../../src/config/env.ts";
import { rooms } from "../../src/index.ts";
import { call } from "../../src/rpc/call.ts";
import type { PresencePage } from "../../src/rpc/stubs.ts";
import { listedIn } from "../support/lobbies.ts";
import { channelObject, NOTHING } from "../support/objects.ts";
import {
  advance,
  evict,
  inRoom,
  LIVES,
  occupants,
  ring,
  socketsLeft,
  storageOf,
} from "../support/room.ts";
import { firstFrames, newRoom, open, openAs, type TestSocket } from "../support/socket.ts";

const DIFF = { query: { view: "diff" } };
const BOT = { id: "bot", name: "The bot" };

const bindings = bindingsOf(env);
const all = rooms(env);

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Ada in view `diff` and a watching list: the bystanders, who have heard all so far. */
async function bystanders(room: string) {
  const ada = await openAs("ada", room, DIFF);
  const { welcome } = await firstFrames(ada);
  const lister = await openAs("eve", room, { query: { watch: "1" } });
  await lister.next();
  return { ada, lister, adasChannel: welcome.channel ?? "" };
}

/** Bob in view `diff`, of whom the others have heard. */
async function joined(room: string, others: { ada: TestSocket; lister: TestSocket }) {
  const bob = await openAs("bob", room, DIFF);
  const { welcome } = await firstFrames(bob);
  await others.ada.nextOf("diff");
  await others.lister.nextOf("presence");
  return { bob, channel: welcome.channel ?? "", resume: welcome.resume ?? "" };
}

function leaves(room: string, channel: string, reason: string, lurkers = 0) {
  return {
    type: "diff",
    room,
    joins: [],
    updates: [],
    leaves: [{ channel, reason }],
    lurkers,
  };
}

function list(room: string, members: User[], lurkers = 0) {
  return { type: "presence", payload: { channel_name: room, members, lurkers } };
}

function channelsOf(presences: readonly ListedPresence[]): string[] {
  return presences.map(({ channel }) => channel);
}

/** A channel name that no other test uses; of a channel without a socket. */
function newChannel(): string {
  return `bot-${crypto.randomUUID()}`;
}

describe.each(LIVES)("%s", (_, between) => {
  test("a channel that a server adds is in the room for everybody who looks", async () => {
    const room = newRoom();
    const { ada, lister, adasChannel } = await bystanders(room);
    const channel = newChannel();
    await between(room);
    const { isNew, presence } = await all.add(room, channel, BOT);
    expect(isNew).toBe(true);
    const { joinedAt } = presence;
    expect(presence).toStrictEqual({ room, channel, user: BOT, joinedAt, lastSeen: joinedAt });
    expect(await ada.next()).toEqual({
      type: "diff",
      room,
      joins: [{ channel, user: BOT, joinedAt }],
      updates: [],
      leaves: [],
      lurkers: 0,
    });
    expect(await lister.next()).toEqual(list(room, [{ id: "ada" }, BOT]));
    await between(room);
    const handle = all.get(room);
    expect(handle.name).toBe(room);
    expect(await handle.getUsers()).toEqual([{ id: "ada" }, BOT]);
    await between(room);
    const anonymous = newChannel();
    await handle.add(anonymous);
    await between(room);
    expect(await handle.getAnonymousCount()).toBe(1);
    expect(await lister.next()).toEqual(list(room, [{ id: "ada" }, BOT], 1));
    expect(channelsOf(await handle.presences())).toEqual([adasChannel, channel, anonymous]);
    expect(await occupants(room)).toEqual(list(room, [{ id: "ada" }, BOT], 1).payload);
  });

  test("adding a channel again is no second presence: it is refreshed, and nobody hears of it", async () => {
    const room = newRoom();
    const { ada, lister } = await bystanders(room);
    const channel = newChannel();
    const { presence } = await all.add(room, channel, BOT);
    await ada.next();
    await lister.next();
    advance(30);
    await between(room);
    const again = await all.add(room, channel, { ...BOT });
    expect(again.isNew).toBe(false);
    expect(again.presence).toStrictEqual({ ...presence, lastSeen: Date.now() });
    await between(room);
    advance(40);
    expect(await all.get(room).prunePresences()).not.toContainEqual(
      expect.objectContaining({ channel }),
    );
    expect(await all.get(room).getUsers()).toContainEqual(BOT);
    const heard = ada.frames.all.filter((frame) => frame !== "heartbeat" && frame.type === "diff");
    expect(heard.filter((frame) => JSON.stringify(frame).includes(channel))).toHaveLength(1);
  });

  test("adding a socket's channel again is a sign of life of its socket", async () => {
    const room = newRoom();
    const { ada, lister } = await bystanders(room);
    const { channel } = await joined(room, { ada, lister });
    await between(room);
    advance(40);
    const { isNew, presence } = await all.add(room, channel, { id: "bob" });
    expect(isNew).toBe(false);
    expect(presence.lastSeen).toBe(Date.now());
    await between(room);
    advance(40);
    const pruned = await all.get(room).prunePresences();
    expect(pruned.map(({ user }) => user?.id)).toEqual(["ada"]);
    expect(await all.get(room).getUsers()).toEqual([{ id: "bob" }]);
  });

  test("presences have all that a server may know, the state of a socket too", async () => {
    const room = newRoom();
    const { ada, lister, adasChannel } = await bystanders(room);
    const { bob, channel } = await joined(room, { ada, lister });
    ada.send({ type: "state", state: { typing: true, at: [1, null] } });
    await bob.nextOf("diff");
    await between(room);
    const anonymous = await open(room, DIFF);
    const lurker = (await firstFrames(anonymous)).welcome.channel ?? "";
    await between(room);
    const presences = await all.get(room).presences();
    const times = { joinedAt: expect.any(Number), lastSeen: expect.any(Number) };
    expect(presences).toStrictEqual([
      {
        room,
        channel: adasChannel,
        user: { id: "ada" },
        state: { typing: true, at: [1, null] },
        ...times,
      },
      { room, channel, user: { id: "bob" }, ...times },
      { room, channel: lurker, user: null, ...times },
    ]);
    ada.send({ type: "state", state: null });
    await bob.nextOf("diff");
    await between(room);
    const [first] = await all.get(room).presences();
    expect(first).not.toHaveProperty("state");
  });

  test("a message of a server reaches every view and every watcher, from nobody", async () => {
    const room = newRoom();
    const sockets = [
      await openAs("ada", room),
      await openAs("bob", room, DIFF),
      await open(room, { query: { view: "count" } }),
      await open(room, { query: { view: "list", watch: "1" } }),
      await open(room, { query: { view: "diff", watch: "1" } }),
    ];
    await all.add(room, newChannel(), BOT);
    await between(room);
    const payload: Json = { text: "héllo 🎈", "<b>": [true, -1.5e-7], deep: [[{ a: null }]] };
    expect(await all.send(room, payload)).toBe(5);
    expect(await all.get(room).send(null)).toBe(5);
    await Promise.all(
      sockets.map(async (socket) => {
        const messages: unknown[] = [];
        while (messages.length < 2) {
          // oxlint-disable-next-line no-await-in-loop
          const frame = await socket.nextOf("messages");
          expect(frame.room).toBe(room);
          messages.push(...frame.messages);
        }
        expect(messages).toEqual([
          { from: null, payload },
          { from: null, payload: null },
        ]);
      }),
    );
  });

  test("a message to a room without sockets goes to 0 connections, and nothing is stored for it", async () => {
    const room = newRoom();
    await between(room);
    expect(await all.send(room, "is anybody there?")).toBe(0);
    await between(room);
    expect(await storageOf(room)).toEqual(NOTHING);
    const channel = newChannel();
    await all.add(room, channel, BOT);
    await between(room);
    expect(await all.send(room, "a channel without a socket hears nothing")).toBe(0);
    await all.remove(room, channel);
  });

  test("remove takes a socket out: it is told why and closed with 4003, the others hear of it", async () => {
    const room = newRoom();
    const others = await bystanders(room);
    const { bob, channel } = await joined(room, others);
    await between(room);
    await all.remove(room, channel);
    expect(await bob.next()).toEqual({
      type: "error",
      code: "removed",
      message: expect.stringContaining("took this presence out of the room"),
    });
    expect(await bob.closes.next()).toEqual({ code: 4003, reason: "removed" });
    expect(await others.ada.next()).toEqual(leaves(room, channel, "removed"));
    expect(await others.lister.next()).toEqual(list(room, [{ id: "ada" }]));
    await between(room);
    expect(await all.get(room).getUsers()).toEqual([{ id: "ada" }]);
    expect(await others.ada.heard()).toEqual([]);
  });

  test("a socket that was removed cannot take its presence up again", async () => {
    const room = newRoom();
    const others = await bystanders(room);
    const { bob, channel, resume } = await joined(room, others);
    await all.remove(room, channel);
    await bob.closes.next();
    await others.ada.nextOf("diff");
    await between(room);
    const again = await openAs("bob", room, { query: { view: "diff", channel, resume } });
    expect((await firstFrames(again)).welcome.channel).not.toBe(channel);
    expect(await others.ada.next()).toMatchObject({ joins: [{ user: { id: "bob" } }] });
  });

  test("remove takes a channel without a socket out, and its object forgets itself", async () => {
    const room = newRoom();
    const { ada, lister } = await bystanders(room);
    const channel = newChannel();
    await all.add(room, channel, BOT);
    await ada.next();
    await lister.next();
    await between(room);
    await all.get(room).remove(channel);
    expect(await ada.next()).toEqual(leaves(room, channel, "removed"));
    expect(await lister.next()).toEqual(list(room, [{ id: "ada" }]));
    expect(await channelObject(channel).storage()).toEqual(NOTHING);
  });

  test("removing a channel that is not there is nothing, twice too, in a room that nobody is in too", async () => {
    const room = newRoom();
    const { ada, lister } = await bystanders(room);
    await between(room);
    await all.remove(room, "a stranger");
    await all.remove(room, `${room}!AAAAAAAAAAAA`);
    await between(room);
    expect(await ada.heard()).toEqual([]);
    expect(await lister.heard()).toEqual([]);
    const empty = newRoom();
    await all.remove(empty, "a stranger");
    expect(await storageOf(empty)).toEqual(NOTHING);
  });

  test("prunePresences removes whoever was last seen too long ago, and closes their sockets with 4108", async () => {
    const room = newRoom();
    const others = await bystanders(room);
    const { bob, channel } = await joined(room, others);
    const bot = newChannel();
    await all.add(room, bot, BOT);
    await others.ada.next();
    advance(50);
    others.ada.send({ type: "state", state: "here" });
    await others.ada.nextOf("diff");
    advance(12);
    await between(room);
    const pruned = await all.get(room).prunePresences();
    const times = { joinedAt: expect.any(Number), lastSeen: expect.any(Number) };
    expect(pruned).toStrictEqual([
      { room, channel, user: { id: "bob" }, ...times },
      { room, channel: bot, user: BOT, ...times },
    ]);
    const error = await bob.nextOf("error");
    expect(error).toMatchObject({ code: "expired" });
    expect(await bob.closes.next()).toEqual({ code: 4108, reason: "expired" });
    expect(await others.ada.nextOf("diff")).toMatchObject({
      joins: [],
      updates: [],
      leaves: expect.arrayContaining([
        { channel, reason: "expired" },
        { channel: bot, reason: "expired" },
      ]),
    });
    await between(room);
    expect(await all.get(room).getUsers()).toEqual([{ id: "ada" }]);
    expect(await all.get(room).prunePresences()).toEqual([]);
  });

  test("prunePresences takes an age: 5 s spares whoever was seen 4 s ago, 0 spares nobody, a huge one spares all", async () => {
    const room = newRoom();
    const handle = all.get(room);
    const [old, young] = [newChannel(), newChannel()];
    await handle.add(old, BOT);
    advance(2);
    await handle.add(young, BOT);
    advance(4);
    await between(room);
    expect(await handle.prunePresences(Number.MAX_VALUE)).toEqual([]);
    expect(await handle.prunePresences(1e9)).toEqual([]);
    await between(room);
    expect(channelsOf(await handle.prunePresences(5))).toEqual([old]);
    await between(room);
    expect(channelsOf(await handle.presences())).toEqual([young]);
    expect(channelsOf(await handle.prunePresences(4.1))).toEqual([]);
    await between(room);
    expect(channelsOf(await handle.prunePresences(0))).toEqual([young]);
    expect(await handle.presences()).toEqual([]);
  });

  test("age 0 takes a socket out that spoke this very moment", async () => {
    const room = newRoom();
    const watcher = await openAs("eve", room, { query: { view: "diff", watch: "1" } });
    await firstFrames(watcher);
    const bob = await openAs("bob", room, DIFF);
    const { welcome } = await firstFrames(bob);
    await watcher.nextOf("diff");
    bob.send({ type: "state", state: 1 });
    await watcher.nextOf("diff");
    await between(room);
    const pruned = await all.get(room).prunePresences(0);
    expect(pruned).toHaveLength(1);
    expect(pruned[0]).toMatchObject({ channel: welcome.channel, user: { id: "bob" }, state: 1 });
    expect(pruned[0]?.lastSeen).toBeLessThanOrEqual(Date.now());
    expect(await bob.closes.next()).toMatchObject({ code: 4108 });
    expect(await watcher.next()).toEqual(leaves(room, welcome.channel ?? "", "expired"));
    await between(room);
    expect(await watcher.heard()).toEqual([]);
  });

  test("one in its grace is spared by the usual age and a long one, not by a short one, and is lost then", async () => {
    const room = newRoom();
    const others = await bystanders(room);
    const { bob, channel } = await joined(room, others);
    bob.cut();
    await socketsLeft(room, 2);
    advance(3);
    await between(room);
    expect(await all.get(room).prunePresences()).toEqual([]);
    expect(await all.get(room).prunePresences(1e6)).toEqual([]);
    await between(room);
    expect(channelsOf(await all.get(room).presences())).toContain(channel);
    others.ada.send({ type: "state", state: "here" });
    await others.ada.nextOf("diff");
    await between(room);
    expect(channelsOf(await all.get(room).prunePresences(2))).toEqual([channel]);
    expect(await others.ada.next()).toEqual(leaves(room, channel, "lost"));
  });

  test("a server gives a socket another user: one presence, replaced, and later messages are from that user", async () => {
    const room = newRoom();
    const others = await bystanders(room);
    const { bob, channel } = await joined(room, others);
    bob.send({ type: "state", state: "bob's" });
    await others.ada.nextOf("diff");
    await bob.nextOf("diff");
    await between(room);
    const eve = { id: "eve", name: "Eve" };
    const { isNew, presence } = await all.add(room, channel, eve);
    expect(isNew).toBe(false);
    expect(presence).toMatchObject({ channel, user: eve });
    expect(presence).not.toHaveProperty("state");
    const { joinedAt } = presence;
    expect(await others.ada.next()).toEqual(leaves(room, channel, "replaced"));
    expect(await others.ada.next()).toEqual({
      type: "diff",
      room,
      joins: [{ channel, user: eve, joinedAt }],
      updates: [],
      leaves: [],
      lurkers: 0,
    });
    expect(await others.lister.next()).toEqual(list(room, [{ id: "ada" }, eve]));
    await between(room);
    bob.send({ type: "message", payload: "who am I?" });
    expect(await others.ada.nextOf("messages")).toMatchObject({
      messages: [{ from: { channel, user: eve }, payload: "who am I?" }],
    });
    await between(room);
    const presences = await all.get(room).presences();
    expect(presences.filter((one) => one.channel === channel)).toEqual([
      expect.objectContaining({ user: eve }),
    ]);
    expect(presences).toHaveLength(2);
  });

  test("the same user with other info keeps the state and the socket", async () => {
    const room = newRoom();
    const others = await bystanders(room);
    const { bob, channel } = await joined(room, others);
    bob.send({ type: "state", state: { at: 3 } });
    await others.ada.nextOf("diff");
    await between(room);
    const robert = { id: "bob", name: "Robert" };
    await all.add(room, channel, robert);
    expect(await others.ada.next()).toEqual({
      type: "diff",
      room,
      joins: [],
      updates: [{ channel, user: robert, state: { at: 3 } }],
      leaves: [],
      lurkers: 0,
    });
    expect(await others.lister.next()).toEqual(list(room, [{ id: "ada" }, robert]));
    await between(room);
    const presences = await all.get(room).presences();
    expect(presences[1]).toMatchObject({ channel, user: robert, state: { at: 3 } });
    bob.send({ type: "message", payload: 1 });
    expect(await others.ada.nextOf("messages")).toMatchObject({
      messages: [{ from: { user: robert } }],
    });
  });

  test("a server's word makes a socket anonymous, and its state is gone", async () => {
    const room = newRoom();
    const others = await bystanders(room);
    const { bob, channel } = await joined(room, others);
    bob.send({ type: "state", state: 1 });
    await others.ada.nextOf("diff");
    await between(room);
    await all.add(room, channel, null);
    expect(await others.ada.next()).toEqual(leaves(room, channel, "replaced", 1));
    expect(await others.lister.next()).toEqual(list(room, [{ id: "ada" }], 1));
    await between(room);
    expect((await all.get(room).presences())[1]).toStrictEqual({
      room,
      channel,
      user: null,
      joinedAt: expect.any(Number),
      lastSeen: expect.any(Number),
    });
  });
});

describe("the last sign of life", () => {
  test("follows a socket's frames, and never lies in the future", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    const handle = all.get(room);
    advance(10);
    const at = Date.now();
    ada.send({ type: "state", state: 1 });
    await ada.handled();
    expect((await handle.presences())[0]?.lastSeen).toBe(at);
    await evict(room);
    expect((await handle.presences())[0]?.lastSeen).toBe(at);
    advance(7);
    const [presence] = await handle.presences();
    expect(presence?.lastSeen).toBeGreaterThanOrEqual(at);
    expect(presence?.lastSeen).toBeLessThanOrEqual(at + 1_000);
  });

  test("follows a socket's heartbeats, though the room sleeps through them", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    await evict(room);
    const start = (await all.get(room).presences())[0]?.lastSeen ?? 0;
    await evict(room);
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(start + 20));
    const before = Date.now();
    await ada.beat();
    const [presence] = await all.get(room).presences();
    expect(presence?.lastSeen).toBeGreaterThanOrEqual(before);
    expect(presence?.lastSeen).toBeLessThanOrEqual(Date.now());
  });

  test("of a channel without a socket stays as it was, until it is added again", async () => {
    const room = newRoom();
    const channel = newChannel();
    advance(0);
    const { presence } = await all.add(room, channel, BOT);
    advance(5);
    await evict(room);
    expect((await all.get(room).presences())[0]).toEqual(presence);
    await all.add(room, channel, BOT);
    await evict(room);
    expect((await all.get(room).presences())[0]?.lastSeen).toBe(presence.lastSeen + 5_000);
  });
});

/** All pages of a room's presences, as channel names; `between` happens after each. */
async function pagesOf(
  room: string,
  limit: number,
  between = async (_page: number) => {},
): Promise<string[][]> {
  const pages: string[][] = [];
  let after: string | null = null;
  do {
    // oxlint-disable-next-line no-await-in-loop
    const page: PresencePage = await all.get(room).page(after, limit);
    pages.push(channelsOf(page.presences));
    after = page.after;
    // oxlint-disable-next-line no-await-in-loop
    await between(pages.length);
  } while (after !== null);
  return pages;
}

describe("pages of presences", () => {
  const SIZE = 2_001;

  /** Channels added without their homes, which no list asks; 100 to a millisecond, against the order of names. */
  async function crowd(room: string): Promise<string[]> {
    const channels = Array.from(
      { length: SIZE },
      (_, index) => `${String(9_999 - Math.floor(index / 100))}-${String(index).padStart(5, "0")}`,
    );
    advance(0);
    await inRoom(room, async (instance) => {
      for (const [index, channel] of channels.entries()) {
        if (index % 100 === 0) advance(0.001);
        // oxlint-disable-next-line no-await-in-loop
        await instance.add(channel, null, { kind: "detached", generation: 1, linkedAt: 1 });
      }
    });
    return channels;
  }

  test("hold every presence once, in the order of the joins, whatever their size", async () => {
    const room = newRoom();
    const channels = await crowd(room);
    expect(channelsOf(await all.get(room).presences())).toEqual(channels);
    await evict(room);
    for (const limit of [SIZE, SIZE - 1, 1_000, 30]) {
      // oxlint-disable-next-line no-await-in-loop
      const pages = await pagesOf(room, limit);
      expect(pages.flat()).toEqual(channels);
      expect(pages).toHaveLength(Math.ceil(SIZE / limit));
      expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
    }
  }, 30_000);

  test("hold whoever stays once, while others come and go and the room sleeps", async () => {
    const room = newRoom();
    const channels = await crowd(room);
    const gone = new Set<string>();
    const pages = await pagesOf(room, 100, async (page) => {
      const leaving = [channels[page * 7], channels[2_000 - page * 11]];
      for (const channel of leaving) {
        if (channel === undefined) continue;
        gone.add(channel);
        // oxlint-disable-next-line no-await-in-loop
        await bindings.PRESENCE_ROOM.getByName(room).remove(channel);
      }
      advance(0.001);
      await bindings.PRESENCE_ROOM.getByName(room).add(`new-${page}`, null, {
        kind: "detached",
        linkedAt: 1,
        generation: 1,
      });
      await evict(room);
    });
    const seen = pages.flat();
    expect(new Set(seen).size).toBe(seen.length);
    const stayed = channels.filter((channel) => !gone.has(channel));
    const known = new Set(channels);
    expect(seen.filter((channel) => known.has(channel) && !gone.has(channel))).toEqual(stayed);
  }, 30_000);

  test("of an empty room are one empty page, and store nothing", async () => {
    const room = newRoom();
    expect(await all.get(room).page(null, 10)).toEqual({ presences: [], after: null });
    expect(await all.get(room).presences()).toEqual([]);
    expect(await all.get(room).getUsers()).toEqual([]);
    expect(await all.get(room).getAnonymousCount()).toBe(0);
    expect(await storageOf(room)).toEqual(NOTHING);
  });
});

/** What the compiler forbids, and JavaScript does not. */
function wrong(value: unknown): never {
  // SAFETY: it is not; that is the test.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return value as never;
}

/** A user whose info is that many bytes of JSON. */
function infoOf(bytes: number): User {
  return { id: "ada", about: "x".repeat(bytes - '{"about":""}'.length) };
}

describe("what cannot be", () => {
  const nested = (levels: number): Json => (levels === 0 ? 1 : [nested(levels - 1)]);

  test.each<[string, string]>([
    ["empty", ""],
    ["of 256 bytes", "x".repeat(256)],
    ["of 256 bytes in 128 characters", "é".repeat(128)],
    ["with a control character", "a\u0000b"],
    ["with half of a surrogate pair", "a\ud83d"],
  ])("a room name %s is refused before any room is asked", async (_, name) => {
    expect(() => all.get(name)).toThrow(expect.objectContaining({ code: "bad_room" }));
    expect(() => all.get(name)).toThrow("1 to 255 bytes");
    await expect(async () => all.add(name, "bot")).rejects.toThrow("1 to 255 bytes");
    await expect(async () => all.send(name, 1)).rejects.toThrow("1 to 255 bytes");
  });

  test.each<[string, string]>([
    ["empty", ""],
    ["of 256 bytes", "x".repeat(256)],
    ["with a line break", "a\nb"],
    ["with half of a surrogate pair", "\udc00"],
  ])("a channel name %s is refused, and nothing is stored", async (_, channel) => {
    const room = newRoom();
    await expect(all.add(room, channel, BOT)).rejects.toMatchObject({ code: "bad_channel" });
    await expect(all.add(room, channel, BOT)).rejects.toThrow("1 to 255 bytes");
    await expect(all.remove(room, channel)).rejects.toThrow("1 to 255 bytes");
    expect(await storageOf(room)).toEqual(NOTHING);
  });

  test("names of 255 bytes are taken", async () => {
    const room = "r".repeat(255);
    const channel = "c".repeat(255);
    await all.add(room, channel, BOT);
    expect(channelsOf(await all.get(room).presences())).toEqual([channel]);
    await all.remove(room, channel);
    expect(await all.get(room).presences()).toEqual([]);
  });

  test.each<[string, unknown, string]>([
    ["without an id", { name: "Ada" }, "id"],
    ["with an empty id", { id: "" }, "empty"],
    ["with an id of 129 characters", { id: "x".repeat(129) }, "128"],
    ["with a number for an id", { id: 7 }, "id"],
    ["with info of 1,025 bytes", infoOf(1_025), "1024"],
    ["that is a name", "ada", "object"],
    ["that is a list", [{ id: "ada" }], "object"],
  ])("a user %s is refused, and nothing is stored anywhere", async (_, user, words) => {
    const room = newRoom();
    const channel = newChannel();
    const adding = all.add(room, channel, wrong(user));
    await expect(adding).rejects.toMatchObject({
      code: "bad_user",
      message: expect.stringContaining(words),
    });
    expect(await storageOf(room)).toEqual(NOTHING);
    expect(await channelObject(channel).storage()).toEqual(NOTHING);
    expect(await listedIn(room)).not.toContain(room);
  });

  test("a user with info of 1,024 bytes and an id of 128 characters is taken", async () => {
    const room = newRoom();
    const user = { ...infoOf(1_024), id: "é".repeat(128) };
    await all.add(room, newChannel(), user);
    expect(await all.get(room).getUsers()).toEqual([user]);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0.001])(
    "the age %s is refused, and nobody leaves",
    async (age) => {
      const room = newRoom();
      const handle = all.get(room);
      await handle.add(newChannel(), BOT);
      await expect(async () => handle.prunePresences(age)).rejects.toThrow(
        `the age is ${age}; it must be a number of seconds, 0 or more`,
      );
      await expect(async () => all.prunePresences(age)).rejects.toThrow(RangeError);
      expect(await handle.getUsers()).toEqual([BOT]);
    },
  );

  test.each<[string, unknown, string]>([
    ["that is missing", undefined, "missing"],
    ["of 65 levels", nested(65), "64 levels"],
    ["with a number that is none", { a: [Number.NaN] }, "infinite"],
    ["with an infinite number", Number.POSITIVE_INFINITY, "infinite"],
  ])("a payload %s is refused, and nobody hears of it", async (_, payload, words) => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    const sending = all.send(room, wrong(payload));
    await expect(sending).rejects.toMatchObject({
      code: "bad_frame",
      message: expect.stringContaining(words),
    });
    expect(await ada.heard()).toEqual([]);
  });

  test("a payload of 64 levels is sent", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    expect(await all.send(room, nested(64))).toBe(1);
    expect(await ada.nextOf("messages")).toMatchObject({ messages: [{ payload: nested(64) }] });
  });

  test.each<[string, unknown, unknown]>([
    ["a map", new Map([["a", 1]]), {}],
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["something undefined inside", { a: undefined, b: 1 }, { b: 1 }],
  ])("%s, which is no JSON, goes out as JSON has it", async (_, payload, sent) => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    expect(await all.send(room, wrong(payload))).toBe(1);
    const { messages } = await ada.nextOf("messages");
    expect(messages).toEqual([{ from: null, payload: sent }]);
  });
});

/** An error as the platform throws it. */
function platformError(flags: object): Error {
  return Object.assign(new Error("the object was reset"), flags);
}

/** A namespace whose stubs do, one after the other, what the attempts say. */
function attempting(...attempts: (() => string)[]) {
  const names: string[] = [];
  const namespace = {
    getByName: (name: string) => {
      const attempt = attempts[names.length] ?? (() => "one attempt too many");
      names.push(name);
      return { ask: async () => attempt() };
    },
  };
  return { namespace, names };
}

function fail(flags: object): () => never {
  return () => {
    throw platformError(flags);
  };
}

function ask({ namespace }: ReturnType<typeof attempting>): Promise<string> {
  return call(namespace, "lobby", (stub) => stub.ask());
}

describe("a call that fails", () => {
  const RETRYABLE = { retryable: true };

  test("is tried again with a new stub where the platform says that it may be", async () => {
    const once = attempting(fail(RETRYABLE), () => "done");
    expect(await ask(once)).toBe("done");
    expect(once.names).toEqual(["lobby", "lobby"]);
    const twice = attempting(
      fail(RETRYABLE),
      fail({ ...RETRYABLE, overloaded: false }),
      () => "ok",
    );
    expect(await ask(twice)).toBe("ok");
    expect(twice.names).toHaveLength(3);
  });

  test("is tried three times, then its error is thrown", async () => {
    const failing = attempting(fail(RETRYABLE), fail(RETRYABLE), fail(RETRYABLE), () => "late");
    await expect(ask(failing)).rejects.toThrow("the object was reset");
    expect(failing.names).toHaveLength(3);
  });

  test.each([
    ["an overloaded object", { retryable: true, overloaded: true }],
    ["an overloaded object that may not be asked again", { overloaded: true }],
    ["an error that may not be tried again", { retryable: false }],
    ["an error that says nothing", {}],
    ["an error that says it in other words", { retryable: "true" }],
  ])("%s is not asked again", async (_, flags) => {
    const failing = attempting(fail(flags), () => "asked again");
    await expect(ask(failing)).rejects.toThrow("the object was reset");
    expect(failing.names).toHaveLength(1);
  });

  test("waits longer before each attempt, but never long", async () => {
    const wait = vi.spyOn(scheduler, "wait");
    const random = vi.spyOn(Math, "random").mockReturnValue(0.999);
    await ask(attempting(fail(RETRYABLE), fail(RETRYABLE), () => "done"));
    const waits = wait.mock.calls.map(([ms]) => Math.round(ms));
    expect(waits).toEqual([100, 200]);
    expect(random).toHaveBeenCalled();
  });

  test("is asked of a room three times, but a message is sent once", async () => {
    const room = newRoom();
    const asked: string[] = [];
    const failing = new Proxy(bindings.PRESENCE_ROOM, {
      get: () => () =>
        new Proxy(bindings.PRESENCE_ROOM.getByName(room), {
          get: (_, name) => async () => {
            asked.push(String(name));
            throw platformError(RETRYABLE);
          },
        }),
    });
    const handle = rooms({ ...bindings, PRESENCE_ROOM: failing }).get(room);
    await expect(handle.send("once")).rejects.toThrow("the object was reset");
    expect(asked).toEqual(["send"]);
    await expect(handle.getUsers()).rejects.toThrow("the object was reset");
    expect(asked.slice(1)).toEqual(["occupants", "occupants", "occupants"]);
  });
});

test("a room that a server emptied forgets itself, and is off the list", async () => {
  const room = newRoom();
  const channel = newChannel();
  await all.add(room, channel, BOT);
  expect(await listedIn(room)).toContain(room);
  await all.remove(room, channel);
  expect(await listedIn(room)).not.toContain(room);
  await ring(room);
  expect(await storageOf(room)).toEqual(NOTHING);
});
