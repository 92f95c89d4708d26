/** How many frames a connection may send: a token bucket, without a clock. */

import {
  FRAME_BURST_SECONDS,
  THROTTLED_MS_MIN,
  THROTTLED_NOTICE_MS,
  THROTTLED_SECONDS_MAX,
} from "./limits.ts";
import { formatCount, ProtocolError } from "./protocol.ts";

/**
 * A bucket of frames that refills with time. Dropped frames are a debt that time pays off; a connection
 * that owes too much for too long is not throttled any more but closed.
 */
export class Throttle {
  readonly #perSecond: number;
  #left: number;
  #debt: number;
  #indebtedSince: number;
  #countedAt: number;
  #toldAt: number;
  /** Dropped frames of which the client has not heard. */
  #untold: number;

  /** Full or, where its owner has sent before, as it was when it was `saved`. */
  constructor(framesPerSecond: number, now: number, saved: readonly number[] = []) {
    this.#perSecond = framesPerSecond;
    const [left = framesPerSecond * FRAME_BURST_SECONDS, debt = 0, indebtedSince = 0] = saved;
    const [, , , countedAt = now, toldAt = Number.NEGATIVE_INFINITY, untold = 0] = saved;
    this.#left = left;
    this.#debt = debt;
    this.#indebtedSince = indebtedSince;
    this.#countedAt = countedAt;
    this.#toldAt = toldAt;
    this.#untold = untold;
  }

  /** All that it knows, as numbers that fit into a socket's attachment: sleep must not fill the bucket. */
  get saved(): number[] {
    return [
      this.#left,
      this.#debt,
      this.#indebtedSince,
      this.#countedAt,
      this.#toldAt,
      this.#untold,
    ];
  }

  /**
   * Whether a frame that comes now is taken, at the cost of so many; one that is not is to be dropped.
   * Throws a ProtocolError `throttled` for a dropped frame that the client must hear of, `rate_limited` when it must go.
   */
  admits(now: number, cost = 1): boolean {
    const refill = (Math.max(0, now - this.#countedAt) / 1_000) * this.#perSecond;
    this.#countedAt = now;
    this.#debt = Math.max(0, this.#debt - refill);
    this.#left = Math.min(this.#left + refill, this.#perSecond * FRAME_BURST_SECONDS);
    if (this.#left >= cost) {
      this.#left -= cost;
      return true;
    }
    if (this.#debt === 0) this.#indebtedSince = now;
    this.#debt += 1;
    this.#untold += 1;
    const isFar = this.#debt > this.#perSecond * THROTTLED_SECONDS_MAX;
    if (isFar && now - this.#indebtedSince >= THROTTLED_MS_MIN) {
      throw new ProtocolError(
        "rate_limited",
        `far too many frames; ${this.#limit}; come back later`,
      );
    }
    const notice = this.notice(now);
    if (notice) throw notice;
    return false;
  }

  /** What the client must hear of the frames that were dropped since it last did; `null` for nothing yet. */
  notice(now: number): ProtocolError | null {
    const frames = this.#untold;
    // Either way: a clock that was set back must not hide what is dropped.
    if (frames === 0 || Math.abs(now - this.#toldAt) < THROTTLED_NOTICE_MS) return null;
    this.#toldAt = now;
    this.#untold = 0;
    const dropped =
      frames === 1 ? "a frame was dropped" : `${formatCount(frames)} frames were dropped`;
    return new ProtocolError("throttled", `${dropped}; ${this.#limit}; send fewer`, frames);
  }

  get #limit(): string {
    return `the limit is ${formatCount(this.#perSecond)} frames a second`;
  }
}
