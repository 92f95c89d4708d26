/**
 * What happened in a room, as numbers that only grow. Tallies add up: each socket carries a part of its room's,
 * and the room's is the sum.
 */

/** What is counted, in the order in which a tally keeps it. New ones go to the end: sockets keep tallies across a deploy. */
export const COUNTERS = [
  "joins",
  "resumes",
  "left",
  "lost",
  "expired",
  "removed",
  "replaced",
  "framesIn",
  "framesOut",
  "batches",
  "throttled",
  "alarms",
  "rowsWritten",
] as const;
export type Counter = (typeof COUNTERS)[number];

/** Since when, in milliseconds since the epoch, and how many of each; and how many of those have been reported elsewhere. */
export type Counters = {
  readonly since: number;
  readonly counts: readonly number[];
  readonly reported: readonly number[];
};

export function countsOf(tally: Counters): Record<Counter, number> {
  return named((index) => tally.counts[index] ?? 0);
}

/** What has not been reported yet. */
export function unreportedOf({ counts, reported }: Counters): Record<Counter, number> {
  return named((index) => (counts[index] ?? 0) - (reported[index] ?? 0));
}

/** All of them together; `undefined` for none. */
export function sumOf(tallies: readonly (Counters | undefined)[]): Counters | undefined {
  let sum: Counters | undefined;
  for (const tally of tallies) sum = sum && tally ? added(sum, tally) : (sum ?? tally);
  return sum;
}

/** A tally that counts. */
export class MutableCounters implements Counters {
  readonly since: number;
  readonly counts = COUNTERS.map(() => 0);
  readonly reported = [];

  /** From `since` on, in milliseconds since the epoch. */
  constructor(since: number) {
    this.since = since;
  }

  add(counter: Counter, times: number): void {
    const index = COUNTERS.indexOf(counter);
    this.counts[index] = (this.counts[index] ?? 0) + times;
  }
}

function added(a: Counters, b: Counters): Counters {
  return {
    since: Math.min(a.since, b.since),
    counts: addedEach(a.counts, b.counts),
    reported: addedEach(a.reported, b.reported),
  };
}

function addedEach(a: readonly number[], b: readonly number[]): number[] {
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, index) => (a[index] ?? 0) + (b[index] ?? 0));
}

function named(countAt: (index: number) => number): Record<Counter, number> {
  // SAFETY: every counter is there, for the keys are made of all of them.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(COUNTERS.map((name, index) => [name, countAt(index)])) as Record<
    Counter,
    number
  >;
}
