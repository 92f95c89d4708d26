/**
 * Positions of deliveries, as storage has them: after a crash at any moment every event arrives, in
 * order, and what comes again has the boundaries that it had.
 */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  advance,
  begin,
  type DeliveryPosition,
  newestPosition,
  nextEnd,
  NOTHING_DELIVERED,
  recoverPosition,
  rewind,
} from "../../src/core/delivery-position.ts";
import { BATCH_ENDS_MAX } from "../../src/core/limits.ts";

test("of several places the newest counts: the later turn, then the later event", () => {
  const old = { turn: 0, delivered: 90, ends: [] };
  const replayed = { turn: 1, delivered: 10, ends: [] };
  const later = { turn: 1, delivered: 20, ends: [30] };
  expect(newestPosition([old, replayed])).toEqual(replayed);
  expect(newestPosition([later, replayed, old])).toEqual(later);
  expect(newestPosition([])).toEqual(NOTHING_DELIVERED);
  expect(newestPosition([{ ...later, ends: [] }, later])).toEqual(later);
});

test("a replay makes older positions void", () => {
  const before = { turn: 0, delivered: 50, ends: [60] };
  const replay = rewind(before, 10);
  expect(newestPosition([advance(before, 60), replay])).toEqual({
    turn: 1,
    delivered: 10,
    ends: [],
  });
});

/** What a room does, a step at a time, and the harm that is done to it. */
type Step = "write" | "begin" | "arrive" | "crash";

test("every event arrives in order, and a batch that is sent again is the same one", () => {
  const step = fc.constantFrom<Step[]>("write", "write", "begin", "arrive", "begin", "crash");
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const world = new World();
      for (const each of [...steps, "crash" as const]) world.step(each);
      while (world.position.delivered < world.end) {
        world.step("begin");
        world.step("arrive");
      }
      expect(world.verdict()).toEqual({ furthest: world.end, changed: 0 });
    }),
    { numRuns: 500 },
  );
});

/** At most so many events in a batch. */
const BATCH_MAX = 5;

class World {
  end = 0;
  position = NOTHING_DELIVERED;
  #stored: DeliveryPosition = NOTHING_DELIVERED;
  #isSending = false;
  /** What the receiver got: [after, last], in order. */
  readonly #received: [number, number][] = [];

  step(step: Step): void {
    if (step === "write") {
      this.end += 1 + (this.end % 3);
      this.#stored = this.position;
    } else if (step === "begin" && !this.#isSending && this.position.delivered < this.end) {
      const { delivered } = this.position;
      const last = Math.min(nextEnd(this.position, this.end), delivered + BATCH_MAX);
      this.position = begin(this.position, last);
      this.#isSending = true;
      this.#received.push([delivered, last]);
    } else if (step === "arrive" && this.#isSending) {
      this.position = advance(this.position, this.position.ends[0] ?? 0);
      this.#isSending = false;
    } else if (step === "crash") {
      this.position = recoverPosition(this.#stored, this.end);
      this.#isSending = false;
    }
  }

  /** How far the receiver got without a gap, and batches that began where another one did and ended elsewhere. */
  verdict(): { readonly furthest: number; readonly changed: number } {
    const boundaries = new Map<number, number>();
    let [furthest, changed] = [0, 0];
    for (const [after, last] of this.#received) {
      if (after > furthest) break;
      if ((boundaries.get(after) ?? last) !== last) changed += 1;
      boundaries.set(after, last);
      furthest = Math.max(furthest, last);
    }
    return { furthest, changed };
  }
}

test("crashes without a delivery do not grow the position without bound", () => {
  let position = NOTHING_DELIVERED;
  for (let end = 1; end <= 100; end += 1) position = recoverPosition(position, end);
  expect(position.ends.length).toBe(BATCH_ENDS_MAX);
  expect(position.ends.at(-1)).toBe(100);
  expect(position.ends.slice(0, 3)).toEqual([1, 2, 3]);
});
