/**
 * Fifty flooders at full speed beside fifty honest clients in one room: the honest ones notice next to nothing, and
 * the runtime's memory is free again afterwards. The flooders have a process of their own, and come back whenever
 * they are closed. All share one machine: what the flooders' own process takes from the others is in the numbers.
 * Those who make connections only to have them closed take the runtime's time for handshakes, which is for the limiters
 * of the edge to stop: for them the delay is written down, and not tested. Pings and heartbeats are answered before the
 * next is sent: those that are not keep the local runtime from looking at anybody else, and no room hears of them.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tokenFor } from "../support/client.ts";
import { Honest, percentile } from "../support/crowd.ts";
import { Runtime } from "../support/runtime.ts";

const ROOM = "flooded";
const HONEST = 50;
const FLOODERS = 50;
const WARM_SECONDS = 12;
/** Lost presences leave within the grace, and what was on its way is dropped. */
const QUIET_SECONDS = 6;
const CALM_SECONDS = 8;
const FLOOD_SECONDS = 20;
/** Between two messages of anybody: 50 a second in the room, each to fifty. */
const SAY_MS = 20;
/** After so many messages somebody comes in: twice a second. */
const VISIT_EVERY = 25;
/** How much later messages may come than without flooders. */
const RATIO_MAX = 2;
/** Twice the pause in which a room gathers: below that, no delay can be told from another. */
const SMALLEST_MS = 70;
const MEMORY_MAX = 1.2;
/** Garbage is collected in its own time, if something goes on. */
const QUIET_SECONDS_MAX = 15;

let runtime: Runtime;
let crowd: readonly Honest[];

beforeAll(async () => {
  runtime = await Runtime.start({ PRESENCE_GRACE: "2" });
  crowd = await Promise.all(
    Array.from({ length: HONEST }, (_, index) =>
      Honest.join(runtime, ROOM, `honest-${index}`, index % 2 === 0 ? "list" : "diff"),
    ),
  );
});
afterAll(async () => {
  await Promise.all(crowd.map((one) => one.leave(false)));
  await runtime.stop();
});

/** The 99th percentile of the time from saying to hearing, in milliseconds. Fails where a message did not come. */
async function talk(seconds: number): Promise<number> {
  for (const one of crowd) one.latencies = [];
  const end = performance.now() + seconds * 1_000;
  let said = 0;
  const visits: Promise<void>[] = [];
  while (performance.now() < end) {
    crowd[said % HONEST]?.say();
    // In a batch wait messages, states and first frames, with flooders or without: what one client gets buys the pause.
    crowd[(said + 1) % HONEST]?.setState(said);
    said += 1;
    if (said % VISIT_EVERY === 0) visits.push(visit(said));
    // It is the passing of time that is wanted.
    // oxlint-disable-next-line no-await-in-loop
    await delay(SAY_MS);
  }
  await Promise.all([...visits, ...crowd.map((one) => one.heard(said))]);
  const latencies = crowd.flatMap((one) => one.latencies);
  expect(latencies).toHaveLength(said * HONEST);
  return percentile(latencies, 99);
}

/** Somebody comes in, and goes. */
async function visit(number: number): Promise<void> {
  const visitor = await Honest.join(runtime, ROOM, `visitor-${number}`, "diff");
  await visitor.leave();
}

async function startFlood(kinds: string): Promise<ChildProcess> {
  const program = join(import.meta.dirname, "../support/flooders.ts");
  const args = [program, runtime.host, ROOM, String(FLOODERS), kinds];
  const flood = spawn(process.execPath, args, {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ids = Array.from({ length: FLOODERS }, (_, index) => `flooder-${index}`);
  for (const token of await Promise.all(ids.map((id) => tokenFor(id)))) {
    flood.stdin.write(`${token}\n`);
  }
  return flood;
}

/** How much they sent, in their own words. */
async function endFlood({ stdin, stdout }: ChildProcess): Promise<string> {
  if (!stdin || !stdout) throw new Error("the flooders have no pipes");
  stdin.end();
  const [tally] = await once(stdout.setEncoding("utf8"), "data");
  return String(tally).trim();
}

/** The smallest memory that is seen before everybody loses patience, or one that is small enough. */
async function memoryAfter(enough: number): Promise<number> {
  let least = runtime.memory();
  for (let second = 0; second < QUIET_SECONDS_MAX && least > enough; second += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await talk(1);
    least = Math.min(least, runtime.memory());
  }
  return least;
}

/** What a flood of these kinds does: 99th percentiles without and with it, and memory before and after. */
async function suffer(kinds: string, seconds: number) {
  const calm = await talk(CALM_SECONDS);
  const before = runtime.memory();
  const flooders = await startFlood(kinds);
  const flooded = await talk(seconds);
  const during = runtime.memory();
  const tally = await endFlood(flooders);
  const after = await memoryAfter(before * MEMORY_MAX);
  const mega = [before, during, after].map((bytes) => (bytes / 1e6).toFixed(0)).join(" / ");
  process.stdout.write(
    `flood of ${kinds}: 99th percentile ${calm.toFixed(0)} ms, ${flooded.toFixed(0)} ms with flooders; memory before / during / after ${mega} MB; ${tally}\n`,
  );
  return { calm, flooded, before, after };
}

beforeAll(async () => {
  // A heap that was large once stays so: what is looked for is what a further flood leaves behind.
  const first = await startFlood("all");
  await talk(WARM_SECONDS);
  await endFlood(first);
  await delay(QUIET_SECONDS * 1_000);
});

test(`${HONEST} honest clients beside ${FLOODERS} flooders of frames`, async () => {
  const { calm, flooded, before, after } = await suffer("frames", FLOOD_SECONDS);
  expect(crowd.flatMap(({ troubles }) => troubles)).toEqual([]);
  expect(flooded).toBeLessThan(Math.max(calm, SMALLEST_MS / RATIO_MAX) * RATIO_MAX);
  expect(after).toBeLessThan(before * MEMORY_MAX);
});

test("beside flooders of all kinds nobody is dropped, and no memory stays taken", async () => {
  const { before, after } = await suffer("all", FLOOD_SECONDS / 2);
  expect(crowd.flatMap(({ troubles }) => troubles)).toEqual([]);
  expect(after).toBeLessThan(before * MEMORY_MAX);
});
