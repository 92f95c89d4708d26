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

  constructor(sockets: Sockets) {
    this.#sockets = sockets;
  }

  /** Takes the frames of one flush. Only when the last `turn` has returned `true`. */
  load(batches: readonly SocketBatch[]): void {
    this.#batches = batches;
    this.#next = 0;
  }

  /** Sends as much as fits into one turn of the event loop. Whether that was all. */
  turn(): boolean {
    let length = 0;
    for (; length < SENT_AT_ONCE_LENGTH_MAX; this.#next += 1) {
      const batch = this.#batches[this.#next];
      if (!batch) break;
      for (const { text } of batch.frames) {
        this.#sockets.send(batch.ws, text);
        length += text.length;
      }
    }
    if (this.#next < this.#batches.length) return false;
    this.#batches = [];
    return true;
  }
}
