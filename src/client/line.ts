/**
 * The one connection of a client, and the next one after it. partysocket keeps a WebSocket connected; when,
 * whether and where to is decided here, in the function that it asks for the address of each attempt: its
 * own delays have no jitter and cannot be cut short.
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
  /** What the end is to be taken for, where that is known better than from the close event. */
  #known: number | undefined;
  /** Whether there is, or was last, a connection or an attempt; not while one waits to be made. */
  #isDialled = false;
  #isHurried = false;
  #isClosed = false;
  #endWait: (() => void) | undefined;

  constructor(listener: LineListener) {
    this.#listener = listener;
    this.#socket = new ReconnectingWebSocket(() => this.#nextAddress(), null, {
      minReconnectionDelay: 0,
      connectionTimeout: CONNECT_MS_MAX,
      // Asked before it connects again, and before it tells anybody of the close.
      shouldReconnectOnClose: ({ code }) => this.#mayReturn(code),
    });
    this.#socket.addEventListener("open", () => {
      this.#backoff.opened(performance.now());
      listener.opened();
    });
    this.#socket.addEventListener("message", ({ data }) => listener.heard(data));
  }

  /** Sends over an open connection; otherwise the text is lost, and the end of the line will be told. */
  send(text: string): void {
    // partysocket would keep it, and send it before the next welcome.
    if (this.#socket.readyState === ReconnectingWebSocket.OPEN) this.#socket.send(text);
  }

  /** Gives the connection up as if it had been closed with `code`, and waits for no answer to that. */
  drop(code: number): void {
    if (this.#isClosed || !this.#isDialled) return;
    this.#known = code;
    this.#socket.reconnect(GIVEN_UP);
    // Of a socket that is closing already, partysocket drops the end as well.
    if (this.#known !== undefined && !this.#mayReturn(code)) this.close();
  }

  /** Tries at once where it waits to try again. */
  hurry(): void {
    this.#endWait?.();
  }

  /** The same, and gives up an attempt that has not succeeded yet: it may have begun without a network. */
  retry(): void {
    if (this.#socket.readyState === ReconnectingWebSocket.CONNECTING) this.redial();
    else this.hurry();
  }

  /** Gives up what there is, and connects again without waiting. */
  redial(): void {
    this.#isHurried = this.#isDialled;
    this.drop(LOST);
    this.hurry();
  }

  /** Closes for good, with a goodbye where there is a connection. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.hurry();
    this.#socket.close(1000, "left");
  }

  #mayReturn(closeCode: number): boolean {
    if (this.#isClosed) return false;
    const code = this.#known ?? closeCode;
    this.#known = undefined;
    const verdict = verdictOf(code);
    this.#backoff.ended(verdict, performance.now());
    this.#listener.ended(code, verdict);
    return verdict !== "never" && !this.#isClosed;
  }

  async #nextAddress(): Promise<string> {
    this.#isDialled = false;
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop
      await this.#wait();
      try {
        // oxlint-disable-next-line no-await-in-loop
        const address = await this.#listener.address();
        this.#isDialled = true;
        return address;
      } catch {
        // Whoever gave the address knows why; partysocket would take it for the end of an old socket.
        this.#backoff.ended("retry", performance.now());
      }
    }
  }

  #wait(): Promise<void> {
    const ms = this.#isHurried ? 0 : this.#backoff.delay(Math.random());
    this.#isHurried = false;
    // One that is closed waits for ever: partysocket must not go on, and has nothing else to hold it.
    if (this.#isClosed) return new Promise(() => {});
    if (ms === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = after(ms, () => this.hurry());
      this.#endWait = () => {
        cancel();
        this.#endWait = undefined;
        if (!this.#isClosed) resolve();
      };
    });
  }
}
