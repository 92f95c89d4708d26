/** Many are there: what that takes in memory, once they have come, a hundred at a time. */

import { assemble } from "../load/room.ts";
import type { Server } from "../server.ts";
import { atMostTimes, type Outcome, type Workload } from "../workload.ts";

async function memory(server: Server, n: number): Promise<Outcome> {
  const crowd = await assemble(server, n);
  const { now, peak } = server.memory;
  crowd.cut();
  return { figures: { peakMb: peak, nowMb: now }, problems: crowd.problems() };
}

export const MEMORY: Workload = {
  name: "memory",
  title: "5,000 are present",
  targets: ["ours", "bare"],
  n: 5_000,
  quickN: 300,
  runs: 3,
  goals: [
    atMostTimes(1.5, "bare", { text: "peak at most 1.5 × the bare object's", figure: "peakMb" }),
  ],
  run: memory,
};

export const MEMORY_NAMES: Workload = {
  ...MEMORY,
  name: "memory-names",
  title: "The same with all of them named (`PRESENCE_ANNOUNCE_MAX` 10000)",
  vars: { PRESENCE_ANNOUNCE_MAX: "10000" },
};
