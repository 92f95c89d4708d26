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

/** The functions with most time of their own, in milliseconds. */
export function hottest({ nodes, samples, timeDeltas }: Profile): string[] {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url === "" ? "" : ` (${url.split("/").at(-1)}:${lineNumber + 1})`;
      return [id, `${functionName || "anonymous"}${place}`] as const;
    }),
  );
  const times = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? "?";
    times.set(
      name,
      (times.get(name) ?? 0) + Math.min(timeDeltas[index] ?? 0, GAP_MICROSECONDS_MAX) / 1_000,
    );
  }
  return Array.from(times)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, FUNCTIONS_SHOWN)
    .map(([name, ms]) => `${ms.toFixed(1).padStart(9)} ms  ${name}`);
}
