/** The pace of a room, and whether it names names. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Pacer, tellsCounts } from "../../src/core/pacer.ts";

const RATE = 10_000;

type Batch = { readonly at: number; readonly frames: number; readonly framesPerClient: number };

/** Batches of a room that speaks as soon as it may, or later, and never says more than two seconds' worth. */
const batches = fc
  .array(
    fc.record({
      idle: fc.constantFrom(0, 0, 0, 1, 20, 500, 5_000),
      clients: fc.integer({ min: 1, max: 10_000 }),
      framesPerClient: fc.integer({ min: 1, max: 4 }),
    }),
    { minLength: 2, maxLength: 60 },
  )
  .map((plan) => {
    const pacer = new Pacer(RATE);
    let now = 1_000_000;
    const said: Batch[] = [];
    for (const { idle, clients, framesPerClient } of plan) {
      now += pacer.delay(now) + idle;
      const frames = Math.min(clients * framesPerClient, 2 * RATE);
      pacer.spoke(now, frames, framesPerClient);
      said.push({ at: now, frames, framesPerClient });
    }
    return said;
  });

/** The most that any second but its last batch holds, summed up by `count`. */
function mostInOneSecond(said: readonly Batch[], count: (batch: Batch) => number): number {
  const sums = said.map((last) => {
    const second = said.filter(({ at }) => at < last.at && at > last.at - 1_000);
    return second.reduce((sum, batch) => sum + count(batch), 0);
  });
  return Math.max(...sums);
}

describe("the pace", () => {
  test("the first change goes out at once", () => {
    expect(new Pacer(RATE).delay(1_000_000)).toBe(0);
  });

  test("a change after a quiet spell goes out at once", () => {
    const pacer = new Pacer(RATE);
    pacer.spoke(1_000_000, 5_000, 1);
    expect(pacer.delay(1_000_500)).toBe(0);
  });

  test("n connections wait n / rate seconds", () => {
    const pacer = new Pacer(RATE);
    pacer.spoke(1_000_000, 5_000, 1);
    expect(pacer.delay(1_000_000)).toBe(500);
    expect(pacer.delay(1_000_499)).toBe(1);
  });

  test("a small room waits a thirtieth of a second for each frame that a client got", () => {
    const pacer = new Pacer(RATE);
    pacer.spoke(1_000_000, 10, 1);
    expect(pacer.delay(1_000_000)).toBe(34);
    pacer.spoke(2_000_000, 20, 2);
    expect(pacer.delay(2_000_000)).toBe(67);
  });

  test("a room that spoke to nobody does not wait", () => {
    const pacer = new Pacer(RATE);
    pacer.spoke(1_000_000, 0, 0);
    expect(pacer.delay(1_000_000)).toBe(0);
  });

  test("the largest room waits two seconds", () => {
    const pacer = new Pacer(RATE);
    pacer.spoke(1_000_000, 1_000_000, 1);
    expect(pacer.delay(1_000_000)).toBe(2_000);
  });

  test("a clock that was set back keeps nobody waiting for more than two seconds", () => {
    const pacer = new Pacer(RATE);
    pacer.spoke(1_000_000, 10, 1);
    expect(pacer.delay(0)).toBe(2_000);
  });

  test("after a clock was set back the next batch sets the pace again", () => {
    const pacer = new Pacer(RATE);
    pacer.spoke(1_000_000, 10, 1);
    pacer.spoke(2_000, 10, 1);
    expect(pacer.delay(2_034)).toBe(0);
  });

  test("nothing ever waits for more than two seconds, and never for a negative time", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), fc.nat(), (rate, frames, perClient, later) => {
        const pacer = new Pacer(rate + 1);
        pacer.spoke(1_000_000, frames, perClient);
        const delay = pacer.delay(1_000_000 + later);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(2_000);
      }),
    );
  });

  test("no client gets more than 30 frames and one batch in any second", () => {
    fc.assert(
      fc.property(batches, (said) => {
        expect(mostInOneSecond(said, (batch) => batch.framesPerClient)).toBeLessThanOrEqual(30);
      }),
    );
  });

  test("the room sends no more than its rate and one batch in any second", () => {
    fc.assert(
      fc.property(batches, (said) => {
        expect(mostInOneSecond(said, (batch) => batch.frames)).toBeLessThanOrEqual(RATE);
      }),
    );
  });
});

describe("names or counts", () => {
  test.each([
    ["names", "at the limit", false, 1_000, false],
    ["counts", "one above it", false, 1_001, true],
    ["counts", "back at the limit", true, 1_000, true],
    ["counts", "at four fifths of it", true, 800, true],
    ["names", "one below four fifths", true, 799, false],
    ["names", "when everybody left", true, 0, false],
  ])("a room tells %s %s", (_, __, wasCounting, presences, isCounting) => {
    expect(tellsCounts(wasCounting, presences, 1_000)).toBe(isCounting);
  });

  test("one who comes and goes at the limit does not make the room change its mind", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 10_000 }), (max) => {
        const isCounting = tellsCounts(false, max + 1, max);
        expect(isCounting).toBe(true);
        expect(tellsCounts(isCounting, max, max)).toBe(true);
      }),
    );
  });

  test("asking again without a change gives the same answer", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.nat(3_000), fc.nat(3_000), (was, presences, max) => {
        const once = tellsCounts(was, presences, max);
        expect(tellsCounts(once, presences, max)).toBe(once);
      }),
    );
  });
});
