/** Many join, each with its own token, until each knows all: all at once, or 64 at a time, as a crowd looks. */

import { Crowd } from "../load/crowd.ts";
import type { Server } from "../server.ts";
import { Span } from "../span.ts";
import { users } from "../tokens.ts";
import {
  atMost,
  atMostTimes,
  type Goal,
  type Outcome,
  timesLess,
  type Workload,
} from "../workload.ts";

export type Storm = {
  readonly n: number;
  readonly query?: string;
  /** How many wait for their first frame at any time; all of them unless it is said. */
  readonly atOnce?: number;
};

export async function storm(
  server: Server,
  { n, query = "view=diff", atOnce = n }: Storm,
): Promise<Outcome> {
  const all = await users(n);
  const crowd = new Crowd(server, { query });
  const { hasPresence } = server.target;
  const span = await Span.begin(server);
  await crowd.joinInTurn(all, atOnce);
  const greetedMs = span.ms;
  const openMs = crowd.openedAt - span.beganAt;
  if (hasPresence) await crowd.completed();
  const wallMs = span.ms;
  const spent = await span.end();
  if (hasPresence) await crowd.verify();
  const { frames, bytes } = crowd;
  if (frames !== spent.sent) crowd.problem("not all frames that were sent have come");
  crowd.cut();
  const traffic = { frames, framesPerClient: frames / n, mb: bytes / 1e6 };
  return {
    figures: { openMs, greetedMs, wallMs, ...spent, ...traffic },
    problems: crowd.problems(),
  };
}

const AT_ONCE = 64;

const LESS_THAN_PARTY = timesLess(10, "party", {
  text: "at least 10 × less CPU than partyserver",
  figure: "cpuMs",
});

function cpuGoal(limit: number): Goal {
  const text = `server CPU at most ${limit} × the bare object's`;
  return atMostTimes(limit, "bare", { text, figure: "cpuMs" });
}

function wallGoal(limit: number): Goal {
  const text = `wall to convergence at most ${limit} × the bare object's time to open`;
  return atMostTimes(limit, "bare", { text, figure: "wallMs", than: "openMs" });
}

function greetedGoal(limit: number): Goal {
  const text = `all have their first frame in at most ${limit} × the bare object's time to open`;
  return atMostTimes(limit, "bare", { text, figure: "greetedMs", than: "openMs" });
}

function framesGoal(limit: number): Goal {
  const text = `at most ${limit.toLocaleString("en-US")} frames to all clients together`;
  return atMost(limit, { text, figure: "frames" });
}

export const STORM: Workload = {
  name: "storm",
  title: "All join at once, each with its own token, until each knows all; view `diff`",
  targets: ["ours", "bare", "party"],
  n: 1_000,
  quickN: 100,
  runs: 5,
  goals: [cpuGoal(2.3), wallGoal(2), framesGoal(15_000), LESS_THAN_PARTY],
  run: (server, n) => storm(server, { n }),
};

export const STORM_LIST: Workload = {
  ...STORM,
  name: "storm-list",
  title: "The same in view `list`, in which each change tells the whole list",
  goals: [cpuGoal(2.5), wallGoal(2.5), framesGoal(15_000), LESS_THAN_PARTY],
  run: (server, n) => storm(server, { n, query: "view=list" }),
};

export const STORM_64: Workload = {
  ...STORM,
  name: "storm-64",
  title: "64 join at a time: each waits for its first frame before the next one starts",
  goals: [greetedGoal(1.8), cpuGoal(2.5), framesGoal(8_000)],
  run: (server, n) => storm(server, { n, atOnce: AT_ONCE }),
};

export const STORM_64_3000: Workload = {
  ...STORM_64,
  name: "storm-64-3000",
  title: "The same with 3,000, in a room that counts above 1,000",
  targets: ["ours", "bare"],
  n: 3_000,
  quickN: 200,
  goals: [
    greetedGoal(3),
    cpuGoal(4),
    atMost(400, { text: "at most 400 MB of frames", figure: "mb" }),
  ],
};

export const STORM_5000: Workload = {
  name: "storm-5000",
  title: "All at once, 5,000, all of them named (`PRESENCE_ANNOUNCE_MAX` 10000); view `diff`",
  targets: ["ours"],
  n: 5_000,
  quickN: 400,
  runs: 3,
  vars: { PRESENCE_ANNOUNCE_MAX: "10000" },
  goals: [
    atMost(40, {
      text: "completes, right, with at most 40 frames a client on average",
      figure: "framesPerClient",
    }),
  ],
  run: (server, n) => storm(server, { n }),
};
