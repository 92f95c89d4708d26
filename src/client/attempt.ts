/**
 * One attempt to connect, and the socket that comes of it: from the question where to connect to
 * the end.
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

/**
 * Where to connect. A token may be among the subprotocols instead of in the address, which gets
 * into logs.
 */
export type Endpoint = { readonly url: string; readonly protocols?: string[] };

export interface AttemptListener {
  opened(): void;
  received(data: unknown): void;
  /**
   * The attempt or its connection has ended with `code`. `error` is what kept it from finding the
   * endpoint.
   */
  ended(code: number, error?: unknown): void;
}

export class Attempt {
  /** Nobody, once the attempt has been given up: what it brings from then on is thrown away. */
  #listener: AttemptListener | undefined;
  #socket: WebSocket | undefined;
  #cancelTimeout = () => {};
  #endsWith: "goodbye" | "loss" = "goodbye";

  constructor(endpoint: () => Promise<Endpoint>, listener: AttemptListener) {
    this.#listener = listener;
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

  /** Gives it up: its presence leaves the room ("goodbye"), or can be taken up again ("loss"). */
  giveUp(endsWith: "goodbye" | "loss"): void {
    this.#listener = undefined;
    this.#endsWith = endsWith;
    // Closed before it is open, a socket makes browsers complain in the console, and the server,
    // which may have let it in already, would keep its presence for the grace.
    if (!this.isConnecting) this.#close();
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

  #connect({ url, protocols = [] }: Endpoint): void {
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
    if (this.#endsWith === "loss") return this.#socket?.close(GIVEN_UP);
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
