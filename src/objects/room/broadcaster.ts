/**
 * Everything that a room sends to all of its listeners goes through here. The outbox gathers it; a flush
 * makes the frames of each listener at once and hands them to the pump and to the rooms of remote channels.
 */

import { type Frame, type FramesFor, Outbox } from "../../core/outbox.ts";
import { Pacer } from "../../core/pacer.ts";
import type { RemoteOwner } from "../../core/owner.ts";
import { VIEWS } from "../../core/protocol.ts";
import type { WelcomeFrame } from "../../core/server-frames.ts";
import type { RenderedBatch, Snapshot } from "../../core/view-renderer.ts";
import type { DeliveryItem } from "../../rpc/stubs.ts";
import { FramePump, type SocketBatch } from "./frame-pump.ts";
import type { Sockets } from "./sockets.ts";

/** Who gets frames: a socket here, or a remote channel. */
export type Listener = WebSocket | string;

export class Broadcaster {
  readonly outbox: Outbox<Listener>;
  readonly #sockets: Sockets;
  readonly #pacer: Pacer;
  readonly #pump: FramePump;
  /** Remote channels that left, and are yet to get the frames that say so. */
  readonly #farewells = new Map<string, RemoteOwner>();
  /** When the first of what waits began to wait, in milliseconds since the epoch. */
  #waitingSince: number | undefined;

  constructor(room: string, sockets: Sockets, announceRate: number) {
    this.outbox = new Outbox(room);
    this.#sockets = sockets;
    this.#pacer = new Pacer(announceRate);
    this.#pump = new FramePump(sockets);
  }

  /** Something waits, since now if nothing did before. Returns since when, in milliseconds since the epoch. */
  startWaiting(now: number): number {
    return (this.#waitingSince ??= now);
  }

  /** Milliseconds until what waits may be flushed. */
  delay(now: number, remoteChannels: number): number {
    const frames = this.#sockets.connectionCounts.size + remoteChannels;
    return this.#pacer.delay(now, frames, this.#waitingSince);
  }

  /**
   * Sends a new socket its first frames, which wait for nobody: `welcome`, where there is one, and a
   * snapshot. Returns the characters of the snapshot.
   */
  greet(
    ws: WebSocket,
    welcome: WelcomeFrame | null,
    { texts, sent }: Snapshot,
    now: number,
  ): number {
    if (welcome) this.#sockets.sendFrame(ws, welcome);
    let length = 0;
    for (const text of texts) {
      this.#sockets.send(ws, text);
      length += text.length;
    }
    this.outbox.addGreeted(ws, sent);
    this.#pacer.sent(now, texts.length + (welcome ? 1 : 0));
    return length;
  }

  /** A remote channel left, and its socket goes on: the frames that say so are the last that it gets. */
  addFarewell(channel: string, owner: RemoteOwner): void {
    this.#farewells.set(channel, owner);
  }

  /**
   * Takes everything that waits. What goes to sockets is ready to be pumped; what goes to remote channels
   * is returned, by room. Made before the first frame is sent: what changes between two turns of the pump
   * is for the next flush.
   */
  flush(
    rendered: RenderedBatch | undefined,
    remoteChannels: ReadonlyMap<string, RemoteOwner>,
    now: number,
  ): ReadonlyMap<string, readonly DeliveryItem[]> {
    const framesFor = this.outbox.take(rendered);
    const deliveries = new Map<string, DeliveryItem[]>();
    let frames = 0;
    for (const [channel, owner] of new Map([...this.#farewells, ...remoteChannels])) {
      frames += addTo(deliveries, channel, owner, framesFor);
    }
    this.#farewells.clear();
    const batches = this.#batchesOf(framesFor);
    let framesPerClient = 0;
    for (const batch of batches) {
      frames += batch.frames.length;
      framesPerClient = Math.max(framesPerClient, batch.frames.length);
    }
    this.#pump.load(batches);
    this.#sockets.metrics.count("batches");
    this.#pacer.flushed(now, { frames, framesPerClient, since: this.#waitingSince ?? now });
    this.#waitingSince = undefined;
    return deliveries;
  }

  /** Sends a turn's worth of frames. Whether these were the last of the flush. */
  pump(): boolean {
    return this.#pump.turn();
  }

  #batchesOf(framesFor: FramesFor<Listener>): SocketBatch[] {
    const batches: SocketBatch[] = [];
    for (const view of VIEWS) {
      for (const ws of this.#sockets.open(view)) {
        const frames = framesFor(view, ws);
        if (frames.length > 0) batches.push({ ws, frames });
      }
    }
    return batches;
  }
}

/** Adds the frames of a remote channel; one item serves all channels of a room that get the same. Returns how many. */
function addTo(
  deliveries: Map<string, DeliveryItem[]>,
  channel: string,
  { room, view }: RemoteOwner,
  framesFor: FramesFor<Listener>,
): number {
  const frames = framesFor(view, channel);
  if (frames.length === 0) return 0;
  const items = deliveries.get(room) ?? [];
  deliveries.set(room, items);
  const same = items.find((item) => isSame(item.frames, frames));
  if (same) same.channels.push(channel);
  else items.push({ channels: [channel], frames });
  return frames.length;
}

function isSame(frames: readonly Frame[], others: readonly Frame[]): boolean {
  return (
    frames.length === others.length &&
    frames.every(({ text }, index) => text === others[index]?.text)
  );
}
