/**
 * What happened in a room, as numbers that only grow. Each socket carries a share of its room's
 * counters, and the room's are the sum.
 */

/**
 * What is counted, in the order in which it is kept. New ones go to the end: sockets keep counts
 * across a deploy.
 */
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

/**
 * Since when, in milliseconds since the epoch, and how many of each; and how many of those have
 * been reported elsewhere.
 */
export type Counters = {
  readonly since: number;
  readonly counts: readonly number[];
  readonly reported: readonly number[];
};

export function countsOf(counters: Counters): Record<Counter, number> {
  return named((index) => counters.counts[index] ?? 0);
}

/** What has not been reported yet. */
export function unreportedOf({ counts, reported }: Counters): Record<Counter, number> {
  return named((index) => (counts[index] ?? 0) - (reported[index] ?? 0));
}

/** All of them together; `undefined` for none. */
export function sumOf(shares: readonly (Counters | undefined)[]): Counters | undefined {
  let sum: Counters | undefined;
  for (const share of shares) sum = sum && share ? added(sum, share) : (sum ?? share);
  return sum;
}

/** Counters that can be added to. */
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
