/**
 * Newcomers in the middle of whatever a room does, in the real runtime: random joins, goodbyes, states, snapshots that
 * are asked for, and pauses. Nothing rings by itself, so what comes without a flush comes at once.
 */

import * as fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import type { View } from "../../src/core/protocol.ts";
import { Rehearsal } from "../support/rehearsal.ts";
import { holdTimers } from "../support/room.ts";
import { tokenFor } from "../support/socket.ts";

const NAMES = ["ada", "bob", "cid"];

afterEach(() => {
  vi.useRealTimers();
});

const visit = fc.record({
  id: fc.option(fc.constantFrom(...NAMES), { freq: 5 }),
  view: fc.constantFrom<View>("diff", "diff", "list", "count"),
});
const at = fc.nat({ max: 20 });
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(visit, { minLength: 1, maxLength: 4 }).map((enter) => ({ enter })),
  },
  { weight: 2, arbitrary: at.map((leave) => ({ leave })) },
  { weight: 3, arbitrary: fc.record({ speaker: at, state: fc.constantFrom(null, 1, 2) }) },
  { weight: 2, arbitrary: at.map((ask) => ({ ask })) },
  { weight: 3, arbitrary: fc.constantFrom(1, 40, 300, 2_000).map((pause) => ({ pause })) },
  { weight: 1, arbitrary: fc.constant({ quiet: true }) },
);

test(
  "a newcomer in the midst of anything is greeted at once, rightly, and told the rest once",
  { timeout: 120_000 },
  async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    console.log(`greetings: seed ${seed}`);
    const tokens = new Map(
      await Promise.all(NAMES.map(async (name) => [name, await tokenFor(name)] as const)),
    );
    holdTimers();
    const steps = fc.array(step, { maxLength: 40 });
    const property = fc.asyncProperty(fc.constantFrom(10, 60, 400), steps, async (rate, all) => {
      const room = new Rehearsal(tokens, rate);
      // One after the other: that is the point.
      /* oxlint-disable no-await-in-loop */
      for (const one of all) {
        if ("enter" in one) await room.enter(one.enter);
        else if ("leave" in one) await room.leave(one.leave);
        else if ("speaker" in one) await room.setState(one.speaker, one.state);
        else if ("ask" in one) await room.ask(one.ask);
        else if ("pause" in one) await room.pause(one.pause);
        else await room.expectAgreement();
      }
      /* oxlint-enable no-await-in-loop */
      await room.expectAgreement();
      room.end();
    });
    const result = await fc.check(property, { seed, numRuns: 40 });
    // Which steps it was, shortened, and how to run them again.
    if (result.failed) throw new Error(fc.defaultReportMessage(result));
    expect(result.numRuns).toBe(40);
  },
);
