/** `touchPresence` and `removePresence`: the presences of sockets that an application holds in its own objects. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { rooms } from "../../src/index.ts";
import { type AsyncGame, callsOf, type Game } from "../support/application.ts";
import { channelObject, NOTHING } from "../support/objects.ts";
import { advance, evict, ring } from "../support/room.ts";
import { firstFrames, newRoom, openAs } from "../support/socket.ts";
import { Channel, Room } from "../support/worker.ts";

const all = rooms(env);

let logged: string[] = [];

beforeEach(() => {
  logged = [];
  vi.spyOn(console, "error").mockImplementation((line) => logged.push(String(line)));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const GAMES = [
  ["sync", () => env.GAME],
  ["async", () => env.ASYNC_GAME],
] as const;

let games = 0;

/** A game that no other test plays, with one socket, whose channel is in one room, where nobody else is yet. */
async function play(namespace: (typeof GAMES)[number][1]) {
  games += 1;
  const name = `game-${games}`;
  const channel = `player-${games} of ${name}`;
  const room = newRoom();
  await all.add(room, channel, { id: "player" });
  const game = namespace().getByName(name);
  const response = await game.fetch(`https://game.test/${encodeURIComponent(channel)}`, {
    headers: { Upgrade: "websocket" },
  });
  if (!response.webSocket) throw new Error("the game opened no socket");
  const ws = response.webSocket;
  const heard: string[] = [];
  ws.addEventListener("message", ({ data }) => {
    heard.push(String(data));
  });
  ws.accept();
  /** Says something that is echoed once the game has handled all before it. */
  const handled = async () => {
    const mark = crypto.randomUUID();
    ws.send(mark);
    await vi.waitFor(() => expect(heard).toContain(mark), { timeout: 10_000, interval: 2 });
  };
  const sleep = () => evictDurableObject(game);
  return { name, channel, room, ws, heard, handled, sleep };
}

async function lastSeen(room: string): Promise<number | undefined> {
  return (await all.get(room).presences())[0]?.lastSeen;
}

/** The channel has been touched at that time or later: the touch goes on beside the message. */
function touchedAt(room: string, time: number): Promise<void> {
  return vi.waitFor(async () => expect(await lastSeen(room)).toBeGreaterThanOrEqual(time));
}

function messagesTo(name: string): unknown[] {
  return callsOf(name)
    .filter(({ method }) => method === "message")
    .map(({ args }) => args[0]);
}

/** The message has reached the method. Not by `vi.waitFor`, which moves a clock that was set. */
async function reached(name: string, message: string): Promise<void> {
  while (!messagesTo(name).includes(message)) {
    // oxlint-disable-next-line no-await-in-loop
    await scheduler.wait(1);
  }
}

describe.each(GAMES)("touchPresence before a method that is %s", (_, namespace) => {
  test("has the literal heartbeat touch the channel, without the method", async () => {
    const { name, channel, room, ws, handled } = await play(namespace);
    const touch = vi.spyOn(Channel.prototype, "touch");
    const before = await lastSeen(room);
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan((before ?? 0) + 5));
    ws.send('"heartbeat"');
    await vi.waitFor(async () => expect(await lastSeen(room)).toBeGreaterThan(before ?? 0));
    expect(touch).toHaveBeenCalledTimes(1);
    expect(messagesTo(name)).toEqual([]);
    await handled();
    expect(callsOf(name)).toHaveLength(1);
    expect(callsOf(name)[0]).toMatchObject({ method: "message", channel });
  });

  test("lets every other message through, heartbeats in other words and bytes too", async () => {
    const { name, ws, heard, handled } = await play(namespace);
    const messages = ["hello", "heartbeat", ' "heartbeat"', '{"type":"heartbeat"}', ""];
    for (const message of messages) ws.send(message);
    ws.send(new TextEncoder().encode('"heartbeat"'));
    await handled();
    const got = messagesTo(name).slice(0, -1);
    expect(got.slice(0, 5)).toEqual(messages);
    expect(got[5]).toBeInstanceOf(ArrayBuffer);
    expect(heard.slice(0, 5)).toEqual(messages);
  });

  test("keeps a presence alive beyond PRESENCE_MAX_AGE, also while the game sleeps in between", async () => {
    const { room, ws, sleep } = await play(namespace);
    for (let minute = 0; minute < 4; minute += 1) {
      advance(31);
      ws.send(minute % 2 === 0 ? '"heartbeat"' : "move");
      // oxlint-disable-next-line no-await-in-loop
      await touchedAt(room, Date.now());
      // oxlint-disable-next-line no-await-in-loop
      await sleep();
      // oxlint-disable-next-line no-await-in-loop
      await evict(room);
      // oxlint-disable-next-line no-await-in-loop
      await ring(room);
    }
    expect(await all.get(room).getUsers()).toEqual([{ id: "player" }]);
    advance(63);
    await ring(room);
    expect(await all.get(room).getUsers()).toEqual([]);
  });

  test("touches once a second at most, however much is said", async () => {
    const { room, ws, name } = await play(namespace);
    const touch = vi.spyOn(Channel.prototype, "touch");
    advance(5);
    const start = Date.now();
    for (const ms of [0, 250, 500, 999]) {
      vi.setSystemTime(start + ms);
      ws.send(`move ${ms}`);
      // oxlint-disable-next-line no-await-in-loop
      await reached(name, `move ${ms}`);
    }
    vi.setSystemTime(start + 1_000);
    ws.send('"heartbeat"');
    await touchedAt(room, start + 1_000);
    expect(touch).toHaveBeenCalledTimes(2);
    expect(messagesTo(name)).toHaveLength(4);
  });

  test("touches the sockets of one object each by itself", async () => {
    const one = await play(namespace);
    const other = await play(namespace);
    advance(5);
    const now = Date.now();
    one.ws.send('"heartbeat"');
    other.ws.send('"heartbeat"');
    await touchedAt(one.room, now);
    await touchedAt(other.room, now);
    expect(messagesTo(one.name)).toEqual([]);
  });

  test("touches the channel in all its rooms", async () => {
    const { channel, room, ws } = await play(namespace);
    const second = newRoom();
    await all.add(second, channel);
    advance(20);
    const now = Date.now();
    ws.send('"heartbeat"');
    await touchedAt(room, now);
    await touchedAt(second, now);
    expect(logged).toEqual([]);
  });

  test("that cannot reach the channel is logged, and the method runs all the same", async () => {
    const { name, channel, ws, handled } = await play(namespace);
    vi.spyOn(Room.prototype, "touchHere").mockImplementationOnce(() => {
      throw new Error("out of order");
    });
    ws.send("move");
    await handled();
    expect(messagesTo(name)[0]).toBe("move");
    await vi.waitFor(() => expect(logged).toHaveLength(1));
    expect(JSON.parse(logged[0] ?? "")).toEqual({
      event: "the presence of a socket could not be kept",
      channel,
      error: expect.stringContaining("out of order"),
    });
  });
});

describe.each(GAMES)("a method that is %s and decorated", (kind, namespace) => {
  /** Calls methods of the game from within, with its only socket. */
  function inGame(
    name: string,
    look: (game: Game | AsyncGame, ws: WebSocket) => Promise<void>,
  ): Promise<void> {
    return runInDurableObject<Game | AsyncGame, void>(
      namespace().getByName(name),
      (game, state) => {
        const [ws] = state.getWebSockets();
        if (!ws) throw new Error("the game has no socket");
        return look(game, ws);
      },
    );
  }

  test("returns what it returns, a promise only where it is async", async () => {
    const { name } = await play(namespace);
    await inGame(name, async (game, ws) => {
      const heard: unknown = game.webSocketMessage(ws, "move");
      const closed: unknown = game.webSocketClose(ws, 1000, "");
      const isAsync = kind === "async";
      expect([heard instanceof Promise, closed instanceof Promise]).toEqual([isAsync, isAsync]);
      expect([await heard, await closed]).toEqual([undefined, undefined]);
    });
    expect(callsOf(name).map(({ method }) => method)).toEqual(["message", "close"]);
  });

  test("throws what it throws, and its channel was touched or left all the same", async () => {
    const { name, room } = await play(namespace);
    advance(5);
    const now = Date.now();
    await inGame(name, async (game, ws) => {
      await expect(async () => game.webSocketMessage(ws, "throw")).rejects.toThrow("game broke");
    });
    await touchedAt(room, now);
    await inGame(name, async (game, ws) => {
      await expect(async () => game.webSocketClose(ws, 1000, "throw")).rejects.toThrow(
        "game broke",
      );
    });
    await vi.waitFor(async () => expect(await all.get(room).presences()).toEqual([]));
    expect(logged).toEqual([]);
  });

  test("gets the arguments that the runtime gives", async () => {
    const { name, channel, ws } = await play(namespace);
    ws.close(4321, "enough");
    await vi.waitFor(() => expect(callsOf(name)).toHaveLength(1));
    expect(callsOf(name)).toEqual([{ method: "close", channel, args: [4321, "enough"] }]);
  });
});

describe.each(GAMES)("removePresence before a method that is %s", (_, namespace) => {
  test("takes the channel out of all its rooms, and those who stay hear of it", async () => {
    const { name, channel, room, ws, sleep } = await play(namespace);
    const second = newRoom();
    await all.add(second, channel, { id: "player" });
    const ada = await openAs("ada", second, { query: { view: "diff" } });
    await firstFrames(ada);
    await sleep();
    await evict(room);
    ws.close(1000, "");
    expect(await ada.next()).toEqual({
      type: "diff",
      room: second,
      joins: [],
      updates: [],
      leaves: [{ channel, reason: "removed" }],
      lurkers: 0,
    });
    await vi.waitFor(async () => expect(await all.get(room).presences()).toEqual([]));
    expect(await all.get(second).getUsers()).toEqual([{ id: "ada" }]);
    await vi.waitFor(() => expect(callsOf(name)).toHaveLength(1));
    await vi.waitFor(async () => {
      expect(await channelObject(channel).storage()).toEqual(NOTHING);
    });
  });

  test("leaves the channels of other sockets alone", async () => {
    const one = await play(namespace);
    const other = await play(namespace);
    one.ws.close(1000, "");
    await vi.waitFor(async () => expect(await all.get(one.room).presences()).toEqual([]));
    expect(await all.get(other.room).getUsers()).toEqual([{ id: "player" }]);
  });

  test("that cannot reach the channel is logged; the method runs, and the presence expires", async () => {
    const { name, channel, room, ws } = await play(namespace);
    vi.spyOn(Channel.prototype, "leaveAll").mockImplementationOnce(() => {
      throw new Error("out of order");
    });
    ws.close(1000, "");
    await vi.waitFor(() => expect(logged).toHaveLength(1));
    expect(JSON.parse(logged[0] ?? "")).toEqual({
      event: "the presence of a socket could not be kept",
      channel,
      error: "Error: out of order",
    });
    await vi.waitFor(() => expect(callsOf(name)).toHaveLength(1));
    expect(await all.get(room).getUsers()).toEqual([{ id: "player" }]);
    advance(63);
    await ring(room);
    expect(await all.get(room).getUsers()).toEqual([]);
  });
});

test("a socket whose channel has no name, or none that can be, is logged and otherwise left alone", async () => {
  const game = env.GAME.getByName("game of the nameless");
  const response = await game.fetch("https://game.test/", { headers: { Upgrade: "websocket" } });
  response.webSocket?.accept();
  response.webSocket?.send("move");
  await vi.waitFor(() => expect(logged).toHaveLength(1));
  expect(JSON.parse(logged[0] ?? "")).toMatchObject({
    channel: "",
    error: expect.stringContaining("channel name"),
  });
  expect(messagesTo("game of the nameless")).toEqual(["move"]);
});
