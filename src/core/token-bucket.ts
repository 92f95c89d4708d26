/**
 * A token bucket without a clock: it holds a number of tokens, loses what is spent and fills up again
 * with time. Throttles, the log and the pace of a room are all made of it. Times are in milliseconds.
 */

export class TokenBucket {
  readonly #perSecond: number;
  readonly #capacity: number;
  #tokens: number;
  #countedAt: number;

  /** Full, or with as many `tokens` as it had when they were counted last, at `countedAt`. */
  constructor(
    perSecond: number,
    capacity: number,
    { tokens = capacity, countedAt = Number.NEGATIVE_INFINITY } = {},
  ) {
    this.#perSecond = perSecond;
    this.#capacity = capacity;
    this.#tokens = tokens;
    this.#countedAt = countedAt;
  }

  /** Tokens at `now`; below 0 where more was spent than there was. */
  tokens(now: number): number {
    // A clock that was set back must neither fill the bucket nor keep it from filling.
    const refill = (Math.max(0, now - this.#countedAt) / 1_000) * this.#perSecond;
    this.#tokens = Math.min(this.#tokens + refill, this.#capacity);
    this.#countedAt = now;
    return this.#tokens;
  }

  /** Takes `cost` tokens if they are there; says whether they were. */
  take(now: number, cost = 1): boolean {
    if (this.tokens(now) < cost) return false;
    this.#tokens -= cost;
    return true;
  }

  /** Takes `cost` tokens whether they are there or not. */
  spend(now: number, cost: number): void {
    this.#tokens = this.tokens(now) - cost;
  }

  /** Milliseconds until `cost` tokens are there; for more than the capacity, until the bucket is full. */
  wait(now: number, cost: number): number {
    const missing = Math.min(cost, this.#capacity) - this.tokens(now);
    return Math.max(0, Math.ceil((missing / this.#perSecond) * 1_000));
  }
}
