/**
 * A thousand people open the page at once. What is counted is what arrives: that is never more than what
 * was sent, but it may arrive bunched, since the clients and both halves of the server share one machine.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { ServerFrame } from "../../src/core/protocol.ts";
import { openAs, socketUrl, tokenFor } from "../support/client.ts";
import { Server } from "../support/server.ts";

const CLIENTS = 1_000;
/** Half the default, so that the room must hold back: a flush to all buys a pause of a fifth of a second. */
const FRAMES_PER_SECOND = 5_000;
/** Nobody has to wait longer than this until everybody is known to everybody. */
const STORM_MS_MAX = 40_000;

let server: Server;
beforeAll(async () => {
  server = await Server.start({
    PRESENCE_ANNOUNCE_MAX: "2000",
    PRESENCE_ANNOUNCE_RATE: String(FRAMES_PER_SECOND),
  });
});
afterAll(() => server.stop());

/** One client that works out for itself who is here, and keeps no frame: there are too many. */
class Witness {
  /** When each frame came, in milliseconds. */
  readonly arrivals: number[] = [];
  readonly ws: WebSocket;
  /** The users that it believes to be present, by channel in view `diff`, by id in view `list`. */
  #present = new Map<string, string>();
  readonly #knows = Promise.withResolvers<void>();
  readonly #wanted: number;

  constructor(url: string, wanted: number) {
    this.#wanted = wanted;
    this.ws = new WebSocket(url);
    this.ws.on("message", (data) => this.#hear(JSON.parse(String(data))));
    this.ws.on("error", (error) => this.#knows.reject(error));
    this.ws.on("close", (code) => this.#knows.reject(new Error(`closed with ${code}`)));
  }

  /** Everybody who is wanted is present. */
  knows(): Promise<void> {
    return this.#knows.promise;
  }

  present(): string[] {
    return [...this.#present.values()].toSorted();
  }

  #hear(frame: ServerFrame): void {
    this.arrivals.push(performance.now());
    this.#apply(frame);
    if (this.#present.size >= this.#wanted) this.#knows.resolve();
  }

  #apply(frame: ServerFrame): void {
    if (frame.type === "presence") {
      this.#present = new Map(frame.payload.members.map(({ id }) => [id, id]));
    } else if (frame.type === "sync") {
      this.#present = new Map(frame.presences.map(({ channel, user }) => [channel, user?.id ?? ""]));
    } else if (frame.type === "diff") {
      for (const { channel } of frame.leaves) this.#present.delete(channel);
      for (const { channel, user } of frame.joins) this.#present.set(channel, user?.id ?? "");
    }
  }
}

/** The longest that a heartbeat took there and back, in milliseconds, until `isOver` says so. */
async function slowestBeat(isOver: () => boolean): Promise<number> {
  const pulse = await openAs(server, "pulse", "elsewhere");
  let slowest = 0;
  while (!isOver()) {
    const sentAt = performance.now();
    // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
    await pulse.beat();
    slowest = Math.max(slowest, performance.now() - sentAt);
  }
  pulse.ws.close();
  return slowest;
}

test("a thousand joins at once: all know all, for a handful of frames each", async () => {
  const ids = Array.from({ length: CLIENTS }, (_, index) => `user-${index}`);
  const tokens = await Promise.all(ids.map((id) => tokenFor(id)));
  let isOver = false;
  const pulse = slowestBeat(() => isOver);

  const beganAt = performance.now();
  const witnesses = tokens.map((token, index) => {
    const view = index % 2 === 0 ? "list" : "diff";
    return new Witness(socketUrl(server, "storm", { token, view }), CLIENTS);
  });
  await Promise.all(witnesses.map((witness) => witness.knows()));
  const seconds = (performance.now() - beganAt) / 1_000;
  isOver = true;
  const lateness = (await pulse) / 1_000;

  const everybody = ids.toSorted();
  for (const witness of witnesses) expect(witness.present()).toEqual(everybody);
  const most = Math.max(...witnesses.map(({ arrivals }) => arrivals.length));
  const arrivals = witnesses.flatMap((w) => w.arrivals).toSorted((a, b) => a - b);
  let busiest = 0; let first = 0;
  for (const [i, at] of arrivals.entries()) { while ((arrivals[first] ?? at) < at - 1000) first++; busiest = Math.max(busiest, i - first + 1); }
  console.log({ seconds, lateness, most, total: arrivals.length, busiest });
  for (const { ws } of witnesses) ws.terminate();
}, STORM_MS_MAX);
