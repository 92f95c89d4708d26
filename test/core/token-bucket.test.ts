/** Laws of the token bucket. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TokenBucket } from "../../src/core/token-bucket.ts";

const START = 1_000_000;

/** A bucket's rate and size, and attempts to take tokens, each after a pause in milliseconds. */
const history = fc.record({
  perSecond: fc.integer({ min: 1, max: 10_000 }),
  capacity: fc.integer({ min: 1, max: 5_000 }),
  attempts: fc.array(
    fc.record({ pause: fc.nat(2_000), cost: fc.integer({ min: 1, max: 3_000 }) }),
    { minLength: 1, maxLength: 50 },
  ),
});

describe("a token bucket", () => {
  test("is full at first", () => {
    expect(new TokenBucket(10, 20).tokens(START)).toBe(20);
  });

  test("goes on from what was saved", () => {
    const bucket = new TokenBucket(10, 20, { tokens: 3, countedAt: START });
    expect(bucket.tokens(START + 500)).toBe(8);
  });

  test("takes nothing where there is not enough", () => {
    const bucket = new TokenBucket(10, 20);
    expect(bucket.take(START, 21)).toBe(false);
    expect(bucket.tokens(START)).toBe(20);
  });

  test("pays back what was spent beyond its contents", () => {
    const bucket = new TokenBucket(10, 20);
    bucket.spend(START, 30);
    expect(bucket.tokens(START)).toBe(-10);
    expect(bucket.wait(START, 5)).toBe(1_500);
    expect(bucket.wait(START + 1_500, 5)).toBe(0);
  });

  test("waits until it is full for more than it can ever hold", () => {
    const bucket = new TokenBucket(10, 20);
    bucket.spend(START, 20);
    expect(bucket.wait(START, 1_000)).toBe(2_000);
  });

  test("a clock that was set back neither fills it nor keeps it from filling", () => {
    const bucket = new TokenBucket(10, 20);
    bucket.spend(START, 20);
    expect(bucket.tokens(5)).toBe(0);
    expect(bucket.tokens(1_005)).toBe(10);
  });

  test("over any window it gives no more than its rate and its contents", () => {
    fc.assert(
      fc.property(history, ({ perSecond, capacity, attempts }) => {
        const bucket = new TokenBucket(perSecond, capacity);
        const taken: { at: number; cost: number }[] = [];
        let now = START;
        for (const { pause, cost } of attempts) {
          now += pause;
          if (bucket.take(now, cost)) taken.push({ at: now, cost });
        }
        for (const [index, { at: from }] of taken.entries()) {
          let sum = 0;
          for (const { at, cost } of taken.slice(index)) {
            sum += cost;
            expect(sum).toBeLessThanOrEqual(capacity + ((at - from) / 1_000) * perSecond + 1e-6);
          }
        }
      }),
    );
  });

  test("what it says to wait for is there then, and not a millisecond earlier", () => {
    fc.assert(
      fc.property(history, ({ perSecond, capacity, attempts }) => {
        const bucket = new TokenBucket(perSecond, capacity);
        let now = START;
        for (const { pause, cost } of attempts) {
          now += pause;
          const wait = bucket.wait(now, cost);
          const wanted = Math.min(cost, capacity);
          const before = wait > 0 ? bucket.tokens(now + wait - 1) : 0;
          expect(before).toBeLessThan(wanted + 1e-6);
          now += wait;
          expect(bucket.tokens(now)).toBeGreaterThanOrEqual(wanted - 1e-6);
          bucket.spend(now, cost);
        }
      }),
    );
  });
});
