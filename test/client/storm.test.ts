/** Two hundred clients whose server is killed and started again: when each tries, and what others hear. */

import { createServer, type Server as TcpServer } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { joinRoom, type RoomClient } from "../../src/client/index.ts";
import { joinAs, resumption, tokenFor } from "../support/client.ts";
import { Server } from "../support/server.ts";

const CLIENTS = 200;
/** Of the first retries, so much may be within one tenth of a second. */
const BUNCH_PART_MAX = 0.15;
const GRACE_MS = 10_000;

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

/** Settles when the client is in the room. */
function here(client: RoomClient): Promise<void> {
  return new Promise((resolve) => {
    const stop = client.subscribe(check);
    function check(): void {
      if (client.status !== "here") return;
      stop();
      resolve();
    }
    check();
  });
}

/** Settles when the client has begun its first attempt after it lost its connection. */
function retry(times: Map<string, number[]>, id: string): Promise<string> {
  times.set(id, [...(times.get(id) ?? []), performance.now()]);
  return tokenFor(id);
}

/** The most of `times` that are within any tenth of a second. */
function busiestTenth(times: readonly number[]): number {
  return Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 100).length));
}

test("all are back within the grace, their first retries are spread, and nobody hears of anybody", async () => {
  const asked = new Map<string, number[]>();
  const ids = Array.from({ length: CLIENTS }, (_, index) => `user-${index}`);
  const clients = ids.map((id) =>
    joinRoom({ url: server.url, room: "storm", token: () => retry(asked, id) }),
  );
  await Promise.all(clients.map(here));
  // It reconnects by hand, the moment that there is a server: it stayed out of the storm, and sees all of it.
  const watcher = await joinAs(server, "watcher", "storm");
  const changes: string[] = [];
  for (const client of clients) {
    client.on("join", ({ id }) => changes.push(`join ${id}`));
    client.on("leave", ({ member }) => changes.push(`leave ${member.id}`));
  }
  // All know all before it begins.
  await Promise.all(clients.map((client) => counts(client, CLIENTS + 1)));
  changes.length = 0;
  asked.clear();

  const lost = Promise.all(clients.map((client) => away(client)));
  await server.kill();
  await lost;
  const refuser = await refuse(server.port);
  // Every one has tried once, and in vain.
  await Promise.all(clients.map((client) => tried(client, asked, ids[clients.indexOf(client)] ?? "")));
  refuser.close();
  await once(refuser, "close");
  const first = [...asked.values()].map(([at = 0]) => at);
  expect(first).toHaveLength(CLIENTS);
  expect(busiestTenth(first)).toBeLessThanOrEqual(CLIENTS * BUNCH_PART_MAX);

  await server.start();
  const upAt = performance.now();
  const again = await joinAs(server, "watcher", "storm", resumption(watcher.welcome));
  await Promise.all(clients.map(here));
  expect(performance.now() - upAt).toBeLessThan(GRACE_MS);
  expect(again.sync.presences).toHaveLength(CLIENTS + 1);
  expect(changes).toEqual([]);
  await again.client.settled();
  expect(again.client.frames.all.filter((frame) => frame !== "heartbeat" && frame.type === "diff")).toEqual([]);
  for (const client of clients) {
    expect(client.count).toBe(CLIENTS + 1);
    client.leave();
  }
  again.client.ws.close();
});

function counts(client: RoomClient, count: number): Promise<void> {
  return until(client, () => client.count === count);
}

function away(client: RoomClient): Promise<void> {
  return until(client, () => client.status === "reconnecting");
}

function until(client: RoomClient, isTrue: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = client.subscribe(check);
    function check(): void {
      if (!isTrue()) return;
      stop();
      resolve();
    }
    check();
  });
}

/** Cuts off whoever connects, so that nobody gets through while the times are taken. */
async function refuse(port: number): Promise<TcpServer> {
  const refuser = createServer((socket) => socket.destroy()).listen(port, "127.0.0.1");
  await once(refuser, "listening");
  return refuser;
}
