/**
 * Finds clients that have stopped reading. The runtime keeps all that they are sent, and a room cannot see
 * that; but it knows what it has sent since a client last gave a sign of life. Kept in memory alone: a room
 * that sleeps sends nothing.
 */

import { UNREAD_AGE_PART, UNREAD_LENGTH_MAX, UNREAD_MS_MAX } from "../../core/limits.ts";

/** Characters that were sent since a time, in milliseconds since the epoch. */
type Sent = { length: number; since: number };

export class Unread {
  readonly #lastSeen: (ws: WebSocket) => number;
  readonly #silenceMs: number;
  readonly #sent = new WeakMap<WebSocket, Sent>();
  #found: WebSocket[] = [];

  /** `lastSeen` tells when a client last gave a sign of life. Asked only where much was sent. */
  constructor(lastSeen: (ws: WebSocket) => number, maxAgeMs: number) {
    this.#lastSeen = lastSeen;
    this.#silenceMs = Math.min(UNREAD_MS_MAX, maxAgeMs * UNREAD_AGE_PART);
  }

  /** So many characters were sent. */
  add(ws: WebSocket, length: number): void {
    const sent = this.#sent.get(ws);
    if (!sent) {
      this.#sent.set(ws, { length, since: Date.now() });
      return;
    }
    sent.length += length;
    if (sent.length > UNREAD_LENGTH_MAX) this.#check(ws, sent);
  }

  /** The sockets that were found since the last call. */
  take(): readonly WebSocket[] {
    if (this.#found.length === 0) return this.#found;
    const found = new Set(this.#found);
    this.#found = [];
    return [...found];
  }

  #check(ws: WebSocket, sent: Sent): void {
    const seenAt = this.#lastSeen(ws);
    if (seenAt > sent.since) {
      sent.length = 0;
      sent.since = seenAt;
    } else if (Date.now() - seenAt >= this.#silenceMs) this.#found.push(ws);
  }
}
