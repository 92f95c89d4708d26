/** Delays, millions of them, to a tenth of a millisecond. */

const PER_MS = 10;
const MS_MAX = 300_000;

export class Histogram {
  readonly #counts = new Uint32Array(MS_MAX * PER_MS);
  #total = 0;
  #highest = 0;

  add(ms: number): void {
    const index = Math.min(this.#counts.length - 1, Math.max(0, Math.round(ms * PER_MS)));
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#total += 1;
    this.#highest = Math.max(this.#highest, index);
  }

  get total(): number {
    return this.#total;
  }

  /** Milliseconds that this part of all delays does not exceed; `NaN` where there are none. */
  at(part: number): number {
    if (this.#total === 0) return NaN;
    const wanted = part * this.#total;
    let seen = 0;
    for (let index = 0; index <= this.#highest; index += 1) {
      seen += this.#counts[index] ?? 0;
      if (seen >= wanted) return index / PER_MS;
    }
    return this.#highest / PER_MS;
  }
}
