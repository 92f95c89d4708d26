/** Runs of one workload, in turns: ours, the bare object, partyserver, ours again … each with a server of its own. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Figure, isFigure } from "./figures.ts";
import { hottest, Profiler } from "./profile.ts";
import { Server } from "./server.ts";
import { type TargetName, TARGETS } from "./targets.ts";
import type { Figures, Workload } from "./workload.ts";

/** The median of all runs, the least and the most. */
export type Spread = { readonly median: number; readonly min: number; readonly max: number };

export type Measured = {
  readonly workload: Workload;
  readonly n: number;
  /** Whether goals are to be judged by it: not by a quick run, nor by one that was profiled. */
  readonly isJudged: boolean;
  readonly runs: number;
  readonly figures: ReadonlyMap<TargetName, ReadonlyMap<Figure, Spread>>;
  /** What made runs invalid; their figures are in no median. */
  readonly problems: readonly string[];
};

export type MeasureOptions = {
  readonly n: number;
  readonly runs: number;
  readonly isQuick: boolean;
  readonly targets: readonly TargetName[];
  /** Where to write a CPU profile of each run; such runs are not judged. */
  readonly profileTo?: string | undefined;
};

export async function measure(workload: Workload, options: MeasureOptions): Promise<Measured> {
  const { n, runs, isQuick, profileTo } = options;
  const targets = workload.targets.filter((name) => options.targets.includes(name));
  const clean = new Map<TargetName, Figures[]>(targets.map((name) => [name, []]));
  const problems: string[] = [];
  for (let run = 1; run <= runs; run += 1) {
    for (const name of targets) {
      // oxlint-disable-next-line no-await-in-loop
      const outcome = await runOnce(workload, name, { n, isQuick, profileTo });
      const label = `${workload.name}, ${name}, run ${run}`;
      console.log(`  ${label}: ${inWords(outcome.figures)}`);
      for (const problem of outcome.problems) {
        console.log(`  INVALID: ${problem}`);
        problems.push(`${label}: ${problem}`);
      }
      if (outcome.problems.length === 0) clean.get(name)?.push(outcome.figures);
    }
  }
  const figures = new Map(Array.from(clean, ([name, all]) => [name, spreads(all)] as const));
  return { workload, n, isJudged: !isQuick && profileTo === undefined, runs, figures, problems };
}

async function runOnce(
  workload: Workload,
  name: TargetName,
  { n, isQuick, profileTo }: Omit<MeasureOptions, "targets" | "runs">,
) {
  const vars = name === "ours" ? workload.vars : {};
  const server = await Server.start(TARGETS[name], vars, profileTo !== undefined);
  try {
    const profiler = profileTo === undefined ? null : await Profiler.start(server.inspectorPort);
    const { figures, problems } = await workload.run(server, n, isQuick);
    if (profiler && profileTo !== undefined) {
      const profile = await profiler.stop();
      mkdirSync(profileTo, { recursive: true });
      const file = join(profileTo, `${workload.name}-${name}.cpuprofile`);
      writeFileSync(file, JSON.stringify(profile));
      console.log([`  ${file}`, ...hottest(profile)].join("\n"));
    }
    return { figures: { ...figures, peakMb: server.memory.peak }, problems };
  } finally {
    await server.stop();
  }
}

function spreads(all: readonly Figures[]): Map<Figure, Spread> {
  const names = new Set(all.flatMap((figures) => Object.keys(figures)).filter(isFigure));
  return new Map(
    Array.from(names, (name) => [name, spread(all.flatMap((f) => f[name] ?? []))] as const),
  );
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const [low = 0, high = 0] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
  return { median: (low + high) / 2, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 };
}

function inWords(figures: Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${Math.round(value * 10) / 10}`)
    .join(", ");
}
