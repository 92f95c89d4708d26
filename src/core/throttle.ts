/** How many frames a connection may send: a token bucket, without a clock. */

import {
  FRAME_BURST_SECONDS,
  THROTTLED_MS_MIN,
  THROTTLED_NOTICE_MS,
  THROTTLED_SECONDS_MAX,
} from "./limits.ts";
import { formatCount, ProtocolError } from "./protocol.ts";
import { TokenBucket } from "./token-bucket.ts";

/**
 * A bucket of frames that refills with time. Dropped frames are a debt that time pays off; a connection
 * that owes too much for too long is not throttled any more but closed.
 */
export class Throttle {
  readonly #perSecond: number;
  readonly #bucket: TokenBucket;
  /** Empty where nothing is owed; each dropped frame takes a token that is not there. */
  readonly #owed: TokenBucket;
  #indebtedSince: number;
  #countedAt: number;
  #toldAt: number;
  /** Dropped frames of which the client has not heard. */
  #untold: number;

  /** Full or, where its owner has sent before, as it was when it was `saved`. */
  constructor(framesPerSecond: number, now: number, saved: readonly number[] = []) {
    const capacity = framesPerSecond * FRAME_BURST_SECONDS;
    const [tokens = capacity, debt = 0, indebtedSince = 0, countedAt = now] = saved;
    const [, , , , toldAt = Number.NEGATIVE_INFINITY, untold = 0] = saved;
    this.#perSecond = framesPerSecond;
    this.#bucket = new TokenBucket(framesPerSecond, capacity, { tokens, countedAt });
    this.#owed = new TokenBucket(framesPerSecond, 0, { tokens: -debt, countedAt });
    this.#indebtedSince = indebtedSince;
    this.#countedAt = countedAt;
    this.#toldAt = toldAt;
    this.#untold = untold;
  }

  /** All that it knows, as numbers that fit into a socket's attachment: sleep must not fill the bucket. */
  get saved(): number[] {
    const at = this.#countedAt;
    const debt = this.#debt(at);
    return [this.#bucket.tokens(at), debt, this.#indebtedSince, at, this.#toldAt, this.#untold];
  }

  /**
   * Whether a frame that comes now is taken, at the cost of so many; one that is not is to be dropped.
   * Throws a ProtocolError `throttled` for a dropped frame that the client must hear of, `rate_limited` when it must go.
   */
  admits(now: number, cost = 1): boolean {
    this.#countedAt = now;
    const debt = this.#debt(now);
    if (this.#bucket.take(now, cost)) return true;
    if (debt === 0) this.#indebtedSince = now;
    this.#owed.spend(now, 1);
    this.#untold += 1;
    const isFar = debt + 1 > this.#perSecond * THROTTLED_SECONDS_MAX;
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

  /** Whether frames were dropped of which the client has not heard. */
  get owesNotice(): boolean {
    return this.#untold > 0;
  }

  get #limit(): string {
    return `the limit is ${formatCount(this.#perSecond)} frames a second`;
  }

  #debt(now: number): number {
    // Not -0, which a comparison of what was saved would tell from 0.
    return Math.max(0, -this.#owed.tokens(now));
  }
}
