/**
 * A CPU profile of the Worker's JavaScript, through the runtime's inspector: for who wants to know where the
 * time goes, not for figures, since taking one costs time too.
 */

import { once } from "node:events";
import * as v from "valibot";

const SAMPLE_MICROSECONDS = 200;
/** Between two samples that are further apart, nothing of the Worker's was running. */
const GAP_MICROSECONDS_MAX = 2_000;
const FUNCTIONS_SHOWN = 30;

const Profile = v.looseObject({
  nodes: v.array(
    v.looseObject({
      id: v.number(),
      children: v.optional(v.array(v.number())),
      callFrame: v.looseObject({
        functionName: v.string(),
        url: v.string(),
        lineNumber: v.number(),
      }),
    }),
  ),
  samples: v.array(v.number()),
  timeDeltas: v.array(v.number()),
});
export type Profile = v.InferOutput<typeof Profile>;

/** The runtime answers with the question, and a result where there is one. */
const Answer = v.object({
  id: v.number(),
  result: v.optional(v.object({ profile: v.optional(Profile) })),
});

export class Profiler {
  readonly #socket: WebSocket;
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  static async start(port: number): Promise<Profiler> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/worker`);
    await once(socket, "open");
    const profiler = new Profiler(socket);
    await profiler.#ask("Profiler.enable");
    await profiler.#ask("Profiler.setSamplingInterval", { interval: SAMPLE_MICROSECONDS });
    await profiler.#ask("Profiler.start");
    return profiler;
  }

  async stop(): Promise<Profile> {
    const profile = await this.#ask("Profiler.stop");
    this.#socket.close();
    if (!profile) throw new Error("the inspector has no profile");
    return profile;
  }

  async #ask(method: string, params: object = {}): Promise<Profile | undefined> {
    this.#asked += 1;
    const id = this.#asked;
    const { promise, resolve } = Promise.withResolvers<Profile | undefined>();
    const hear = ({ data }: MessageEvent) => {
      const answer = v.safeParse(Answer, JSON.parse(String(data)));
      if (answer.success && answer.output.id === id) resolve(answer.output.result?.profile);
    };
    this.#socket.addEventListener("message", hear);
    this.#socket.send(JSON.stringify({ id, method, params }));
    const profile = await promise;
    this.#socket.removeEventListener("message", hear);
    return profile;
  }
}

/** The functions with most time of their own, and those with most together with all that they call. */
export function hottest(profile: Profile): string[] {
  const self = ownTimes(profile);
  const [own, total] = [new Map<string, number>(), new Map<string, number>()];
  const names = new Map(profile.nodes.map((node) => [node.id, nameOf(node)] as const));
  const callers = callersOf(profile);
  for (const [id, ms] of self) {
    add(own, names.get(id) ?? "?", ms);
    // Each once, however deep it calls itself.
    const stack = new Set<string>();
    for (let at: number | undefined = id; at !== undefined; at = callers.get(at)) {
      stack.add(names.get(at) ?? "?");
    }
    for (const name of stack) add(total, name, ms);
  }
  total.delete(ROOT);
  return [
    "   most time of their own:",
    ...ranking(own),
    "   with all that they call:",
    ...ranking(total),
  ];
}

const ROOT = "(root)";

/** Milliseconds of each node's own. */
function ownTimes({ samples, timeDeltas }: Profile): Map<number, number> {
  const times = new Map<number, number>();
  for (const [index, id] of samples.entries()) {
    add(times, id, Math.min(timeDeltas[index] ?? 0, GAP_MICROSECONDS_MAX) / 1_000);
  }
  return times;
}

function callersOf({ nodes }: Profile): Map<number, number> {
  const pairs = nodes.flatMap(({ id, children = [] }) =>
    children.map((child) => [child, id] as const),
  );
  return new Map(pairs);
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: Profile["nodes"][number]) {
  const place = url === "" ? "" : ` (${url.split("/").at(-1)}:${lineNumber + 1})`;
  return `${functionName || "anonymous"}${place}`;
}

function add<Key>(times: Map<Key, number>, key: Key, ms: number): void {
  times.set(key, (times.get(key) ?? 0) + ms);
}

function ranking(times: ReadonlyMap<string, number>): string[] {
  return Array.from(times)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, FUNCTIONS_SHOWN)
    .map(([name, ms]) => `${ms.toFixed(1).padStart(9)} ms  ${name}`);
}
