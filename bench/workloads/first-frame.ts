/** Somebody comes to a room in which others come and go all the time: how long until they know who is there. */

import type { Figure } from "../figures.ts";
import { arrive } from "../load/newcomers.ts";
import { assemble } from "../load/room.ts";
import { filesMax } from "../process-tree.ts";
import type { Server } from "../server.ts";
import { Span } from "../span.ts";
import { users } from "../tokens.ts";
import { atMostTimes, type Outcome, type Workload } from "../workload.ts";

/** One comes and one leaves in this time: 20 changes a second. */
const EVERY_MS = 100;

const VIEWS = ["diff", "list", "count"] as const;
type View = (typeof VIEWS)[number];

const MEDIANS = { diff: "diffMs", list: "listMs", count: "countMs" } as const satisfies Record<
  View,
  Figure
>;
const HIGHEST = {
  diff: "diff99Ms",
  list: "list99Ms",
  count: "count99Ms",
} as const satisfies Record<View, Figure>;

export type FirstFrame = {
  readonly n: number;
  /** How many come in each view. */
  readonly newcomers: number;
};

export async function firstFrame(server: Server, { n, newcomers }: FirstFrame): Promise<Outcome> {
  const { target, port } = server;
  const views = viewsOf(server);
  const all = await users(n + newcomers);
  const crowd = await assemble(server, n);
  const span = await Span.begin(server);
  const figures: Partial<Record<Figure, number>> = {};
  for (const view of views) {
    // oxlint-disable-next-line no-await-in-loop
    const { handshakes, firsts, problems } = await arrive({
      port,
      newcomers: all.slice(n).map((user) => {
        return { path: target.path(crowd.room, user, `view=${view}`), user: user.id };
      }),
      everyMs: EVERY_MS,
      areGreeted: target.hasPresence,
      residents: n,
    });
    for (const problem of problems) crowd.problem(problem);
    figures.handshakeMs ??= handshakes.at(0.5);
    figures.handshake99Ms ??= handshakes.at(0.99);
    if (!target.hasPresence) continue;
    figures[MEDIANS[view]] = firsts.at(0.5);
    figures[HIGHEST[view]] = firsts.at(0.99);
    // oxlint-disable-next-line no-await-in-loop
    await crowd.verify();
  }
  const spent = await span.end();
  crowd.cut();
  const cpuMsPerChange = spent.cpuMs / (2 * newcomers * views.length);
  return { figures: { ...figures, cpuMsPerChange }, problems: crowd.problems() };
}

/** Only ours knows views: partyserver's list is one of ids, the bare object has none. */
function viewsOf({ target }: Server): readonly View[] {
  return target.name === "ours" ? VIEWS : ["list"];
}

/** The runtime opens each socket twice, and needs some more. */
const SOCKETS_MAX = Math.floor((filesMax() - 1_000) / 2);

function workload(wanted: number, targets: Workload["targets"]): Workload {
  const n = Math.min(wanted, SOCKETS_MAX);
  const few = n.toLocaleString("en-US");
  return {
    name: `first-frame-${wanted}`,
    title: `A room of ${few}, all of them named, with 20 changes a second: what a newcomer waits for its first frame`,
    targets,
    n,
    quickN: Math.ceil(n / 50),
    runs: 5,
    // They are more than a room takes by default, and nobody expires while so many gather.
    vars: {
      PRESENCE_ANNOUNCE_MAX: "20000",
      PRESENCE_ROOM_MAX: "20000",
      PRESENCE_MAX_AGE: "3600",
    },
    goals: [goal("diff"), goal("list"), goal("count")],
    run: (server, residents, isQuick) =>
      firstFrame(server, { n: residents, newcomers: isQuick ? 10 : 100 }),
  };
}

function goal(view: View) {
  const [limit, perThousand] = view === "count" ? [1.3, 0] : [1.5, 1];
  const names = perThousand > 0 ? ", and 1 ms for each 1,000 names" : "";
  return atMostTimes(limit, "bare", {
    text: `view \`${view}\`: 99th percentile at most ${limit} × the bare object's handshake${names}`,
    figure: HIGHEST[view],
    than: "handshake99Ms",
    perThousand,
  });
}

/** With more, partyserver takes minutes until all are there. */
export const FIRST_FRAME: readonly Workload[] = [
  workload(100, ["ours", "bare", "party"]),
  workload(1_000, ["ours", "bare", "party"]),
  workload(5_000, ["ours", "bare"]),
  workload(10_000, ["ours", "bare"]),
];
