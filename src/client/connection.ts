/**
 * The one connection of a client, and the next one after it. A socket of partysocket makes them, one attempt
 * each time it is told to: its own retries have no jitter, cannot be cut short, and go on after a refusal.
 */

import ReconnectingWebSocket from "partysocket/ws";
import { CONNECT_MS_MAX } from "../core/limits.ts";
import { Backoff, type Verdict, verdictOf } from "./backoff.ts";
import { after } from "./timer.ts";

/**
 * The code with which this side gives up a connection. Not 1000, which would be a goodbye and take the
 * presence away, and none that the protocol knows.
 */
const GIVEN_UP = 3000;

/** The code of a connection that is gone without a word: one to come back from. */
export const LOST = 1006;

export interface LineListener {
  /** Where to connect, asked anew for each attempt. One that fails is a failed attempt. */
  address(): Promise<string>;
  opened(): void;
  heard(data: unknown): void;
  /** A connection or an attempt has ended, with this code or one that this side made up. */
  ended(code: number, verdict: Verdict): void;
}

export class Line {
  readonly #listener: LineListener;
  readonly #backoff = new Backoff();
  readonly #socket: ReconnectingWebSocket;
  /** From the start of an attempt to the end of its connection. */
  #isLive = false;
  /** Set while it waits for the next attempt. */
  #cancelWait: (() => void) | undefined;

  constructor(listener: LineListener) {
    this.#listener = listener;
    this.#socket = new ReconnectingWebSocket(() => listener.address(), null, {
      startClosed: true,
      maxRetries: 0,
      connectionTimeout: CONNECT_MS_MAX,
    });
    this.#socket.addEventListener("open", () => {
      this.#backoff.opened(performance.now());
      listener.opened();
    });
    this.#socket.addEventListener("message", ({ data }) => listener.heard(data));
    this.#socket.addEventListener("close", ({ code }) => this.#ended(code));
    // An attempt that has no socket yet ends without a close.
    this.#socket.addEventListener("error", () => this.#ended(LOST));
    this.#dial();
  }

  /** Sends over an open connection; otherwise the text is lost, and the end of the line will be told. */
  send(text: string): void {
    // partysocket would keep it, and send it before the next welcome.
    if (this.#socket.readyState === ReconnectingWebSocket.OPEN) this.#socket.send(text);
  }

  /** Gives the connection up as if it had been closed with `code`, and waits for no answer to that. */
  drop(code: number): void {
    this.#ended(code);
    this.#socket.close(GIVEN_UP);
  }

  /** Tries at once where it waits to try again. */
  hurry(): void {
    if (this.#cancelWait) this.#dial();
  }

  /** Closes with a goodbye where there is a connection, and stays closed. */
  close(): void {
    this.#isLive = false;
    this.#endWait();
    this.#socket.close(1000);
  }

  #endWait(): void {
    this.#cancelWait?.();
    this.#cancelWait = undefined;
  }

  #dial(): void {
    this.#endWait();
    this.#socket.reconnect(GIVEN_UP);
    this.#isLive = true;
  }

  #ended(code: number): void {
    if (!this.#isLive) return;
    this.#isLive = false;
    const verdict = verdictOf(code);
    const delay = this.#backoff.ended(verdict, performance.now(), Math.random());
    if (verdict !== "never") this.#cancelWait = after(delay, () => this.#dial());
    this.#listener.ended(code, verdict);
  }
}
