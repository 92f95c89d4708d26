/**
 * Hands frames to sockets, a megabyte a turn: the runtime copies each text for each socket, and frees the
 * copy when it is sent.
 */

import type { Frame } from "../../core/outbox.ts";
import { SENT_AT_ONCE_LENGTH_MAX } from "../../core/limits.ts";
import type { Sockets } from "./sockets.ts";

export type SocketBatch = { readonly ws: WebSocket; readonly frames: readonly Frame[] };

export class FramePump {
  readonly #sockets: Sockets;
  #batches: readonly SocketBatch[] = [];
  #next = 0;
  /** What other rooms send to sockets that have yet to get their first frames of this one. */
  #forwarded = new Map<WebSocket, string[]>();

  constructor(sockets: Sockets) {
    this.#sockets = sockets;
  }

  /** What waits behind the frames of a socket that are not sent yet. */
  forwardedTo(ws: WebSocket): string[] | undefined {
    return this.#forwarded.get(ws);
  }

  /** Takes the frames of one flush. Only when the last `turn` has returned `true`. */
  load(batches: readonly SocketBatch[], forwarded: Map<WebSocket, string[]>): void {
    this.#batches = batches;
    this.#next = 0;
    this.#forwarded = forwarded;
  }

  /** Sends as much as fits into one turn of the event loop. Whether that was all. */
  turn(): boolean {
    let length = 0;
    for (; length < SENT_AT_ONCE_LENGTH_MAX; this.#next += 1) {
      const batch = this.#batches[this.#next];
      if (!batch) break;
      length += this.#send(batch);
    }
    if (this.#next < this.#batches.length) return false;
    for (const ws of Array.from(this.#forwarded.keys())) this.#sendForwarded(ws);
    this.#batches = [];
    return true;
  }

  #send({ ws, frames }: SocketBatch): number {
    let length = 0;
    for (const { text } of frames) {
      this.#sockets.send(ws, text);
      length += text.length;
    }
    this.#sendForwarded(ws);
    return length;
  }

  #sendForwarded(ws: WebSocket): void {
    const texts = this.#forwarded.get(ws) ?? [];
    this.#forwarded.delete(ws);
    for (const text of texts) this.#sockets.send(ws, text);
  }
}
