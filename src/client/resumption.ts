/**
 * Resuming a presence after a reload of the same tab, by sessionStorage. What resumes it is stored
 * only between two pages: written when one is left, removed when the next one loads. A duplicated
 * tab gets a copy of the storage of a page that is open, and finds nothing in it.
 */

import * as v from "valibot";
import { RESUME_MS_MAX } from "../core/limits.ts";
import { number, parse, text } from "./server-frames.ts";

const Resumption = v.object({ channel: text, resume: text });
export type Resumption = v.InferOutput<typeof Resumption>;

const Stored = v.object({ at: number, presences: v.array(Resumption) });

/** What the page before this one has stored, by key. Two clients of one room take one each. */
const inherited = new Map<string, Resumption[]>();

/**
 * Takes the next presence that the page before has stored for `key`, unless it is too old to be
 * resumed.
 */
export function takeResumption(key: string): Resumption | undefined {
  const own = inherited.get(key) ?? takeStored(key);
  inherited.set(key, own);
  return own.shift();
}

/** Stores a presence for the next page, or for this one, should it come back. */
export function storeResumption(key: string, resumption: Resumption): void {
  const presences = [...takeStored(key), resumption];
  inherited.delete(key);
  try {
    sessionStorage.setItem(key, JSON.stringify({ at: Date.now(), presences }));
  } catch {
    // The page has no storage, or may not use it: then a reload is a leave and a join.
    return;
  }
}

function takeStored(key: string): Resumption[] {
  const result = v.safeParse(Stored, parse(takeItem(key)));
  const isFresh = result.success && Date.now() - result.output.at < RESUME_MS_MAX;
  return isFresh ? result.output.presences : [];
}

function takeItem(key: string): string | null {
  try {
    const item = sessionStorage.getItem(key);
    sessionStorage.removeItem(key);
    return item;
  } catch {
    return null;
  }
}
