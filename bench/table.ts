/** What was measured, as lines of text. */

import type { Measured, Spread } from "./measure.ts";
import type { TargetName } from "./targets.ts";
import type { Goal } from "./workload.ts";

export type Verdict = {
  readonly goal: Goal;
  readonly value: number;
  /** `null` where it was not to be judged: a quick run, or too few clean ones. */
  readonly isMet: boolean | null;
};

export function verdicts({ workload, figures, isJudged: isWanted, problems }: Measured): Verdict[] {
  return workload.goals.map((goal) => {
    const value = goal.value((target, figure) => figures.get(target)?.get(figure)?.median ?? NaN);
    const isGood = goal.isLeast ? value >= goal.limit : value <= goal.limit;
    const isJudged = isWanted && problems.length === 0 && Number.isFinite(value);
    return { goal, value, isMet: isJudged ? isGood : null };
  });
}

export function print(all: readonly Measured[]): void {
  for (const measured of all) {
    console.log(`\n${measured.workload.name}, ${count(measured.n)} clients, ${measured.runs} runs`);
    for (const [target, figures] of measured.figures) console.log(rowOf(target, figures));
    for (const { goal, value, isMet } of verdicts(measured)) {
      const verdict = isMet === null ? "not judged" : isMet ? "met" : "MISSED";
      console.log(`  ${verdict}: ${goal.text}: ${short(value)}`);
    }
    for (const problem of measured.problems) console.log(`  INVALID: ${problem}`);
  }
}

function rowOf(target: TargetName, figures: ReadonlyMap<string, Spread>): string {
  const cells = Array.from(figures, ([name, { median, min, max }]) => {
    const range = min === max ? "" : ` (${short(min)}–${short(max)})`;
    return `${name} ${short(median)}${range}`;
  });
  return `  ${target.padEnd(6)}${cells.join("  ")}`;
}

/** Three digits are more than any of this is exact to. */
export function short(value: number): string {
  if (Math.abs(value) >= 100) return count(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

export function count(value: number): string {
  return value.toLocaleString("en-US");
}
