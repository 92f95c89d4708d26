/** Repeats a request while the page is visible, one at a time. */

export class Polling {
  readonly #ask: () => Promise<void>;
  readonly #timer: number;
  readonly #soonMs: number;
  #soon = 0;
  #isAsking = false;
  #isWanted = false;

  /** @param soonMs how long `soon()` waits, so that many changes make one request */
  constructor(ask: () => Promise<void>, everyMs: number, soonMs: number) {
    this.#ask = ask;
    this.#soonMs = soonMs;
    this.#timer = setInterval(() => document.visibilityState === "visible" && this.now(), everyMs);
    this.now();
  }

  now(): void {
    clearTimeout(this.#soon);
    this.#soon = 0;
    void this.#run();
  }

  /** Something changed: asks again after a moment. */
  soon(): void {
    if (this.#soon === 0) this.#soon = setTimeout(() => this.now(), this.#soonMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    this.#isWanted = false;
  }

  async #run(): Promise<void> {
    this.#isWanted = true;
    if (this.#isAsking) return;
    this.#isAsking = true;
    while (this.#isWanted) {
      this.#isWanted = false;
      // One request after the other is the point.
      // oxlint-disable-next-line no-await-in-loop
      await this.#ask();
    }
    this.#isAsking = false;
  }
}
