/** A server may fill a room as anybody may, and no further: the limits are those of vitest.config.ts. */

import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { rooms } from "../../src/index.ts";
import { advance, LIVES, ring } from "../support/room.ts";
import { newRoom, openAs } from "../support/socket.ts";

/** Twice `PRESENCE_ROOM_MAX`. */
const PRESENCES_MAX = 60;

const all = rooms(env);

afterEach(() => {
  vi.useRealTimers();
});

async function fill(room: string, size: number): Promise<void> {
  const names = Array.from({ length: size }, (_, index) => `${room}-bot-${index}`);
  await Promise.all(names.map((name) => all.add(room, name, { id: name })));
}

describe.each(LIVES)("%s", (_, between) => {
  test("a server fills a room to twice the number of its connections, and no further", async () => {
    const room = newRoom();
    await fill(room, PRESENCES_MAX);
    await between(room);
    await expect(all.add(room, "one too many")).rejects.toMatchObject({
      code: "room_full",
      message: expect.stringContaining("60 presences"),
    });
    await between(room);
    expect(await all.get(room).presences()).toHaveLength(PRESENCES_MAX);
    const known = { id: "somebody else" };
    const { isNew } = await all.add(room, `${room}-bot-7`, known);
    expect(isNew).toBe(false);
    expect(await all.get(room).getUsers()).toContainEqual(known);
    await all.remove(room, `${room}-bot-8`);
    await between(room);
    expect((await all.add(room, "one in the place of another")).isNew).toBe(true);
  });

  test("a channel that a full room refused is in it nowhere, and may come later", async () => {
    const room = newRoom();
    const channel = `${room}-late`;
    await fill(room, PRESENCES_MAX);
    await expect(all.add(room, channel)).rejects.toThrow("try again later");
    await between(room);
    advance(61);
    await ring(room);
    expect(await all.get(room).presences()).toEqual([]);
    await all.add(room, channel);
    expect(await all.get(room).getAnonymousCount()).toBe(1);
  });
});

test("a state may be as large as PRESENCE_STATE_MAX, and no larger, in bytes", async () => {
  const room = newRoom();
  const state = "x".repeat(62);
  expect((await all.add(room, "bot", null, { state })).presence.state).toBe(state);
  for (const larger of [`${state}x`, `${"x".repeat(61)}ü`]) {
    // oxlint-disable-next-line no-await-in-loop
    await expect(all.add(room, "bot", null, { state: larger })).rejects.toMatchObject({
      code: "state_too_large",
      message: "state is 65 bytes; the limit is 64",
    });
  }
  expect(await all.get(room).presences()).toMatchObject([{ state }]);
});

test("a room full of a server's channels tells a client so", async () => {
  const room = newRoom();
  await fill(room, PRESENCES_MAX);
  const ada = await openAs("ada", room);
  expect(await ada.next()).toMatchObject({ type: "error", code: "room_full" });
  expect(await ada.closes.next()).toMatchObject({ code: 4100 });
});
