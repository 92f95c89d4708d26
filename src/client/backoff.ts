/**
 * When to reconnect, by the code that closed the connection. Pure: time and chance are parameters.
 */

import { type RetryPolicy as Verdict, retryPolicyOf as verdictOf } from "../core/close-codes.ts";
import { RETRY_LATER_MS_MAX, RETRY_MS_FIRST, RETRY_MS_MAX, STABLE_MS_MIN } from "../core/limits.ts";

export { type Verdict, verdictOf };

export class Backoff {
  #failures = 0;
  #openedAt: number | undefined;

  opened(now: number): void {
    this.#openedAt = now;
  }

  /**
   * A connection, or an attempt to connect, has ended. Returns the milliseconds to wait before the
   * next attempt: a random time, by `chance` in [0, 1), up to a limit that doubles with each
   * failure.
   */
  ended(verdict: Verdict, now: number, chance: number): number {
    if (now - (this.#openedAt ?? now) >= STABLE_MS_MIN) this.#failures = 0;
    this.#openedAt = undefined;
    this.#failures += 1;
    // A server that says "now" again and again must not be asked in a tight loop.
    if (verdict === "now" && this.#failures === 1) return 0;
    const max = verdict === "later" ? RETRY_LATER_MS_MAX : RETRY_MS_MAX;
    return chance * Math.min(RETRY_MS_FIRST * 2 ** (this.#failures - 1), max);
  }
}
