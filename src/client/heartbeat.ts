/**
 * The heartbeat of one connection and the watch over its answers. A line may be dead long before anybody
 * says so: no frame within ten seconds of a heartbeat is taken as the end of it.
 */

import {
  ANSWER_MS_MAX,
  HEARTBEAT_JITTER_PART,
  HEARTBEAT_MS_MIN,
  HEARTBEAT_SECONDS,
} from "../core/limits.ts";
import { after } from "./timer.ts";

export interface HeartListener {
  /** Sends a heartbeat. */
  beat(): void;
  /** Nothing came after one. */
  silent(): void;
}

export class Heart {
  readonly #listener: HeartListener;
  #intervalMs = HEARTBEAT_SECONDS * 1_000;
  #state: "stopped" | "resting" | "waiting" = "stopped";
  #beatAt = 0;
  #cancel = () => {};

  constructor(listener: HeartListener) {
    this.#listener = listener;
  }

  /**
   * A connection has opened. Beats at once: to a client that has never sent a frame, the server's runtime
   * ends the TCP connection late, and a browser tells of a close only then.
   */
  start(): void {
    this.stop();
    this.#state = "resting";
    this.beat();
  }

  stop(): void {
    this.#cancel();
    this.#state = "stopped";
  }

  /** The server has said how often. */
  setInterval(seconds: number): void {
    this.#intervalMs = Math.max(seconds * 1_000, HEARTBEAT_MS_MIN);
    if (this.#state === "resting") this.#rest();
  }

  /** Beats now, out of turn. */
  beat(): void {
    if (this.#state === "stopped") return;
    this.#listener.beat();
    this.#beatAt = performance.now();
    // One that waits already goes on waiting for the first answer.
    if (this.#state === "waiting") return;
    this.#state = "waiting";
    this.#cancel();
    this.#cancel = after(ANSWER_MS_MAX, () => {
      this.stop();
      this.#listener.silent();
    });
  }

  /** A frame came: any one shows that the line is alive. */
  heard(): void {
    if (this.#state !== "waiting") return;
    this.#state = "resting";
    this.#rest();
  }

  /**
   * The next beat is set when the answer comes, never by the beat before: timers that set each other are
   * what browsers slow down most in hidden pages.
   */
  #rest(): void {
    this.#cancel();
    const interval = this.#intervalMs * (1 - HEARTBEAT_JITTER_PART * Math.random());
    const dueAt = this.#beatAt + interval;
    this.#cancel = after(Math.max(0, dueAt - performance.now()), () => this.beat());
  }
}
