/** What tests of webhooks ask of a service that runs, and of what a receiver was told. */

import * as v from "valibot";
import { expect, vi } from "vitest";
import { RoomStats } from "../../src/core/http-shapes.ts";
import type { RoomEvent } from "../../src/core/room-events.ts";
import { type Client, joinAs, tokenFor } from "./client.ts";
import type { Call, Receiver } from "./receiver.ts";
import { Server, until } from "./server.ts";

/** Longer than a receiver may take, and than the first wait after that, on a busy machine. */
export const PATIENCE = { timeout: 45_000, interval: 50 };

/** A service that posts to a receiver, and forgets quickly. */
export function startServer(
  receiver: Receiver,
  vars: Record<string, string> = {},
): Promise<Server> {
  const timing = { PRESENCE_GRACE: "1", PRESENCE_MAX_AGE: "4", PRESENCE_HISTORY: "3" };
  return Server.start({ ...timing, ...receiver.vars, ...vars });
}

/** Somebody who stays, with heartbeats. */
export async function come(server: Server, id: string, room: string): Promise<Client> {
  const { client } = await joinAs(server, id, room);
  client.beatEvery(500);
  return client;
}

export async function goodbye(client: Client): Promise<void> {
  client.send({ type: "leave" });
  await client.closeFrames.next();
}

/** A call of the HTTP API, by an administrator. */
export async function ask(
  server: Server,
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  const token = await tokenFor("server", { can: ["admin"] });
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  return (await fetch(server.url + path, { method, headers, ...init })).json();
}

export async function roomStats(server: Server, room: string): Promise<RoomStats> {
  return v.parse(RoomStats, await ask(server, "GET", `/rooms/${room}/stats`));
}

export async function webhookStatus(server: Server, room: string) {
  return (await roomStats(server, room)).webhook;
}

/** Waits until nothing is stored of any room. */
export async function forgotten(server: Server): Promise<void> {
  await until(async () => {
    try {
      return (await server.tables()).length === 0;
    } catch (error) {
      // The runtime is writing the file, or has just been killed while it did.
      if (/locked|readonly/.test(String(error))) return false;
      throw error;
    }
  }, 100);
}

export function wordsOf(events: readonly RoomEvent[]): string[] {
  return events.map(({ type, user }) => (user === null ? type : `${type} ${user.id}`));
}

/** Waits until a receiver has been told of all this, in this order. */
export function told(receiver: Receiver, room: string, words: readonly string[]): Promise<void> {
  return vi.waitFor(() => expect(wordsOf(receiver.of(room).events)).toEqual(words), PATIENCE);
}

/** Waits until a receiver has been told that everybody left. */
export function toldOfTheEnd(receiver: Receiver, room: string): Promise<void> {
  return vi.waitFor(() => {
    expect(wordsOf(receiver.of(room).events).at(-1)).toBe("room.vacated");
  }, PATIENCE);
}

/** Each event but the first names the one before it: nothing is missing, and nothing out of order. */
export function expectLinked(events: readonly RoomEvent[]): void {
  expect(events.map(({ prev }) => prev)).toEqual([
    null,
    ...events.slice(0, -1).map(({ rev }) => rev),
  ]);
}

/** Calls with the same id have the same body. */
export function expectSameBodies(calls: readonly Call[]): void {
  for (const group of Map.groupBy(calls, ({ id }) => id).values()) {
    expect(new Set(group.map(({ text }) => text)).size).toBe(1);
  }
}
