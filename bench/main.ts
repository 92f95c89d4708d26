/**
 * `npm run bench`: every workload, ours and the others in turns, in one table. `npm run bench -- storm --n 1000`
 * runs one, `scale` and `cost` measure what docs/scale.md and docs/cost.md tell. See `--help`.
 */

import { parseArgs } from "node:util";
import { build } from "./build.ts";
import { install } from "./install.ts";
import { measure, type Measured } from "./measure.ts";
import { table } from "./table.ts";
import type { TargetName } from "./targets.ts";
import { goalRows } from "./verdict.ts";
import { WORKLOADS } from "./workloads/all.ts";

const HELP = `npm run bench                     all workloads; writes bench/RESULTS.md and its plots
npm run bench -- --quick          the same with few clients, to see that all of it works; writes nothing
npm run bench -- WORKLOAD…        some of them: ${WORKLOADS.map(({ name }) => name).join(", ")}
npm run bench -- scale [--quick]  the curves of docs/scale.md
npm run bench -- cost             the model of docs/cost.md

--n CLIENTS, --runs RUNS          instead of the workload's own
--only ours,bare,party            only these
--profile DIRECTORY               writes a CPU profile of each run, and prints what is hottest`;

// The runtimes that were started end with this process.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: "boolean", default: false },
    n: { type: "string" },
    runs: { type: "string" },
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "ours,bare,party" },
    profile: { type: "string" },
  },
});

const TARGETS_IN_TURN: readonly TargetName[] = ["ours", "bare", "party"];
const targets = TARGETS_IN_TURN.filter((name) => values.only.split(",").includes(name));
const names = WORKLOADS.map(({ name }) => name);
const known = new Set([...names, "scale", "cost"]);

if (values.help || positionals.some((name) => !known.has(name))) {
  console.log(HELP);
  process.exit(values.help ? 0 : 1);
}

install();
for (const target of targets) build(target);
const problems: string[] = [];
// What draws and computes these is installed by now, and not before.
if (positionals.includes("scale")) {
  const { scale } = await import("./scale.ts");
  problems.push(...(await scale({ isQuick: values.quick })));
}
if (positionals.includes("cost")) {
  build("naive");
  const { cost } = await import("./cost.ts");
  problems.push(...(await cost()));
}
const chosen = WORKLOADS.filter(({ name }) => isChosen(name));
if (chosen.length > 0) problems.push(...(await measureAll()));
if (problems.length > 0) {
  console.log(`\nINVALID: not all runs were clean\n${problems.join("\n")}`);
  process.exitCode = 1;
}

function isChosen(name: string): boolean {
  return positionals.length === 0 || positionals.includes(name);
}

async function measureAll(): Promise<string[]> {
  const measured: Measured[] = [];
  for (const workload of chosen) {
    console.log(`\n${workload.name}: ${workload.title}`);
    const n = Number(values.n ?? (values.quick ? workload.quickN : workload.n));
    const runs = Number(values.runs ?? (values.quick ? 1 : workload.runs));
    const options = { n, runs, isQuick: values.quick, targets, profileTo: values.profile };
    // One after the other: they would measure each other.
    // oxlint-disable-next-line no-await-in-loop
    measured.push(await measure(workload, options));
  }
  console.log(`\n${table(goalRows(measured))}`);
  const isWhole = chosen.length === WORKLOADS.length && targets.length === TARGETS_IN_TURN.length;
  const isAsAsked = values.n === undefined && !values.quick && values.profile === undefined;
  if (isWhole && isAsAsked) {
    const { writeResults } = await import("./results.ts");
    await writeResults(measured);
  }
  return measured.flatMap((one) => one.problems);
}
