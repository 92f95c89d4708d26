/**
 * `npm run bench -- scale`: how cost and delay grow with connections, rooms, changes and messages. Writes the
 * curves and the tables of docs/scale.md.
 */

import { join } from "node:path";
import { Crowd } from "./load/crowd.ts";
import { circumstances } from "./machine.ts";
import { plotLines, type Point } from "./plot.ts";
import { Server, type Vars } from "./server.ts";
import { Span } from "./span.ts";
import { splice } from "./splice.ts";
import { table } from "./table.ts";
import { type TargetName, TARGETS } from "./targets.ts";
import { users } from "./tokens.ts";
import { short } from "./verdict.ts";
import type { Figures, Outcome } from "./workload.ts";
import { churn } from "./workloads/churn.ts";
import { storm } from "./workloads/storm.ts";
import { talk } from "./workloads/talk.ts";

const DOCS = join(import.meta.dirname, "../docs");

/** All are named, however many. */
const NAMES: Vars = { PRESENCE_ANNOUNCE_MAX: "10000" };

/** One line of a curve. */
type Subject = {
  readonly title: string;
  readonly target: TargetName;
  readonly vars?: Vars;
  /** From here on it takes too long, or falls behind for ever. */
  readonly max?: number;
};

type Curve = {
  readonly name: string;
  readonly title: string;
  /** What grows. */
  readonly x: string;
  readonly isLog: boolean;
  readonly values: readonly number[];
  readonly subjects: readonly Subject[];
  /** What is read off, each in a plot of its own. */
  readonly figures: readonly { readonly name: keyof Figures; readonly title: string }[];
  run(server: Server, value: number): Promise<Outcome>;
};

const OURS: Subject = { title: "ours", target: "ours" };
const BARE: Subject = { title: "bare object", target: "bare" };
const PARTY: Subject = { title: "partyserver", target: "party" };

const CHANGING = 500;
const SECONDS = 4;
const SPEAKERS = 100;

const CURVES: readonly Curve[] = [
  {
    name: "connections",
    title: "Changes in a room, by connections",
    x: "connections",
    isLog: true,
    values: [30, 100, 300, 1_000, 2_000, 5_000],
    subjects: [
      { ...OURS, title: "ours, all named", vars: NAMES },
      { ...OURS, title: "ours, counts above 1,000" },
      { ...PARTY, max: 1_000 },
    ],
    figures: [
      { name: "cpuMsPerChange", title: "server CPU per change, ms" },
      { name: "joinMs", title: "median delay of a join, ms" },
      { name: "join99Ms", title: "99th percentile of that delay, ms" },
    ],
    run: (server, n) => churn(server, { n, pairs: 10, everyMs: 400 }),
  },
  {
    name: "storm",
    title: "All join at once, by connections",
    x: "connections",
    isLog: true,
    values: [100, 300, 1_000, 2_000, 5_000],
    subjects: [
      { ...OURS, title: "ours, all named", vars: NAMES },
      { ...OURS, title: "ours, counts above 1,000" },
      BARE,
      { ...PARTY, max: 1_000 },
    ],
    figures: [
      { name: "cpuMs", title: "server CPU, ms" },
      { name: "wallMs", title: "wall, ms" },
      { name: "mb", title: "megabytes sent" },
      { name: "peakMb", title: "peak memory, MB" },
    ],
    run: (server, n) => storm(server, { n }),
  },
  {
    name: "rooms",
    title: "1,000 clients join at once, by rooms",
    x: "rooms",
    isLog: true,
    values: [1, 10, 100, 1_000],
    subjects: [OURS, BARE],
    figures: [
      { name: "cpuMs", title: "server CPU, ms" },
      { name: "wallMs", title: "wall, ms" },
      { name: "rows", title: "rows written" },
      { name: "peakMb", title: "peak memory, MB" },
    ],
    run: stormOfRooms,
  },
  {
    name: "changes",
    title: "A room of 500, by changes a second",
    x: "changes a second",
    isLog: true,
    values: [2, 10, 20, 50, 100, 200, 400],
    subjects: [OURS, { ...PARTY, max: 100 }],
    figures: [
      { name: "cpuMsPerSecond", title: "server CPU per second, ms" },
      { name: "joinMs", title: "median delay of a join, ms" },
      { name: "join99Ms", title: "99th percentile of that delay, ms" },
    ],
    async run(server, rate) {
      const pairs = (rate / 2) * SECONDS;
      const outcome = await churn(server, { n: CHANGING, pairs, everyMs: 2_000 / rate });
      return perSecond(outcome);
    },
  },
  {
    name: "messages",
    title: "A room of 500, by messages a second",
    x: "messages a second",
    isLog: true,
    values: [10, 50, 100, 200, 500, 1_000, 1_500],
    subjects: [OURS, { ...BARE, max: 100 }, { ...PARTY, max: 50 }],
    figures: [
      { name: "cpuMsPerSecond", title: "server CPU per second, ms" },
      { name: "delayMs", title: "median delay, ms" },
      { name: "delay99Ms", title: "99th percentile of delay, ms" },
    ],
    async run(server, rate) {
      const everyMs = (SPEAKERS * 1_000) / rate;
      const messages = Math.max(1, Math.round((SECONDS * 1_000) / everyMs));
      const speakers = Math.min(SPEAKERS, rate * SECONDS);
      const talking = { n: CHANGING, speakers, messages, everyMs: (speakers * 1_000) / rate };
      return perSecond(await talk(server, talking));
    },
  },
];

export async function scale({ isQuick }: { isQuick: boolean }): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const curve of CURVES) {
    // oxlint-disable-next-line no-await-in-loop
    problems.push(...(await draw(isQuick ? shortened(curve) : curve, isQuick)));
  }
  if (!isQuick) splice(join(DOCS, "scale.md"), "circumstances", circumstances().join("\n"));
  return problems;
}

function shortened(curve: Curve): Curve {
  return { ...curve, values: curve.values.slice(0, 2) };
}

/** Measures a curve, and writes it down unless it is only tried out. */
async function draw(curve: Curve, isQuick: boolean): Promise<string[]> {
  const { name, title, x, isLog, subjects, figures } = curve;
  console.log(`\n${title}`);
  const problems: string[] = [];
  const points: (Point & { figure: keyof Figures })[] = [];
  const rows = [["", x, ...figures.map((figure) => figure.title)]];
  for (const subject of subjects) {
    for (const value of curve.values.filter((at) => at <= (subject.max ?? Infinity))) {
      // oxlint-disable-next-line no-await-in-loop
      const outcome = await runOnce(curve, subject, value);
      problems.push(...outcome.problems.map((p) => `${name}, ${subject.title}, ${value}: ${p}`));
      for (const { name: figure } of figures) {
        points.push({ figure, series: subject.title, x: value, y: outcome.figures[figure] ?? NaN });
      }
      const measured = figures.map((figure) => short(outcome.figures[figure.name] ?? NaN));
      rows.push([subject.title, short(value), ...measured]);
      console.log(`  ${[subject.title, value, ...measured, ...outcome.problems].join("  ")}`);
    }
  }
  if (isQuick) return problems;
  for (const figure of figures) {
    const file = join(DOCS, "scale", `${name}-${figure.name}.svg`);
    const axes = { title, x: { title: x, isLog }, y: { title: figure.title, isLog } };
    // oxlint-disable-next-line no-await-in-loop
    await plotLines(
      file,
      axes,
      points.filter((point) => point.figure === figure.name && point.y > 0),
    );
  }
  splice(join(DOCS, "scale.md"), name, table(rows));
  return problems;
}

async function runOnce(curve: Curve, { target, vars = {} }: Subject, value: number) {
  const server = await Server.start(TARGETS[target], vars);
  try {
    const { figures, problems } = await curve.run(server, value);
    return { figures: { ...figures, peakMb: server.memory.peak }, problems };
  } finally {
    await server.stop();
  }
}

function perSecond({ figures, problems }: Outcome): Outcome {
  return { figures: { ...figures, cpuMsPerSecond: (figures.cpuMs ?? 0) / SECONDS }, problems };
}

/** 1,000 clients, spread evenly over rooms. */
async function stormOfRooms(server: Server, rooms: number): Promise<Outcome> {
  const all = await users(1_000);
  const each = all.length / rooms;
  const crowds = Array.from({ length: rooms }, (_, index) => {
    return { crowd: new Crowd(server, { room: `room-${index}` }), index };
  });
  const span = await Span.begin(server);
  for (const { crowd, index } of crowds) crowd.join(all.slice(index * each, (index + 1) * each));
  await Promise.all(crowds.map(({ crowd }) => crowd.opened()));
  const { hasPresence } = server.target;
  if (hasPresence) await Promise.all(crowds.map(({ crowd }) => crowd.completed()));
  const wallMs = span.ms;
  const spent = await span.end();
  if (hasPresence) await Promise.all(crowds.map(({ crowd }) => crowd.verify()));
  const problems = crowds.flatMap(({ crowd }) => crowd.problems());
  for (const { crowd } of crowds) crowd.cut();
  return { figures: { wallMs, ...spent }, problems };
}
