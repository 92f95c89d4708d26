/** When a room may speak next and whether it names names: the policy of announcing, without a clock. */

import { CLIENT_FRAMES_PER_SECOND, GATHER_MS_MAX, NAMES_AGAIN_PART } from "./limits.ts";

/**
 * Paces a room. After a quiet spell it may speak at once; what it says then buys a pause, as long as its
 * frames take at the room's rate and at a client's. What changes in the pause is gathered.
 */
export class Pacer {
  readonly #framesPerSecond: number;
  #readyAt = 0;

  /** @param framesPerSecond what the room may send to all its connections together */
  constructor(framesPerSecond: number) {
    this.#framesPerSecond = framesPerSecond;
  }

  /** Milliseconds until the room may speak; 0 means now. */
  delay(now: number): number {
    // A clock that was set back must not silence the room.
    return Math.max(0, Math.min(this.#readyAt - now, GATHER_MS_MAX));
  }

  /** The room spoke: `frames` to all together, and `framesPerClient` to the one that got the most. */
  spoke(now: number, frames: number, framesPerClient: number): void {
    const seconds = Math.max(
      frames / this.#framesPerSecond,
      framesPerClient / CLIENT_FRAMES_PER_SECOND,
    );
    this.#readyAt = now + Math.min(Math.ceil(seconds * 1_000), GATHER_MS_MAX);
  }
}

/**
 * Whether a room of `presences` tells counts instead of names. Above `max` it does; it goes back to names
 * only well below, so that a room at the limit does not send a snapshot at every other join.
 */
export function tellsCounts(wasCounting: boolean, presences: number, max: number): boolean {
  return wasCounting ? presences >= max * NAMES_AGAIN_PART : presences > max;
}
