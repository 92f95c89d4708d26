/** Heartbeats of people who came at different times: spread evenly, each client every 25 seconds. */

import { setTimeout as delay } from "node:timers/promises";
import type { Crowd } from "./crowd.ts";
import { textFrame } from "./frames.ts";

export const HEARTBEAT = textFrame('"heartbeat"');

/** As the SDK sends them by default. */
export const HEARTBEAT_SECONDS = 25;

/** For so many seconds, of each of which `onSecond` is told. Returns how many were sent. */
export async function pulse(
  crowd: Crowd,
  seconds: number,
  onSecond: () => void = () => {},
): Promise<number> {
  const visitors = [...crowd.visitors];
  const before = crowd.frames;
  const beganAt = performance.now();
  let sent = 0;
  for (let second = 1; second <= seconds; second += 1) {
    for (; sent < (second * visitors.length) / HEARTBEAT_SECONDS; sent += 1) {
      visitors[sent % visitors.length]?.connection.send(HEARTBEAT);
    }
    // oxlint-disable-next-line no-await-in-loop
    await delay(second * 1_000 - (performance.now() - beganAt));
    onSecond();
  }
  await crowd.until(() => crowd.frames >= before + sent, "heartbeats were not answered");
  if (crowd.frames !== before + sent) crowd.problem("something was heard beside the heartbeats");
  return sent;
}
