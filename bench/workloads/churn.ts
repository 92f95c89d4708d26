/** People come and go in a room that has many: what a change costs, and when the others hear of it. */

import { setTimeout as delay } from "node:timers/promises";
import type { Crowd } from "../load/crowd.ts";
import { Histogram } from "../load/histogram.ts";
import { assemble } from "../load/room.ts";
import type { Server } from "../server.ts";
import { Span } from "../span.ts";
import { users } from "../tokens.ts";
import { atMostTimes, type Outcome, timesLess, type Workload } from "../workload.ts";

export type Churn = { readonly n: number; readonly pairs: number; readonly everyMs: number };

/** So many times one leaves and another joins, one pair every so many milliseconds. */
export async function churn(server: Server, { n, pairs, everyMs }: Churn): Promise<Outcome> {
  const all = await users(n + pairs);
  const crowd = await assemble(server, n);
  await crowd.verify();
  const delays = listen(crowd);
  const frames = crowd.frames;
  const span = await Span.begin(server);
  const leaving = [...crowd.visitors];
  for (let pair = 0; pair < pairs; pair += 1) {
    crowd.leave(leaving.slice(pair, pair + 1));
    delays.joining(crowd, all.slice(n + pair, n + pair + 1));
    // oxlint-disable-next-line no-await-in-loop
    await delay((pair + 1) * everyMs - span.ms);
  }
  await crowd.verify();
  const spent = await span.end();
  const figures = {
    ...spent,
    cpuMsPerChange: spent.cpuMs / (2 * pairs),
    delayMs: delays.histogram.at(0.5),
    delay99Ms: delays.histogram.at(0.99),
    frames: crowd.frames - frames,
  };
  crowd.cut();
  return { figures, problems: crowd.problems() };
}

/** Takes the time from a join to each of the others hearing of it. */
function listen(crowd: Crowd) {
  const histogram = new Histogram();
  const joinedAt = new Map<string, number>();
  crowd.onEffect = (visitor, { isWhole, joins }) => {
    if (isWhole) return;
    const now = performance.now();
    for (const { user } of joins) {
      const at = joinedAt.get(user);
      if (at !== undefined && user !== visitor.user.id) histogram.add(now - at);
    }
  };
  return {
    histogram,
    joining(room: Crowd, newcomers: Parameters<Crowd["join"]>[0]) {
      for (const { id } of newcomers) joinedAt.set(id, performance.now());
      room.join(newcomers);
    },
  };
}

export const CHURN: Workload = {
  name: "churn",
  title: "One leaves and one joins every 100 ms, 100 times",
  targets: ["ours", "party"],
  n: 500,
  quickN: 50,
  runs: 3,
  goals: [
    atMostTimes(1.5, "party", {
      text: "median delay from a join to each other client at most 1.5 × partyserver's",
      figure: "delayMs",
    }),
    atMostTimes(0.7, "party", {
      text: "CPU per change at most 0.7 × partyserver's",
      figure: "cpuMsPerChange",
    }),
  ],
  run: (server, n, isQuick) => churn(server, { n, pairs: isQuick ? 10 : 100, everyMs: 100 }),
};

export const BURST: Workload = {
  name: "burst",
  title: "100 changes within one second: one leaves and one joins every 20 ms",
  targets: ["ours", "party"],
  n: 500,
  quickN: 50,
  runs: 5,
  goals: [timesLess(5, "party", { text: "CPU at most a fifth of partyserver's", figure: "cpuMs" })],
  run: (server, n, isQuick) => churn(server, { n, pairs: isQuick ? 10 : 50, everyMs: 20 }),
};
