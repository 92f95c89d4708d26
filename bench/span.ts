/** What the server and the objects in it did and spent between two moments. */

import type { Counters, Server } from "./server.ts";

const COUNTED = [
  "lives",
  "events",
  "fetches",
  "messages",
  "alarms",
  "calls",
  "rows",
  "reads",
] as const;
type Totals = Readonly<Record<(typeof COUNTED)[number], number>>;

/** CPU in milliseconds, frames sent, and what the objects did. */
export type Spent = Totals & { readonly cpuMs: number; readonly sent: number };

export class Span {
  /** By `performance.now()`. */
  readonly beganAt = performance.now();
  readonly #server: Server;
  readonly #counters: Counters;
  readonly #cpu: number;

  private constructor(server: Server, counters: Counters) {
    this.#server = server;
    this.#counters = counters;
    this.#cpu = server.cpu;
  }

  static async begin(server: Server): Promise<Span> {
    return new Span(server, await server.counters());
  }

  /** Milliseconds of wall time so far. */
  get ms(): number {
    return performance.now() - this.beganAt;
  }

  /** Milliseconds of CPU so far. */
  get cpuMs(): number {
    return (this.#server.cpu - this.#cpu) * 1_000;
  }

  /** Waits until the server is at rest. Asking it for its counters is in none of the figures. */
  async end(): Promise<Spent> {
    await this.#server.rest();
    const { cpuMs } = this;
    const counters = await this.#server.counters();
    const before = totalsOf(this.#counters);
    const after = totalsOf(counters);
    const sent = counters.frames - this.#counters.frames;
    return { cpuMs, sent, ...differenceOf(before, after) };
  }
}

function differenceOf(before: Totals, after: Totals): Totals {
  const difference = { ...after };
  for (const name of COUNTED) difference[name] -= before[name];
  return difference;
}

/** Over all classes. */
function totalsOf({ classes }: Counters): Totals {
  const all = Object.values(classes);
  const of = (isWanted: (event: string) => boolean) =>
    sum(
      all.flatMap(({ events }) =>
        Object.entries(events).flatMap(([event, count]) => (isWanted(event) ? [count] : [])),
      ),
    );
  const known = new Set(["fetch", "webSocketMessage", "webSocketClose", "webSocketError", "alarm"]);
  return {
    lives: sum(all.map(({ constructed }) => constructed)),
    events: of(() => true),
    fetches: of((event) => event === "fetch"),
    messages: of((event) => event === "webSocketMessage"),
    alarms: of((event) => event === "alarm"),
    calls: of((event) => !known.has(event)),
    rows: sum(all.map(({ rows }) => rows)),
    reads: sum(all.map(({ reads }) => reads)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
