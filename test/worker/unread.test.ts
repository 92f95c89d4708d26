/** Clients that stop reading: what they are sent stays in memory, so they are cut. The clock is the test's. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { UNREAD_LENGTH_MAX } from "../../src/core/limits.ts";
import { rooms } from "../../src/index.ts";
import { bindings } from "../support/objects.ts";
import { advance, after, idsIn } from "../support/room.ts";
import { firstFrames, newRoom, open, openAs, type TestSocket } from "../support/socket.ts";
import { watched } from "../support/worker.ts";

const DIFF = { query: { view: "diff" } };
const MESSAGE = "x".repeat(60_000);
/** Messages that a room gathers into one frame, of a megabyte at most. */
const AT_ONCE = 16;
/** Frames that are more than a client may leave unread. */
const ENOUGH = Math.ceil(UNREAD_LENGTH_MAX / (AT_ONCE * MESSAGE.length)) + 1;

afterEach(() => {
  vi.useRealTimers();
});

/** A server sends so many frames' worth of messages to a room, and the witness gets them all. */
async function send(room: string, frames: number, witness: TestSocket): Promise<void> {
  for (let frame = 0; frame < frames; frame += 1) {
    const messages = Array.from({ length: AT_ONCE }, () => rooms(bindings).send(room, MESSAGE));
    // One after the other, or the room would refuse them.
    /* oxlint-disable no-await-in-loop */
    await Promise.all(messages);
    for (let left = AT_ONCE; left > 0;) {
      left -= (await witness.nextOf("messages")).messages.length;
    }
    /* oxlint-enable no-await-in-loop */
  }
}

/** Ada, who says nothing more, and Bob, who gives a sign of life before each test looks. */
async function adaAndBob(room: string) {
  advance(0);
  const ada = await openAs("ada", room, DIFF);
  await firstFrames(ada);
  const bob = await openAs("bob", room, DIFF);
  await firstFrames(bob);
  return { ada, bob };
}

describe("a client that was sent more than four megabytes", () => {
  test("and gave no sign of life for 30 seconds is closed, and lost", async () => {
    const room = newRoom();
    const { ada, bob } = await adaAndBob(room);
    await send(room, ENOUGH, bob);
    advance(31);
    await bob.handled();
    const { rows } = watched(room);
    await send(room, 1, bob);
    expect(await ada.nextOf("error")).toMatchObject({
      code: "expired",
      message:
        "no sign of life for 31 seconds, and more than 4,194,304 characters to read; connect again",
    });
    expect(await ada.closes.next()).toMatchObject({ code: 4108 });
    expect(bob.closes.all).toEqual([]);
    expect(await idsIn(room)).toEqual(["ada", "bob"]);
    // The loss, as any other.
    expect(watched(room).rows - rows).toBeLessThanOrEqual(2);
    await after(10, room);
    expect(await bob.nextOf("diff")).toMatchObject({ leaves: [{ reason: "lost" }] });
    expect(await idsIn(room)).toEqual(["bob"]);
  });

  test("may take up its presence again", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    const { channel = "", resume = "" } = (await firstFrames(ada)).welcome;
    const bob = await openAs("bob", room, DIFF);
    await firstFrames(bob);
    await send(room, ENOUGH, bob);
    advance(31);
    await bob.handled();
    await send(room, 1, bob);
    await ada.closes.next();
    const again = await openAs("ada", room, { query: { view: "diff", channel, resume } });
    expect((await firstFrames(again)).welcome).toMatchObject({ channel });
    expect(await bob.heard()).toEqual([]);
  });

  test("and gave a sign of life meanwhile stays", async () => {
    const room = newRoom();
    const { ada, bob } = await adaAndBob(room);
    await send(room, ENOUGH, bob);
    advance(29);
    await ada.handled();
    advance(2);
    await bob.handled();
    await send(room, ENOUGH, bob);
    await ada.handled();
    expect(ada.closes.all).toEqual([]);
  });

  test("stays as long as 30 seconds are not over", async () => {
    const room = newRoom();
    const { ada, bob } = await adaAndBob(room);
    await send(room, ENOUGH, bob);
    advance(29);
    await bob.handled();
    await send(room, 1, bob);
    await ada.handled();
    expect(ada.closes.all).toEqual([]);
  });

  test("and is no presence, for it only looks on, is closed without a leave", async () => {
    const room = newRoom();
    const bob = await openAs("bob", room, DIFF);
    await firstFrames(bob);
    const watcher = await open(room, { query: { watch: "1" } });
    await watcher.next();
    await send(room, ENOUGH, bob);
    advance(31);
    await bob.handled();
    await send(room, 1, bob);
    expect(await watcher.closes.next()).toMatchObject({ code: 4108 });
    expect(await bob.heard()).toEqual([]);
  });
});

test("a silent client that was sent less stays until it expires", async () => {
  const room = newRoom();
  const { ada, bob } = await adaAndBob(room);
  await send(room, ENOUGH - 3, bob);
  advance(31);
  await bob.handled();
  await send(room, 1, bob);
  await ada.nextOf("messages");
  expect(ada.frames.all.some((frame) => frame !== "heartbeat" && frame.type === "error")).toBe(
    false,
  );
  expect(ada.closes.all).toEqual([]);
});

test("what further rooms send counts, too", async () => {
  const [home, further] = [newRoom(), newRoom()];
  const ada = await openAs("ada", home, DIFF);
  const { channel = "" } = (await firstFrames(ada)).welcome;
  const bob = await openAs("bob", further, DIFF);
  await firstFrames(bob);
  await rooms(bindings).add(further, channel, { id: "ada" });
  await send(further, ENOUGH, bob);
  advance(31);
  await bob.handled();
  await send(further, 1, bob);
  expect(await ada.closes.next()).toMatchObject({ code: 4108 });
});
