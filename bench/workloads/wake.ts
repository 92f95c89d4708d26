/** A room that sleeps, with many sockets, is spoken to: how long until the first and until the last hear it. */

import { setTimeout as delay } from "node:timers/promises";
import { type Figure, isFigure } from "../figures.ts";
import { Conversation } from "../load/conversation.ts";
import { assemble } from "../load/room.ts";
import type { Server } from "../server.ts";
import { Span } from "../span.ts";
import { atMostTimes, type Figures, type Outcome, type Workload } from "../workload.ts";

/** The runtime puts an object to sleep after 10 s without an event. */
const ASLEEP_MS = 12_000;

async function wake(server: Server, n: number, times: number): Promise<Outcome> {
  const crowd = await assemble(server, n);
  const wakes: Figures[] = [];
  for (let time = 0; time < times; time += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await delay(ASLEEP_MS);
    // oxlint-disable-next-line no-await-in-loop
    const span = await Span.begin(server);
    const conversation = new Conversation(crowd, [...crowd.visitors].slice(time, time + 1));
    const saidAt = performance.now();
    conversation.say(0);
    // oxlint-disable-next-line no-await-in-loop
    await conversation.finished();
    const { firstAt, lastAt } = conversation;
    // oxlint-disable-next-line no-await-in-loop
    const spent = await span.end();
    if (spent.lives !== 1) crowd.problem("the room was not asleep");
    wakes.push({ ...spent, firstMs: firstAt - saidAt, lastMs: lastAt - saidAt });
  }
  crowd.cut();
  return { figures: mean(wakes), problems: crowd.problems() };
}

function mean(all: readonly Figures[]): Figures {
  const names = Object.keys(all[0] ?? {}).filter(isFigure);
  const sum = (name: Figure) => all.reduce((total, figures) => total + (figures[name] ?? 0), 0);
  return Object.fromEntries(names.map((name) => [name, sum(name) / all.length]));
}

export const WAKE: Workload = {
  name: "wake",
  title: "A room with 5,000 sockets that sleeps gets one message, three times",
  targets: ["ours", "bare"],
  n: 5_000,
  quickN: 200,
  runs: 3,
  // Nobody expires while the room falls asleep again and again.
  vars: { PRESENCE_MAX_AGE: "3600" },
  goals: [
    atMostTimes(1.5, "bare", {
      text: "time to the first delivery at most 1.5 × the bare object's",
      figure: "firstMs",
    }),
    atMostTimes(1.2, "bare", {
      text: "time to the last delivery at most 1.2 × the bare object's",
      figure: "lastMs",
    }),
  ],
  run: (server, n, isQuick) => wake(server, n, isQuick ? 1 : 3),
};
