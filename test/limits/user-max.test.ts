/** How many connections one user may have in a room: here five. Others, and other rooms, have nothing to do with it. */

import { beforeEach, describe, expect, test } from "vitest";
import { presencePath, call } from "../support/http.ts";
import { evict, idsIn, LIVES, socketsLeft } from "../support/room.ts";
import { firstFrames, newRoom, open, openAs, type TestSocket } from "../support/socket.ts";

const DIFF = { query: { view: "diff" } };

let tests = 0;
beforeEach(() => {
  tests += 1;
});

/** Somebody else in each test, or the limiter of the edge would count them together. */
function named(sub: string): string {
  return `${sub} ${tests}`;
}

async function tabs(sub: string, room: string, size: number): Promise<TestSocket[]> {
  const opening = Array.from({ length: size }, () => openAs(named(sub), room, DIFF));
  const sockets = await Promise.all(opening);
  await Promise.all(sockets.map(firstFrames));
  return sockets;
}

/** What a connection that finds no place hears, and the code that it is closed with. */
const FULL = [
  {
    type: "error",
    code: "room_full",
    message: expect.stringMatching(/limit is 5 for one user; close one/),
  },
  4100,
];

/** The same of a further connection of a user. */
async function another(sub: string, room: string, query: Record<string, string> = {}) {
  const late = await openAs(named(sub), room, { query: { view: "diff", ...query } });
  return [await late.next(), (await late.closes.next()).code];
}

describe.each(LIVES)("%s", (_, between) => {
  test("the sixth connection of a user is refused, and nobody hears of it", async () => {
    const room = newRoom();
    const bystander = await openAs("ada", room, DIFF);
    await firstFrames(bystander);
    await tabs("mallory", room, 5);
    await bystander.heard();
    await between(room);
    expect(await another("mallory", room)).toEqual(FULL);
    await between(room);
    expect(await another("mallory", room, { watch: "1" })).toEqual(FULL);
    expect(await bystander.heard()).toEqual([]);
    await tabs("mallory", newRoom(), 1);
    await tabs("bob", room, 1);
  });

  test("one that goes makes room for another", async () => {
    const room = newRoom();
    const [first] = await tabs("mallory", room, 5);
    await between(room);
    first?.send({ type: "leave" });
    await first?.closes.next();
    await between(room);
    await tabs("mallory", room, 1);
    await between(room);
    expect(await another("mallory", room)).toEqual(FULL);
  });

  test("watching counts", async () => {
    const room = newRoom();
    await tabs("ada", room, 1);
    const query = { watch: "1" };
    const watchers = Array.from({ length: 5 }, () => openAs(named("mallory"), room, { query }));
    await Promise.all((await Promise.all(watchers)).map((watcher) => watcher.next()));
    await between(room);
    expect(await another("mallory", room)).toEqual(FULL);
  });

  test("who takes a presence up again takes the place of the connection that is lost", async () => {
    const room = newRoom();
    const [first, ...others] = await tabs("ada", room, 5);
    const { channel = "", resume = "" } = welcomeOf(first);
    await between(room);
    const back = await openAs(named("ada"), room, { query: { view: "diff", channel, resume } });
    expect(await back.next()).toMatchObject({ type: "welcome", channel });
    await between(room);
    expect(await another("ada", room)).toEqual(FULL);
    expect(others.flatMap(({ closes }) => closes.all)).toEqual([]);
  });

  test("a user whom a server gave to a socket is counted, the one from before is not", async () => {
    const room = newRoom();
    const [first] = await tabs("mallory", room, 5);
    const { channel = "" } = welcomeOf(first);
    await between(room);
    await call("PUT", presencePath(room, channel), { body: { user: { id: named("bob") } } });
    await between(room);
    await tabs("mallory", room, 1);
    await between(room);
    expect(await another("mallory", room)).toEqual(FULL);
    await tabs("bob", room, 4);
    await between(room);
    expect(await another("bob", room)).toEqual(FULL);
  });
});

test("those without a name cannot be told from each other: the room's limit is theirs", async () => {
  const room = newRoom();
  const sockets = await Promise.all(Array.from({ length: 10 }, () => open(room)));
  const first = await Promise.all(sockets.map((socket) => socket.next()));
  expect(first).toEqual(sockets.map(() => expect.objectContaining({ type: "presence" })));
});

test("presences that outlive their connections are counted twice over at most", async () => {
  const room = newRoom();
  await tabs("ada", room, 1);
  // Without the grace of these tests nothing would outlive anything: a page that is closed does, for a moment.
  const joined = await openAs(named("mallory"), room, DIFF);
  await firstFrames(joined);
  expect(await idsIn(room)).toEqual([named("ada"), named("mallory")]);
  for (let turn = 0; turn < 12; turn += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const [socket] = await tabs("mallory", room, 1);
    socket?.cut();
    // oxlint-disable-next-line no-await-in-loop
    await socketsLeft(room, 2);
  }
  await evict(room);
  await tabs("mallory", room, 4);
  expect(await another("mallory", room)).toEqual(FULL);
});

/** The welcome of a socket whose first frames were read already. */
function welcomeOf(socket: TestSocket | undefined) {
  for (const frame of socket?.frames.all ?? []) {
    if (frame !== "heartbeat" && frame.type === "welcome") return frame;
  }
  throw new Error("the socket was never welcomed");
}
