/** Times as people write them in an option: how long ago, a date, or milliseconds since the epoch. */

import { UsageError } from "./command-error.ts";
import { printable } from "./text.ts";

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** What an option may be, for its help. */
export const MOMENT = "10m (30s, 2h, 7d) ago, an ISO 8601 time, or ms since the epoch";

/** Milliseconds since the epoch; `undefined` for an option that is missing. Throws a UsageError. */
export function readMoment(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const { 1: count, 2: unit } = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (count !== undefined && isUnit(unit)) {
    return Math.max(0, Date.now() - Number(count) * UNIT_MS[unit]);
  }
  if (/^\d{10,15}$/.test(text)) return Number(text);
  const date = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (date >= 0) return date;
  throw new UsageError(`${option} is "${printable(text)}"; it must be ${MOMENT}`);
}

function isUnit(unit: string | undefined): unit is keyof typeof UNIT_MS {
  return unit !== undefined && unit in UNIT_MS;
}
