/**
 * `npm run bench -- cost`: dollars a month, by the published prices, from what the objects were counted doing.
 * Writes the tables of docs/cost.md.
 */

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

/** A design, with what it costs. */
type Design = { readonly title: string; readonly costs: Costs };

export async function cost(): Promise<readonly string[]> {
  console.log("\ncost: two rooms of 50 are watched for six minutes");
  const [ours, naive] = await Promise.all([observe(TARGETS.ours), observe(NAIVE)]);
  const sendMs = await measureSend();
  const common = { sendMs, pause, areAnswersBilled: false };
  const designs: readonly Design[] = [
    { title: "ours", costs: { ...common, observed: ours } },
    {
      title: "ours, if answered heartbeats are billed",
      costs: { ...common, observed: ours, areAnswersBilled: true },
    },
    { title: "naive", costs: { ...common, observed: naive, pause: () => 0 } },
  ];
  const parts = {
    circumstances: circumstances().join("\n"),
    efforts: `${effortsOf({ ours, naive })}\n\nOne frame to one socket: ${short(sendMs * 1_000)} µs of server CPU.`,
    dollars: table(dollarsOf(designs)),
    usage: SCENARIOS.map((scenario) => usageSection(scenario, designs)).join("\n\n"),
    free: table(freeOf(designs)),
  };
  for (const [name, part] of Object.entries(parts)) {
    console.log(`\n${part}`);
    splice(PAGE, name, part);
  }
  return [...ours.problems, ...naive.problems];
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
