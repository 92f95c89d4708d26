/** Two hundred clients whose server is killed and started again: when each tries, and what the others hear. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { joinRoom } from "../../src/client/index.ts";
import { joinAs, tokenFor } from "../support/client.ts";
import { Server } from "../support/server.ts";
import { away, here, sees } from "./stay.ts";

const CLIENTS = 200;
/**
 * Of the first retries, spread over a second, so many may be within a quarter of it: twice what chance
 * gives, since a busy machine runs the timers of some tenths of a second at once.
 */
const BUNCH_MAX = CLIENTS / 2;
const GRACE_MS = 10_000;

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

/** The most of `times` that are within any quarter of a second. */
function busiestQuarter(times: readonly number[]): number {
  return Math.max(
    ...times.map((from) => times.filter((at) => at >= from && at < from + 250).length),
  );
}

test("all are back within the grace, their first retries are spread, and nobody hears of anybody", async () => {
  /** When each client asked for a token first: that is what an attempt begins with. */
  const tries = new Map<string, number>();
  const ids = Array.from({ length: CLIENTS }, (_, index) => `user-${index}`);
  const clients = ids.map((id) => {
    const token = () => {
      if (!tries.has(id)) tries.set(id, performance.now());
      return tokenFor(id);
    };
    return joinRoom({ url: server.url, room: "storm", token });
  });
  await Promise.all(clients.map((client) => sees(client, CLIENTS)));
  const changes: string[] = [];
  for (const client of clients) {
    client.on("join", ({ id }) => changes.push(`join ${id}`));
    client.on("leave", ({ member }) => changes.push(`leave ${member.id}`));
  }

  const lost = Promise.all(clients.map(away));
  tries.clear();
  await server.kill();
  await lost;
  await server.start();
  const startedAt = performance.now();
  // It stays out of the storm, and sees all of it.
  const watcher = await joinAs(server, "watcher", "storm", { watch: "1" });
  await Promise.all(clients.map(here));
  expect(performance.now() - startedAt).toBeLessThan(GRACE_MS);

  expect(tries.size).toBe(CLIENTS);
  expect(busiestQuarter([...tries.values()])).toBeLessThanOrEqual(BUNCH_MAX);
  expect(watcher.sync.presences).toHaveLength(CLIENTS);
  await watcher.client.settled();
  const names = watcher.client.frames.all.filter((f) => f !== "heartbeat" && f.type === "diff");
  expect(names).toEqual([]);
  expect(changes).toEqual([]);
  for (const client of clients) {
    expect(client.count).toBe(CLIENTS);
    client.leave();
  }
  watcher.client.ws.close();
});
