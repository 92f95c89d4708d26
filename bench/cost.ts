/**
 * `npm run bench -- cost`: dollars a month, by the published prices, from what the objects were counted doing.
 * Writes the tables of docs/cost.md.
 */

import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { CLIENT_FRAMES_PER_SECOND, GATHER_MS_MAX } from "../src/core/limits.ts";
import type { Effort } from "./cost/effort.ts";
import { type Costs, type Observed, type Scenario, usageOf } from "./cost/model.ts";
import { observe } from "./cost/observe.ts";
import { grossOf, invoiceOf, type Item, ITEMS, PRICES } from "./cost/prices.ts";
import { circumstances } from "./machine.ts";
import { Server } from "./server.ts";
import { splice } from "./splice.ts";
import { rowOf, table } from "./table.ts";
import { NAIVE, TARGETS } from "./targets.ts";
import { count, short } from "./verdict.ts";
import { talk } from "./workloads/talk.ts";

const PAGE = join(import.meta.dirname, "../docs/cost.md");

/** The default of PRESENCE_ANNOUNCE_RATE. */
const ANNOUNCE_RATE = 10_000;

/** What people do is not measured: each person connects so often a day, and sends so much. Change it here. */
const PEOPLE = { hoursPerDay: 8, visitsPerDay: 4, framesPerHour: 30 };

const SCENARIOS: readonly Scenario[] = [
  { name: "100 rooms × 50 people", rooms: 100, people: 50, ...PEOPLE },
  { name: "one room of 5,000", rooms: 1, people: 5_000, ...PEOPLE },
  { name: "a million people in rooms of 10", rooms: 100_000, people: 10, ...PEOPLE },
];

/** The rooms of which the free plan carries some. */
const FREE: Scenario = { name: "rooms of 50", rooms: 1, people: 50, ...PEOPLE };

/** The default of PRESENCE_HISTORY: an empty room forgets itself so much later. */
const HISTORY_SECONDS = 120;

/** How long a receiver of webhooks takes to answer, in milliseconds. Assumed: the one here answers at once. */
const ANSWER_MS = 100;

/** A design, with what it costs. */
type Design = { readonly title: string; readonly costs: Costs };

export async function cost(): Promise<readonly string[]> {
  console.log("\ncost: four rooms of 50 are watched for eight minutes");
  const { ours, unlogged, telling, naive } = await observeAll();
  const sendMs = await measureSend();
  const common = { sendMs, pause, areAnswersBilled: false };
  const variants: readonly Design[] = [
    { title: "without the log", costs: { ...common, observed: unlogged } },
    { title: "with the log", costs: { ...common, observed: timedAs(unlogged, ours) } },
    {
      title: "with log and webhooks",
      costs: { ...common, observed: timedAs(unlogged, telling), webhookMs: ANSWER_MS },
    },
  ];
  const designs: readonly Design[] = [
    { title: "ours", costs: { ...common, observed: unlogged } },
    {
      title: "ours, if answered heartbeats are billed",
      costs: { ...common, observed: unlogged, areAnswersBilled: true },
    },
    { title: "naive", costs: { ...common, observed: naive, pause: () => 0 } },
  ];
  const parts = {
    circumstances: circumstances().join("\n"),
    efforts: `${effortsOf({ ours: unlogged, naive })}\n\nOne frame to one socket: ${short(sendMs * 1_000)} µs of server CPU.`,
    dollars: table(dollarsOf(designs)),
    log: [
      circumstances().join("\n"),
      table(dearerOf(variants)),
      table(rowsOf({ ours, unlogged, telling })),
    ].join("\n\n"),
    usage: SCENARIOS.map((scenario) => usageSection(scenario, designs)).join("\n\n"),
    free: table(freeOf(designs)),
  };
  for (const [name, part] of Object.entries(parts)) {
    console.log(`\n${part}`);
    splice(PAGE, name, part);
  }
  return [ours, unlogged, telling, naive].flatMap(({ problems }) => problems);
}

/** Ours with its default settings, without the log, and with a receiver of webhooks; and the other design. */
async function observeAll() {
  let calls = 0;
  const receiver = createServer((_, response) => {
    calls += 1;
    response.writeHead(204).end();
  }).listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const address = receiver.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const vars = {
    PRESENCE_WEBHOOK_URL: `http://127.0.0.1:${port}`,
    PRESENCE_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 1).toString("base64")}`,
  };
  const memorySeconds = HISTORY_SECONDS;
  try {
    const [ours, unlogged, telling, naive] = await Promise.all([
      observe(TARGETS.ours, { memorySeconds }),
      observe(TARGETS.ours, { vars: { PRESENCE_HISTORY: "0" } }),
      observe(TARGETS.ours, { vars, memorySeconds }),
      observe(NAIVE),
    ]);
    console.log(`${calls} webhooks were posted`);
    if (calls < telling.people) throw new Error("not all joins and leaves were posted");
    return { ours, unlogged, telling, naive };
  } finally {
    receiver.closeAllConnections();
    receiver.close();
  }
}

/** As src/core/pacer.ts has it, in seconds. */
function pause(people: number): number {
  const seconds = Math.max(1 / CLIENT_FRAMES_PER_SECOND, people / ANNOUNCE_RATE);
  return Math.min(GATHER_MS_MAX / 1_000, seconds);
}

/** Milliseconds of CPU for one frame to one socket, of the runtime alone. */
async function measureSend(): Promise<number> {
  const server = await Server.start(TARGETS.bare);
  try {
    const talking = { n: 500, speakers: 1, messages: 20, everyMs: 50 };
    return ((await talk(server, talking)).figures.cpuUsPerDelivery ?? NaN) / 1_000;
  } finally {
    await server.stop();
  }
}

function effortsOf(observed: Readonly<Record<"ours" | "naive", Observed>>): string {
  const rows = Object.entries(observed).flatMap(([design, of]) => {
    const row = (what: string, { requests, messages, rowsWritten, rowsRead, ms }: Effort) => [
      `${design}: ${what}`,
      ...[requests, messages, rowsWritten, rowsRead, ms].map(short),
    ];
    return [
      row("a join", of.join),
      row("a leave", of.leave),
      row("a message", of.message),
      row("a heartbeat", of.heartbeat),
      row("a room that fills and empties", of.occupation),
      row(`an alarm, ${short(of.alarmsPerHour)} an hour`, of.alarm),
    ];
  });
  const header = ["", "requests", "messages handled", "rows written", "rows read", "CPU, ms"];
  return table([header, ...rows]);
}

/** What a room does, in the time that another one took: what differs by chance is then the same. */
function timedAs(clock: Observed, observed: Observed): Observed {
  const timed = (of: (from: Observed) => Effort) => ({ ...of(observed), ms: of(clock).ms });
  return {
    ...observed,
    join: timed(({ join: effort }) => effort),
    leave: timed(({ leave }) => leave),
    message: timed(({ message }) => message),
    heartbeat: timed(({ heartbeat }) => heartbeat),
    alarm: timed(({ alarm }) => alarm),
    occupation: timed(({ occupation }) => occupation),
    alarmsPerHour: clock.alarmsPerHour,
  };
}

/** Dollars of each variant, and how much dearer than the first it is. */
function dearerOf(variants: readonly Design[]): string[][] {
  const header = ["dollars a month", ...variants.map(({ title }) => title)];
  const rows = SCENARIOS.map((scenario) => {
    const totals = variants.map(({ costs }) => invoiceOf(usageOf(scenario, costs)));
    const [first = NaN] = totals;
    return rowOf(
      scenario.name,
      totals.map((total, index) => {
        const percent = (total / first - 1) * 100;
        return index === 0 ? dollars(total) : `${dollars(total)} (+${percent.toFixed(1)} %)`;
      }),
    );
  });
  return [header, ...rows];
}

/** Rows written, which are most of the difference. */
function rowsOf({
  unlogged,
  ours,
  telling,
}: Readonly<Record<"unlogged" | "ours" | "telling", Observed>>) {
  const all = [unlogged, ours, telling];
  const row = (what: string, effortOf: (observed: Observed) => Effort) =>
    rowOf(
      what,
      all.map((observed) => short(effortOf(observed).rowsWritten)),
    );
  const cpu = (what: string, effortOf: (observed: Observed) => Effort) =>
    rowOf(
      what,
      all.map((observed) => `${short(effortOf(observed).ms)} ms`),
    );
  return [
    ["rows written", "without the log", "with the log", "with log and webhooks"],
    row("a join", (observed) => observed.join),
    row("a leave", ({ leave }) => leave),
    row("a message", ({ message }) => message),
    row("a heartbeat", ({ heartbeat }) => heartbeat),
    row("a room that fills and empties", ({ occupation }) => occupation),
    row("an alarm", ({ alarm }) => alarm),
    cpu("CPU of a join", (observed) => observed.join),
    cpu("CPU of a leave", ({ leave }) => leave),
  ];
}

function dollarsOf(designs: readonly Design[]): string[][] {
  const header = ["dollars a month", ...designs.map(({ title }) => title)];
  const rows = SCENARIOS.map((scenario) =>
    rowOf(
      scenario.name,
      designs.map(({ costs }) => {
        const usage = usageOf(scenario, costs);
        return `${dollars(invoiceOf(usage))} (${dollars(grossOf(usage))})`;
      }),
    ),
  );
  return [header, ...rows];
}

function usageSection(scenario: Scenario, designs: readonly Design[]): string {
  const usages = designs.map(({ costs }) => usageOf(scenario, costs));
  const rows = ITEMS.map((item) =>
    rowOf(
      PRICES[item].title,
      usages.map((usage) => {
        const value = usage[item];
        return `${millions(value)} = ${dollars((value / 1e6) * PRICES[item].perMillion)}`;
      }),
    ),
  );
  const header = [scenario.name, ...designs.map(({ title }) => title)];
  return table([header, ...rows]);
}

/** How many rooms the free plan carries, and what ends first. */
function freeOf(designs: readonly Design[]): string[][] {
  const header = ["", "rooms", "people", "what ends first", "then"];
  const rows = designs.map(({ title, costs }) => {
    const usage = usageOf(FREE, costs, 1);
    const carried = (item: Item) => PRICES[item].freeDaily / usage[item];
    const [first, second] = ITEMS.toSorted((a, b) => carried(a) - carried(b));
    const name = (item: Item | undefined) =>
      item ? `${PRICES[item].title} (${count(Math.floor(carried(item)))} rooms)` : "";
    const rooms = Math.floor(first ? carried(first) : 0);
    return [title, count(rooms), count(rooms * FREE.people), name(first), name(second)];
  });
  return [header, ...rows];
}

function dollars(value: number): string {
  return `$${value >= 100 ? count(Math.round(value)) : value.toFixed(2)}`;
}

function millions(value: number): string {
  return value >= 1e6 ? `${short(value / 1e6)} M` : short(value);
}
