/** When a room may flush next and whether it tells names: the policy of announcing, without a clock. */

import {
  CLIENT_FRAMES_AT_ONCE,
  CLIENT_FRAMES_PER_SECOND,
  GATHER_MS_MAX,
  NAMES_AGAIN_PART,
  ROOM_FRAMES_AT_ONCE_SECONDS,
} from "./limits.ts";
import { TokenBucket } from "./token-bucket.ts";

/** What went out in one flush. */
export type Flushed = {
  /** Frames to all connections together. */
  readonly frames: number;
  /** Frames to the connection that got the most. */
  readonly framesPerClient: number;
  /** When the first change of the flush began to wait, in milliseconds since the epoch. */
  readonly since: number;
};

/**
 * Paces the flushes of a room by two token buckets: one of the room's frames, one of a client's. While
 * both can pay, a change is told at once. Once the room's cannot, changes come faster than they can be
 * told one by one: then the room gathers for twice as long as its rate asks for, until a quiet spell, so
 * that what is left of the bucket is not spent on flushes that the next one makes obsolete.
 */
export class Pacer {
  readonly #framesPerSecond: number;
  readonly #room: TokenBucket;
  readonly #client: TokenBucket;
  #isGathering = false;
  #flushedAt = Number.NEGATIVE_INFINITY;

  /** @param framesPerSecond what the room may send to all its connections together, on average */
  constructor(framesPerSecond: number) {
    this.#framesPerSecond = framesPerSecond;
    this.#room = new TokenBucket(framesPerSecond, framesPerSecond * ROOM_FRAMES_AT_ONCE_SECONDS);
    this.#client = new TokenBucket(CLIENT_FRAMES_PER_SECOND, CLIENT_FRAMES_AT_ONCE);
  }

  /**
   * Milliseconds until a flush of `frames` may go out; 0 means now. `since` is when the first change that
   * it tells began to wait: none waits longer than `GATHER_MS_MAX`.
   */
  delay(now: number, frames: number, since = now): number {
    const gathering = this.#isGathering ? this.#flushedAt + this.#gatherMs(frames) - now : 0;
    const wait = Math.max(gathering, this.#room.wait(now, frames), this.#client.wait(now, 1), 0);
    // A clock that was set back must not silence the room.
    const waited = Math.max(0, now - since);
    return Math.min(wait, Math.max(0, GATHER_MS_MAX - waited));
  }

  /** A flush went out. */
  flushed(now: number, { frames, framesPerClient, since }: Flushed): void {
    const isAfterQuiet =
      since >= this.#flushedAt + this.#gatherMs(frames) || since < this.#flushedAt - GATHER_MS_MAX;
    this.#room.spend(now, frames);
    this.#client.spend(now, framesPerClient);
    const canPayAgain = this.#room.tokens(now) >= frames;
    this.#isGathering = !canPayAgain || (this.#isGathering && !isAfterQuiet);
    this.#flushedAt = now;
  }

  /** Frames went out that wait for nobody: a newcomer's first ones. They count, and delay the next flush. */
  sent(now: number, frames: number): void {
    this.#room.spend(now, frames);
  }

  #gatherMs(frames: number): number {
    return Math.min(Math.ceil((2 * frames * 1_000) / this.#framesPerSecond), GATHER_MS_MAX);
  }
}

/**
 * Whether a room of `presences` tells counts instead of names. Above `max` it does; it goes back to names
 * only well below, so that a room at the limit does not send a snapshot at every other join.
 */
export function tellsCounts(wasCounting: boolean, presences: number, max: number): boolean {
  return wasCounting ? presences >= max * NAMES_AGAIN_PART : presences > max;
}
