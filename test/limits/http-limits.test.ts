/** The HTTP API where the limits are so low that a test reaches them: rooms that are full, names above the limit. */

import { describe, expect, test } from "vitest";
import { call, channelPath, errorOf, presencePath, roomPath } from "../support/http.ts";
import { evict, inRoom, LIVES, occupants } from "../support/room.ts";
import { newRoom, openAs } from "../support/socket.ts";

/** As many presences as the room takes: twice its thirty connections. They have no sockets. */
async function fill(room: string, count = 60): Promise<void> {
  await inRoom(room, async (instance) => {
    const owner = { kind: "detached", generation: 1, linkedAt: 1 } as const;
    for (let index = 0; index < count; index += 1) {
      // One after the other, for the order of members.
      // oxlint-disable-next-line no-await-in-loop
      await instance.add(`bot-${index}`, { id: `user-${index}` }, owner);
    }
  });
}

describe.each(LIVES)("a room of 60 presences, %s", (_, between) => {
  test("takes no further one: 503, with the limit, and nobody hears of it", async () => {
    const room = newRoom();
    const late = `late for ${room}`;
    await fill(room);
    const eve = await openAs("eve", room, { query: { watch: "1", view: "diff" } });
    await eve.heard();
    await between(room);
    const answer = await call("PUT", presencePath(room, late), { body: { user: { id: "late" } } });
    expect(errorOf(answer)).toEqual({
      status: 503,
      code: "room_full",
      message: expect.stringMatching(/full.*60/),
    });
    expect(await eve.heard()).toEqual([]);
    expect((await occupants(room)).members).toHaveLength(60);
    expect(await call("GET", channelPath(late))).toMatchObject({ status: 404 });
  });

  test("still takes one that is there already", async () => {
    const room = newRoom();
    await fill(room);
    await between(room);
    const body = { user: { id: "another" } };
    const answer = await call("PUT", presencePath(room, "bot-7"), { body });
    expect(answer).toMatchObject({ status: 200, body: { user: { id: "another" } } });
  });

  test("takes one more as soon as one is gone", async () => {
    const room = newRoom();
    const late = `late for ${room}`;
    await fill(room);
    await between(room);
    expect(await call("DELETE", presencePath(room, "bot-7"))).toMatchObject({ status: 204 });
    expect(await call("PUT", presencePath(room, late))).toMatchObject({ status: 201 });
    expect(await call("PUT", presencePath(room, `${late} too`))).toMatchObject({ status: 503 });
  });
});

test("GET of a room that announces counts still tells all the names", async () => {
  const room = newRoom();
  await fill(room, 12);
  await evict(room);
  const ids = Array.from({ length: 12 }, (_, index) => ({ id: `user-${index}` }));
  expect((await call("GET", roomPath(room))).body).toEqual({
    channel_name: room,
    members: ids,
    lurkers: 0,
  });
});
