/**
 * Five hundred clients that come, talk, go and are cut, over and over: what the service needs for them at the end is
 * what it needed after the first minutes. 40 s in every run of the tests; ten minutes by `npm run test:soak`.
 */

import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tokenFor } from "../support/client.ts";
import { Honest, percentile } from "../support/crowd.ts";
import { Runtime, type Stored } from "../support/runtime.ts";

const SECONDS = Number(process.env["SOAK_SECONDS"] ?? 40);
/**
 * Until then the service may still grow, and all happens as fast as it can. The more is allocated, the larger the
 * engine makes its young generation: it has grown to the most, 32 MB, and taken some 40 MB more, after two to three
 * minutes. See docs/operating.md.
 */
const WARM_SECONDS = Math.min(240, SECONDS / 2);
const REPORT_SECONDS = 30;
const CLIENTS = 500;
const ROOMS = 10;
/** Rooms in which somebody is only for a moment, so that they forget themselves again and again. */
const FLEETING_ROOMS = 20;
const TICK_MS = 100;
/** How far apart two readings may be that are the same. */
const TOLERANCE = 1.1;
/** Short of minutes, the runtime's own heap has not come to rest: what is looked for then is a leak by the frame. */
const SHORT_TOLERANCE = 1.35;
const VIEWS = ["list", "diff", "count"] as const;
const SAMPLES = 5;

let runtime: Runtime;
let admin: string;
const crowd: Honest[] = [];

beforeAll(async () => {
  // Presences that were lost are gone within seconds, so that a minute sees several generations.
  runtime = await Runtime.start({ PRESENCE_MAX_AGE: "15", PRESENCE_GRACE: "2" });
  admin = await tokenFor("soak", { can: ["admin"] });
});
afterAll(async () => {
  await Promise.all(crowd.map((one) => one.leave(false)));
  await runtime.stop();
});

let comers = 0;

async function come(index: number): Promise<void> {
  comers += 1;
  const view = VIEWS[index % VIEWS.length] ?? "list";
  // A name for each time, as if it were always somebody else.
  crowd[index] = await Honest.join(runtime, `room-${index % ROOMS}`, `client-${comers}`, view);
}

async function replace(index: number, isClean: boolean): Promise<void> {
  await crowd[index]?.leave(isClean);
  await come(index);
}

function call(method: string, path: string, body?: object): Promise<unknown> {
  return fetch(runtime.url + path, {
    method,
    headers: { authorization: `Bearer ${admin}`, "content-type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  }).then((response) => response.text());
}

/** Few names: of an object that has forgotten itself the local runtime keeps an empty file, by its name. */
function botOf(turn: number): string {
  return `bot-${turn % 50}`;
}

/** What happens within a tenth of a second. */
async function tick(turn: number): Promise<void> {
  const one = (step: number) => crowd[(turn * step) % CLIENTS];
  one(7)?.setState({ turn });
  one(11)?.say();
  one(13)?.setState(null);
  await Promise.all([
    replace((turn * 17) % CLIENTS, turn % 2 === 0),
    call("PUT", `/rooms/room-${turn % ROOMS}/presences/${botOf(turn)}`, { user: { id: "bot" } }),
    call("DELETE", `/rooms/room-${(turn - 5) % ROOMS}/presences/${botOf(turn - 5)}`),
    turn % 5 === 0 ? visit(`fleeting-${(turn / 5) % FLEETING_ROOMS}`) : undefined,
  ]);
}

async function visit(room: string): Promise<void> {
  const visitor = await Honest.join(runtime, room, "visitor", "diff");
  await visitor.leave();
}

type Reading = Stored & {
  readonly memory: number;
  /** What the last full collection of garbage could not free. */
  readonly alive: number;
};

/** Memory goes up and down with each collection of garbage, storage with each batch: the middle of some readings. */
async function read(): Promise<Reading> {
  const readings: Reading[] = [];
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const { alive } = runtime.heap;
    readings.push({ memory: runtime.memory(), alive, ...runtime.stored() });
    // oxlint-disable-next-line no-await-in-loop
    await delay(500);
  }
  const middle = (key: keyof Reading) =>
    percentile(
      readings.map((reading) => reading[key]),
      50,
    );
  return {
    memory: middle("memory"),
    alive: middle("alive"),
    rows: middle("rows"),
    bytes: middle("bytes"),
  };
}

function mega(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function report(seconds: number, { memory, alive, rows, bytes }: Reading): void {
  const { taken, young } = runtime.heap;
  const heap = `heap ${mega(taken)} MB, of which the young generation may use ${mega(young)} and ${mega(alive)} are alive`;
  process.stdout.write(
    `soak: ${seconds.toFixed(0)} s: memory ${mega(memory)} MB (${heap}), ${rows} rows, ${mega(bytes)} MB in databases, ${comers} came\n`,
  );
}

test(
  `${CLIENTS} clients for ${SECONDS} s need no more at the end than after ${WARM_SECONDS} s`,
  async () => {
    const begin = performance.now();
    const elapsed = () => (performance.now() - begin) / 1_000;
    for (let index = 0; index < CLIENTS; index += 20) {
      // oxlint-disable-next-line no-await-in-loop
      await Promise.all(Array.from({ length: 20 }, (_, next) => come(index + next)));
    }
    let warm: Reading | undefined;
    let reportAt = REPORT_SECONDS;
    let turn = 10;
    const churning = { isOver: false };
    const churn = (async () => {
      while (!churning.isOver) {
        turn += 1;
        // oxlint-disable-next-line no-await-in-loop
        await Promise.all([tick(turn), warm ? delay(TICK_MS) : undefined]);
      }
    })();
    while (elapsed() < SECONDS) {
      // oxlint-disable-next-line no-await-in-loop
      await delay(1_000);
      if (elapsed() >= WARM_SECONDS && !warm) {
        // oxlint-disable-next-line no-await-in-loop
        warm = await read();
        report(elapsed(), warm);
      }
      if (elapsed() < reportAt) continue;
      // oxlint-disable-next-line no-await-in-loop
      report(elapsed(), await read());
      reportAt += REPORT_SECONDS;
    }
    const end = await read();
    report(elapsed(), end);
    churning.isOver = true;
    await churn;
    expect(crowd.flatMap(({ troubles }) => troubles)).toEqual([]);
    if (!warm) throw new Error("nothing was read");
    const isLong = SECONDS >= 300;
    expect(end.memory / warm.memory).toBeLessThan(isLong ? TOLERANCE : SHORT_TOLERANCE);
    // Some megabytes, of which a tenth may be of what just happens. `NaN` where there was no full collection yet.
    expect(end.alive).not.toBeGreaterThan(warm.alive * SHORT_TOLERANCE);
    expect(end.rows / warm.rows).toBeLessThan(isLong ? TOLERANCE : SHORT_TOLERANCE);
    expect(end.bytes / warm.bytes).toBeLessThan(isLong ? TOLERANCE : SHORT_TOLERANCE);
  },
  (SECONDS + 60) * 1_000,
);
