/** The shape of a workload: what it does to one target, what it reads off, and what is asked of that. */

import type { Figure } from "./figures.ts";
import type { Server, Vars } from "./server.ts";
import type { TargetName } from "./targets.ts";

/** What was read off in one run. */
export type Figures = Readonly<Partial<Record<Figure, number>>>;

/** Figures of a clean run; where anything was lost, what. */
export type Outcome = { readonly figures: Figures; readonly problems: readonly string[] };

/** What is asked of a figure of ours: how large it may be, by itself or as a part of another's. */
export type Goal = {
  readonly text: string;
  readonly figure: Figure;
  readonly limit: number;
  /** What ours is divided by. */
  readonly of?: { readonly target: TargetName; readonly figure: Figure };
  /** Taken off ours before it is divided: so much for each 1,000 clients. */
  readonly perThousand?: number;
  /** The other way round: the other's is divided by ours, and `limit` is the least that is wanted. */
  readonly isTimesLess?: boolean;
};

export type Workload = {
  readonly name: string;
  /** What happens, in a line. */
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

/** At most `limit` times as much as another has of `figure`, or of `than`; and `perThousand` clients on top. */
export function atMostTimes(
  limit: number,
  target: TargetName,
  asked: Pick<Goal, "text" | "figure" | "perThousand"> & { readonly than?: Figure },
): Goal {
  const { than, ...goal } = asked;
  return { ...goal, limit, of: { target, figure: than ?? asked.figure } };
}

/** The other has at least `limit` times as much. */
export function timesLess(
  limit: number,
  target: TargetName,
  { text, figure }: { text: string; figure: Figure },
): Goal {
  return { text, figure, limit, of: { target, figure }, isTimesLess: true };
}

export function atMost(limit: number, { text, figure }: { text: string; figure: Figure }): Goal {
  return { text, figure, limit };
}
