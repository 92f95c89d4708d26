/**
 * Random joins, goodbyes and faults against a real `wrangler dev` over TCP, with a network that swallows packets and
 * a runtime that is killed. The model is that of test/faults/inside, the clock is the real one.
 */

import { expect, test } from "vitest";
import { Random } from "../random.ts";
import { Tally } from "../tally.ts";
import type { Caller } from "./caller.ts";
import * as deeds from "./deeds.ts";
import { compare, expectNothingLeft } from "./inspection.ts";
import { Service } from "./service.ts";

const { FAULTS_SEED = "20261128", FAULTS_STEPS = "500" } = process.env;
const SEED = Number(FAULTS_SEED);
/** Each takes some forty times as long as one inside the runtime. */
const TOTAL = Math.ceil(Number(FAULTS_STEPS) / 40);
const STEPS_PER_COMPARISON = 12;
const BOTS_MS = 3_000;
const STEP_MS_MAX = 60_000;

type Step = {
  readonly kind: string;
  readonly weight: number;
  readonly isFault?: true;
  run(service: Service, note: (details: string) => void): Promise<void>;
};

function by(
  pick: (service: Service) => readonly Caller[],
  deed: (service: Service, caller: Caller) => Promise<void>,
): Step["run"] {
  return async (service, note) => {
    const caller = service.random.maybe(pick(service));
    if (!caller) return;
    note(`${caller.name} in ${caller.home}`);
    await deed(service, caller);
  };
}

function of(deed: (service: Service, room: string, channel: string) => Promise<void>): Step["run"] {
  return async (service, note) => {
    const { random, names, channels } = service;
    const [room, channel] = [random.pick(names), random.pick(channels)];
    note(`${room} ${channel}`);
    await deed(service, room, channel);
  };
}

const connected = (service: Service) => service.connected();
const absent = (service: Service) =>
  service.callers.filter(({ client, isDeaf }) => client === null || isDeaf);

const STEPS: readonly Step[] = [
  { kind: "join or come back", weight: 10, run: by(absent, deeds.enter) },
  { kind: "leave", weight: 2, run: by(connected, deeds.leave) },
  { kind: "state", weight: 4, run: by(connected, deeds.setState) },
  { kind: "message", weight: 4, run: by(connected, deeds.talk) },
  { kind: "add", weight: 6, run: of(deeds.add) },
  { kind: "remove", weight: 1, run: of(deeds.remove) },
  {
    kind: "leave all",
    weight: 1,
    run: of((service, _, channel) => deeds.leaveAll(service, channel)),
  },
  { kind: "cut", weight: 5, isFault: true, run: by(connected, deeds.cut) },
  { kind: "reload", weight: 3, isFault: true, run: by(connected, deeds.reload) },
  { kind: "half-open", weight: 4, isFault: true, run: by(connected, deeds.goDeaf) },
  { kind: "stalled", weight: 2, isFault: true, run: by(connected, deeds.stall) },
  { kind: "SIGKILL", weight: 4, isFault: true, run: deeds.kill },
];

async function perform(service: Service): Promise<void> {
  const { random, tally } = service;
  let keptAt = 0;
  const keep = async () => {
    if (Date.now() - keptAt < BOTS_MS) return;
    keptAt = Date.now();
    await deeds.keepBots(service);
  };
  for (let step = 0; step < TOTAL; step += 1) {
    const next = random.weighted(STEPS);
    tally.step(next.kind, next.isFault === true);
    // One after the other: that is the point.
    /* oxlint-disable no-await-in-loop */
    await keep();
    await next.run(service, (details) => tally.detail(details));
    for (const { witness } of service.connected()) witness?.read();
    if (random.isOnce(STEPS_PER_COMPARISON)) await compare(service, keep);
    /* oxlint-enable no-await-in-loop */
  }
  // Never without one.
  tally.step("SIGKILL", true);
  await deeds.kill(service);
  await compare(service, keep);
  for (const caller of service.connected()) {
    // oxlint-disable-next-line no-await-in-loop
    await deeds.leave(service, caller);
  }
  for (const bot of service.bots) service.model.leaveAll(bot);
  await expectNothingLeft(service);
}

test(
  "whatever the network and the machine do, everybody agrees on who is there, and nothing is left behind",
  { timeout: (TOTAL + 5) * STEP_MS_MAX },
  async () => {
    console.log(`faults from outside: seed ${SEED}, ${TOTAL} steps`);
    const tally = new Tally();
    await using service = await Service.start(new Random(SEED), tally);
    try {
      await perform(service);
    } catch (error) {
      const replay = `FAULTS_SEED=${SEED} FAULTS_STEPS=${FAULTS_STEPS} npm run test:faults -- test/faults/outside`;
      throw new Error(
        `${String(error)}\nafter ${tally.steps} steps; replay it with\n  ${replay}\nthe last steps:\n${tally.lastSteps}`,
        { cause: error },
      );
    }
    console.log(tally.table("faults from outside"));
    expect(tally.faultsOf("SIGKILL")).toBeGreaterThan(0);
  },
);
