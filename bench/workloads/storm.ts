/** All join at once, each with its own token, until each knows all. */

import { Crowd } from "../load/crowd.ts";
import type { Server } from "../server.ts";
import { Span } from "../span.ts";
import { users } from "../tokens.ts";
import { atMost, atMostTimes, type Outcome, timesLess, type Workload } from "../workload.ts";

export async function storm(server: Server, n: number, query?: string): Promise<Outcome> {
  const all = await users(n);
  const crowd = new Crowd(server, query === undefined ? {} : { query });
  const knowsAnything = server.target.name !== "bare";
  const span = await Span.begin(server);
  crowd.join(all);
  await crowd.opened();
  const openMs = span.ms;
  if (knowsAnything) await crowd.completed();
  const wallMs = span.ms;
  const spent = await span.end();
  if (knowsAnything) await crowd.verify();
  const { frames, bytes } = crowd;
  if (frames !== spent.sent) crowd.problem("not all frames that were sent have come");
  crowd.cut();
  const traffic = { frames, framesPerClient: frames / n, mb: bytes / 1e6 };
  return { figures: { openMs, wallMs, ...spent, ...traffic }, problems: crowd.problems() };
}

const GOALS = [
  atMostTimes(2.5, "bare", {
    text: "server CPU at most 2.5 × the bare object's",
    figure: "cpuMs",
  }),
  atMostTimes(2.5, "bare", {
    text: "wall to convergence at most 2.5 × the bare object's time to open",
    figure: "wallMs",
    than: "openMs",
  }),
  atMost(15_000, { text: "at most 15,000 frames to all clients together", figure: "frames" }),
  timesLess(10, "party", {
    text: "at least 10 × less CPU than partyserver",
    figure: "cpuMs",
  }),
];

export const STORM: Workload = {
  name: "storm",
  title: "All join at once, each with its own token, until each knows all; view `diff`",
  targets: ["ours", "bare", "party"],
  n: 1_000,
  quickN: 100,
  runs: 5,
  goals: GOALS,
  run: (server, n) => storm(server, n),
};

export const STORM_LIST: Workload = {
  ...STORM,
  name: "storm-list",
  title: "The same in view `list`, in which each change tells the whole list",
  run: (server, n) => storm(server, n, "view=list"),
};

export const STORM_5000: Workload = {
  name: "storm-5000",
  title: "The same with 5,000, all of them named (`PRESENCE_ANNOUNCE_MAX` 10000); view `diff`",
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
  run: (server, n) => storm(server, n),
};
