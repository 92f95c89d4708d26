/** People come and go in a room that has many: what a change costs, and when the others hear of it. */

import { setTimeout as delay } from "node:timers/promises";
import { Comings } from "../load/comings.ts";
import { assemble } from "../load/room.ts";
import type { Server } from "../server.ts";
import { Span } from "../span.ts";
import { users } from "../tokens.ts";
import { atMost, atMostTimes, type Outcome, timesLess, type Workload } from "../workload.ts";

export type Churn = {
  readonly n: number;
  /** So many times one leaves and another joins, one pair every so many milliseconds. */
  readonly pairs: number;
  readonly everyMs: number;
  /** How long after the leave the join is: at once unless it is said. */
  readonly apartMs?: number;
};

export async function churn(
  server: Server,
  { n, pairs, everyMs, apartMs = 0 }: Churn,
): Promise<Outcome> {
  const all = await users(n + pairs);
  const crowd = await assemble(server, n);
  const { hasPresence } = server.target;
  if (hasPresence) await crowd.verify();
  const comings = new Comings(crowd, { areAnnounced: hasPresence });
  const framesBefore = crowd.frames;
  const span = await Span.begin(server);
  const leaving = [...crowd.visitors];
  for (const [pair, user] of all.slice(n).entries()) {
    comings.leave(leaving[pair]);
    // oxlint-disable-next-line no-await-in-loop
    if (apartMs > 0) await delay(Math.max(0, pair * everyMs + apartMs - span.ms));
    comings.join(user);
    // oxlint-disable-next-line no-await-in-loop
    await delay(Math.max(0, (pair + 1) * everyMs - span.ms));
  }
  if (hasPresence) await crowd.verify();
  const spent = await span.end();
  const frames = crowd.frames - framesBefore;
  if (frames !== spent.sent) crowd.problem("not all frames that were sent have come");
  const { joins, leaves } = comings;
  const figures = {
    ...spent,
    cpuMsPerChange: spent.cpuMs / (2 * pairs),
    joinMs: joins.at(0.5),
    join99Ms: joins.at(0.99),
    leaveMs: leaves.at(0.5),
    leave99Ms: leaves.at(0.99),
    frames,
  };
  crowd.cut();
  return { figures, problems: crowd.problems() };
}

export const CHURN: Workload = {
  name: "churn",
  title: "One leaves and one joins every 100 ms, both at once, 100 times",
  targets: ["ours", "bare", "party"],
  n: 500,
  quickN: 50,
  runs: 5,
  goals: [
    atMostTimes(1.5, "party", {
      text: "median delay from a join to each other client at most 1.5 × partyserver's",
      figure: "joinMs",
    }),
    atMostTimes(0.7, "party", {
      text: "CPU per change at most 0.7 × partyserver's",
      figure: "cpuMsPerChange",
    }),
  ],
  run: (server, n, isQuick) => churn(server, { n, pairs: isQuick ? 10 : 100, everyMs: 100 }),
};

export const CHURN_SINGLE: Workload = {
  ...CHURN,
  name: "churn-single",
  title: "One change at a time: one leaves, and 50 ms later one joins, every 100 ms, 100 times",
  goals: [
    asSoonAsParty("median delay of a join", "joinMs"),
    asSoonAsParty("99th percentile of a join's delay", "join99Ms"),
    asSoonAsParty("median delay of a leave", "leaveMs"),
    asSoonAsParty("99th percentile of a leave's delay", "leave99Ms"),
    atMostTimes(1, "party", {
      text: "CPU per change at most partyserver's",
      figure: "cpuMsPerChange",
    }),
  ],
  run: (server, n, isQuick) =>
    churn(server, { n, pairs: isQuick ? 10 : 100, everyMs: 100, apartMs: 50 }),
};

function asSoonAsParty(what: string, figure: "joinMs" | "join99Ms" | "leaveMs" | "leave99Ms") {
  return atMostTimes(1.1, "party", { text: `${what} at most 1.1 × partyserver's`, figure });
}

export const BURST: Workload = {
  ...CHURN,
  name: "burst",
  title: "100 changes within one second: one leaves and one joins every 20 ms",
  goals: [
    timesLess(5, "party", { text: "CPU at most a fifth of partyserver's", figure: "cpuMs" }),
    atMost(150, { text: "99th percentile of a join's delay at most 150 ms", figure: "join99Ms" }),
    atMost(150, { text: "99th percentile of a leave's delay at most 150 ms", figure: "leave99Ms" }),
  ],
  run: (server, n, isQuick) => churn(server, { n, pairs: isQuick ? 10 : 50, everyMs: 20 }),
};
