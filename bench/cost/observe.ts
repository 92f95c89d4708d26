/** What each thing that people do costs in requests, rows and time, read off the counters of a small room. */

import { setTimeout as delay } from "node:timers/promises";
import { Conversation } from "../load/conversation.ts";
import { Crowd } from "../load/crowd.ts";
import { HEARTBEAT, HEARTBEAT_SECONDS, pulse } from "../load/pulse.ts";
import type { Visitor } from "../load/visitor.ts";
import { Server, type Vars } from "../server.ts";
import { Span } from "../span.ts";
import type { Target } from "../targets.ts";
import { users } from "../tokens.ts";
import { dividedBy, type Effort, NO_EFFORT, plus } from "./effort.ts";
import type { Observed } from "./model.ts";

const PEOPLE = 50;
const MESSAGES = 50;
const HEARTBEATS = 4;

/** Until the first alarm has been, with what is done only then; or until an empty room has forgotten itself. */
const SETTLE_SECONDS = 75;
const IDLE_SECONDS = 200;
/** Longer than the longest pause in which something waits to be told. */
const TOLD_MS = 2_500;

/** An effort, and how many alarms are in it. */
type Seen = { readonly effort: Effort; readonly alarms: number };

/** Settings of the Worker, and for how long it remembers an empty room, in seconds. */
export type Observation = { readonly vars?: Vars; readonly memorySeconds?: number };

export async function observe(
  target: Target,
  { vars = {}, memorySeconds = 0 }: Observation = {},
): Promise<Observed> {
  const server = await Server.start(target, vars);
  const crowd = new Crowd(server);
  try {
    return await observeRoom(server, crowd, memorySeconds);
  } finally {
    crowd.cut();
    await server.stop();
  }
}

async function observeRoom(server: Server, crowd: Crowd, memorySeconds: number): Promise<Observed> {
  const all = await users(PEOPLE);
  const see = (act: () => Promise<unknown>) => seen(server, act);
  const filling = await see(async () => {
    await join(crowd, all.slice(0, 1));
    await pulse(crowd, SETTLE_SECONDS);
  });
  const joins = await see(() => join(crowd, all.slice(1)));
  const messages = await see(() => talk(crowd));
  const heartbeats = await see(() => beat(crowd));
  const idle = await see(() => pulse(crowd, IDLE_SECONDS));
  const [last, ...leavers] = crowd.visitors;
  const leaves = await see(() => leave(crowd, leavers));
  const emptying = await see(async () => {
    await leave(crowd, last ? [last] : []);
    await delay((memorySeconds + SETTLE_SECONDS) * 1_000);
  });

  const joined = all.length - 1;
  const heartbeat = dividedBy(heartbeats.effort, HEARTBEATS * PEOPLE);
  const alarms = plus(idle.effort, heartbeat, -beatsIn(IDLE_SECONDS, PEOPLE));
  // Beside the next alarm, an alarm writes what it deletes of the log: that is the joins', and leaves come to as much.
  const deleted = alarms.rowsWritten - idle.alarms;
  const ofLog: Effort = { ...NO_EFFORT, rowsWritten: deleted / joined };
  const alarm = dividedBy(plus(alarms, { ...NO_EFFORT, rowsWritten: deleted }, -1), idle.alarms);
  const filled = plus(filling.effort, heartbeat, -beatsIn(SETTLE_SECONDS, 1));
  return {
    join: plus(dividedBy(joins.effort, joined), ofLog),
    leave: plus(dividedBy(leaves.effort, leavers.length), ofLog),
    message: dividedBy(messages.effort, MESSAGES),
    heartbeat,
    alarm,
    // The alarms of an occupied room are counted by the hour; these had one row to read.
    occupation: plus(
      plus(filled, emptying.effort),
      { ...alarm, rowsRead: alarm.rowsRead / PEOPLE },
      -filling.alarms,
    ),
    alarmsPerHour: (idle.alarms * 3_600) / IDLE_SECONDS,
    people: PEOPLE,
    problems: crowd.problems(),
  };
}

function beatsIn(seconds: number, people: number): number {
  return (seconds * people) / HEARTBEAT_SECONDS;
}

async function seen(server: Server, act: () => Promise<unknown>): Promise<Seen> {
  const span = await Span.begin(server);
  await act();
  const { fetches, calls, alarms, messages, rows, reads, cpuMs } = await span.end();
  const requests = fetches + calls + alarms;
  return { effort: { requests, messages, rowsWritten: rows, rowsRead: reads, ms: cpuMs }, alarms };
}

/** One after the other, so that each is a change by itself. */
async function join(crowd: Crowd, people: Awaited<ReturnType<typeof users>>): Promise<void> {
  for (const user of people) {
    crowd.join([user]);
    // oxlint-disable-next-line no-await-in-loop
    await crowd.opened();
  }
  await crowd.verify();
}

async function talk(crowd: Crowd): Promise<void> {
  const conversation = new Conversation(crowd, [...crowd.visitors]);
  for (let turn = 0; turn < MESSAGES; turn += 1) {
    conversation.say(turn % PEOPLE);
    // oxlint-disable-next-line no-await-in-loop
    await conversation.finished();
  }
}

async function beat(crowd: Crowd): Promise<void> {
  for (let round = 0; round < HEARTBEATS; round += 1) {
    const before = crowd.frames;
    for (const { connection } of crowd.visitors) connection.send(HEARTBEAT);
    // oxlint-disable-next-line no-await-in-loop
    await crowd.until(() => crowd.frames >= before + PEOPLE, "heartbeats were not answered");
  }
}

async function leave(crowd: Crowd, visitors: readonly Visitor[]): Promise<void> {
  for (const visitor of visitors) {
    crowd.leave([visitor]);
    // oxlint-disable-next-line no-await-in-loop
    await crowd.verify();
  }
  await delay(TOLD_MS);
}
