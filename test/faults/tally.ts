/** What a run did: how many steps and faults of each kind, and the last steps, for whoever looks into a failure. */

const LAST_STEPS = 25;
const COLUMN = 34;

export class Tally {
  readonly #steps = new Map<string, number>();
  readonly #faults = new Map<string, number>();
  readonly #last: string[] = [];
  #count = 0;

  /** Steps so far, faults included. */
  get steps(): number {
    return this.#count;
  }

  /** A step begins. */
  step(kind: string, isFault: boolean): void {
    this.#count += 1;
    add(isFault ? this.#faults : this.#steps, kind);
    this.#note(`${this.#count}. ${kind}`);
  }

  /** To whom or what it happens. */
  detail(text: string): void {
    this.#note(`   ${text}`);
  }

  /** Something went wrong on purpose, by itself or in the middle of a step. */
  fault(kind: string, details: string): void {
    add(this.#faults, kind);
    this.#note(`   ${kind} ${details}`);
  }

  faultsOf(...kinds: readonly string[]): number {
    return kinds.reduce((sum, kind) => sum + (this.#faults.get(kind) ?? 0), 0);
  }

  get lastSteps(): string {
    return this.#last.join("\n");
  }

  /** What was survived, as lines. */
  table(title: string): string {
    const survived = [...this.#faults.values()].reduce((sum, count) => sum + count, 0);
    return [
      `${title}: ${this.#count} steps, ${survived} faults survived`,
      ...rows(this.#faults),
      "and, without a fault,",
      ...rows(this.#steps),
    ].join("\n");
  }

  #note(line: string): void {
    this.#last.push(line);
    if (this.#last.length > LAST_STEPS) this.#last.shift();
  }
}

function rows(counts: ReadonlyMap<string, number>): string[] {
  return [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, count]) => row(kind, count));
}

function row(kind: string, count: number): string {
  return `  ${kind.padEnd(COLUMN)}${String(count).padStart(7)}`;
}

function add(counts: Map<string, number>, kind: string): void {
  counts.set(kind, (counts.get(kind) ?? 0) + 1);
}
