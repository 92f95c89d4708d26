/**
 * What takes a presence up again after a reload of the same tab, by sessionStorage. It is there only between
 * two pages: written when one goes, taken out when the next one comes. A duplicated tab gets a copy of the
 * storage of a living page, and in that there is nothing to steal.
 */

import * as v from "valibot";
import { RESUME_MS_MAX } from "../core/limits.ts";
import { number, parse, text } from "./server-frames.ts";

const Resumption = v.object({ channel: text, resume: text });
export type Resumption = v.InferOutput<typeof Resumption>;

const Stored = v.object({ at: number, presences: v.array(Resumption) });

/** What this page has inherited, by key, of the one before it. Two clients of one room take one each. */
const inherited = new Map<string, Resumption[]>();

/** The next presence that the page before has left for `key`, if it is not too old to be taken up. */
export function takeResumption(key: string): Resumption | undefined {
  const own = inherited.get(key) ?? takeStored(key);
  inherited.set(key, own);
  return own.shift();
}

/** The page goes: leaves a presence to the next one, or to itself, should it come back. */
export function leaveResumption(key: string, resumption: Resumption): void {
  const presences = [...takeStored(key), resumption];
  inherited.delete(key);
  try {
    sessionStorage.setItem(key, JSON.stringify({ at: Date.now(), presences }));
  } catch {
    // The page has no storage, or may not touch it: then a reload is a leave and a join.
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
