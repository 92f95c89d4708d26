/** Every event of a room runs in here, whatever woke it: a socket, a call, its alarm or a timer. */

import type { Metrics } from "./metrics.ts";

export class Events {
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Runs one event, and saves what it counted: the object may be evicted right after it. */
  run<Result>(work: () => Result): Result {
    try {
      const result = work();
      if (result instanceof Promise) this.#saveAfter(result);
      return result;
    } finally {
      this.#metrics.save();
    }
  }

  #saveAfter(work: Promise<unknown>): void {
    const save = () => this.#metrics.save();
    // Whoever called handles the error; here it only ends the event.
    void work.then(save, save);
  }
}
