/** A goal beside what was measured. */

import { FIGURES, type Figure } from "./figures.ts";
import type { Measured, Spread } from "./measure.ts";
import { type TargetName, TARGETS } from "./targets.ts";
import type { Goal } from "./workload.ts";

export type Verdict = {
  readonly workload: string;
  readonly goal: Goal;
  readonly ours: Spread | undefined;
  readonly other: Spread | undefined;
  /** What is compared with the goal's limit; `NaN` where something was not measured. */
  readonly value: number;
  readonly isMet: boolean | null;
  /** In a word: met, missed, or why it is not judged. */
  readonly word: string;
};

export function verdicts(measured: Measured): Verdict[] {
  const { workload, n, figures, isJudged, problems } = measured;
  const read = (target: TargetName, figure: Figure) => figures.get(target)?.get(figure);
  return workload.goals.map((goal) => {
    const ours = read("ours", goal.figure);
    const other = goal.of && read(goal.of.target, goal.of.figure);
    const allowance = ((goal.perThousand ?? 0) * n) / 1_000;
    const value = valueOf(goal, (ours?.median ?? NaN) - allowance, other?.median ?? NaN);
    const isWithin = goal.isTimesLess ? value >= goal.limit : value <= goal.limit;
    const isMet = isJudged && problems.length === 0 && !Number.isNaN(value) ? isWithin : null;
    const word = problems.length > 0 ? "INVALID" : (WORDS[String(isMet)] ?? "not judged");
    return { workload: workload.name, goal, ours, other, value, isMet, word };
  });
}

const WORDS: Readonly<Record<string, string>> = { true: "met", false: "**missed**" };

function valueOf({ of, isTimesLess }: Goal, ours: number, other: number): number {
  if (!of) return ours;
  return isTimesLess ? other / ours : ours / other;
}

/** The header and the rows of the table of all goals. */
export function goalRows(all: readonly Measured[]): string[][] {
  const rows = all
    .flatMap(verdicts)
    .map(({ workload, goal, ours, other, value, word }) => [
      workload,
      goal.text,
      `${FIGURES[goal.figure]}: ${range(ours)}`,
      goal.of ? `${TARGETS[goal.of.target].title}: ${range(other)}` : "",
      short(value) + (goal.of ? " ×" : ""),
      word,
    ]);
  return [["workload", "goal", "ours", "compared with", "measured", ""], ...rows];
}

/** Median, least and most. */
export function range(spread: Spread | undefined): string {
  if (!spread) return "–";
  const { median, min, max } = spread;
  const isSame = short(min) === short(max);
  return short(median) + (isSame ? "" : ` (${short(min)}–${short(max)})`);
}

/** Three digits are more than any of this is exact to. */
export function short(value: number): string {
  if (Number.isNaN(value)) return "–";
  if (Math.abs(value) >= 100) return count(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

export function count(value: number): string {
  return value.toLocaleString("en-US");
}
