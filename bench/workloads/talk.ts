/** Messages to a whole room: of one who speaks now and then, and of many who never stop. */

import { setTimeout as delay } from "node:timers/promises";
import { Conversation } from "../load/conversation.ts";
import { assemble } from "../load/room.ts";
import type { Server } from "../server.ts";
import { Span } from "../span.ts";
import { atMost, atMostTimes, type Outcome, timesLess, type Workload } from "../workload.ts";

export type Talk = {
  readonly n: number;
  readonly speakers: number;
  /** Messages of each speaker. */
  readonly messages: number;
  /** Milliseconds between two messages of one speaker; the speakers are spread over them. */
  readonly everyMs: number;
};

export async function talk(server: Server, talking: Talk): Promise<Outcome> {
  const { n, speakers } = talking;
  const crowd = await assemble(server, n);
  if (server.target.hasPresence) await crowd.verify();
  const conversation = new Conversation(crowd, [...crowd.visitors].slice(0, speakers));
  const framesBefore = crowd.frames;
  const span = await Span.begin(server);
  await speak(conversation, talking);
  await conversation.finished();
  const wallMs = span.ms;
  const spent = await span.end();
  const { delays, said } = conversation;
  const frames = crowd.frames - framesBefore;
  if (frames !== spent.sent) crowd.problem("not all frames that were sent have come");
  const figures = {
    wallMs,
    ...spent,
    cpuUsPerDelivery: (spent.cpuMs * 1_000) / (said * n),
    delayMs: delays.at(0.5),
    delay99Ms: delays.at(0.99),
    frames,
  };
  crowd.cut();
  return { figures, problems: crowd.problems() };
}

/** Each speaker in its turn, at its time or as soon after it as the machine allows. */
async function speak(conversation: Conversation, { speakers, messages, everyMs }: Talk) {
  const beganAt = performance.now();
  for (let turn = 0; turn < speakers * messages; turn += 1) {
    const wait = (turn * everyMs) / speakers - (performance.now() - beganAt);
    // oxlint-disable-next-line no-await-in-loop
    if (wait > 0) await delay(wait);
    conversation.say(turn % speakers);
  }
}

export const FANOUT: Workload = {
  name: "fan-out",
  title: "One sends 50 messages to all, one every 100 ms",
  targets: ["ours", "bare", "party"],
  n: 1_000,
  quickN: 100,
  runs: 5,
  goals: [
    atMostTimes(1.1, "bare", { text: "CPU at most 1.1 × the bare object's", figure: "cpuMs" }),
  ],
  run: (server, n, isQuick) =>
    talk(server, { n, speakers: 1, messages: isQuick ? 10 : 50, everyMs: 100 }),
};

const CURSORS = 50;
const CURSOR_EVERY_MS = 50;

export const CURSORS_MOVE: Workload = {
  name: "cursors",
  title:
    "50 send 20 messages a second each, for 10 s; for partyserver 1 s, after which it sends for half a minute more",
  targets: ["ours", "party"],
  n: 500,
  quickN: 60,
  runs: 3,
  goals: [
    timesLess(10, "party", {
      text: "at least 10 × less CPU than partyserver for each message delivered",
      figure: "cpuUsPerDelivery",
    }),
    atMost(150, { text: "99th percentile of delay at most 150 ms", figure: "delay99Ms" }),
  ],
  run(server, n, isQuick) {
    const seconds = isQuick ? 1 : server.target.name === "party" ? 1 : 10;
    const messages = (seconds * 1_000) / CURSOR_EVERY_MS;
    return talk(server, { n, speakers: CURSORS, messages, everyMs: CURSOR_EVERY_MS });
  },
};
