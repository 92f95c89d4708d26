/**
 * The heartbeat of one connection, and the watch over its answers. A connection may be dead long
 * before anybody says so: no frame within ten seconds of a heartbeat is taken as its end.
 */

import {
  ANSWER_MS_MAX,
  HEARTBEAT_JITTER_PART,
  HEARTBEAT_MS_MIN,
  HEARTBEAT_SECONDS,
} from "../core/limits.ts";
import { after } from "./timer.ts";

export interface HeartbeatListener {
  sendHeartbeat(): void;
  /** Nothing came after a heartbeat. */
  timedOut(): void;
}

export class Heartbeat {
  readonly #listener: HeartbeatListener;
  #intervalMs = HEARTBEAT_SECONDS * 1_000;
  #state: "stopped" | "resting" | "waiting" = "stopped";
  #sentAt = 0;
  #cancel = () => {};

  constructor(listener: HeartbeatListener) {
    this.#listener = listener;
  }

  /**
   * A connection has opened. Sends the first heartbeat at once: to a client that has never sent a
   * frame, the server's runtime ends the TCP connection late, and a browser reports a close only
   * then.
   */
  start(): void {
    this.stop();
    this.#state = "resting";
    this.send();
  }

  stop(): void {
    this.#cancel();
    this.#state = "stopped";
  }

  /** Takes over the interval that the server asks for, in seconds. */
  setInterval(seconds: number): void {
    this.#intervalMs = Math.max(seconds * 1_000, HEARTBEAT_MS_MIN);
    if (this.#state === "resting") this.#scheduleNext();
  }

  /** Sends a heartbeat now, out of turn. */
  send(): void {
    if (this.#state === "stopped") return;
    this.#listener.sendHeartbeat();
    this.#sentAt = performance.now();
    // While an earlier one is unanswered, its deadline stands.
    if (this.#state === "waiting") return;
    this.#state = "waiting";
    this.#cancel();
    this.#cancel = after(ANSWER_MS_MAX, () => {
      this.stop();
      this.#listener.timedOut();
    });
  }

  /** A frame came: any frame shows that the connection is alive. */
  received(): void {
    if (this.#state !== "waiting") return;
    this.#state = "resting";
    this.#scheduleNext();
  }

  /**
   * The next heartbeat is scheduled by the answer to the last one, never by the last one itself:
   * browsers slow down timers that set each other more than any others, in hidden pages.
   */
  #scheduleNext(): void {
    this.#cancel();
    const interval = this.#intervalMs * (1 - HEARTBEAT_JITTER_PART * Math.random());
    const dueAt = this.#sentAt + interval;
    this.#cancel = after(Math.max(0, dueAt - performance.now()), () => this.send());
  }
}
