/**
 * Random joins, goodbyes and faults inside the real runtime, against a model. In chapters, each with rooms and a
 * seed of its own, so that a failure can be replayed without all that came before.
 */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { planReceiver } from "../../support/remote-receiver.ts";
import { Random } from "../random.ts";
import { Tally } from "../tally.ts";
import { compare, expectNothingLeft } from "./inspection.ts";
import { deliverAll, expectReflected } from "./reflection.ts";
import { STEPS } from "./steps.ts";
import { takeTheClock, World } from "./world.ts";

const SEED = Number(env.FAULTS_SEED);
const TOTAL = Number(env.FAULTS_STEPS);
const STEPS_PER_CHAPTER = 100;
/** Steps between two comparisons, on average. */
const STEPS_PER_COMPARISON = 12;
const STEP_MS_MAX = 2_000;

/** How often the receiver of webhooks fails. */
const FAILING = 0.35;

/** In each of these at least one object dies. */
const CRASHES = [
  "room crashed",
  "room crashed twice",
  "channel crashed",
  "lobby crashed",
  "all crashed",
];

beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

async function chapter(seed: number, steps: number, tally: Tally): Promise<void> {
  const random = new Random(seed);
  const world = new World(random, tally);
  await planReceiver({ seed, failing: FAILING });
  for (let step = 0; step < steps; step += 1) {
    const next = random.weighted(STEPS);
    tally.step(next.kind, next.isFault === true);
    // One after the other: that is the point.
    /* oxlint-disable no-await-in-loop */
    await world.afterCrashes();
    await next.run(world, (details) => tally.detail(details));
    await world.afterCrashes();
    for (const { witness } of world.connected()) witness?.read();
    if (!random.isOnce(STEPS_PER_COMPARISON)) continue;
    if (world.isUnsettled || random.isOnce(5)) await world.settle();
    await compare(world);
    /* oxlint-enable no-await-in-loop */
  }
  await world.settle();
  await deliverAll(world);
  await compare(world);
  await expectNothingLeft(world);
  await compare(world);
  expectReflected(world);
}

test(
  "whatever fails, everybody agrees on who is there, and nothing is left behind",
  { timeout: TOTAL * STEP_MS_MAX },
  async () => {
    console.log(`faults inside the runtime: seed ${SEED}, ${TOTAL} steps`);
    const tally = new Tally();
    takeTheClock();
    for (let done = 0; done < TOTAL; done += STEPS_PER_CHAPTER) {
      const seed = SEED + done / STEPS_PER_CHAPTER;
      const steps = Math.min(STEPS_PER_CHAPTER, TOTAL - done);
      try {
        // oxlint-disable-next-line no-await-in-loop
        await chapter(seed, steps, tally);
      } catch (error) {
        const replay = `FAULTS_SEED=${seed} FAULTS_STEPS=${steps} npm run test:faults`;
        throw new Error(
          `${String(error)}\nafter ${tally.steps} steps; replay it with\n  ${replay}\nthe last steps:\n${tally.lastSteps}`,
          { cause: error },
        );
      }
    }
    console.log(tally.table("faults inside the runtime"));
    expect(tally.steps).toBe(TOTAL);
    // The seed decides how many; fewer would be another test than the one that was meant.
    expect(tally.faultsOf(...CRASHES)).toBeGreaterThanOrEqual(Math.floor(TOTAL / 20));
  },
);
