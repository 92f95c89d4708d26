/** Signs of life, and nothing else. */

import { HEARTBEAT, pulse } from "../load/pulse.ts";
import { assemble } from "../load/room.ts";
import type { Server } from "../server.ts";
import { Span } from "../span.ts";
import { atMost, atMostTimes, type Outcome, type Workload } from "../workload.ts";

async function beat(server: Server, n: number, rounds: number): Promise<Outcome> {
  const crowd = await assemble(server, n);
  const before = crowd.frames;
  const span = await Span.begin(server);
  for (let round = 1; round <= rounds; round += 1) {
    for (const { connection } of crowd.visitors) connection.send(HEARTBEAT);
    // oxlint-disable-next-line no-await-in-loop
    await crowd.until(() => crowd.frames === before + round * n, "heartbeats were not answered");
  }
  const wallMs = span.ms;
  const spent = await span.end();
  crowd.cut();
  return { figures: { wallMs, ...spent }, problems: crowd.problems() };
}

/** A second with an alarm in it has more CPU than this; one with heartbeats only has less. */
const ALARM_MS_MIN = 20;

async function idle(server: Server, n: number, seconds: number): Promise<Outcome> {
  const crowd = await assemble(server, n);
  const span = await Span.begin(server);
  let alarmMs = 0;
  let cpuMs = 0;
  await pulse(crowd, seconds, () => {
    const spent = span.cpuMs - cpuMs;
    if (spent > ALARM_MS_MIN) alarmMs += spent;
    cpuMs += spent;
  });
  const spent = await span.end();
  crowd.cut();
  const minutes = seconds / 60;
  const figures = {
    ...spent,
    alarmMs,
    quietMs: cpuMs - alarmMs,
    wakesPerMinute: spent.events / minutes,
    rowsPerMinute: spent.rows / minutes,
  };
  return { figures, problems: crowd.problems() };
}

export const HEARTBEATS: Workload = {
  name: "heartbeats",
  title: "Everybody sends 20 heartbeats, one after the other",
  targets: ["ours", "bare", "party"],
  n: 1_000,
  quickN: 100,
  runs: 5,
  goals: [
    atMostTimes(1.1, "bare", { text: "CPU at most 1.1 × the bare object's", figure: "cpuMs" }),
    atMost(0, { text: "no construction", figure: "lives" }),
    atMost(0, { text: "no event", figure: "events" }),
    atMost(0, { text: "no row", figure: "rows" }),
  ],
  run: (server, n, isQuick) => beat(server, n, isQuick ? 5 : 20),
};

export const IDLE: Workload = {
  name: "idle",
  title: "Everybody just sits there for 5 minutes, with a heartbeat every 25 s",
  targets: ["ours", "bare"],
  n: 1_000,
  quickN: 100,
  runs: 1,
  goals: [
    atMost(1, { text: "at most 1 wake-up a minute", figure: "wakesPerMinute" }),
    atMost(1, { text: "rows written at most 1 a minute", figure: "rowsPerMinute" }),
    atMostTimes(1.2, "bare", {
      text: "CPU without the alarms at most 1.2 × the bare object's",
      figure: "quietMs",
    }),
  ],
  run: (server, n, isQuick) => idle(server, n, isQuick ? 15 : 300),
};
