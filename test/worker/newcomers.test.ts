/** Newcomers, where something goes wrong in the turn in which they come in, and where many come in one. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SENT_AT_ONCE_LENGTH_MAX } from "../../src/core/limits.ts";
import { ViewRenderer } from "../../src/core/view-renderer.ts";
import { rooms } from "../../src/index.ts";
import { bindings } from "../support/objects.ts";
import { advance, after, idsIn, inRoom, occupants } from "../support/room.ts";
import { firstFrames, newRoom, open, openAs, tokenFor } from "../support/socket.ts";

const DIFF = { query: { view: "diff" } };

beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** The platform takes no further socket, once. */
function refuseSocketOnce(room: string): Promise<void> {
  return inRoom(room, (_, state) => {
    const works: unknown = Reflect.get(state, "acceptWebSocket");
    const fail = () => {
      Object.defineProperty(state, "acceptWebSocket", { configurable: true, value: works });
      throw new Error("only 32768 websockets can be accepted on a single Durable Object instance");
    };
    Object.defineProperty(state, "acceptWebSocket", { configurable: true, value: fail });
  });
}

describe("a socket that the platform does not take", () => {
  test("leaves nobody behind", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    await refuseSocketOnce(room);
    await expect(openAs("bob", room)).rejects.toThrow("no socket");
    expect(await ada.heard()).toEqual([]);
    expect(await idsIn(room)).toEqual(["ada"]);
  });

  test("takes no presence over from the one that is there", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    const { channel = "", resume = "" } = (await firstFrames(ada)).welcome;
    await refuseSocketOnce(room);
    const query = { view: "diff", channel, resume };
    await expect(openAs("ada", room, { query })).rejects.toThrow("no socket");
    expect(await ada.heard()).toEqual([]);
    expect(ada.closes.all).toEqual([]);
    expect(await idsIn(room)).toEqual(["ada"]);
  });
});

/** The next newcomer's first frames cannot be made. */
function greetNobodyOnce(): void {
  vi.spyOn(ViewRenderer.prototype, "snapshot").mockImplementationOnce(() => {
    throw new RangeError("Invalid string length");
  });
}

describe("a newcomer who cannot be greeted", () => {
  test("is lost: gone when the grace is over, whatever the maximum age", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    greetNobodyOnce();
    await expect(openAs("bob", room)).rejects.toThrow("no socket");
    await after(10, room);
    expect(await idsIn(room)).toEqual(["ada"]);
    expect(await ada.heard()).toMatchObject([
      { joins: [{ user: { id: "bob" } }] },
      { leaves: [{ reason: "lost" }] },
    ]);
  });

  test("takes none of those along who wait behind", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    const tokens = await Promise.all(["bob", "cid", "dan"].map((id) => tokenFor(id)));
    greetNobodyOnce();
    const opened = await Promise.allSettled(tokens.map((token) => open(room, { token })));
    expect(opened.map(({ status }) => status).toSorted()).toEqual([
      "fulfilled",
      "fulfilled",
      "rejected",
    ]);
    await after(10, room);
    expect((await idsIn(room)).length).toBe(3);
  });
});

/** The most characters that are sent in one turn of the event loop while `work` is done, and in how many turns. */
async function longestTurn(work: () => Promise<unknown>): Promise<{ length: number; all: number }> {
  const most = { length: 0, all: 0 };
  let turn: { length: number } | undefined;
  // oxlint-disable-next-line typescript/unbound-method
  const { send } = WebSocket.prototype;
  vi.spyOn(WebSocket.prototype, "send").mockImplementation(function count(this: WebSocket, data) {
    if (!turn) {
      turn = { length: 0 };
      // Behind everything that the turn does without waiting.
      void Promise.resolve().then(() => (turn = undefined));
    }
    const { length } = typeof data === "string" ? data : "";
    turn.length += length;
    most.length = Math.max(most.length, turn.length);
    most.all += length;
    Reflect.apply(send, this, [data]);
  });
  await work();
  return most;
}

/** A room whose snapshot is so long that a turn has room for ten of them. */
async function largeRoom(): Promise<string> {
  const room = newRoom();
  const text = "x".repeat(950);
  const names = Array.from({ length: 100 }, (_, index) => `bot-${index}`);
  await Promise.all(names.map((id) => rooms(bindings).add(room, id, { id, text })));
  return room;
}

const USERS = Array.from({ length: 60 }, (_, index) => `user-${index}`);

/** They come all at once, and have their first frames. */
async function crowd(room: string): Promise<void> {
  const tokens = await Promise.all(USERS.map((id) => tokenFor(id)));
  const sockets = await Promise.all(tokens.map((token) => open(room, { token })));
  await Promise.all(sockets.map((socket) => socket.next()));
}

test("many who come at once are greeted a megabyte a turn", { timeout: 20_000 }, async () => {
  const room = await largeRoom();
  const ada = await openAs("ada", room, { query: { view: "count" } });
  await ada.heard();
  const { length, all } = await longestTurn(() => crowd(room));
  const snapshot = JSON.stringify(await occupants(room)).length;
  expect(all).toBeGreaterThan(40 * snapshot);
  // A turn of greetings may be a turn of the pump, too.
  expect(length).toBeLessThan(2 * (SENT_AT_ONCE_LENGTH_MAX + snapshot));
  expect((await idsIn(room)).slice(101).toSorted()).toEqual(USERS.toSorted());
});

/** How many join with each frame that Ada gets, while time passes with each snapshot that is made. */
async function joinsHeard(msPerSnapshot: number): Promise<number[]> {
  const room = await largeRoom();
  const ada = await openAs("ada", room, DIFF);
  await firstFrames(ada);
  await ada.heard();
  advance(60);
  // oxlint-disable-next-line typescript/unbound-method
  const { snapshot } = ViewRenderer.prototype;
  vi.spyOn(ViewRenderer.prototype, "snapshot").mockImplementation(function slow(
    this: ViewRenderer,
    ...args
  ) {
    advance(msPerSnapshot / 1_000);
    return Reflect.apply(snapshot, this, args);
  });
  await crowd(room);
  const heard = await ada.heard();
  return heard.flatMap((frame) =>
    frame !== "heartbeat" && frame.type === "diff" ? [frame.joins.length] : [],
  );
}

describe("who is there already hears of a crowd", () => {
  test("when the last one is in, not after each turn", { timeout: 20_000 }, async () => {
    const joins = await joinsHeard(0);
    expect(joins.reduce((sum, some) => sum + some, 0)).toBe(USERS.length);
    // Six turns. On a busy machine they may come in by two or three crowds.
    expect(joins.length).toBeLessThanOrEqual(3);
  });

  test(
    "while it lasts, where that is longer than a fifth of a second",
    { timeout: 20_000 },
    async () => {
      const joins = await joinsHeard(50);
      expect(joins.reduce((sum, some) => sum + some, 0)).toBe(USERS.length);
      // Ten are greeted in a turn of half a second: the second turn tells of those of the first one, too.
      expect(Math.max(...joins)).toBeLessThanOrEqual(24);
    },
  );
});
