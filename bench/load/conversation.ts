/** Messages from some of a crowd to all of it: whether each came to each, in order, and how long it took. */

import * as v from "valibot";
import type { Crowd } from "./crowd.ts";
import type { Effect } from "./effects.ts";
import { textFrame } from "./frames.ts";
import { Histogram } from "./histogram.ts";
import type { Visitor } from "./visitor.ts";

const Payload = v.object({ sender: v.number(), number: v.number() });
type Payload = v.InferOutput<typeof Payload>;

export class Conversation {
  readonly delays = new Histogram();
  firstAt = Infinity;
  lastAt = 0;
  readonly #crowd: Crowd;
  readonly #speakers: readonly Visitor[];
  /** When each message was sent, by speaker. */
  readonly #sentAt: number[][];
  /** How many messages of each speaker a visitor has heard. */
  readonly #heard = new Map<Visitor, Uint32Array>();
  readonly #payloads = new WeakMap<Effect, readonly Payload[]>();

  constructor(crowd: Crowd, speakers: readonly Visitor[]) {
    this.#crowd = crowd;
    this.#speakers = speakers;
    this.#sentAt = speakers.map(() => []);
    for (const visitor of crowd.visitors) {
      this.#heard.set(visitor, new Uint32Array(speakers.length));
    }
    crowd.onEffect = (visitor, effect) => this.#hear(visitor, effect);
  }

  /** The next message of one speaker: as many bytes as a pointer's position takes. */
  say(speaker: number): void {
    const sentAt = this.#sentAt[speaker] ?? [];
    const payload = { sender: speaker, number: sentAt.length, x: 0.123, y: 0.456 };
    sentAt.push(performance.now());
    this.#speakers[speaker]?.connection.send(
      textFrame(JSON.stringify({ type: "message", payload })),
    );
  }

  get said(): number {
    return this.#sentAt.reduce((sum, { length }) => sum + length, 0);
  }

  /** All has come to all. */
  finished(): Promise<void> {
    return this.#crowd.until(
      () => this.delays.total === this.said * this.#heard.size,
      "messages are missing",
    );
  }

  #hear(visitor: Visitor, effect: Effect): void {
    if (effect.messages.length === 0) return;
    const now = performance.now();
    const heard = this.#heard.get(visitor);
    if (!heard) return;
    this.firstAt = Math.min(this.firstAt, now);
    this.lastAt = now;
    for (const { sender, number } of this.#payloadsOf(effect)) {
      if (heard[sender] !== number) this.#crowd.problem("a message is lost, or out of order");
      heard[sender] = number + 1;
      this.delays.add(now - (this.#sentAt[sender]?.[number] ?? 0));
    }
  }

  #payloadsOf(effect: Effect): readonly Payload[] {
    const known = this.#payloads.get(effect);
    if (known) return known;
    const payloads = effect.messages.map((payload) => v.parse(Payload, payload));
    this.#payloads.set(effect, payloads);
    return payloads;
  }
}
