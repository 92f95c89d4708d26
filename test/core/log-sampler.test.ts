/** Which lines of a log are written. */

import { expect, test } from "vitest";
import { LOG_BURST, LOG_KINDS_MAX, LOG_PER_SECOND } from "../../src/core/limits.ts";
import { LogSampler } from "../../src/core/log-sampler.ts";

const START = 1_000_000;

function admitMany(
  sampler: LogSampler,
  kind: string,
  times: number,
  now = START,
): (number | null)[] {
  return Array.from({ length: times }, () => sampler.admits(kind, now));
}

test("takes every line while there are few", () => {
  expect(admitMany(new LogSampler(), "refused", LOG_BURST)).toEqual(
    Array.from({ length: LOG_BURST }, () => 0),
  );
});

test("leaves lines out of a flood, and the next one counts them", () => {
  const sampler = new LogSampler();
  const taken = admitMany(sampler, "refused", 1_000).filter((line) => line !== null);
  expect(taken).toHaveLength(LOG_BURST);
  expect(sampler.admits("refused", START + 1_000)).toBe(1_000 - LOG_BURST);
  expect(sampler.admits("refused", START + 1_000)).toBe(0);
});

test("takes a few lines a second while the flood goes on", () => {
  const sampler = new LogSampler();
  admitMany(sampler, "refused", 1_000);
  const later = admitMany(sampler, "refused", 1_000, START + 1_000);
  expect(later.filter((line) => line !== null)).toHaveLength(LOG_PER_SECOND);
});

test("a flood of one kind hides no other", () => {
  const sampler = new LogSampler();
  admitMany(sampler, "refused", 1_000);
  expect(sampler.admits("alarm failed", START)).toBe(0);
});

test("a clock that is set back neither silences it nor opens the flood", () => {
  const sampler = new LogSampler();
  admitMany(sampler, "refused", 1_000);
  expect(sampler.admits("refused", START - 60_000)).toBeNull();
  expect(sampler.admits("refused", START - 59_000)).not.toBeNull();
});

test("remembers so many kinds at most", () => {
  const sampler = new LogSampler();
  admitMany(sampler, "refused", LOG_BURST);
  expect(sampler.admits("refused", START)).toBeNull();
  for (let kind = 0; kind < LOG_KINDS_MAX; kind += 1) sampler.admits(`kind ${kind}`, START);
  expect(sampler.admits("refused", START)).toBe(0);
});
