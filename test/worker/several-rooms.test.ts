/**
 * Channels in three rooms, while the objects involved are evicted and crash between all steps, and while calls
 * between them fail: touches, messages and the end of a channel reach every room, and nothing is left over.
 */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { presences, rooms } from "../../src/index.ts";
import { RemoteDelivery } from "../../src/objects/room/remote-delivery.ts";
import type { User } from "../../src/core/presence.ts";
import { Room } from "../support/worker.ts";
import {
  believed,
  bindings,
  channelObject,
  crashNext,
  expectNothingIn,
  failNext,
  FATES,
  heardOf,
  mishapsLeft,
  nextOfRoom,
  ringAll,
  roomObject,
  type TestObject,
  wake,
} from "../support/objects.ts";
import {
  advance,
  alarmIn,
  crash,
  evict,
  idsIn,
  inRoom,
  ring,
  socketsLeft,
} from "../support/room.ts";
import { firstFrames, newRoom, openAs, type TestSocket } from "../support/socket.ts";

const DIFF = { query: { view: "diff" } };
const BOB: User = { id: "bob" };

let logged: string[] = [];

beforeEach(() => {
  logged = [];
  vi.spyOn(console, "error").mockImplementation((line) => logged.push(String(line)));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Whether the channel is in each of the rooms. */
function whereIs(channel: string, names: readonly string[]): Promise<boolean[]> {
  return Promise.all(
    names.map(async (room) => {
      const all = await rooms(bindings).get(room).presences();
      return all.some((one) => one.channel === channel);
    }),
  );
}

/** A client that comes back with its presence whenever its socket is gone. */
class Client {
  readonly room: string;
  channel = "";
  socket: TestSocket | undefined;
  #resume = "";

  constructor(room: string) {
    this.room = room;
  }

  async connect(claims: Record<string, unknown> = {}): Promise<TestSocket> {
    const { channel } = this;
    const query = { view: "diff", ...(channel && { channel, resume: this.#resume }) };
    const socket = await openAs("bob", this.room, { query, claims });
    const { welcome } = await firstFrames(socket);
    if (channel && channel !== welcome.channel) throw new Error(`${channel} was not resumed`);
    this.channel = welcome.channel ?? "";
    this.#resume = welcome.resume ?? "";
    this.socket = socket;
    return socket;
  }

  /** The socket that is open: the one of before, or a new one. */
  async open(): Promise<TestSocket> {
    const { socket } = this;
    const isOpen = await inRoom(this.room, (_, state) => state.getWebSockets().length > 0);
    if (isOpen && socket) return socket;
    if (socket && socket.closes.all.length === 0) await socket.closes.next();
    return this.connect();
  }
}

/** A channel with a socket: its home is the first room. */
async function withSocket() {
  const names = [newRoom(), newRoom(), newRoom()] as const;
  const client = new Client(names[0]);
  await client.connect();
  return { client, channel: client.channel, names, objects: names.map(roomObject) };
}

/** A channel without one: its home is its Channel object. */
function withoutSocket() {
  const names = [newRoom(), newRoom(), newRoom()] as const;
  const channel = `bot-${crypto.randomUUID()}`;
  return { channel, names, objects: [channelObject(channel), ...names.map(roomObject)] };
}

/** What happens between two steps, to some of the objects. */
type Between = (objects: readonly TestObject[]) => Promise<void>;

/** Each of the objects by itself is evicted or crashes, and then all of them. */
function casesOf(titles: readonly string[]) {
  const each = titles.map((title, index) => [title, [index]] as const);
  const all = ["every object", titles.map((_, index) => index)] as const;
  return FATES.flatMap(([fate, happen]) =>
    [...each, all].map(([who, which]) => {
      const between: Between = async (objects) => {
        // One after the other: which are many at once, so are they in turn.
        // oxlint-disable-next-line no-await-in-loop
        for (const index of which) if (objects[index]) await happen(objects[index]);
      };
      return [who, fate, between] as const;
    }),
  );
}

const ROOM_CASES = casesOf(["the home", "the second room", "the third room"]);
const CHANNEL_CASES = casesOf([
  "the Channel object",
  "the first room",
  "the second room",
  "the third room",
]);

describe.each(ROOM_CASES)("with %s %s between all steps", (_who, _fate, between) => {
  test("a socket's channel is touched, spoken to and taken out in three rooms", async () => {
    const { client, channel, names, objects } = await withSocket();
    const [home, second, third] = names;
    advance(0);
    await between(objects);
    await client.open();
    await rooms(bindings).add(second, channel, BOB);
    await between(objects);
    await client.open();
    await rooms(bindings).add(third, channel, BOB);
    await between(objects);
    await client.open();
    expect(await presences(bindings).get(channel)).toMatchObject({ rooms: names });
    advance(40);
    await between(objects);
    await client.open();
    expect(await presences(bindings).touch(channel)).toEqual(names);
    await between(objects);
    advance(40);
    const socket = await client.open();
    for (const room of [second, third, home]) {
      // oxlint-disable-next-line no-await-in-loop
      await ring(room);
    }
    expect(await whereIs(channel, names)).toEqual([true, true, true]);
    for (const room of names) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await rooms(bindings).send(room, `to ${room}`)).toBe(1);
      // oxlint-disable-next-line no-await-in-loop
      const { messages } = await socket.nextOf("messages");
      expect(messages).toEqual([{ from: null, payload: `to ${room}` }]);
    }
    await between(objects);
    expect(await presences(bindings).leaveAll(channel)).toEqual(names);
    await between(objects);
    expect(await whereIs(channel, names)).toEqual([false, false, false]);
    await ringAll(objects);
    await expectNothingIn([...objects, channelObject(channel)]);
  });

  test.each([
    ["says goodbye", (socket: TestSocket) => socket.ws.close(1000)],
    ["is cut off", (socket: TestSocket) => socket.cut()],
    ["falls silent", () => {}],
  ])("a socket's channel whose client %s leaves all rooms in the end", async (_name, end) => {
    const { client, channel, names, objects } = await withSocket();
    const [home, second, third] = names;
    advance(0);
    await rooms(bindings).add(second, channel, BOB);
    await rooms(bindings).add(third, channel, BOB);
    const ada = await openAs("ada", third, { query: { view: "diff", watch: "1" } });
    await firstFrames(ada);
    await between(objects);
    const socket = await client.open();
    end(socket);
    if (_name !== "falls silent") await socketsLeft(home, 0);
    await between(objects);
    for (let turn = 0; turn < 4; turn += 1) {
      advance(31);
      // oxlint-disable-next-line no-await-in-loop
      for (const object of objects.toReversed()) await object.ring();
      // oxlint-disable-next-line no-await-in-loop
      await between(objects);
    }
    expect(await presences(bindings).get(channel)).toBeNull();
    expect(await whereIs(channel, names)).toEqual([false, false, false]);
    await ringAll(objects);
    await expectNothingIn([...objects, channelObject(channel)]);
  });
});

describe.each(CHANNEL_CASES)("with %s %s between all steps", (_who, _fate, between) => {
  test("a channel without a socket is touched and taken out in three rooms", async () => {
    const { channel, names, objects } = withoutSocket();
    const [first, second, third] = names;
    advance(0);
    for (const room of names) {
      // oxlint-disable-next-line no-await-in-loop
      await rooms(bindings).add(room, channel, BOB);
      // oxlint-disable-next-line no-await-in-loop
      await between(objects);
    }
    expect(await presences(bindings).get(channel)).toMatchObject({ rooms: names });
    advance(40);
    await between(objects);
    expect(await presences(bindings).touch(channel)).toEqual(names);
    await between(objects);
    advance(40);
    for (const object of objects) {
      // oxlint-disable-next-line no-await-in-loop
      await object.ring();
      // oxlint-disable-next-line no-await-in-loop
      await between(objects);
    }
    expect(await presences(bindings).get(channel)).toMatchObject({ rooms: names });
    const watcher = await openAs("eve", third, { query: { watch: "1" } });
    await watcher.next();
    expect(await rooms(bindings).send(third, "hello")).toBe(1);
    await between(objects);
    await rooms(bindings).remove(second, channel);
    await between(objects);
    expect(await presences(bindings).leaveAll(channel)).toEqual([first, third]);
    await between(objects);
    expect(await whereIs(channel, names)).toEqual([false, false, false]);
    await ringAll(objects);
    await expectNothingIn(objects);
  });

  test("a channel without a socket that nobody touches is gone in the end, everywhere", async () => {
    const { channel, names, objects } = withoutSocket();
    advance(0);
    for (const room of names) {
      // oxlint-disable-next-line no-await-in-loop
      await rooms(bindings).add(room, channel, BOB);
    }
    for (let turn = 0; turn < 3; turn += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await between(objects);
      advance(61);
      // oxlint-disable-next-line no-await-in-loop
      for (const object of objects) await object.ring();
    }
    await expectNothingIn(objects);
    expect(await presences(bindings).get(channel)).toBeNull();
  });
});

describe("a message, of which nobody has heard yet,", () => {
  test("is delivered once though the home sleeps and the rooms were evicted", async () => {
    const { client, channel, names } = await withSocket();
    const [home, second, third] = names;
    await rooms(bindings).add(second, channel, BOB);
    await rooms(bindings).add(third, channel, BOB);
    const socket = await client.open();
    await heardOf(socket, second);
    await heardOf(socket, third);
    for (let turn = 0; turn < 5; turn += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await Promise.all([rooms(bindings).send(second, turn), rooms(bindings).send(third, turn)]);
      // oxlint-disable-next-line no-await-in-loop
      await Promise.all(names.map(evict));
    }
    const of = (room: string) =>
      socket.frames.all.flatMap((frame) =>
        frame !== "heartbeat" && frame.type === "messages" && frame.room === room
          ? frame.messages.map(({ payload }) => payload)
          : [],
      );
    await heardOf(socket, second);
    await heardOf(socket, third);
    expect(of(second)).toEqual([0, 1, 2, 3, 4]);
    expect(of(third)).toEqual([0, 1, 2, 3, 4]);
    expect(of(home)).toEqual([]);
  });

  test("that the home could not take in is made up for by everything there is to know", async () => {
    const { client, channel, names } = await withSocket();
    const [home, second] = names;
    const socket = await client.open();
    await rooms(bindings).add(second, channel, BOB);
    await nextOfRoom(socket, second);
    failNext(home, "deliver");
    await openAs("cid", second);
    await vi.waitFor(() => expect(mishapsLeft(home, "deliver")).toBe(0));
    await openAs("dan", second);
    const sync = await socket.nextOf("sync");
    expect(sync.presences.map(({ user }) => user?.id)).toEqual(["bob", "cid", "dan"]);
    await heardOf(socket, second);
    expect([...believed(socket, second).values()].map(({ user }) => user?.id)).toEqual([
      "bob",
      "cid",
      "dan",
    ]);
  });

  test("and that is the last for long is made up for by the alarm at the latest", async () => {
    const { client, channel, names } = await withSocket();
    const [home, second] = names;
    const socket = await client.open();
    await rooms(bindings).add(second, channel, BOB);
    await nextOfRoom(socket, second);
    failNext(home, "deliver");
    await openAs("cid", second);
    await vi.waitFor(() => expect(mishapsLeft(home, "deliver")).toBe(0));
    await vi.waitFor(async () => expect(await alarmIn(second)).toBeLessThanOrEqual(5_000));
    await ring(second);
    const sync = await socket.nextOf("sync");
    expect(sync.presences.map(({ user }) => user?.id)).toEqual(["bob", "cid"]);
  });
});

const ENDS = [
  ["leaveAll", (_: TestSocket, { channel }: Client) => presences(bindings).leaveAll(channel)],
  [
    "a removal at home",
    (_: TestSocket, { room, channel }: Client) => rooms(bindings).remove(room, channel),
  ],
  ["a goodbye", (socket: TestSocket) => socket.ws.close(1000)],
] as const;

/** Bob in three rooms, and Ada in the third to see what she hears. */
async function inThree() {
  const { client, channel, names, objects } = await withSocket();
  const [home, second, third] = names;
  const ada = await openAs("ada", third, DIFF);
  await firstFrames(ada);
  await rooms(bindings).add(second, channel, BOB);
  await rooms(bindings).add(third, channel, BOB);
  await ada.nextOf("diff");
  return {
    client,
    socket: await client.open(),
    channel,
    names,
    objects,
    home,
    second,
    third,
    ada,
  };
}

async function expectEnd({
  channel,
  names,
  objects,
  third,
  ada,
}: Awaited<ReturnType<typeof inThree>>) {
  expect(await whereIs(channel, names)).toEqual([false, false, false]);
  expect(await idsIn(third)).toEqual(["ada"]);
  expect((await ada.nextOf("diff")).leaves).toMatchObject([{ channel }]);
  expect(await ada.heard()).toEqual([]);
  ada.ws.close();
  await socketsLeft(third, 0);
  await ringAll(objects);
  await expectNothingIn([...objects, channelObject(channel)]);
}

describe.each(ENDS)("the end of a socket's channel by %s", (_name, end) => {
  test("is told again by the alarm to a room that could not be told", async () => {
    const all = await inThree();
    const { client, socket, channel, names, home, second } = all;
    failNext(second, "drop");
    await end(socket, client);
    await vi.waitFor(async () => {
      expect(await whereIs(channel, names)).toEqual([false, true, false]);
    });
    expect(mishapsLeft(second, "drop")).toBe(0);
    expect(await alarmIn(home)).toBeLessThanOrEqual(5_000);
    await ring(home);
    expect(await whereIs(channel, names)).toEqual([false, false, false]);
    await expectEnd(all);
  });

  test("is told until it is heard, over evictions and crashes of its home", async () => {
    const all = await inThree();
    const { client, socket, channel, names, home, third } = all;
    failNext(third, "drop", 4);
    await end(socket, client);
    await vi.waitFor(async () => {
      expect(await whereIs(channel, names)).toEqual([false, false, true]);
    });
    for (const happen of [evict, crash, ring]) {
      // oxlint-disable-next-line no-await-in-loop
      await happen(home);
      // oxlint-disable-next-line no-await-in-loop
      await ring(home);
    }
    expect(mishapsLeft(third, "drop")).toBe(0);
    await ring(home);
    await expectEnd(all);
  });

  test("is no news to a room that crashes while it is told", async () => {
    const all = await inThree();
    const { client, socket, channel, names, home, second } = all;
    crashNext(second, "drop");
    await end(socket, client);
    await vi.waitFor(async () => {
      expect((await whereIs(channel, names)).filter(Boolean)).toHaveLength(0);
    });
    expect(mishapsLeft(second, "drop")).toBe(0);
    await ring(home);
    await expectEnd(all);
  });
});

describe("the end of a channel whose home crashes at that moment", () => {
  test("is told by the next life of the home", async () => {
    const { client, channel, names, objects } = await withSocket();
    const [home, second, third] = names;
    await client.open();
    await rooms(bindings).add(second, channel, BOB);
    await rooms(bindings).add(third, channel, BOB);
    failNext(second, "drop", 2);
    crashNext(home, "leaveAll");
    await presences(bindings)
      .leaveAll(channel)
      .catch(() => []);
    expect(mishapsLeft(home, "leaveAll")).toBe(0);
    advance(0);
    await wake(home);
    for (let turn = 0; turn < 4; turn += 1) {
      advance(11);
      // oxlint-disable-next-line no-await-in-loop
      await ring(home);
    }
    expect(await whereIs(channel, names)).toEqual([false, false, false]);
    await ringAll(objects);
    await expectNothingIn([...objects, channelObject(channel)]);
  });
});

describe("where a call fails", () => {
  test("an addition that the further room did not take leaves no trace at home", async () => {
    const { channel, names } = await withSocket();
    const [home, second, third] = names;
    await rooms(bindings).add(third, channel, BOB);
    failNext(second, "add");
    await expect(rooms(bindings).add(second, channel, BOB)).rejects.toThrow("out of order");
    expect(await whereIs(channel, names)).toEqual([true, false, true]);
    expect(await presences(bindings).get(channel)).toMatchObject({ rooms: [home, third] });
    expect(await presences(bindings).touch(channel)).toEqual([home, third]);
    expect(await presences(bindings).leaveAll(channel)).toEqual([home, third]);
  });

  test("an addition that the home did not take down reaches no room", async () => {
    const { channel, names } = await withSocket();
    const [home, second] = names;
    failNext(home, "link");
    await expect(rooms(bindings).add(second, channel, BOB)).rejects.toThrow("out of order");
    expect(await whereIs(channel, names)).toEqual([true, false, false]);
    await expectNothingIn([roomObject(second)]);
  });

  test("a removal of which the home did not hear does not count as a room that it left", async () => {
    const { client, channel, names } = await withSocket();
    const [home, second, third] = names;
    const socket = await client.open();
    await rooms(bindings).add(second, channel, BOB);
    await rooms(bindings).add(third, channel, BOB);
    await heardOf(socket, second);
    failNext(home, "deliver", 2);
    await rooms(bindings).remove(second, channel);
    await vi.waitFor(() => expect(mishapsLeft(home, "deliver")).toBe(0));
    for (const room of [second, home]) {
      // oxlint-disable-next-line no-await-in-loop
      await ring(room);
    }
    expect(await presences(bindings).touch(channel)).toEqual([home, third]);
    expect(await presences(bindings).leaveAll(channel)).toEqual([home, third]);
  });

  test("a guest is not expired because its home could not be asked", async () => {
    const { client, channel, names } = await withSocket();
    const [home, second] = names;
    advance(0);
    const socket = await client.open();
    await rooms(bindings).add(second, channel, BOB);
    advance(50);
    await socket.handled();
    advance(13);
    failNext(home, "seen", 2);
    await ring(second);
    expect(mishapsLeft(home, "seen")).toBe(1);
    expect(await alarmIn(second)).toBeLessThanOrEqual(7_000);
    expect(await idsIn(second)).toEqual(["bob"]);
    await rooms(bindings).get(second).getUsers();
    failNext(home, "seen", 0);
    advance(5);
    await ring(second);
    expect(await idsIn(second)).toEqual(["bob"]);
    advance(60);
    await ring(second);
    expect(await whereIs(channel, [second])).toEqual([false]);
  });

  test("a socket that came back is told of a further room that could not be asked, in its view", async () => {
    const { client, channel, names } = await withSocket();
    const [home, second] = names;
    const socket = await client.open();
    await rooms(bindings).add(second, channel, BOB);
    await nextOfRoom(socket, second);
    socket.cut();
    await socketsLeft(home, 0);
    failNext(second, "resync");
    const again = await client.connect();
    await vi.waitFor(() => expect(mishapsLeft(second, "resync")).toBe(0));
    for (const room of names) {
      // oxlint-disable-next-line no-await-in-loop
      await ring(room);
    }
    await openAs("cid", second);
    await heardOf(again, second);
    expect([...believed(again, second).values()].map(({ user }) => user?.id)).toEqual([
      "bob",
      "cid",
    ]);
  });

  test.each([
    ["", 0],
    [", though it could not be asked at first", 1],
  ])(
    "other info that a channel comes back with reaches its further room%s",
    async (_, failures) => {
      const { client, channel, names } = await withSocket();
      const [home, second, third] = names;
      const socket = await client.open();
      await rooms(bindings).add(second, channel, BOB);
      await rooms(bindings).add(third, channel, { id: "robot", name: "R" });
      await nextOfRoom(socket, second);
      await nextOfRoom(socket, third);
      const cid = await openAs("cid", second, DIFF);
      await firstFrames(cid);
      socket.cut();
      await socketsLeft(home, 0);
      if (failures > 0) failNext(second, "resync", failures);
      const again = await client.connect({ info: { name: "Robert" } });
      await vi.waitFor(() => expect(mishapsLeft(second, "resync")).toBe(0));
      if (failures > 0) await ring(home);
      expect(await cid.nextOf("diff")).toMatchObject({
        joins: [],
        updates: [{ channel, user: { id: "bob", name: "Robert" } }],
        leaves: [],
      });
      await heardOf(again, second);
      expect(believed(again, second).get(channel)?.user).toEqual({ id: "bob", name: "Robert" });
      // Whom a server named otherwise there stays who that is.
      const [robot] = await rooms(bindings).get(third).presences();
      expect(robot?.user).toEqual({ id: "robot", name: "R" });
    },
  );

  test("a touch of a channel without a socket reaches the other rooms", async () => {
    const { channel, names } = withoutSocket();
    const [first, second, third] = names;
    advance(0);
    await Promise.all(names.map((room) => rooms(bindings).add(room, channel, BOB)));
    advance(50);
    failNext(second, "touchHere");
    await expect(presences(bindings).touch(channel)).rejects.toThrow(Error);
    advance(50);
    for (const room of names) {
      // oxlint-disable-next-line no-await-in-loop
      await ring(room);
    }
    expect(await whereIs(channel, [first, second, third])).toEqual([true, false, true]);
    expect(await presences(bindings).touch(channel)).toHaveLength(2);
  });

  test.each(["drop", "look"] as const)(
    "leaveAll of a channel without a socket leaves the others where %s fails, and that one in the end",
    async (method) => {
      const { channel, names, objects } = withoutSocket();
      const [, second] = names;
      for (const room of names) {
        // oxlint-disable-next-line no-await-in-loop
        await rooms(bindings).add(room, channel, BOB);
      }
      failNext(second, method, 2);
      await presences(bindings)
        .leaveAll(channel)
        .catch(() => []);
      failNext(second, method, method === "drop" ? 1 : 0);
      const [first, , third] = await whereIs(channel, names);
      expect([first, third]).toEqual([false, false]);
      for (const happen of ["evict", "ring", "crash", "ring"] as const) {
        // oxlint-disable-next-line no-await-in-loop
        await objects[0]?.[happen]();
      }
      expect(await whereIs(channel, names)).toEqual([false, false, false]);
      await ringAll(objects);
      await expectNothingIn(objects);
    },
  );

  test("a channel that is to be told of its end comes back only when its rooms know", async () => {
    const { channel, names, objects } = withoutSocket();
    const [first, second] = names;
    await rooms(bindings).add(first, channel, BOB);
    await rooms(bindings).add(second, channel, BOB);
    failNext(second, "drop");
    await presences(bindings).leaveAll(channel);
    expect(mishapsLeft(second, "drop")).toBe(0);
    expect((await rooms(bindings).add(second, channel, { id: "zoe" })).isNew).toBe(true);
    await ringAll(objects);
    expect(await presences(bindings).get(channel)).toMatchObject({
      user: { id: "zoe" },
      rooms: [second],
    });
    expect(await presences(bindings).leaveAll(channel)).toEqual([second]);
    await ringAll(objects);
    await expectNothingIn(objects);
  });

  test("an addition that the room did not take is forgotten by the Channel object", async () => {
    const { channel, names, objects } = withoutSocket();
    const [first] = names;
    advance(0);
    failNext(first, "add");
    await expect(rooms(bindings).add(first, channel, BOB)).rejects.toThrow("out of order");
    expect(await presences(bindings).get(channel)).toBeNull();
    expect(await presences(bindings).touch(channel)).toEqual([]);
    advance(61);
    await ringAll(objects);
    await expectNothingIn(objects);
  });
});

test("a late word of an end does not take a presence out that was added since", async () => {
  const { channel, names } = withoutSocket();
  const [first] = names;
  await rooms(bindings).add(first, channel, BOB);
  const link = Date.now();
  advance(1);
  await rooms(bindings).add(first, channel, BOB);
  await bindings.PRESENCE_ROOM.getByName(first).drop(channel, "left", link);
  expect(await whereIs(channel, [first])).toEqual([true]);
  await bindings.PRESENCE_ROOM.getByName(first).drop(channel, "left", Date.now() + 1);
  expect(await whereIs(channel, [first])).toEqual([false]);
});

test("a goodbye between the two steps of an addition has the last word", async () => {
  const { channel, names } = withoutSocket();
  const [first] = names;
  // Called with its own room below.
  // oxlint-disable-next-line typescript/unbound-method
  const add = Room.prototype.add;
  vi.spyOn(Room.prototype, "add").mockImplementationOnce(async function late(this: Room, ...given) {
    await presences(bindings).leaveAll(channel);
    return add.apply(this, given);
  });
  await rooms(bindings).add(first, channel, BOB);
  expect(await whereIs(channel, [first])).toEqual([false]);
  expect(await presences(bindings).get(channel)).toBeNull();
});

test("a room that refuses an addition leaves no link", async () => {
  const { channel, names } = withoutSocket();
  const [first] = names;
  const refusal = { type: "error", code: "room_full", message: "full" } as const;
  vi.spyOn(Room.prototype, "add").mockResolvedValueOnce(refusal);
  await expect(rooms(bindings).add(first, channel, BOB)).rejects.toThrow("full");
  await expectNothingIn([channelObject(channel)]);
});

test("a link whose caller died before the second step is removed by the alarm of the owner", async () => {
  const { client, channel, names } = await withSocket();
  const [home, second] = names;
  const links = () =>
    inRoom(home, (_, { storage }) => storage.kv.get(`links:${channel}`) !== undefined);
  advance(0);
  const socket = await client.open();
  await bindings.PRESENCE_ROOM.getByName(home).link(channel, second);
  // Frames keep the channel alive. A touch would do more: it asks all rooms of the channel.
  advance(59);
  await socket.handled();
  await ring(home);
  expect(await links()).toBe(true);
  advance(2);
  await socket.handled();
  await evict(home);
  await ring(home);
  expect(await links()).toBe(false);
});

test("a room that died repeats itself to the channels of other rooms as soon as it wakes", async () => {
  const [home, further] = [newRoom(), newRoom()];
  const ada = await openAs("ada", home, DIFF);
  const { channel = "" } = (await firstFrames(ada)).welcome;
  await rooms(bindings).add(further, channel, { id: "ada" });
  await nextOfRoom(ada, further);
  await crash(further);
  await wake(further);
  expect(await nextOfRoom(ada, further)).toMatchObject({
    type: "sync",
    presences: [{ channel, user: { id: "ada" } }],
  });
});

test("a delivery whose outcome could not be handled holds up none behind it", async () => {
  const [home, further] = [newRoom(), newRoom()];
  const ada = await openAs("ada", home, DIFF);
  const { channel = "" } = (await firstFrames(ada)).welcome;
  const delivery = new RemoteDelivery(further, bindings.PRESENCE_ROOM);
  const send = async (text: string, handle: () => Promise<void>) => {
    delivery.add(home, [{ channels: [channel], frames: [{ kind: "messages", text }] }]);
    for await (const _ of delivery.deliver(home)) await handle();
  };
  const frame = (payload: string) =>
    JSON.stringify({ type: "messages", room: further, messages: [{ from: null, payload }] });
  const failing = send(frame("first"), () => Promise.reject(new Error("no alarm")));
  await expect(failing).rejects.toThrow("no alarm");
  await send(frame("second"), async () => {});
  expect(await nextOfRoom(ada, further)).toMatchObject({ messages: [{ payload: "first" }] });
  expect(await nextOfRoom(ada, further)).toMatchObject({ messages: [{ payload: "second" }] });
});
