/** A clock that stands still until it is moved, in place of the runtime's, and dice with a seed. */

type Timer = { readonly dueAt: number; readonly order: number; readonly call: () => void };

/** Turns of the microtask queue after which every promise that can settle has settled. */
const TURNS = 12;

export class Clock {
  now = 1_000_000;
  /** Timers of the client, by id. Those of the world around it do not count as the client's. */
  readonly timers = new Map<number, Timer>();
  readonly #events = new Set<Timer>();
  #order = 0;

  /** Calls `call` in `ms`, as part of the world. */
  schedule(ms: number, call: () => void): () => void {
    const timer = this.#timer(ms, call);
    this.#events.add(timer);
    return () => this.#events.delete(timer);
  }

  /** Moves on by `ms`, and does everything that is due by then in its order. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    await settle();
    for (let next = this.#takeNext(end); next; next = this.#takeNext(end)) {
      this.now = Math.max(this.now, next.dueAt);
      next.call();
      // oxlint-disable-next-line no-await-in-loop
      await settle();
    }
    this.now = end;
  }

  /** Takes the place of the runtime's clock until the function that it returns is called. */
  install(random: () => number): () => void {
    const { setTimeout, clearTimeout, WebSocket } = globalThis;
    const [dateNow, mathRandom] = [Date.now, Math.random];
    let lastId = 0;
    Object.assign(globalThis, {
      setTimeout: (call: () => void, ms = 0) => {
        lastId += 1;
        this.timers.set(lastId, this.#timer(ms, call));
        return lastId;
      },
      clearTimeout: (id: number) => this.timers.delete(id),
    });
    Object.defineProperty(performance, "now", { value: () => this.now, configurable: true });
    Date.now = () => this.now;
    Math.random = random;
    return () => {
      Object.assign(globalThis, { setTimeout, clearTimeout, WebSocket });
      Reflect.deleteProperty(performance, "now");
      Date.now = dateNow;
      Math.random = mathRandom;
    };
  }

  #timer(ms: number, call: () => void): Timer {
    this.#order += 1;
    return { dueAt: this.now + Math.max(0, ms), order: this.#order, call };
  }

  #takeNext(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of [...this.#events, ...this.timers.values()]) {
      if (timer.dueAt > end) continue;
      const isEarlier =
        !first ||
        timer.dueAt < first.dueAt ||
        (timer.dueAt === first.dueAt && timer.order < first.order);
      if (isEarlier) first = timer;
    }
    if (!first) return undefined;
    this.#events.delete(first);
    for (const [id, timer] of this.timers) if (timer === first) this.timers.delete(id);
    return first;
  }
}

async function settle(): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop
  for (let turn = 0; turn < TURNS; turn += 1) await Promise.resolve();
}

/** Numbers that look random and are the same for the same seed. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to 1, without 1. */
  readonly roll = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };

  chance(part: number): boolean {
    return this.roll() < part;
  }

  upTo(max: number): number {
    return Math.floor(this.roll() * max);
  }

  pick<const T extends readonly [unknown, ...unknown[]]>(items: T): T[number] {
    return items[this.upTo(items.length)] ?? items[0];
  }
}
