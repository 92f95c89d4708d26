/** What each thing that people do costs in requests, rows and time, read off the counters of a small room. */

import { setTimeout as delay } from "node:timers/promises";
import { Conversation } from "../load/conversation.ts";
import { textFrame } from "../load/frames.ts";
import { assemble } from "../load/room.ts";
import { Server } from "../server.ts";
import { Span, type Spent } from "../span.ts";
import type { Target } from "../targets.ts";
import type { Effort, Observed } from "./model.ts";

const PEOPLE = 50;
const MESSAGES = 50;
const IDLE_SECONDS = 180;
const HEARTBEAT_SECONDS = 25;
const HEARTBEAT = textFrame('"heartbeat"');

export async function observe(target: Target): Promise<Observed> {
  const server = await Server.start(target);
  try {
    return await observeRoom(server);
  } finally {
    await server.stop();
  }
}

async function observeRoom(server: Server): Promise<Observed> {
  const span = await Span.begin(server);
  const crowd = await assemble(server, PEOPLE);
  const joins = await span.end();
  const messages = await spent(server, async () => {
    const conversation = new Conversation(crowd, [...crowd.visitors]);
    for (let turn = 0; turn < MESSAGES; turn += 1) {
      conversation.say(turn % PEOPLE);
      // oxlint-disable-next-line no-await-in-loop
      await conversation.finished();
    }
  });
  const beat = async (rounds: number, everyMs: number) => {
    for (let round = 0; round < rounds; round += 1) {
      const before = crowd.frames;
      for (const { connection } of crowd.visitors) connection.send(HEARTBEAT);
      // oxlint-disable-next-line no-await-in-loop
      await crowd.until(() => crowd.frames >= before + PEOPLE, "heartbeats were not answered");
      // oxlint-disable-next-line no-await-in-loop
      await delay(everyMs);
    }
  };
  const heartbeats = await spent(server, () => beat(4, 0));
  const rounds = Math.round(IDLE_SECONDS / HEARTBEAT_SECONDS);
  const idle = await spent(server, () => beat(rounds, HEARTBEAT_SECONDS * 1_000));
  const leavers = [...crowd.visitors];
  const leaves = await spent(server, async () => {
    crowd.leave(leavers);
    await delay(1_000);
  });
  const heartbeat = each(heartbeats, 4 * PEOPLE);
  const { alarms } = idle;
  return {
    join: each(joins, PEOPLE),
    leave: each(leaves, PEOPLE),
    message: each(messages, MESSAGES),
    heartbeat,
    alarm: each(without(idle, heartbeat, rounds * PEOPLE), alarms),
    alarmsPerHour: (alarms * 3_600) / (rounds * HEARTBEAT_SECONDS),
    people: PEOPLE,
    problems: crowd.problems(),
  };
}

async function spent(server: Server, act: () => Promise<void>): Promise<Spent> {
  const span = await Span.begin(server);
  await act();
  return span.end();
}

function each(total: Spent, count: number): Effort {
  return {
    requests: (total.fetches + total.calls + total.alarms) / count,
    messages: total.messages / count,
    rowsWritten: total.rows / count,
    rowsRead: total.reads / count,
    ms: total.cpuMs / count,
  };
}

function without(total: Spent, effort: Effort, count: number): Spent {
  return {
    ...total,
    rows: total.rows - effort.rowsWritten * count,
    reads: total.reads - effort.rowsRead * count,
    messages: 0,
    cpuMs: Math.max(0, total.cpuMs - effort.ms * count),
  };
}
