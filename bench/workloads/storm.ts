/** All join at once, each with its own token, until each knows all. */

import { Crowd } from "../load/crowd.ts";
import type { Server } from "../server.ts";
import { users } from "../tokens.ts";
import type { Outcome, Workload } from "../workload.ts";

async function storm(server: Server, n: number): Promise<Outcome> {
  const all = await users(n);
  const crowd = new Crowd(server);
  const cpuBefore = server.cpu;
  const beganAt = performance.now();
  crowd.join(all);
  await crowd.opened();
  const openMs = performance.now() - beganAt;
  if (server.target.name !== "bare") await crowd.completed();
  const wallMs = performance.now() - beganAt;
  await server.rest();
  const cpuMs = (server.cpu - cpuBefore) * 1_000;
  if (server.target.name !== "bare") crowd.verify();
  const { frames, bytes } = crowd;
  const figures = { openMs, wallMs, cpuMs, frames, framesPerClient: frames / n, mb: bytes / 1e6 };
  crowd.cut();
  return { figures, problems: crowd.problems() };
}

export const stormOf1000: Workload = {
  name: "storm",
  title: "All join at once, each with its own token, until each knows all (view diff).",
  targets: ["ours", "bare", "party"],
  n: 1_000,
  quickN: 100,
  runs: 5,
  goals: [
    {
      text: "server CPU at most 2.5 × the bare object's",
      limit: 2.5,
      value: (of) => of("ours", "cpuMs") / of("bare", "cpuMs"),
    },
    {
      text: "wall to convergence at most 2.5 × the bare object's time to open",
      limit: 2.5,
      value: (of) => of("ours", "wallMs") / of("bare", "openMs"),
    },
    {
      text: "at most 15,000 frames to all clients together",
      limit: 15_000,
      value: (of) => of("ours", "frames"),
    },
    {
      text: "at least 10 × less CPU than partyserver",
      limit: 10,
      isLeast: true,
      value: (of) => of("party", "cpuMs") / of("ours", "cpuMs"),
    },
  ],
  run: storm,
};
