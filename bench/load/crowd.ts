/** Many clients of one room, what each of them knows, and whether it is the truth. */

import { setTimeout as delay } from "node:timers/promises";
import type { Server } from "../server.ts";
import type { User } from "../tokens.ts";
import { hash, type Effect } from "./effects.ts";
import { Texts } from "./texts.ts";
import { Visitor, type VisitorListener } from "./visitor.ts";

/** Nothing that is measured takes so long; what does, has failed. */
const WAIT_MS_MAX = 180_000;
const VERIFY_MS_MAX = 30_000;
const LOOK_AGAIN_MS = 10;

export type CrowdOptions = {
  readonly room?: string;
  /** The query of ours: the view, mostly. */
  readonly query?: string;
  /** Is told of what each visitor hears, as it arrives. */
  readonly onEffect?: (visitor: Visitor, effect: Effect) => void;
};

export class Crowd {
  readonly visitors = new Set<Visitor>();
  readonly room: string;
  /** Frames and bytes to all together, to those who have left too. */
  frames = 0;
  bytes = 0;
  /** When the last of the sockets opened, by `performance.now()`. */
  openedAt = 0;
  onEffect: (visitor: Visitor, effect: Effect) => void;
  /** Is told of each visitor whose socket has opened. */
  onOpen: (visitor: Visitor) => void = () => {};
  readonly #server: Server;
  readonly #query: string;
  readonly #texts = new Texts();
  readonly #listener: VisitorListener;
  readonly #open = new Set<Visitor>();
  /** Who has been told who is there, or how many; where nobody ever is, whose socket is open. */
  readonly #greeted = new Set<Visitor>();
  /** Who knows of as many as there are. */
  readonly #complete = new Set<Visitor>();
  readonly #problems = new Set<string>();
  #onGreeting: () => void = () => {};
  #check: () => void = () => {};

  constructor(
    server: Server,
    { room = "room", query = "view=diff", onEffect = () => {} }: CrowdOptions = {},
  ) {
    this.#server = server;
    this.room = room;
    this.#query = query;
    this.onEffect = onEffect;
    this.#listener = {
      opened: (visitor) => this.#opened(visitor),
      heard: (visitor, effect, bytes) => this.#heard(visitor, effect, bytes),
      ended: (visitor, code) => this.#ended(visitor, code),
    };
  }

  /** Connects all of them at once; `more` is added to the address of ours. */
  join(users: readonly User[], more = ""): Visitor[] {
    return users.map((user) => {
      const { port, target } = this.#server;
      const path = target.path(this.room, user, `${this.#query}${more}`);
      const [texts, listener] = [this.#texts, this.#listener];
      const visitor = new Visitor(user, { port, path, texts, listener });
      this.visitors.add(visitor);
      return visitor;
    });
  }

  /** Connects all of them, so many at a time: whoever is greeted makes room for the next. */
  async joinInTurn(users: readonly User[], atOnce: number): Promise<void> {
    let begun = Math.min(atOnce, users.length);
    this.#onGreeting = () => {
      this.join(users.slice(begun, begun + 1));
      begun += 1;
    };
    this.join(users.slice(0, begun));
    await this.greeted();
    this.#onGreeting = () => {};
  }

  /** Says goodbye for some, whose end is no problem then. */
  leave(visitors: readonly Visitor[]): void {
    for (const visitor of visitors) {
      this.#remove(visitor);
      visitor.leave();
    }
  }

  /** Ends all connections without a word. */
  cut(): void {
    for (const visitor of this.visitors) visitor.cut();
    this.visitors.clear();
  }

  /** All sockets are open. */
  opened(): Promise<void> {
    return this.until(() => this.#open.size === this.visitors.size, "not all sockets opened");
  }

  /** Every visitor has had its first list, or number; with the bare object, which sends none, its socket is open. */
  greeted(): Promise<void> {
    return this.until(() => this.#greeted.size === this.visitors.size, "not all were greeted");
  }

  /** Every visitor knows of as many as there are; `verify` tells whether it is of the right ones. */
  completed(): Promise<void> {
    // Who knew all before others came does not now.
    for (const visitor of this.visitors) this.#judge(visitor);
    return this.until(() => this.#complete.size === this.visitors.size, "not all know all");
  }

  /** What went wrong: nothing, in a clean run. */
  problems(): string[] {
    return [...this.#problems];
  }

  /**
   * Compares what each visitor knows with who is there, again until it is the same, or for too long. Not for
   * measuring how long it takes.
   */
  async verify(): Promise<void> {
    const deadline = performance.now() + VERIFY_MS_MAX;
    // oxlint-disable-next-line no-await-in-loop
    while (!this.#isRight() && performance.now() < deadline) await delay(LOOK_AGAIN_MS);
    if (!this.#isRight()) {
      const counts = [...new Set(Array.from(this.visitors, ({ count }) => count))].join(", ");
      this.problem(`lists of ${counts} are not those of the ${this.visitors.size} who are there`);
    }
    const users = new Map(Array.from(this.visitors, ({ key, user }) => [key, user.id] as const));
    for (const { key, user } of this.#texts.someones()) {
      if (users.has(key) && users.get(key) !== user) this.problem(`${key} is not ${user}`);
    }
  }

  problem(text: string): void {
    this.#problems.add(text);
    this.#check();
  }

  /** Looks whenever something is heard; what takes too long is a problem, and so the end of waiting. */
  async until(isTrue: () => boolean, otherwise: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.problem(otherwise);
      resolve();
    }, WAIT_MS_MAX);
    this.#check = () => {
      if (isTrue() || this.#problems.size > 0) resolve();
    };
    this.#check();
    await promise;
    this.#check = () => {};
    clearTimeout(timer);
  }

  #isRight(): boolean {
    const keys = new Set(Array.from(this.visitors, ({ key }) => key));
    let sum = 0;
    for (const key of keys) sum = (sum + hash(key)) | 0;
    return (
      keys.size === this.visitors.size &&
      [...this.visitors].every(
        (visitor) => visitor.count === keys.size && (visitor.sum === sum || !visitor.knowsNames),
      )
    );
  }

  #opened(visitor: Visitor): void {
    if (!this.visitors.has(visitor)) return;
    this.#open.add(visitor);
    this.openedAt = performance.now();
    if (!this.#server.target.hasPresence) this.#greet(visitor);
    this.onOpen(visitor);
    this.#check();
  }

  #heard(visitor: Visitor, effect: Effect, bytes: number): void {
    this.frames += 1;
    this.bytes += bytes;
    // Whoever has left may hear a last word, but counts no more.
    if (!this.visitors.has(visitor)) return;
    if (effect.isWhole || effect.counted !== null) this.#greet(visitor);
    this.#judge(visitor);
    if (effect.problem !== null) this.problem(effect.problem);
    this.onEffect(visitor, effect);
    this.#check();
  }

  #greet(visitor: Visitor): void {
    if (this.#greeted.has(visitor)) return;
    this.#greeted.add(visitor);
    this.#onGreeting();
  }

  #judge(visitor: Visitor): void {
    if (visitor.count === this.visitors.size) this.#complete.add(visitor);
    else this.#complete.delete(visitor);
  }

  #ended(visitor: Visitor, code: number | null): void {
    if (!this.visitors.has(visitor)) return;
    this.#remove(visitor);
    this.problem(`a socket was dropped, with ${code ?? "no close frame"}`);
  }

  #remove(visitor: Visitor): void {
    for (const set of [this.visitors, this.#open, this.#greeted, this.#complete]) {
      set.delete(visitor);
    }
  }
}
