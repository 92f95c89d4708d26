/** What an answer of a receiver means, and when to try again. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { WEBHOOK_AGE_MS_MAX, WEBHOOK_RETRY_MS } from "../../src/core/limits.ts";
import { outcomeOf, retryAfterOf, retryDelay } from "../../src/core/webhook-attempts.ts";

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const NOW = Date.UTC(2026, 10, 29, 12, 0, 0);

describe("a status means", () => {
  test.each([
    [200, "delivered"],
    [204, "delivered"],
    [299, "delivered"],
    [410, "gone"],
    [null, "failed"],
    [100, "failed"],
    [199, "failed"],
    [300, "failed"],
    [301, "failed"],
    [308, "failed"],
    [400, "failed"],
    [404, "failed"],
    [429, "failed"],
    [500, "failed"],
    [503, "failed"],
  ] as const)("%s: %s", (status, outcome) => {
    expect(outcomeOf(status)).toBe(outcome);
  });
});

describe("the next attempt comes", () => {
  test("after the waits that the contract names", () => {
    const waits = Array.from({ length: 11 }, (_, index) => retryDelay(index + 1, 0.5, null));
    expect(waits).toEqual([
      5 * SECOND,
      30 * SECOND,
      120 * SECOND,
      600 * SECOND,
      1_800 * SECOND,
      1 * HOUR,
      2 * HOUR,
      4 * HOUR,
      8 * HOUR,
      8 * HOUR,
      8 * HOUR,
    ]);
  });

  test("a fifth sooner or later, and never in the same moment for all", () => {
    expect(retryDelay(1, 0, null)).toBe(4 * SECOND);
    expect(retryDelay(1, 1, null)).toBe(6 * SECOND);
    expect(retryDelay(9, 0, null)).toBe(6.4 * HOUR);
    expect(retryDelay(20, 1, null)).toBe(9.6 * HOUR);
  });

  test("often enough before an event is too old: a dozen times and more", () => {
    let [at, attempts] = [0, 0];
    while (at < WEBHOOK_AGE_MS_MAX) {
      attempts += 1;
      at += retryDelay(attempts, 1, null);
    }
    expect(attempts).toBeGreaterThanOrEqual(12);
  });

  test("when the receiver says so, within a second and a day", () => {
    expect(retryDelay(1, 0.5, 90 * SECOND)).toBe(90 * SECOND);
    expect(retryDelay(9, 0, 90 * SECOND)).toBe(90 * SECOND);
    expect(retryDelay(3, 0.5, 0)).toBe(SECOND);
    expect(retryDelay(3, 0.5, 10 * 365 * 24 * HOUR)).toBe(24 * HOUR);
  });

  test("never at once, and never later than in a day, whatever happens", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.option(fc.double({ min: 0, noNaN: true })),
        (failures, random, retryAfter) => {
          const delay = retryDelay(failures, random, retryAfter);
          expect(delay).toBeGreaterThanOrEqual(SECOND);
          expect(delay).toBeLessThanOrEqual(24 * HOUR);
        },
      ),
    );
  });

  test("later with each failure, until the waits are the longest", () => {
    for (let failures = 1; failures < WEBHOOK_RETRY_MS.length; failures += 1) {
      expect(retryDelay(failures + 1, 0, null)).toBeGreaterThan(retryDelay(failures, 1, null));
    }
  });
});

describe("retry-after", () => {
  test.each([
    ["120", 120 * SECOND],
    [" 0 ", 0],
    ["Sun, 29 Nov 2026 12:00:30 GMT", 30 * SECOND],
    ["Sun, 29 Nov 2026 11:00:00 GMT", 0],
    [null, null],
    ["", null],
    ["soon", null],
    ["-5", null],
    ["1.5", null],
    ["2026-11-29T12:00:30Z", null],
    ["tomorrow GMT", null],
    ["99999999999999999999", null],
  ] as const)("%s is %s ms", (header, wait) => {
    expect(retryAfterOf(header, NOW, Date.parse)).toBe(wait);
  });
});
