/** When to come back, by the code with which a connection ended. Pure: time and chance are parameters. */

import { RETRY_LATER_MS_MAX, RETRY_MS_FIRST, RETRY_MS_MAX, STABLE_MS_MIN } from "../core/limits.ts";

/** What the end of a connection says of the next one. */
export type Verdict = "never" | "later" | "now" | "retry";

/**
 * 4000–4099 never, 4100–4199 later, 4200–4299 now. Anything else is a retry: 1000 too, which nobody says to
 * a client that has not left, and 1009, since what was too large is not sent again.
 */
export function verdictOf(closeCode: number): Verdict {
  if (closeCode >= 4000 && closeCode < 4100) return "never";
  if (closeCode >= 4100 && closeCode < 4200) return "later";
  if (closeCode >= 4200 && closeCode < 4300) return "now";
  return "retry";
}

export class Backoff {
  #failures = 0;
  #verdict: Verdict = "retry";
  #openedAt: number | undefined;

  opened(now: number): void {
    this.#openedAt = now;
  }

  /** A connection, or an attempt to make one, has ended. */
  ended(verdict: Verdict, now: number): void {
    const lasted = this.#openedAt === undefined ? 0 : now - this.#openedAt;
    this.#openedAt = undefined;
    if (lasted >= STABLE_MS_MIN) this.#failures = 0;
    this.#failures += 1;
    this.#verdict = verdict;
  }

  /** Milliseconds to wait before the next attempt. `chance` is in [0, 1). Nothing before the very first one. */
  delay(chance: number): number {
    if (this.#failures === 0) return 0;
    // A server that says "now" and cannot keep it must not be asked in a tight loop.
    if (this.#verdict === "now" && this.#failures === 1) return 0;
    const max = this.#verdict === "later" ? RETRY_LATER_MS_MAX : RETRY_MS_MAX;
    return chance * Math.min(RETRY_MS_FIRST * 2 ** (this.#failures - 1), max);
  }
}
