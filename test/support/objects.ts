/**
 * What a test does to objects of all classes, where room.ts does it to one room: for channels that are in
 * several rooms, and all who are involved with them.
 */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { applyDiff } from "../../src/core/diff.ts";
import type { Presence } from "../../src/core/presence.ts";
import { bindingsOf } from "../../src/config/env.ts";
import { rooms } from "../../src/index.ts";
import { LOBBY_NAMES } from "../../src/rpc/lobbies.ts";
import { crash, evict, inRoom, ring, storageOf } from "./room.ts";
import type { Frame } from "./listener.ts";
import type { TestSocket } from "./socket.ts";
import { type Channel, type Lobby, Room } from "./worker.ts";

/** The Worker's bindings, as its own code sees them. */
export const bindings = bindingsOf(env);

/** One object, whatever its class. */
export type TestObject = {
  /** For messages of failed tests. */
  readonly title: string;
  /** Memory is gone; sockets stay. */
  evict(): Promise<void>;
  /** Memory and sockets are gone, without a word to anyone. */
  crash(): Promise<void>;
  /** Runs the alarm now. Whether there was one. */
  ring(): Promise<boolean>;
  storage(): Promise<Stored>;
  /** All that is stored by key, and whether an alarm is set. */
  rows(): Promise<unknown>;
};

export type Stored = { tables: unknown; alarm: number | null };

/** What an object has stored that has forgotten itself. */
export const NOTHING: Stored = { tables: 0, alarm: null };

export function roomObject(name: string): TestObject {
  return {
    title: `room ${name}`,
    evict: () => evict(name),
    crash: () => crash(name),
    ring: () => ring(name),
    storage: () => storageOf(name),
    rows: () => inRoom(name, (_, { storage }) => rowsOf(storage)),
  };
}

/** The home of a channel that has no socket. */
export function channelObject(name: string): TestObject {
  return objectOf(`channel ${name}`, () => env.PRESENCE_CHANNEL.getByName(name));
}

function lobbyObject(name: string): TestObject {
  return objectOf(name, () => env.PRESENCE_LOBBY.getByName(name));
}

export const LOBBIES: readonly TestObject[] = LOBBY_NAMES.map(lobbyObject);

/** With a new stub each time: one whose object died is broken. */
function objectOf(title: string, stub: () => DurableObjectStub<Channel | Lobby>): TestObject {
  const look = () =>
    runInDurableObject(stub(), async (_, { storage }) => ({
      tables: storage.sql.exec("SELECT count(*) AS n FROM sqlite_master").one()["n"],
      alarm: await storage.getAlarm(),
    }));
  return {
    title,
    evict: async () => {
      await look();
      await evictDurableObject(stub());
    },
    crash: async () => {
      await look();
      await evictDurableObject(stub(), { webSockets: "close" });
    },
    ring: () => runDurableObjectAlarm(stub()),
    storage: look,
    rows: () => runInDurableObject(stub(), (_, { storage }) => rowsOf(storage)),
  };
}

async function rowsOf(storage: DurableObjectStorage): Promise<unknown> {
  const isForgotten =
    storage.sql.exec("SELECT 1 FROM sqlite_master LIMIT 1").toArray().length === 0;
  return {
    rows: isForgotten ? [] : Array.from(storage.kv.list()),
    hasAlarm: (await storage.getAlarm()) !== null,
  };
}

/** What may happen to an object between two steps, for `describe.each`: nobody may miss anything for it. */
export const FATES = [
  ["evicted", (object: TestObject) => object.evict()],
  ["crashed", (object: TestObject) => object.crash()],
] as const;

/** Every object has its alarm, again and again, until it makes no difference to what is stored. */
export async function ringAll(objects: readonly TestObject[]): Promise<void> {
  let before = "";
  for (let turn = 0; turn < 10; turn += 1) {
    // One after the other, as alarms that are due at different times.
    // oxlint-disable-next-line no-await-in-loop
    for (const object of objects) await object.ring();
    // oxlint-disable-next-line no-await-in-loop
    const after = JSON.stringify(await Promise.all(objects.map((object) => object.rows())));
    if (after === before) return;
    before = after;
  }
  throw new Error(`the alarms never come to rest: ${before}`);
}

/** None of the objects has anything stored, not even an alarm. */
export async function expectNothingIn(objects: readonly TestObject[]): Promise<void> {
  const stored = await Promise.all(
    objects.map(async (object) => [object.title, await object.storage()] as const),
  );
  expect(stored).toEqual(objects.map(({ title }) => [title, NOTHING]));
}

/** Methods of rooms that other objects call. */
type Asked =
  | "add"
  | "deliver"
  | "drop"
  | "leaveAll"
  | "link"
  | "look"
  | "resync"
  | "seen"
  | "touchHere";

/** How the next calls go wrong: how many, and before or after the room has done what it was asked. */
type Mishap = { times: number; readonly kind: "fails" | "crashes" };

const mishaps = new Map<string, Mishap>();

/** Makes the next calls of a method of a room throw, whoever calls, over all lives of the room. */
export function failNext(room: string, method: Asked, times = 1): void {
  mishaps.set(`${method} ${room}`, { times, kind: "fails" });
  intercept(method);
}

/** The room dies in the next call of a method: what it has stored by the first await is on disk. */
export function crashNext(room: string, method: Asked): void {
  mishaps.set(`${method} ${room}`, { times: 1, kind: "crashes" });
  intercept(method);
}

/** How many of the calls are yet to go wrong. */
export function mishapsLeft(room: string, method: Asked): number {
  return mishaps.get(`${method} ${room}`)?.times ?? 0;
}

const intercepted = new Set<Asked>();

/** On the prototype, since a stub reaches no other methods. */
function intercept(method: Asked): void {
  if (intercepted.has(method)) return;
  intercepted.add(method);
  const works = methodOf(method);
  function answer(this: Room, ...args: unknown[]): unknown {
    const ctx = contextOf(this);
    const mishap = mishaps.get(`${method} ${ctx.id.name}`);
    const work = (): unknown => Reflect.apply(works, this, args);
    if (!mishap?.times) return work();
    mishap.times -= 1;
    if (mishap.kind === "fails") throw new Error("out of order");
    return crashAmid(ctx, work);
  }
  Object.defineProperty(Room.prototype, method, { configurable: true, value: answer });
}

function methodOf(name: Asked): (this: Room, ...args: unknown[]) => unknown {
  // SAFETY: `Asked` names methods of a room only; what they take and return is passed on as it is.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Reflect.get(Room.prototype, name) as (this: Room, ...args: unknown[]) => unknown;
}

async function crashAmid(ctx: DurableObjectState, work: () => unknown): Promise<void> {
  void Promise.resolve(work()).catch(() => {});
  await ctx.storage.sync();
  ctx.abort("crashed");
}

function contextOf(room: Room): DurableObjectState {
  // SAFETY: every Durable Object has its context there; it is protected, for outsiders only.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Reflect.get(room, "ctx") as DurableObjectState;
}

/**
 * What a socket had to hear of a room until now and has not read, gathered frames included. The socket may be
 * at home there or in another room; others in the room notice nothing. Frames of other rooms stay unread
 * only if they come later.
 */
export async function heardOf(socket: TestSocket, room: string): Promise<Frame[]> {
  const mark = `mark ${crypto.randomUUID()}`;
  const came = new Promise<void>((resolve) => {
    socket.ws.addEventListener("message", ({ data }) => {
      if (String(data).includes(mark)) resolve();
    });
  });
  await rooms(bindings).send(room, mark);
  await came;
  const unread = socket.frames.unread();
  socket.frames.skip(unread.length);
  return unread.filter((frame) => roomOf(frame) === room);
}

/** The room that a frame is about. */
export function roomOf(frame: Frame): string | null {
  if (frame === "heartbeat" || frame.type === "error") return null;
  return frame.type === "presence" ? frame.payload.channel_name : frame.room;
}

/** The next frame of a room that the socket gets; others before it are skipped. */
export function nextOfRoom(socket: TestSocket, room: string): Promise<Frame> {
  return socket.frames.until((frame) => roomOf(frame) === room);
}

/** Whom a socket in view `diff` believes to be in a room: what it heard of it, applied in order. Lurkers have no names. */
export function believed({ frames }: TestSocket, room: string): Map<string, Presence> {
  let presences = new Map<string, Presence>();
  for (const frame of frames.all) {
    if (frame === "heartbeat" || roomOf(frame) !== room) continue;
    if (frame.type === "sync")
      presences = new Map(frame.presences.map((one) => [one.channel, one]));
    if (frame.type === "diff") presences = applyDiff(presences, frame);
  }
  return presences;
}

/** Who is in a room: channel and user id of each, sorted. */
export async function channelsIn(room: string): Promise<[string, string | null][]> {
  const presences = await rooms(bindings).get(room).presences();
  return presences
    .map(({ channel, user }): [string, string | null] => [channel, user?.id ?? null])
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** The room has been woken, by somebody who only looks: what a restart did to it counts from now. */
export async function wake(room: string): Promise<void> {
  await inRoom(room, (instance) => {
    instance.occupants();
  });
}
