/**
 * The channels that have their sockets in this room, however many rooms they are in. Questions
 * about such a channel as a whole come here: which rooms it is in, a sign of life, its end.
 */

import pMap from "p-map";
import type { Changes } from "./changes.ts";
import type { Frame } from "../../core/outbox.ts";
import { CALLS_AT_ONCE, EXPIRY_SLACK_MS } from "../../core/limits.ts";
import { hasSocket } from "../../core/given-presence.ts";
import type { ElsewhereOwner } from "../../core/owner.ts";
import type { User } from "../../core/presence.ts";
import type { Entry } from "../../core/presence-set.ts";
import type { View } from "../../core/protocol.ts";
import { logError } from "../../telemetry/log.ts";
import type { Memberships } from "../memberships.ts";
import type { Retries } from "./retries.ts";
import type { Sockets } from "./sockets.ts";
import { call, type Namespace } from "../../rpc/call.ts";
import type { Delivery, DeliveryAck, RoomStub, Whereabouts } from "../../rpc/stubs.ts";

export type LocalChannelsOptions = {
  readonly room: string;
  readonly rooms: Namespace<RoomStub>;
  readonly changes: Changes;
  readonly memberships: Memberships;
  readonly sockets: Sockets;
  readonly retries: Retries;
  readonly maxAgeMs: number;
};

export class LocalChannels {
  readonly #options: LocalChannelsOptions;
  /**
   * Channels whose further rooms are being asked for a snapshot; a view means that they must be
   * asked once more.
   */
  readonly #resyncs = new Map<string, View | null>();
  /**
   * Sockets that resumed a presence, with the further rooms whose snapshot they do not have yet.
   */
  readonly #unsynced = new WeakMap<WebSocket, Set<string>>();
  /** Users whose channels resumed with other info, of which further rooms are yet to hear. */
  readonly #renewed = new Map<string, User>();

  constructor(options: LocalChannelsOptions) {
    this.#options = options;
  }

  /**
   * Adds a further room to a channel, before that room is told of it; `null` where the channel is
   * not local. Throws a ProtocolError where it is in too many rooms, or must not be local.
   */
  link(
    channel: string,
    { room, now, mustBeDetached }: { room: string; now: number; mustBeDetached: boolean },
  ): ElsewhereOwner | null {
    if (!this.#entry(channel)) return null;
    if (mustBeDetached) throw hasSocket();
    const { room: here, memberships } = this.#options;
    const version =
      room === here ? { generation: 0, linkedAt: 0 } : memberships.add(channel, room, now);
    return { kind: "remote", room: here, view: this.#viewOf(channel), ...version };
  }

  async where(channel: string): Promise<Whereabouts | null> {
    const entry = this.#entry(channel);
    if (!entry) return null;
    const { user } = entry.presence;
    const lastSeen = this.#lastSeen(entry, Date.now());
    return { channel, user, lastSeen, rooms: await this.#roomsOf(channel) };
  }

  /**
   * A server says that the channel is alive. Its further rooms ask here before they let it expire.
   */
  async touch(channel: string, now: number): Promise<readonly string[] | null> {
    const { changes, sockets } = this.#options;
    if (!this.#entry(channel)) return null;
    for (const ws of sockets.ofChannel(channel)) sockets.touch(ws, now);
    changes.hydrate(now).touch(channel, now);
    return this.#reachableRoomsOf(channel);
  }

  /**
   * The channel leaves all its rooms, and its socket is closed. Those that cannot be reached now
   * are told later.
   */
  async leaveAll(channel: string): Promise<readonly string[] | null> {
    const { changes } = this.#options;
    if (!this.#entry(channel)) return null;
    const rooms = await this.#reachableRoomsOf(channel);
    const now = Date.now();
    changes.apply(changes.hydrate(now).leave(channel, "removed"), now);
    await changes.notified();
    return rooms;
  }

  /**
   * When each channel last gave a sign of life. One that is away counts as alive for its grace, and
   * one that is gone until its rooms have been notified, so that they learn why.
   */
  seen(channels: readonly string[], now: number): (number | null)[] {
    return channels.map((channel) => {
      const entry = this.#entry(channel);
      if (entry) return this.#lastSeen(entry, now);
      return this.#options.memberships.isEnding(channel) ? now : null;
    });
  }

  /** Forwards what another room sends to local channels. */
  deliver({ from, items, gone }: Delivery): DeliveryAck {
    const { changes, memberships, sockets } = this.#options;
    const unknown: string[] = [];
    const away: string[] = [];
    for (const { channels, frames } of items) {
      for (const channel of channels) {
        const open = sockets.ofChannel(channel);
        if (open.length === 0) (this.#isKnown(channel) ? away : unknown).push(channel);
        for (const ws of open) this.#forward(ws, from, frames);
      }
    }
    for (const { channel, generation } of gone) memberships.remove(channel, from, generation);
    changes.cutUnread(Date.now());
    return { unknown, away };
  }

  /**
   * The channel has a new socket, which cannot apply changes in its further rooms before their
   * snapshots. `renewed` is its user where the info of the new token is another one: news there, too.
   */
  resumed(
    ws: WebSocket,
    { channel, view, renewed }: { channel: string; view: View; renewed?: User | null | undefined },
  ): void {
    if (renewed) this.#renewed.set(channel, renewed);
    this.#unsynced.set(ws, new Set(this.#options.memberships.of(channel).keys()));
    void this.resync(channel, view);
  }

  /**
   * Asks the further rooms of a channel to send a snapshot in this view; where that fails, the
   * alarm does.
   */
  async resync(channel: string, view: View): Promise<void> {
    const isUnderWay = this.#resyncs.has(channel);
    this.#resyncs.set(channel, isUnderWay ? view : null);
    if (isUnderWay) return;
    let again: View | null | undefined;
    try {
      await this.#resyncNow(channel, view);
    } finally {
      again = this.#resyncs.get(channel);
      this.#resyncs.delete(channel);
    }
    // Whoever asked meanwhile may be another socket, which did not get this.
    if (again) await this.resync(channel, again);
  }

  /**
   * Removes links to rooms that never got the channel, because the caller died between the two
   * steps of an addition. Checks each link once, at the first alarm after it had the time to
   * arrive.
   */
  async removeOrphanedLinks(now: number): Promise<void> {
    const { memberships, maxAgeMs } = this.#options;
    const arrivedBefore = now - maxAgeMs;
    const channels = memberships.linkedBetween(
      arrivedBefore - maxAgeMs - EXPIRY_SLACK_MS,
      arrivedBefore,
    );
    await pMap(channels, (channel) => this.#reachableRoomsOf(channel), {
      concurrency: CALLS_AT_ONCE,
    });
  }

  /** Changes are only for a socket that knows what changed. */
  #forward(ws: WebSocket, from: string, frames: readonly Frame[]): void {
    const unsynced = this.#unsynced.get(ws);
    if (frames.some(({ kind }) => kind === "snapshot")) unsynced?.delete(from);
    for (const { kind, text } of frames) {
      if (kind !== "changes" || !unsynced?.has(from)) this.#options.sockets.send(ws, text);
    }
  }

  async #resyncNow(channel: string, view: View): Promise<void> {
    const { rooms, memberships, retries } = this.#options;
    const user = this.#renewed.get(channel);
    const resync = (room: string) => call(rooms, room, (stub) => stub.resync(channel, view, user));
    try {
      await pMap(memberships.of(channel).keys(), resync, { concurrency: CALLS_AT_ONCE });
      if (this.#renewed.get(channel) === user) this.#renewed.delete(channel);
    } catch (error) {
      retries.scheduleResync(channel, view, error);
    }
  }

  /**
   * The rooms that the channel is in. A room that cannot be asked is left out, or thrown for
   * without `onError`.
   */
  async #roomsOf(channel: string, onError?: (error: unknown) => void): Promise<readonly string[]> {
    const { room, memberships, maxAgeMs } = this.#options;
    const arrivedBefore = Date.now() - maxAgeMs;
    const sightings = await memberships.sightings(channel, { arrivedBefore, onError });
    return [room, ...sightings.keys()];
  }

  #reachableRoomsOf(channel: string): Promise<readonly string[]> {
    return this.#roomsOf(channel, (error) => {
      const { room } = this.#options;
      logError("a further room could not be asked for a channel", error, { room, channel });
    });
  }

  /** The presence of a channel that is local. */
  #entry(channel: string): Entry | undefined {
    const entry = this.#options.changes.hydrate(Date.now()).get(channel);
    return entry?.owner.kind === "local" ? entry : undefined;
  }

  #isKnown(channel: string): boolean {
    return Boolean(this.#entry(channel)) || this.#options.memberships.isEnding(channel);
  }

  #lastSeen({ presence: { channel }, lastSeen, loss }: Entry, now: number): number {
    if (loss) return now;
    const { sockets } = this.#options;
    const seen = sockets.ofChannel(channel).map((ws) => sockets.lastSeen(ws));
    return Math.min(now, Math.max(lastSeen, ...seen));
  }

  /** The view of the socket. A channel that is away has none; whoever comes back says which it is. */
  #viewOf(channel: string): View {
    const [ws] = this.#options.sockets.ofChannel(channel);
    return ws ? this.#options.sockets.connection(ws).view : "diff";
  }
}
