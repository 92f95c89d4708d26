/** Which lines of a log are written while something happens far too often: a token bucket for each kind of line. No clock. */

import { LOG_BURST, LOG_KINDS_MAX, LOG_PER_SECOND } from "./limits.ts";
import { TokenBucket } from "./token-bucket.ts";

type Kind = { readonly bucket: TokenBucket; skipped: number };

export class LogSampler {
  readonly #kinds = new Map<string, Kind>();

  /** How many lines of its kind were left out since the last one that was written; `null` where this one is to be left out too. */
  admits(kind: string, now: number): number | null {
    const known = this.#kindOf(kind);
    if (!known.bucket.take(now)) {
      known.skipped += 1;
      return null;
    }
    const { skipped } = known;
    known.skipped = 0;
    return skipped;
  }

  /** Kinds are words of ours, so there are few; the bound holds even if one day a stranger's word becomes one. */
  #kindOf(name: string): Kind {
    const known = this.#kinds.get(name);
    if (known) return known;
    const kind = { bucket: new TokenBucket(LOG_PER_SECOND, LOG_BURST), skipped: 0 };
    if (this.#kinds.size >= LOG_KINDS_MAX) this.#kinds.clear();
    this.#kinds.set(name, kind);
    return kind;
  }
}
