/**
 * What the client promises, whatever happens: random calls at random times, inside listeners too, with
 * tokens that hang, throw and run out, reloads, over a network that delays, refuses and cuts, to a server
 * that refuses states and tells numbers. CLIENT_STEPS and CLIENT_SEED choose how many steps, and which.
 */

import { expect, test } from "vitest";
import { Clock, Dice } from "./clock.ts";
import { Life } from "./life.ts";
import { Page } from "./page.ts";

const STEPS = Number(process.env["CLIENT_STEPS"] ?? 10_000);
const SEED = Number(process.env["CLIENT_SEED"] ?? 20261129);
const STEPS_PER_LIFE = 120;

test(`${STEPS} random steps with the seed ${SEED}`, { timeout: 600_000 }, async () => {
  const dice = new Dice(SEED);
  const clock = new Clock();
  const page = new Page();
  const uninstall = [clock.install(dice.roll), page.install()];
  try {
    /* oxlint-disable no-await-in-loop -- one life, and one step, after the other */
    let step = 0;
    let catchUps = 0;
    while (step < STEPS) {
      const life = new Life(clock, dice, page);
      for (let count = 0; count < STEPS_PER_LIFE && step < STEPS; count += 1) {
        step += 1;
        await life.step();
        if (life.isOver) break;
      }
      if (!life.isOver && dice.chance(0.5)) await life.rest();
      await life.leave();
      clock.timers.clear();
      catchUps += life.world.catchUps;
    }
    /* oxlint-enable no-await-in-loop */
    expect(step).toBe(STEPS);
    // Or it would be another test than the one that was meant.
    expect(catchUps).toBeGreaterThan(STEPS / 1_000);
  } finally {
    for (const each of uninstall) each();
  }
});
