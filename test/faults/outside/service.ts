/** The service of a run, its callers and bots, and the model beside. The clock is the real one, and so are the kills. */

import { tokenFor } from "../../support/client.ts";
import { Receiver } from "../../support/receiver.ts";
import { Server } from "../../support/server.ts";
import { ANNOUNCE_MAX } from "../expectation.ts";
import { Mirror } from "../mirror.ts";
import { Model } from "../model.ts";
import type { Random } from "../random.ts";
import type { Tally } from "../tally.ts";
import type { Said, Witness } from "../witness.ts";
import { Caller } from "./caller.ts";
import { failing } from "./failing.ts";

export const MAX_AGE_MS = 12_000;
export const GRACE_MS = 6_000;
/** So that callers are told what they missed, mostly, and logs have run out soon after the last of them. */
const HISTORY_SECONDS = 20;
/** A deadline that is nearer than this may have passed or not. */
const UNSURE_MS = 2_000;

type Sent = {
  readonly room: string;
  readonly said: Said;
  readonly audience: readonly (readonly [Caller, Witness | null])[];
};

export class Service implements AsyncDisposable {
  readonly random: Random;
  readonly tally: Tally;
  readonly server: Server;
  readonly receiver: Receiver;
  /** What webhooks alone have told of the rooms. */
  readonly mirror = new Mirror();
  readonly names = ["north", "south", "east"] as const;
  readonly bots = ["bot-1", "bot-2"] as const;
  readonly model: Model;
  readonly callers: readonly Caller[];
  /** When the runtime began to answer, this time. */
  startedAt = Date.now();
  #sent: Sent[] = [];
  readonly #numbers = new Map<string, number>();

  private constructor(random: Random, tally: Tally, server: Server, receiver: Receiver) {
    this.random = random;
    this.tally = tally;
    this.server = server;
    this.receiver = receiver;
    this.model = new Model(this.names, { maxAgeMs: MAX_AGE_MS, graceMs: GRACE_MS });
    this.callers = Caller.crowd(this.names);
    for (const room of this.names) receiver.of(room).answers = [failing(this)];
  }

  static async start(random: Random, tally: Tally): Promise<Service> {
    const receiver = await Receiver.start();
    const server = await Server.start({
      ...receiver.vars,
      PRESENCE_WEBHOOK_EVENTS: "*",
      PRESENCE_MAX_AGE: String(MAX_AGE_MS / 1_000),
      PRESENCE_GRACE: String(GRACE_MS / 1_000),
      PRESENCE_ANNOUNCE_MAX: String(ANNOUNCE_MAX),
      PRESENCE_HISTORY: String(HISTORY_SECONDS),
      PRESENCE_FRAME_RATE: "1000",
    });
    return new Service(random, tally, server, receiver);
  }

  connected(room?: string): Caller[] {
    return this.callers.filter(
      ({ client, isDeaf, home }) =>
        client !== null && !isDeaf && (room === undefined || home === room),
    );
  }

  get channels(): string[] {
    const present = this.connected().flatMap(({ channel, isWatching }) =>
      channel === null || isWatching ? [] : [channel],
    );
    return [...present, ...this.bots];
  }

  audienceOf(room: string): Caller[] {
    return this.connected().filter(
      ({ channel, home, isWatching }) =>
        home === room || (!isWatching && channel !== null && this.model.at(room, channel)),
    );
  }

  /** Whether a presence that was left at that time may have been given up by now. */
  mayBeGone(leftAt: number, patienceMs: number): boolean {
    return Date.now() - leftAt > patienceMs - UNSURE_MS;
  }

  say(room: string, by: string): Said {
    const number = (this.#numbers.get(`${room} ${by}`) ?? 0) + 1;
    this.#numbers.set(`${room} ${by}`, number);
    return { by, number };
  }

  sentTo(room: string, said: Said, callers: readonly Caller[]): void {
    const audience = callers.map((caller) => [caller, caller.witness] as const);
    this.#sent.push({ room, said, audience });
  }

  /** Throws for a message that somebody should have heard. Once all have come, they are forgotten. */
  checkHeard(): void {
    for (const { room, said, audience } of this.#sent) {
      for (const [caller, witness] of audience) {
        if (witness === null || caller.witness !== witness || caller.isDeaf) continue;
        witness.read();
        if (!witness.hasHeard(room, said))
          throw new Error(`${caller.name} did not hear ${JSON.stringify(said)} in ${room}`);
      }
    }
    this.#sent = [];
  }

  /** A call of the HTTP API. The answer's body, or `null` where there is none. */
  async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const token = await tokenFor("server", { can: ["admin"] });
    const response = await fetch(this.server.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok && response.status !== 404)
      throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" || response.status === 404 ? null : JSON.parse(text);
  }

  /** The runtime is killed with everything in it, and started again on what was on disk. */
  async kill(): Promise<void> {
    await this.server.kill();
    for (const caller of this.callers) caller.dismissed();
    for (const room of this.names) this.model.restart(room);
    this.#sent = [];
    await Promise.all(this.callers.map((caller) => caller.clear()));
    await this.server.start();
    this.startedAt = Date.now();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const caller of this.callers) caller.dismissed();
    await Promise.all(this.callers.map((caller) => caller.clear()));
    await this.server.stop();
    await this.receiver.stop();
  }
}
