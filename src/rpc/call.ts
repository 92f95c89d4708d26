/** How one object calls another: by name, with a new stub for each attempt. */

import * as v from "valibot";
import { CALL_ATTEMPTS_MAX, CALL_RETRY_MS } from "../core/limits.ts";

/** A class of objects, reached by name. */
export interface Namespace<Stub> {
  getByName(name: string): Stub;
}

/**
 * Asks the object of that name, and again where the platform says that this is safe: only what may
 * happen twice may be asked this way. Throws what the last attempt threw.
 */
export async function call<Stub, Result>(
  namespace: Namespace<Stub>,
  name: string,
  ask: (stub: Stub) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      // A stub that threw is broken, so each attempt has its own, after the one before.
      // oxlint-disable-next-line no-await-in-loop
      return await ask(namespace.getByName(name));
    } catch (error) {
      if (attempt >= CALL_ATTEMPTS_MAX || !isRetryable(error)) throw error;
      // oxlint-disable-next-line no-await-in-loop
      await scheduler.wait(Math.random() * CALL_RETRY_MS * 2 ** attempt);
    }
  }
}

const Retryable = v.object({
  retryable: v.literal(true),
  overloaded: v.optional(v.literal(false)),
});

/** An overloaded object is never asked again: that would be one more request for it. */
function isRetryable(error: unknown): boolean {
  return v.is(Retryable, error);
}
