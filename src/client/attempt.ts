/**
 * One attempt to connect, and the socket that comes of it, to the end. What it brings after it was given
 * up is thrown away, so a client never has two.
 */

import { CONNECT_MS_MAX } from "../core/limits.ts";
import { after } from "./timer.ts";

/**
 * The close code with which this side gives up a connection. Not 1000, which would be a goodbye and
 * take the presence away, and none that the protocol knows.
 */
const GIVEN_UP = 3000;

/** The close code of a connection that is gone without a word: one to come back from. */
export const LOST = 1006;

export type Endpoint = {
  readonly url: string;
  /** A token may be among the subprotocols instead of in the address, which gets into logs. */
  readonly protocols?: string[];
  /** The channel whose presence the connection is to take up again. */
  readonly channel?: string | undefined;
};

export interface AttemptListener {
  opened(): void;
  received(data: unknown): void;
  /** The attempt or its connection has ended with `code`. */
  ended(code: number): void;
}

export class Attempt {
  /** The channel whose presence it is to take up again. */
  readonly channel: string | undefined;
  /** Nobody, once the attempt has ended or was given up. */
  #listener: AttemptListener | undefined;
  readonly #socket: WebSocket;
  readonly #cancelTimeout: () => void;

  /** Throws where the runtime allows no such socket, such as one of ws on a page of https. */
  constructor({ url, protocols = [], channel }: Endpoint, listener: AttemptListener) {
    this.channel = channel;
    this.#listener = listener;
    const socket = new WebSocket(url, protocols);
    this.#socket = socket;
    this.#cancelTimeout = after(CONNECT_MS_MAX, () => {
      this.#end(LOST);
      // It cannot be left to open: browsers connect to an address one by one, so the next attempt
      // would wait for this one.
      socket.close();
    });
    socket.addEventListener("open", () => {
      this.#cancelTimeout();
      if (this.#listener) this.#listener.opened();
      else this.#sayGoodbye();
    });
    socket.addEventListener("message", ({ data }) => this.#listener?.received(data));
    socket.addEventListener("close", ({ code }) => this.#end(code));
  }

  /** Sends over an open connection; otherwise the text is lost. */
  send(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  /** Gives it up with a goodbye: its presence leaves the room. */
  leave(): void {
    this.#listener = undefined;
    // Closed before it is open, a socket makes browsers complain in the console, and the server,
    // which may have let it in already, would keep its presence for the grace. It has until its
    // timeout to open.
    if (this.#socket.readyState !== WebSocket.CONNECTING) this.#sayGoodbye();
  }

  /** Gives up an open connection as if it had been lost. Its presence can be resumed. */
  lose(): void {
    this.#listener = undefined;
    this.#socket.close(GIVEN_UP);
  }

  #sayGoodbye(): void {
    this.send('{"type":"leave"}');
    this.#socket.close(1000);
  }

  #end(code: number): void {
    this.#cancelTimeout();
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.ended(code);
  }
}
