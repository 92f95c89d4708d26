/**
 * `npm run bench`: every workload, ours and the others in turns, in one table. `npm run bench -- storm --n 1000`
 * runs one. See `--help`.
 */

import { parseArgs } from "node:util";
import { build } from "./build.ts";
import { install } from "./install.ts";
import { measure, type Measured } from "./measure.ts";
import { print } from "./table.ts";
import type { TargetName } from "./targets.ts";
import { WORKLOADS } from "./workloads/all.ts";

const HELP = `npm run bench [-- WORKLOAD… [--n CLIENTS] [--runs RUNS] [--quick] [--only ours,bare,party] [--profile DIRECTORY]]
workloads: ${WORKLOADS.map(({ name }) => name).join(", ")}`;

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: "boolean" },
    n: { type: "string" },
    runs: { type: "string" },
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    profile: { type: "string" },
  },
});

const chosen = WORKLOADS.filter(
  ({ name }) => positionals.length === 0 || positionals.includes(name),
);

if (values.help || chosen.length < positionals.length) {
  console.log(HELP);
  process.exit(values.help ? 0 : 1);
}

const only = values.only?.split(",");
const isWanted = (name: TargetName) => only === undefined || only.includes(name);
const targets = (["ours", "bare", "party"] as const).filter(isWanted);
if (targets.includes("party")) install();
for (const target of targets) build(target);

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
print(measured);
if (measured.some(({ problems }) => problems.length > 0)) process.exitCode = 1;
