/**
 * Whether somebody is at this page: they move, type or scroll, and the page is shown. Without input for a while, and
 * hidden for a shorter one, it is away.
 */

import { HIDDEN_MS, IDLE_MS } from "../core/limits.ts";
import type { PresenceStatus } from "../core/status.ts";
import type { RoomOptions } from "./options.ts";
import { after } from "./timer.ts";

type Times = Pick<RoomOptions, "idleAfter" | "hiddenAfter">;

export class Activity {
  readonly #times: Times;
  readonly #tell: (status: PresenceStatus) => void;
  #usedAt = 0;
  #isAway = true;
  #cancel = () => {};

  /** Somebody is at the page. Calls `tell` now and with each change; it may be called twice with the same. */
  constructor(times: Times, tell: (status: PresenceStatus) => void) {
    this.#times = times;
    this.#tell = tell;
    this.used();
  }

  /** There was input, or the page was shown or hidden. */
  used(isInput = true): void {
    this.#usedAt = performance.now();
    // A pointer moves a hundred times a second: the timer looks at when it last did.
    if (this.#isAway || !isInput) this.#check();
  }

  stop(): void {
    this.#cancel();
  }

  #check(): void {
    const { idleAfter = IDLE_MS, hiddenAfter = HIDDEN_MS } = this.#times;
    const hiddenMs = document.visibilityState === "hidden" ? hiddenAfter : idleAfter;
    const restMs = this.#usedAt + Math.min(idleAfter, hiddenMs) - performance.now();
    this.#cancel();
    this.#isAway = restMs <= 0;
    if (!this.#isAway) this.#cancel = after(restMs, () => this.#check());
    this.#tell(this.#isAway ? "away" : "active");
  }
}
