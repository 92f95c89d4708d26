/** What becomes of an attempt to deliver: what an answer means, and when to try again. No clock. */

import {
  WEBHOOK_RETRY_AFTER_MS_MAX,
  WEBHOOK_RETRY_AFTER_MS_MIN,
  WEBHOOK_RETRY_JITTER_PART,
  WEBHOOK_RETRY_MS,
} from "./limits.ts";

/** `gone`: the receiver wants nothing more, ever. */
export type Outcome = "delivered" | "gone" | "failed";

/** What an HTTP status says of a delivery; `null` where none came. A redirection is a failure: it is not followed. */
export function outcomeOf(status: number | null): Outcome {
  if (status === null) return "failed";
  if (status >= 200 && status <= 299) return "delivered";
  return status === 410 ? "gone" : "failed";
}

/**
 * Milliseconds until the next attempt.
 *
 * @param failures in a row, 1 or more
 * @param random from 0 to 1
 * @param retryAfterMs what the receiver asked for; `null` where it did not
 */
export function retryDelay(failures: number, random: number, retryAfterMs: number | null): number {
  if (retryAfterMs !== null) {
    return Math.min(Math.max(retryAfterMs, WEBHOOK_RETRY_AFTER_MS_MIN), WEBHOOK_RETRY_AFTER_MS_MAX);
  }
  const index = Math.min(failures, WEBHOOK_RETRY_MS.length) - 1;
  const wait = WEBHOOK_RETRY_MS[Math.max(0, index)] ?? WEBHOOK_RETRY_MS[0];
  return Math.round(wait * (1 + WEBHOOK_RETRY_JITTER_PART * (2 * random - 1)));
}

/**
 * What a `retry-after` header says in milliseconds, 0 or more; `null` where it is missing, or says
 * neither seconds nor a date.
 *
 * @param dateOf milliseconds since the epoch of an HTTP date; NaN for what is none
 */
export function retryAfterOf(
  header: string | null,
  now: number,
  dateOf: (text: string) => number,
): number | null {
  const text = header?.trim() ?? "";
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1_000;
  // Anything may be a date to JavaScript; one of HTTP is in this zone.
  const at = text.endsWith(" GMT") ? dateOf(text) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
