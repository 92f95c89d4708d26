/** RESULTS.md and its plots: what a whole run has measured. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { FIGURES, type Figure } from "./figures.ts";
import { circumstances } from "./machine.ts";
import type { Measured } from "./measure.ts";
import { type Bar, plotBars } from "./plot.ts";
import { rowOf, table } from "./table.ts";
import { TARGETS } from "./targets.ts";
import { count, goalRows, range } from "./verdict.ts";

const HERE = import.meta.dirname;

export async function writeResults(all: readonly Measured[]): Promise<void> {
  await plot(all, "cpuMs", "cpu");
  await plot(all, "peakMb", "memory");
  writeFileSync(join(HERE, "RESULTS.md"), resultsOf(all));
}

function resultsOf(all: readonly Measured[]): string {
  const problems = all.flatMap((measured) => measured.problems);
  return `# Results

Written by \`npm run bench\`; how it measures is in [README.md](README.md). Medians of all runs, least and most in brackets.

${circumstances().join("\n")}

${problems.length === 0 ? "All runs were clean: no lost frame, no wrong list, no dropped socket." : "**Runs that were not clean, and are in no median:**"}
${problems.map((problem) => `- ${problem}`).join("\n")}
## Goals

${table(goalRows(all))}

![Server CPU of each workload](plots/cpu.svg)

In \`cursors\` partyserver has a tenth of the messages to send, see above; the goal compares what each of them takes.

![Peak memory of each workload](plots/memory.svg)

## All figures
${all.map(sectionOf).join("")}`;
}

function sectionOf({ workload, n, runs, figures }: Measured): string {
  const targets = [...figures.keys()];
  const names = [...new Set(targets.flatMap((target) => [...(figures.get(target)?.keys() ?? [])]))];
  const rows = names.map((name) =>
    rowOf(
      FIGURES[name],
      targets.map((target) => range(figures.get(target)?.get(name))),
    ),
  );
  const header = ["", ...targets.map((target) => TARGETS[target].title)];
  return `
### ${workload.name}

${workload.title}. ${count(n)} clients; ${runs} ${runs === 1 ? "run" : "runs"} of each.

${table([header, ...rows])}
`;
}

/** Ours beside the others where all have the figure; a logarithm, since some have a hundred times as much. */
async function plot(all: readonly Measured[], figure: Figure, file: string): Promise<void> {
  const bars = all.flatMap(({ workload, figures }): Bar[] =>
    Array.from(figures).flatMap(([target, measured]) => {
      const y = measured.get(figure)?.median;
      return y === undefined ? [] : [{ group: workload.name, series: TARGETS[target].title, y }];
    }),
  );
  const title = `${FIGURES[figure]}, by workload`;
  const y = { title: FIGURES[figure], isLog: true };
  await plotBars(join(HERE, "plots", `${file}.svg`), { title, y }, bars);
}
