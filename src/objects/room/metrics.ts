/**
 * The counters of one room. They cost no row: each open socket carries a share of them in its
 * attachment, and a socket that closes leaves its share to another one. So they survive sleep, but
 * neither a crash nor the last socket.
 */

import { type Attachments, isOpen, openCarrier } from "./attachments.ts";
import { MutableCounters, type Counter, sumOf, type Counters } from "../../core/counters.ts";

export class Metrics {
  readonly #ctx: DurableObjectState;
  readonly #attachments: Attachments;
  /** Counted in this event; no socket carries it yet. */
  #fresh: MutableCounters | undefined;
  /** The shares of sockets that closed; no other socket carries them yet. */
  #inherited: Counters | undefined;
  /** The open socket to which new counts are added. */
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

  /** An open socket, which may carry counts from now on. */
  meet(ws: WebSocket): void {
    if (!isOpen(this.#keeper)) this.#keeper = ws;
  }

  /**
   * Writes what was counted to the attachment of an open socket. `Events` calls it at the end of
   * each event.
   */
  save(): void {
    if (!this.#fresh && !this.#inherited) return;
    const keeper = this.#openKeeper();
    if (!keeper) return;
    const connection = this.#attachments.of(keeper);
    const counters = sumOf([connection.counters, this.#inherited, this.#fresh]);
    this.#fresh = undefined;
    this.#inherited = undefined;
    this.#attachments.save(keeper, { ...connection, counters });
  }

  /** A socket closes: another one will carry its share. */
  inherit(ws: WebSocket): void {
    const { counters, ...connection } = this.#attachments.of(ws);
    if (!counters) return;
    this.#attachments.save(ws, connection);
    this.#inherited = sumOf([this.#inherited, counters]);
  }

  /**
   * The sum over all sockets; `undefined` where nothing was counted since the last time that there
   * was no socket.
   */
  total(): Counters | undefined {
    const carried = this.#ctx.getWebSockets().map((ws) => this.#attachments.of(ws).counters);
    return sumOf([...carried, this.#inherited, this.#fresh]);
  }

  /** Everything counted so far has been reported. Reads and writes all attachments. */
  markReported(): void {
    for (const ws of this.#ctx.getWebSockets()) this.inherit(ws);
    const all = sumOf([this.#inherited, this.#fresh]);
    if (!all) return;
    this.#fresh = undefined;
    this.#inherited = { ...all, reported: all.counts };
    this.save();
  }

  #openKeeper(): WebSocket | undefined {
    this.#keeper = openCarrier(this.#ctx, this.#attachments, this.#keeper);
    return this.#keeper;
  }
}
