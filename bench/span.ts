/** What the server and the objects in it did and spent between two moments. */

import type { Counters, Server } from "./server.ts";
import type { Figures } from "./workload.ts";

export class Span {
  readonly #server: Server;
  readonly #counters: Counters;
  readonly #cpu: number;
  readonly #beganAt = performance.now();

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
    return performance.now() - this.#beganAt;
  }

  /** Milliseconds of CPU so far. */
  get cpuMs(): number {
    return (this.#server.cpu - this.#cpu) * 1_000;
  }

  /** Waits until the server is at rest. Asking it for its counters is in none of the figures. */
  async end(): Promise<Figures> {
    await this.#server.rest();
    const { cpuMs } = this;
    const counters = await this.#server.counters();
    const before = totalOf(this.#counters);
    const after = totalOf(counters);
    return {
      cpuMs,
      sent: counters.frames - this.#counters.frames,
      lives: after.lives - before.lives,
      events: after.events - before.events,
      rows: after.rows - before.rows,
    };
  }
}

/** Over all classes. */
function totalOf({ classes }: Counters): { lives: number; events: number; rows: number } {
  const all = Object.values(classes);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    lives: sum(all.map(({ constructed }) => constructed)),
    events: sum(all.flatMap(({ events }) => Object.values(events))),
    rows: sum(all.map(({ rows }) => rows)),
  };
}
