/** How many frames may be sent now: a token bucket. Pure: time is a parameter, in milliseconds. */

/** The server's bucket holds two seconds' worth. Half of that leaves room for frames that bunch on the way. */
const BURST_SECONDS = 1;
/** A little less than what the server allows: the two clocks differ. */
const RATE_PART = 0.95;

export class SendRate {
  #perMs = 0;
  #capacity = 1;
  #left = Infinity;
  #countedAt = 0;

  constructor(framesPerSecond: number) {
    this.set(framesPerSecond);
  }

  /** Takes over the rate of the server, in frames a second. */
  set(framesPerSecond: number): void {
    this.#perMs = (framesPerSecond * RATE_PART) / 1_000;
    this.#capacity = Math.max(1, framesPerSecond * BURST_SECONDS);
  }

  /** Milliseconds until a frame may be sent; 0 for now. */
  waitMs(now: number): number {
    this.#refill(now);
    return this.#left >= 1 ? 0 : Math.ceil((1 - this.#left) / this.#perMs);
  }

  /** Counts a frame that is sent now. */
  take(now: number): void {
    this.#refill(now);
    this.#left -= 1;
  }

  /** The server has dropped frames: nothing is left of its bucket. */
  empty(): void {
    this.#left = 0;
  }

  #refill(now: number): void {
    const refilled = this.#left + (now - this.#countedAt) * this.#perMs;
    this.#left = Math.min(this.#capacity, refilled);
    this.#countedAt = now;
  }
}
