/** What a test does to a room itself, behind the backs of its sockets: sleep, crash, alarm, a look into its storage. */

import {
  evictDurableObject,
  type DurableObjectEvictionOptions,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { vi } from "vitest";
import type { PresenceFrame } from "../../src/core/protocol.ts";
import type { Room } from "./worker.ts";
import { tokenFor } from "./socket.ts";

function stubOf(room: string): DurableObjectStub<Room> {
  return env.PRESENCE_ROOM.getByName(room);
}

/** The room has stored whoever came in: it does that in the turn after the one in which it greets them. */
export function stored(room: string): Promise<void> {
  return inRoom(room, () => scheduler.wait(0));
}

/** The room is put to sleep, with its sockets: not before it has stored whoever came in, as in the real runtime. */
export async function evict(room: string): Promise<void> {
  await stored(room);
  await end(room, {});
}

/** The room dies with all its sockets, without a word to anyone. Woken first: only what runs can die. */
export async function crash(room: string): Promise<void> {
  await stored(room);
  await end(room, { webSockets: "close" });
}

async function end(room: string, options: DurableObjectEvictionOptions): Promise<void> {
  try {
    await evictDurableObject(stubOf(room), options);
  } catch (error) {
    if (!String(error).includes("not currently running")) throw error;
  }
}

/** What happens to a room between the steps of a test, for `describe.each`: nobody may notice either. */
export const LIVES = [
  ["in a room that stays awake", stored],
  ["in a room evicted between all steps", evict],
] as const;

/** Runs the alarm now. Whether there was one. */
export function ring(room: string): Promise<boolean> {
  return runDurableObjectAlarm(stubOf(room));
}

/** Moves the clock of the Worker, the room and the test by some seconds, and runs the room's alarm. */
export async function after(seconds: number, room: string): Promise<void> {
  advance(seconds);
  await ring(room);
}

/** Moves the clock of the Worker, the room and the test; timers and alarms stay with the real one. */
export function advance(seconds: number): void {
  const now = Date.now();
  if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(now + seconds * 1_000);
}

export function inRoom<T>(
  room: string,
  look: (instance: Room, state: DurableObjectState) => T | Promise<T>,
): Promise<T> {
  return runInDurableObject(stubOf(room), look);
}

/** What the room has stored. A room that has forgotten itself has no table and no alarm. */
export function storageOf(room: string): Promise<{ tables: unknown; alarm: number | null }> {
  return inRoom(room, async (_, { storage }) => ({
    tables: storage.sql.exec("SELECT count(*) AS n FROM sqlite_master").one()["n"],
    alarm: await storage.getAlarm(),
  }));
}

/** Milliseconds from now to the room's alarm. */
export async function alarmIn(room: string): Promise<number> {
  const { alarm } = await storageOf(room);
  return (alarm ?? Number.NaN) - Date.now();
}

/** Waits until the room knows that it has no more than `count` sockets: a line that was cut takes a moment. */
export function socketsLeft(room: string, count: number): Promise<void> {
  return vi.waitFor(
    async () => {
      const left = await inRoom(room, (_, state) => state.getWebSockets().length);
      if (left > count) throw new Error(`${room} has ${left} sockets`);
    },
    { timeout: 5_000, interval: 5 },
  );
}

/** Who is in the room, as the HTTP API tells it. */
export async function occupants(room: string): Promise<PresenceFrame["payload"]> {
  const token = await tokenFor("server", { can: ["watch"] });
  const url = `https://presence.test/rooms/${encodeURIComponent(room)}`;
  const response = await exports.default.fetch(url, {
    headers: { Authorization: `Bearer ${token}` },
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return response.json();
}

/** The ids of those whom the HTTP API names. */
export async function idsIn(room: string): Promise<string[]> {
  return (await occupants(room)).members.map(({ id }) => id);
}

/** Makes the next call of a method of the room's storage throw, once. */
export function breakOnce(room: string, name: "put" | "delete" | "deleteAll"): Promise<void> {
  return inRoom(room, (_, { storage }) => {
    const target: object = name === "deleteAll" ? storage : storage.kv;
    const works: unknown = Reflect.get(target, name);
    const fail = () => {
      Object.defineProperty(target, name, { configurable: true, value: works });
      throw new Error("the disk is full");
    };
    Object.defineProperty(target, name, { configurable: true, value: fail });
  });
}

/**
 * Stops the timers and the clock, of rooms too: what is gathered stays so until `flush`, however slow this machine
 * is. Each timer rings in the flush of the room that set it, for a room cannot use what is another one's.
 */
export function holdTimers(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  const hold = globalThis.setTimeout;
  const holdFor = (work: () => void, ms: number) => {
    const isHere = belonging();
    const ringHere = (): void => {
      if (isHere()) work();
      else hold(ringHere, Math.max(0, flushedUntil - Date.now()) + 1);
    };
    return hold(ringHere, ms);
  };
  // Replaced as the fake timers replace it, so that the real one is back with `vi.useRealTimers`.
  Reflect.set(globalThis, "setTimeout", holdFor);
}

/** Tells whether it is asked in the object in which it was made: sockets can be looked at by their own object alone. */
function belonging(): () => boolean {
  const { 0: socket } = new WebSocketPair();
  return () => {
    try {
      return socket.readyState >= 0;
    } catch {
      return false;
    }
  };
}

/** The end of the flush that is under way: what is another room's waits until after it. */
let flushedUntil = 0;

/** Lets some time pass for the held timers of one room. */
export function flush(room: string, ms = 2_000): Promise<void> {
  return inRoom(room, () => {
    flushedUntil = Date.now() + ms;
    vi.advanceTimersByTime(ms);
  });
}
