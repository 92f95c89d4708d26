/**
 * The counters of one room. They cost no row: each open socket carries a part of them in its attachment, and
 * whoever goes leaves its part to another. So they outlive sleep, though not a crash, and not the last socket.
 */

import type { Attachments } from "./attachments.ts";
import { MutableCounters, type Counter, sumOf, type Counters } from "../../core/counters.ts";

export class Metrics {
  readonly #ctx: DurableObjectState;
  readonly #attachments: Attachments;
  /** What was counted in this event, and what was inherited: no socket carries it yet. */
  #fresh: MutableCounters | undefined;
  #inherited: Counters | undefined;
  /** The socket that is given what comes up, while it is open. */
  #keeper: WebSocket | undefined;

  constructor(ctx: DurableObjectState, attachments: Attachments) {
    this.#ctx = ctx;
    this.#attachments = attachments;
  }

  count(counter: Counter, times = 1): void {
    if (times === 0) return;
    this.#fresh ??= new MutableCounters(Date.now());
    this.#fresh.add(counter, times);
  }

  /** A socket that is open, and may carry what comes up. */
  meet(ws: WebSocket): void {
    if (!isOpen(this.#keeper)) this.#keeper = ws;
  }

  /** Writes what was counted to the attachment of an open socket. `Events` calls it at the end of each event. */
  save(): void {
    if (!this.#fresh && !this.#inherited) return;
    const keeper = this.#openKeeper();
    if (!keeper) return;
    const connection = this.#attachments.of(keeper);
    const tally = sumOf([connection.tally, this.#inherited, this.#fresh]);
    this.#fresh = undefined;
    this.#inherited = undefined;
    this.#attachments.save(keeper, { ...connection, tally });
  }

  /** A socket goes: what it carried is carried by another from now on. */
  inherit(ws: WebSocket): void {
    const { tally, ...connection } = this.#attachments.of(ws);
    if (!tally) return;
    this.#attachments.save(ws, connection);
    this.#inherited = sumOf([this.#inherited, tally]);
  }

  /** All that is known, of all sockets. Nothing where nothing was counted, or where it died with the last socket. */
  total(): Counters | undefined {
    const carried = this.#ctx.getWebSockets().map((ws) => this.#attachments.of(ws).tally);
    return sumOf([...carried, this.#inherited, this.#fresh]);
  }

  /** What has been counted so far is reported. Reads and writes all attachments. */
  markReported(): void {
    for (const ws of this.#ctx.getWebSockets()) this.inherit(ws);
    const all = sumOf([this.#inherited, this.#fresh]);
    if (!all) return;
    this.#fresh = undefined;
    this.#inherited = { ...all, reported: all.counts };
    this.save();
  }

  #openKeeper(): WebSocket | undefined {
    if (!isOpen(this.#keeper)) {
      this.#keeper = this.#ctx
        .getWebSockets()
        .find((ws) => isOpen(ws) && !this.#attachments.of(ws).isRefused);
    }
    return this.#keeper;
  }
}

function isOpen(ws: WebSocket | undefined): boolean {
  return ws?.readyState === WebSocket.OPEN;
}
