/** The runtime is killed with everybody connected and started on the same storage; all come back at once. */

import { setTimeout as delay } from "node:timers/promises";
import { Crowd } from "../load/crowd.ts";
import { assemble } from "../load/room.ts";
import type { Server } from "../server.ts";
import { Span } from "../span.ts";
import { atMost, atMostTimes, type Outcome, type Workload } from "../workload.ts";

/** The default grace and what an alarm may be late: after that, nobody will be taken for lost any more. */
const GRACE_MS = 13_000;

async function restart(server: Server, n: number): Promise<Outcome> {
  const before = await assemble(server, n);
  const known = server.target.name === "ours";
  if (known) await before.verify();
  const leavers = [...before.visitors];
  before.visitors.clear();
  await server.kill();
  await server.start();

  const crowd = new Crowd(server);
  let heard = 0;
  crowd.onEffect = (_, { isWhole, joins, leaves }) => {
    if (!isWhole) heard += joins.length + leaves.length;
  };
  const span = await Span.begin(server);
  for (const { user, key, resume } of leavers) {
    crowd.join([user], `&channel=${encodeURIComponent(key)}&resume=${encodeURIComponent(resume)}`);
  }
  await crowd.opened();
  const openMs = span.ms;
  if (known) await crowd.completed();
  const wallMs = span.ms;
  const spent = await span.end();
  if (known) {
    await delay(GRACE_MS);
    await crowd.verify();
    if ([...crowd.visitors].some(({ key }, index) => key !== leavers[index]?.key)) {
      crowd.problem("somebody did not get their channel back");
    }
  }
  crowd.cut();
  const problems = [...before.problems(), ...crowd.problems()];
  return { figures: { openMs, wallMs, ...spent, heard }, problems };
}

export const RESTART: Workload = {
  name: "restart",
  title: "Everybody is present, the server is killed with SIGKILL and started, all resume at once",
  targets: ["ours", "bare"],
  n: 1_000,
  quickN: 100,
  runs: 3,
  goals: [
    atMost(0, { text: "nobody hears of anything, not within the grace either", figure: "heard" }),
    atMostTimes(3, "bare", {
      text: "CPU at most 3 × the bare object's opening",
      figure: "cpuMs",
    }),
  ],
  run: restart,
};
