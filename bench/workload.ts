/** The shape of a workload: what it does to one target, what it reads off, and what is asked of that. */

import type { Server, Vars } from "./server.ts";
import type { TargetName } from "./targets.ts";

/** What was read off in one run, by name; the unit is the end of the name. */
export type Figures = Readonly<Record<string, number>>;

/** Figures of a clean run; where anything was lost, what. */
export type Outcome = { readonly figures: Figures; readonly problems: readonly string[] };

/** Medians of all runs, by target. */
export type Medians = Readonly<Partial<Record<TargetName, Figures>>>;

export type Goal = {
  /** In words, with the limit. */
  readonly text: string;
  readonly limit: number;
  /** Whether `limit` is the least, not the most, that is wanted. */
  readonly isLeast?: boolean;
  value(of: (target: TargetName, figure: string) => number): number;
};

export type Workload = {
  readonly name: string;
  /** A sentence of what happens. */
  readonly title: string;
  readonly targets: readonly TargetName[];
  /** How many clients, as the goals have it and in a quick run. */
  readonly n: number;
  readonly quickN: number;
  /** How many runs of each target the medians are of. */
  readonly runs: number;
  /** Settings of ours. */
  readonly vars?: Vars;
  readonly goals: readonly Goal[];
  run(server: Server, n: number, isQuick: boolean): Promise<Outcome>;
};

/** A goal about ours and one other: at most `limit` times as much, or, with `isLeast`, so many times less. */
export function ratio(
  text: string,
  limit: number,
  { figure, of, than = figure }: { figure: string; of: TargetName; than?: string },
): Goal {
  return { text, limit, value: (read) => read("ours", figure) / read(of, than) };
}

/** The other has at least `limit` times as much. */
export function timesLess(
  text: string,
  limit: number,
  { figure, of }: { figure: string; of: TargetName },
): Goal {
  return { text, limit, isLeast: true, value: (read) => read(of, figure) / read("ours", figure) };
}

/** A figure of ours by itself. */
export function atMost(text: string, limit: number, figure: string): Goal {
  return { text, limit, value: (read) => read("ours", figure) };
}
