/**
 * People who come to a room that has others, one after the other, and leave again as soon as they know who is
 * there. They are in a thread of their own, so that they do not wait behind what the others are told.
 */

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import * as v from "valibot";
import { Histogram } from "./histogram.ts";

export type Arrivals = {
  readonly port: number;
  /** The address of each newcomer's socket, and the user that the first frame has to name. */
  readonly newcomers: readonly { readonly path: string; readonly user: string }[];
  /** One comes every so many milliseconds, and one leaves half-way between. */
  readonly everyMs: number;
  /** Whether they are told who is there; else they have come when their socket is open. */
  readonly areGreeted: boolean;
  /** How many are there besides newcomers. */
  readonly residents: number;
};

/** Milliseconds from a newcomer's request: to its answer, and to the first frame that says who is there. */
export const Arrived = v.object({
  waits: v.array(v.object({ handshakeMs: v.number(), firstMs: v.nullable(v.number()) })),
  problems: v.array(v.string()),
});
export type Arrived = v.InferOutput<typeof Arrived>;

export type Waits = {
  readonly handshakes: Histogram;
  readonly firsts: Histogram;
  readonly problems: readonly string[];
};

/** All of them come and go; settles when the last has left. */
export async function arrive(arrivals: Arrivals): Promise<Waits> {
  const file = new URL("./newcomers-thread.ts", import.meta.url);
  const thread = new Worker(file, { workerData: arrivals });
  const [message]: unknown[] = await once(thread, "message");
  await thread.terminate();
  const { waits, problems } = v.parse(Arrived, message);
  const [handshakes, firsts] = [new Histogram(), new Histogram()];
  for (const { handshakeMs, firstMs } of waits) {
    handshakes.add(handshakeMs);
    if (firstMs !== null) firsts.add(firstMs);
  }
  return { handshakes, firsts, problems };
}
