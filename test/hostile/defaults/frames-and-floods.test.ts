/** Clients that mean harm or are broken: what they send is refused, and a bystander notices nothing. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { advance, after, evict, idsIn, inRoom, LIVES, socketsLeft } from "../../support/room.ts";
import { firstFrames, newRoom, open, openAs, type TestSocket } from "../../support/socket.ts";

const DIFF = { query: { view: "diff" } };

afterEach(() => {
  vi.useRealTimers();
});

/** Mallory, and Ada who is to notice nothing. All has been heard so far. */
async function malloryAndAda(room: string) {
  const ada = await openAs("ada", room, DIFF);
  await firstFrames(ada);
  const mallory = await openAs("mallory", room, DIFF);
  const { channel } = (await firstFrames(mallory)).welcome;
  await ada.nextOf("diff");
  return { ada, mallory, channel };
}

function nested(levels: number): string {
  return `${"[".repeat(levels)}${"]".repeat(levels)}`;
}

/** A message that is a frame of that many bytes. */
function messageOf(bytes: number): string {
  const [head, tail] = ['{"type":"message","payload":"', '"}'];
  return `${head}${"x".repeat(bytes - head.length - tail.length)}${tail}`;
}

/** The clock stands still, so the bucket does not fill up. */
async function stillRoom() {
  const room = newRoom();
  const parties = await malloryAndAda(room);
  await evict(room);
  advance(0);
  return { room, ...parties };
}

function flood(socket: TestSocket, frames: number): void {
  for (let turn = 0; turn < frames; turn += 1) socket.send({ type: "state", state: turn });
}

/** How many frames the room has handled. */
function framesHandled(room: string): Promise<number> {
  return inRoom(room, (instance) => instance.stats().frames.in);
}

/**
 * Sends so many frames, and waits until the room has handled them or has closed the connection. The clock
 * stands still meanwhile, however slow this machine is.
 */
async function floodNow(room: string, socket: TestSocket, frame: unknown, frames = 100) {
  const until = (await framesHandled(room)) + frames;
  for (let turn = 0; turn < frames; turn += 1) socket.send(frame);
  // oxlint-disable-next-line no-await-in-loop
  while (socket.closes.all.length === 0 && (await framesHandled(room)) < until);
}

/** Floods once a second until the connection is closed, and returns how often. */
async function floodUntilClosed(room: string, socket: TestSocket, frame: unknown): Promise<number> {
  let seconds = 0;
  while (socket.closes.all.length === 0) {
    seconds += 1;
    advance(1);
    // oxlint-disable-next-line no-await-in-loop
    await floodNow(room, socket, frame);
  }
  return seconds;
}

describe("to a sleeping room", () => {
  test.each([
    ["nothing", ""],
    ["white space", "  "],
    ["no JSON", "{"],
    ["words", "heartbeat"],
    ["a number", "1"],
    ["null", "null"],
    ["another string", '"Heartbeat"'],
    ["an array", "[]"],
    ["an array of frames", '[{"type":"sync"}]'],
    ["an object without a type", "{}"],
    ["an unknown type", '{"type":"shutdown"}'],
    ["a type of Object.prototype", '{"type":"constructor"}'],
    ["a type that is no string", '{"type":["sync"]}'],
    ["a type by prototype", '{"__proto__":{"type":"leave"}}'],
    ["a heartbeat as an object", '{"type":"heartbeat"}'],
    ["a state without a state", '{"type":"state"}'],
    ["a message without a payload", '{"type":"message"}'],
    ["a frame of the server", '{"type":"diff","room":"x","joins":[],"updates":[],"leaves":[]}'],
    ["a state nested too deep", `{"type":"state","state":${nested(64)}}`],
    ["a message nested a thousand deep", `{"type":"message","payload":${nested(1_000)}}`],
    ["an array nested seven thousand deep", nested(7_000)],
  ])("%s is a bad frame, and nothing more", async (_name, text) => {
    const room = newRoom();
    const { ada, mallory } = await malloryAndAda(room);
    await evict(room);
    mallory.ws.send(text);
    expect(await mallory.next()).toEqual({
      type: "error",
      code: "bad_frame",
      message: expect.stringMatching(/\w/),
    });
    expect(await ada.heard()).toEqual([]);
    expect(await mallory.heard()).toEqual([]);
  });
});

describe.each(LIVES)("%s", (_, between) => {
  test("a binary frame is a bad frame, even if it holds JSON", async () => {
    const room = newRoom();
    const { ada, mallory } = await malloryAndAda(room);
    await between(room);
    mallory.ws.send(new TextEncoder().encode('{"type":"leave"}'));
    expect(await mallory.next()).toMatchObject({ type: "error", code: "bad_frame" });
    expect(await ada.heard()).toEqual([]);
  });

  test("a frame of 16,384 bytes is taken, one byte more closes with 1009 and the presence is lost", async () => {
    const room = newRoom();
    const { ada, mallory, channel } = await malloryAndAda(room);
    await between(room);
    mallory.ws.send(messageOf(16_384));
    expect(await mallory.next()).toMatchObject({ type: "messages" });
    await ada.nextOf("messages");
    await between(room);
    mallory.ws.send(messageOf(16_385));
    expect(await mallory.next()).toEqual({
      type: "error",
      code: "frame_too_large",
      message: "the frame is 16,385 bytes; the limit is 16,384",
    });
    expect(await mallory.closes.next()).toMatchObject({ code: 1009 });
    await socketsLeft(room, 1);
    await between(room);
    expect(await ada.heard()).toEqual([]);
    expect(await idsIn(room)).toEqual(["ada", "mallory"]);
    await after(10, room);
    expect(await ada.heard()).toMatchObject([{ leaves: [{ channel, reason: "lost" }] }]);
  });

  test("bytes are counted, not characters", async () => {
    const room = newRoom();
    const { ada, mallory } = await malloryAndAda(room);
    await between(room);
    mallory.send({ type: "message", payload: "é".repeat(8_200) });
    expect(await mallory.next()).toMatchObject({ type: "error", code: "frame_too_large" });
    expect(await mallory.closes.next()).toMatchObject({ code: 1009 });
    expect(await ada.heard()).toEqual([]);
  });

  test("a binary frame that is too large closes with 1009 too", async () => {
    const room = newRoom();
    const { ada, mallory } = await malloryAndAda(room);
    await between(room);
    mallory.ws.send(new Uint8Array(20_000));
    expect(await mallory.next()).toMatchObject({ type: "error", code: "frame_too_large" });
    expect(await mallory.closes.next()).toMatchObject({ code: 1009 });
    expect(await ada.heard()).toEqual([]);
  });

  test("a state of 2,048 bytes is taken, one byte more is refused and changes nothing", async () => {
    const room = newRoom();
    const { ada, mallory } = await malloryAndAda(room);
    await between(room);
    mallory.send({ type: "state", state: "x".repeat(2_046) });
    expect(await ada.next()).toMatchObject({ updates: [{ state: "x".repeat(2_046) }] });
    await mallory.next();
    await between(room);
    mallory.send({ type: "state", state: "x".repeat(2_047) });
    expect(await mallory.next()).toEqual({
      type: "error",
      code: "state_too_large",
      message: "state is 2,049 bytes; the limit is 2,048",
    });
    expect(await ada.heard()).toEqual([]);
  });

  test("whoever is closed for its frames has said its last word", async () => {
    const room = newRoom();
    const { ada, mallory } = await malloryAndAda(room);
    await between(room);
    mallory.ws.send("x".repeat(16_385));
    for (let turn = 0; turn < 5; turn += 1) {
      mallory.send({ type: "message", payload: "and another thing" });
      mallory.send({ type: "state", state: turn });
    }
    expect(await mallory.closes.next()).toMatchObject({ code: 1009 });
    expect(await ada.heard()).toEqual([]);
    const errors = mallory.frames.all.filter(
      (frame) => frame !== "heartbeat" && frame.type === "error",
    );
    expect(errors).toHaveLength(1);
  });
});

/** A flood of a thousand frames takes a busy machine a second to read. */
const PATIENCE = { timeout: 4_000 };

describe("a flood", () => {
  test("of forty frames is taken whole, and the next is dropped with an error frame", async () => {
    const { ada, mallory } = await stillRoom();
    flood(mallory, 41);
    expect(await mallory.nextOf("error")).toEqual({
      type: "error",
      code: "throttled",
      message: expect.stringContaining("20 frames a second"),
      frames: 1,
    });
    const heard = await ada.heard();
    expect(heard.at(-1)).toMatchObject({ updates: [{ state: 39 }] });
    expect(mallory.closes.all).toEqual([]);
  });

  test("that ends is told of to the last frame, though nothing comes after it", async () => {
    const { room, mallory } = await stillRoom();
    vi.useRealTimers();
    flood(mallory, 60);
    const first = await mallory.nextOf("error");
    const second = await mallory.nextOf("error");
    expect(first).toMatchObject({ code: "throttled", frames: 1 });
    // Of sixty, forty are taken, and one or two more on a busy machine.
    expect(second).toMatchObject({ code: "throttled" });
    const stats = await inRoom(room, (instance) => instance.stats());
    expect(second).toMatchObject({ frames: stats.throttled - 1 });
    expect(mallory.closes.all).toEqual([]);
  });

  test("goes on where it was after each sleep of the room: the bucket is not filled by it", async () => {
    const { room, ada, mallory } = await stillRoom();
    for (let turn = 0; turn < 8; turn += 1) {
      flood(mallory, 5);
      // oxlint-disable-next-line no-await-in-loop
      await ada.nextOf("diff");
      // oxlint-disable-next-line no-await-in-loop
      await evict(room);
    }
    expect(mallory.frames.all).not.toContainEqual(expect.objectContaining({ code: "throttled" }));
    flood(mallory, 1);
    expect(await mallory.nextOf("error")).toMatchObject({ code: "throttled" });
    await evict(room);
    flood(mallory, 100);
    mallory.send({ type: "leave" });
    await mallory.closes.next();
    // Told once a second, asleep or not.
    const told = mallory.frames.all.filter(
      (frame) => frame !== "heartbeat" && frame.type === "error",
    );
    expect(told).toHaveLength(1);
  });

  // The room falls asleep only when the sender was told of what was dropped: within a second, each time.
  test(
    "that goes on through sleep is closed with 4129 all the same",
    { timeout: 30_000 },
    async () => {
      const { room, ada, mallory } = await stillRoom();
      while (mallory.closes.all.length === 0) {
        advance(1);
        // oxlint-disable-next-line no-await-in-loop
        await floodNow(room, mallory, { type: "state", state: "wild" });
        // oxlint-disable-next-line no-await-in-loop
        await evict(room);
      }
      expect(await mallory.closes.next()).toMatchObject({ code: 4129 });
      expect(await ada.heard()).not.toContainEqual(expect.objectContaining({ type: "error" }));
    },
  );

  test("that stops is forgiven", async () => {
    const { ada, mallory } = await stillRoom();
    flood(mallory, 100);
    await mallory.nextOf("error");
    // What is still on its way is dropped as well, so it may take more than one calm frame.
    await vi.waitFor(() => {
      advance(3);
      mallory.send({ type: "state", state: "calm" });
      expect(JSON.stringify(ada.frames.all)).toContain("calm");
    }, PATIENCE);
    expect(mallory.closes.all).toEqual([]);
  });

  test("in one burst is dropped and forgiven, however large", { timeout: 30_000 }, async () => {
    const { room, ada, mallory } = await stillRoom();
    await floodNow(room, mallory, { type: "state", state: "wild" }, 1_000);
    expect(await mallory.nextOf("error")).toMatchObject({ code: "throttled" });
    await vi.waitFor(() => {
      advance(3);
      mallory.send({ type: "state", state: "calm" });
      expect(JSON.stringify(ada.frames.all)).toContain("calm");
    }, PATIENCE);
    expect(mallory.closes.all).toEqual([]);
  });

  test("does not keep its client from saying goodbye", async () => {
    const { ada, mallory, channel } = await stillRoom();
    flood(mallory, 100);
    mallory.send({ type: "leave" });
    expect(await mallory.closes.next()).toMatchObject({ code: 1000 });
    const leaves = (await ada.heard()).flatMap((frame) =>
      frame !== "heartbeat" && frame.type === "diff" ? frame.leaves : [],
    );
    expect(leaves).toEqual([{ channel, reason: "left" }]);
  });

  test("of snapshots is throttled sooner: each costs a second's worth of frames", async () => {
    const { mallory } = await stillRoom();
    for (let turn = 0; turn < 3; turn += 1) mallory.send({ type: "sync" });
    expect(await mallory.nextOf("error")).toMatchObject({ code: "throttled" });
  });

  test("that goes on is told of once and then closed with 4129, and the presence is lost", async () => {
    const { room, ada, mallory, channel } = await stillRoom();
    const seconds = await floodUntilClosed(room, mallory, { type: "state", state: null });
    expect(await mallory.closes.next()).toMatchObject({ code: 4129 });
    expect(seconds).toBeGreaterThanOrEqual(4);
    const codes = mallory.frames.all.flatMap((frame) =>
      frame !== "heartbeat" && frame.type === "error" ? [frame.code] : [],
    );
    expect(codes.at(-1)).toBe("rate_limited");
    expect(new Set(codes.slice(0, -1))).toEqual(new Set(["throttled"]));
    expect(codes.length).toBeLessThanOrEqual(seconds + 1);
    await socketsLeft(room, 1);
    // The first null takes back nothing, and neither do the others.
    expect(await ada.heard()).toEqual([]);
    await after(10, room);
    expect(await ada.heard()).toMatchObject([{ leaves: [{ channel, reason: "lost" }] }]);
  });

  test("of heartbeats is free", async () => {
    const { ada, mallory } = await stillRoom();
    for (let turn = 0; turn < 500; turn += 1) mallory.send("heartbeat");
    await mallory.beat();
    mallory.send({ type: "state", state: "fine" });
    expect(await ada.nextOf("diff")).toMatchObject({ updates: [{ state: "fine" }] });
    expect(mallory.closes.all).toEqual([]);
  });

  test("of bad frames is a flood", async () => {
    const { room, ada, mallory } = await stillRoom();
    await floodUntilClosed(room, mallory, "?");
    expect(await mallory.closes.next()).toMatchObject({ code: 4129 });
    expect(await ada.heard()).toEqual([]);
  });

  test("by an anonymous connection is stopped too", async () => {
    const { room, ada } = await stillRoom();
    const watcher = await open(room, { query: { watch: "1" } });
    await floodUntilClosed(room, watcher, { type: "sync" });
    expect(await watcher.closes.next()).toMatchObject({ code: 4129 });
    expect(await ada.heard()).toEqual([]);
  });
});
