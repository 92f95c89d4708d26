/**
 * A thousand people open the page at once, and then fifty of them never stop changing their state. What is
 * counted is what arrives. It may arrive bunched, since the clients and both halves of the server share one
 * machine; so a heartbeat goes round all the time, and what it takes at most is the allowance for that.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { ServerFrame } from "../../src/core/protocol.ts";
import { openAs, socketUrl, textOf, tokenFor } from "../support/client.ts";
import { Server } from "../support/server.ts";

const CLIENTS = 1_000;
/** A tenth of the default, so that the room must hold back: what all hear buys a second of silence. */
const ANNOUNCE_RATE = 1_000;
const ids = Array.from({ length: CLIENTS }, (_, index) => `user-${index}`);

/** Frames a second to one client; the few on top are the first ones. */
const CLIENT_RATE = 30;
const FIRST_FRAMES = 5;

/** The second storm: so many clients change their state so often, together for 3 s. */
const CHANGERS = 50;
const CHANGES = 30;
const CHANGE_EVERY_MS = 100;

let server: Server;
let witnesses: readonly Witness[];
let joining: Storm;

beforeAll(async () => {
  server = await Server.start({
    PRESENCE_ANNOUNCE_MAX: "2000",
    PRESENCE_ANNOUNCE_RATE: String(ANNOUNCE_RATE),
  });
  const tokens = await Promise.all(ids.map((id) => tokenFor(id)));
  joining = await measured(async () => {
    witnesses = tokens.map((token, index) => new Witness(token, index % 2 === 0 ? "list" : "diff"));
    await Promise.all(witnesses.map((witness) => witness.knowsAll()));
  });
});

afterAll(async () => {
  for (const { ws } of witnesses) ws.terminate();
  await server.stop();
});

/** One client that works out for itself who is here, and keeps no frame: there are too many. */
class Witness {
  /** When each frame came, in milliseconds. */
  arrivals: number[] = [];
  readonly view: "list" | "diff";
  readonly ws: WebSocket;
  /** The users that it believes to be present, by channel in view `diff`, by id in view `list`. */
  #present = new Map<string, string>();
  #finished = 0;
  readonly #knowsAll = Promise.withResolvers<void>();
  readonly #sawEnd = Promise.withResolvers<void>();

  constructor(token: string, view: "list" | "diff") {
    this.view = view;
    this.ws = new WebSocket(socketUrl(server, "storm", { token, view }));
    this.ws.on("message", (data) => this.#hear(JSON.parse(textOf(data))));
    this.ws.on("error", (error) => this.#knowsAll.reject(error));
    this.ws.on("close", (code) => this.#knowsAll.reject(new Error(`closed with ${code}`)));
  }

  /** Settles when everybody is present. */
  knowsAll(): Promise<void> {
    return this.#knowsAll.promise;
  }

  /** Settles when every changer has made its last change. */
  sawEnd(): Promise<void> {
    return this.#sawEnd.promise;
  }

  present(): string[] {
    return [...this.#present.values()].toSorted();
  }

  #hear(frame: ServerFrame): void {
    this.arrivals.push(performance.now());
    if (frame.type === "presence") {
      this.#present = new Map(frame.payload.members.map(({ id }) => [id, id]));
    } else if (frame.type === "sync") {
      this.#present = new Map(frame.presences.map((p) => [p.channel, p.user?.id ?? ""]));
    } else if (frame.type === "diff") {
      for (const { channel } of frame.leaves) this.#present.delete(channel);
      for (const { channel, user } of frame.joins) this.#present.set(channel, user?.id ?? "");
      this.#finished += frame.updates.filter(({ state }) => state === CHANGES).length;
    }
    if (this.#present.size >= CLIENTS) this.#knowsAll.resolve();
    if (this.#finished >= CHANGERS) this.#sawEnd.resolve();
  }
}

/** How long a storm took, and the longest that a heartbeat was on its way meanwhile. Both in seconds. */
type Storm = { readonly seconds: number; readonly late: number };

async function measured(storm: () => Promise<void>): Promise<Storm> {
  const pulse = await openAs(server, "pulse", "elsewhere");
  const storming = { isOver: false };
  const beats = (async () => {
    let slowest = 0;
    while (!storming.isOver) {
      const sentAt = performance.now();
      // One after the other is the point.
      // oxlint-disable-next-line no-await-in-loop
      await pulse.beat();
      slowest = Math.max(slowest, performance.now() - sentAt);
    }
    return slowest / 1_000;
  })();
  const beganAt = performance.now();
  await storm();
  const seconds = (performance.now() - beganAt) / 1_000;
  storming.isOver = true;
  const late = await beats;
  pulse.ws.close();
  return { seconds, late };
}

/** The most frames that came to all together within any second. */
function busiestSecond(some: readonly Witness[]): number {
  const arrivals = some.flatMap(({ arrivals: own }) => own).toSorted((a, b) => a - b);
  let first = 0;
  let most = 0;
  for (const [index, at] of arrivals.entries()) {
    while ((arrivals[first] ?? at) <= at - 1_000) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}

/**
 * What may arrive within a second was sent within that second or `late` seconds before it: the room's rate
 * for that long, and one batch on top, since a batch goes out whole and is paid for afterwards.
 */
function secondMax(late: number, batch: number): number {
  return ANNOUNCE_RATE * (1 + late) + batch;
}

function mostOfOne(some: readonly Witness[]): number {
  return Math.max(...some.map(({ arrivals }) => arrivals.length));
}

test("a thousand joins at once: all know all, for a handful of frames each", () => {
  const everybody = ids.toSorted();
  for (const witness of witnesses) expect(witness.present()).toEqual(everybody);
  expect(mostOfOne(witnesses)).toBeLessThanOrEqual(FIRST_FRAMES + CLIENT_RATE * joining.seconds);
  // A batch: a frame to everybody, and a welcome to each newcomer.
  const batch = 2 * CLIENTS;
  expect(busiestSecond(witnesses)).toBeLessThanOrEqual(secondMax(joining.late, batch));
});

test("changes that never stop are gathered to keep the rate of the room", async () => {
  for (const witness of witnesses) witness.arrivals = [];
  const [differs, listers] = [inView("diff"), inView("list")];
  const changing = await measured(async () => {
    change(differs.slice(0, CHANGERS));
    await Promise.all(differs.map((witness) => witness.sawEnd()));
  });
  expect(mostOfOne(differs)).toBeLessThanOrEqual(1 + CLIENT_RATE * changing.seconds);
  expect(busiestSecond(differs)).toBeLessThanOrEqual(secondMax(changing.late, differs.length));
  // Who shows the list is not told of states.
  expect(mostOfOne(listers)).toBe(0);
});

function inView(view: Witness["view"]): Witness[] {
  return witnesses.filter((witness) => witness.view === view);
}

/** Has the clients change their states over and over, up to the last one, which is the number CHANGES. */
function change(changers: readonly Witness[]): void {
  let state = 0;
  const timer = setInterval(() => {
    state += 1;
    for (const { ws } of changers) ws.send(JSON.stringify({ type: "state", state }));
    if (state === CHANGES) clearInterval(timer);
  }, CHANGE_EVERY_MS);
}
