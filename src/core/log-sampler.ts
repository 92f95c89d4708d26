/** Which lines of a log are written while something happens far too often: a token bucket for each kind of line. No clock. */

import { LOG_BURST, LOG_KINDS_MAX, LOG_PER_SECOND } from "./limits.ts";

type Bucket = { left: number; countedAt: number; skipped: number };

export class LogSampler {
  readonly #buckets = new Map<string, Bucket>();

  /** How many lines of its kind were left out since the last one that was written; `null` where this one is to be left out too. */
  admits(kind: string, now: number): number | null {
    const bucket = this.#bucketOf(kind, now);
    const refill = (Math.max(0, now - bucket.countedAt) / 1_000) * LOG_PER_SECOND;
    bucket.left = Math.min(bucket.left + refill, LOG_BURST);
    bucket.countedAt = now;
    if (bucket.left < 1) {
      bucket.skipped += 1;
      return null;
    }
    bucket.left -= 1;
    const { skipped } = bucket;
    bucket.skipped = 0;
    return skipped;
  }

  /** Kinds are words of ours, so there are few; the bound holds even if one day a stranger's word becomes one. */
  #bucketOf(kind: string, now: number): Bucket {
    const known = this.#buckets.get(kind);
    if (known) return known;
    const bucket = { left: LOG_BURST, countedAt: now, skipped: 0 };
    if (this.#buckets.size >= LOG_KINDS_MAX) this.#buckets.clear();
    this.#buckets.set(kind, bucket);
    return bucket;
  }
}
