/**
 * One attempt to connect, and the socket that comes of it: from the question where to connect to the
 * end. What an attempt brings after it was given up is thrown away, so a client never has two.
 */

import { CONNECT_MS_MAX, TOKEN_MS_MAX } from "../core/limits.ts";
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
  /** Whether the connection resumes a presence that is in the room already. */
  readonly isResuming?: boolean;
};

export interface AttemptListener {
  opened(): void;
  received(data: unknown): void;
  /**
   * The attempt or its connection has ended with `code`. `error` is why there was no endpoint.
   */
  ended(code: number, error?: unknown): void;
}

export class Attempt {
  /** Nobody, once the attempt has ended or was given up. */
  #listener: AttemptListener | undefined;
  #socket: WebSocket | undefined;
  #isResuming = false;
  #endsWithLoss = false;
  #cancelTimeout: () => void;

  constructor(endpoint: () => Promise<Endpoint>, listener: AttemptListener) {
    this.#listener = listener;
    this.#cancelTimeout = after(TOKEN_MS_MAX, () => {
      this.#end(LOST, new Error("it took too long"));
    });
    void this.#start(endpoint);
  }

  /** Whether it waits for the server to answer the upgrade. */
  get isConnecting(): boolean {
    return this.#socket?.readyState === WebSocket.CONNECTING;
  }

  /** Sends over an open connection; otherwise the text is lost. */
  send(text: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  /** Gives it up with a goodbye: its presence leaves the room. */
  leave(): void {
    this.#listener = undefined;
    // Closed before it is open, a socket makes browsers complain in the console, and the server,
    // which may have let it in already, would keep its presence for the grace. It has until its
    // timeout to open.
    if (this.isConnecting) return;
    this.#cancelTimeout();
    this.#close();
  }

  /** Gives up an attempt whose presence is to be resumed by the next one. One without leaves the room. */
  replace(): void {
    this.#endsWithLoss = this.#isResuming;
    this.leave();
  }

  /** Gives up an open connection as if it had been lost. Its presence can be resumed. */
  lose(): void {
    this.#endsWithLoss = true;
    this.leave();
  }

  async #start(endpoint: () => Promise<Endpoint>): Promise<void> {
    try {
      // Not before the caller is done: a token function may want to look at what it made.
      await Promise.resolve();
      if (!this.#listener) return;
      const found = await endpoint();
      if (this.#listener) this.#connect(found);
    } catch (error) {
      this.#end(LOST, error);
    }
  }

  #connect({ url, protocols = [], isResuming = false }: Endpoint): void {
    this.#cancelTimeout();
    this.#isResuming = isResuming;
    let socket: WebSocket;
    try {
      socket = new WebSocket(url, protocols);
    } catch {
      // As for an address of http on a page of https.
      return this.#end(LOST);
    }
    this.#socket = socket;
    this.#cancelTimeout = after(CONNECT_MS_MAX, () => {
      this.#end(LOST);
      socket.close();
    });
    socket.addEventListener("open", () => {
      this.#cancelTimeout();
      if (this.#listener) this.#listener.opened();
      else this.#close();
    });
    socket.addEventListener("message", ({ data }) => this.#listener?.received(data));
    socket.addEventListener("close", ({ code }) => this.#end(code));
  }

  #close(): void {
    if (this.#endsWithLoss) return this.#socket?.close(GIVEN_UP);
    this.send('{"type":"leave"}');
    this.#socket?.close(1000);
  }

  #end(code: number, error?: unknown): void {
    this.#cancelTimeout();
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.ended(code, error);
  }
}
