/**
 * When to reconnect, by the code that closed the connection. Pure: time and chance are parameters.
 */

import { RETRY_LATER_MS_MAX, RETRY_MS_FIRST, RETRY_MS_MAX, STABLE_MS_MIN } from "../core/limits.ts";

/** What a close code says about the next connection. */
export type Verdict = "never" | "later" | "now" | "retry";

/**
 * 4000–4099: never. 4100–4199: later. 4200–4299: now. Any other code: retry. That includes 1000,
 * which no server sends to a client that has not left, and 1009, since what was too large is not
 * sent again.
 */
export function verdictOf(closeCode: number): Verdict {
  const ranges: readonly (Verdict | undefined)[] = ["never", "later", "now"];
  return ranges[Math.floor(closeCode / 100) - 40] ?? "retry";
}

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
