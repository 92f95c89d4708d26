/** How many frames a connection may send: a token bucket, without a clock. */

import { FRAME_BURST_SECONDS, THROTTLED_NOTICE_MS, THROTTLED_SECONDS_MAX } from "./limits.ts";

/** What to do with a frame: take it, drop it (and say so, or not again so soon), or close the connection. */
export type Verdict = "take" | "drop" | "drop and tell" | "close";

/**
 * A bucket of frames that refills with time. Dropped frames are a debt that time pays off; a connection
 * that runs up too much of it is not throttled any more but closed.
 */
export class Throttle {
  readonly #perSecond: number;
  #left: number;
  #debt = 0;
  #countedAt: number;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(framesPerSecond: number, now: number) {
    this.#perSecond = framesPerSecond;
    this.#left = framesPerSecond * FRAME_BURST_SECONDS;
    this.#countedAt = now;
  }

  judge(now: number): Verdict {
    const refill = (Math.max(0, now - this.#countedAt) / 1_000) * this.#perSecond;
    this.#countedAt = now;
    this.#debt = Math.max(0, this.#debt - refill);
    this.#left = Math.min(this.#left + refill, this.#perSecond * FRAME_BURST_SECONDS);
    if (this.#left >= 1) {
      this.#left -= 1;
      return "take";
    }
    this.#debt += 1;
    if (this.#debt > this.#perSecond * THROTTLED_SECONDS_MAX) return "close";
    if (now - this.#toldAt < THROTTLED_NOTICE_MS) return "drop";
    this.#toldAt = now;
    return "drop and tell";
  }
}
