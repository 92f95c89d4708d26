/**
 * The residents of a room: channels that have their sockets here, in however many rooms they are. What
 * concerns such a channel as a whole is asked here: where it is, a touch, its end.
 */

import pMap from "p-map";
import { CALLS_AT_ONCE } from "../../core/limits.ts";
import type { Entry, Home } from "../../core/presence-set.ts";
import type { View } from "../../core/protocol.ts";
import { logError } from "../../telemetry/log.ts";
import type { RoomState } from "./state.ts";
import type { Sockets } from "./sockets.ts";
import { call, type Namespace } from "../../rpc/call.ts";
import type { Delivery, DeliveryAck, RoomStub, Whereabouts } from "../../rpc/stubs.ts";

/** Frames that say all there is to know of a room, as it writes them. */
const WHOLE = /^\{"type":"(?:sync|presence|count)"/;
const CHANGES = '{"type":"diff"';

export type LocalChannelsOptions = {
  readonly room: string;
  readonly rooms: Namespace<RoomStub>;
  readonly roster: RoomState;
  readonly sockets: Sockets;
  readonly maxAgeMs: number;
};

export class LocalChannels {
  readonly #options: LocalChannelsOptions;
  /** Channels whose further rooms are being asked to repeat themselves, with the view in which to ask once more. */
  readonly #repeats = new Map<string, View | null>();
  /** Sockets that took a presence up again, with the further rooms that have yet to tell them everything. */
  readonly #untold = new WeakMap<WebSocket, Set<string>>();

  constructor(options: LocalChannelsOptions) {
    this.#options = options;
  }

  /** Takes down that the channel is in another room too; `null` where it is not at home here. May throw a ProtocolError. */
  link(channel: string, room: string, now: number): Home | null {
    if (!this.#entry(channel)) return null;
    const { room: here, roster } = this.#options;
    const link = room === here ? 0 : roster.links.add(channel, room, now);
    return { socket: { room: here, view: this.#viewOf(channel) }, link };
  }

  async where(channel: string): Promise<Whereabouts | null> {
    const entry = this.#entry(channel);
    if (!entry) return null;
    const { user } = entry.presence;
    const lastSeen = this.#lastSeen(entry, Date.now());
    return { channel, user, lastSeen, rooms: await this.#roomsOf(channel) };
  }

  /** A server's word that the channel is alive. Its further rooms ask here before they let it expire. */
  async touch(channel: string, now: number): Promise<readonly string[] | null> {
    const { roster, sockets } = this.#options;
    if (!this.#entry(channel)) return null;
    for (const ws of sockets.ofChannel(channel)) sockets.seen(ws, now);
    roster.set().touch(channel, now);
    return this.#reachableRoomsOf(channel);
  }

  /** The channel leaves all its rooms, and its socket is closed. Those that cannot be reached now hear of it later. */
  async leaveAll(channel: string, now: number): Promise<readonly string[] | null> {
    const { roster } = this.#options;
    if (!this.#entry(channel)) return null;
    const rooms = await this.#reachableRoomsOf(channel);
    roster.changed(roster.set().leave(channel, "removed"), now);
    await roster.told();
    return rooms;
  }

  /**
   * When each channel last gave a sign of life. One that is away is kept by its grace, so it counts as alive, and
   * so does one that is gone as long as its rooms are being told: they are to hear why.
   */
  seen(channels: readonly string[], now: number): (number | null)[] {
    return channels.map((channel) => {
      const entry = this.#entry(channel);
      if (entry) return this.#lastSeen(entry, now);
      return this.#options.roster.links.isEnding(channel) ? now : null;
    });
  }

  /** Passes on what another room says to channels that have their sockets here. */
  hear({ from, letters, gone }: Delivery): DeliveryAck {
    const { roster, sockets } = this.#options;
    const unknown: string[] = [];
    const away: string[] = [];
    for (const { channels, texts } of letters) {
      for (const channel of channels) {
        const open = sockets.ofChannel(channel);
        // What cannot wait here is made up for like what came while the socket was away.
        if (open.some((ws) => !roster.broadcast.pass(ws, this.#meantFor(ws, from, texts))))
          away.push(channel);
        if (open.length === 0) (this.#isKnown(channel) ? away : unknown).push(channel);
      }
    }
    for (const { channel, link } of gone) roster.links.remove(channel, from, link);
    return { unknown, away };
  }

  /** The channel has another socket than before. News that its further rooms had for the old one mean nothing to it. */
  cameBack(ws: WebSocket, channel: string, view: View): void {
    this.#untold.set(ws, new Set(this.#options.roster.links.of(channel).keys()));
    void this.repeat(channel, view);
  }

  /** The socket of a channel must be told everything again, in this view: by its further rooms too, now or a little later. */
  async repeat(channel: string, view: View): Promise<void> {
    const isUnderWay = this.#repeats.has(channel);
    this.#repeats.set(channel, isUnderWay ? view : null);
    if (isUnderWay) return;
    await this.#repeatNow(channel, view);
    const again = this.#repeats.get(channel);
    this.#repeats.delete(channel);
    // Whoever asked meanwhile may be another socket, to which nothing of this went.
    if (again) await this.repeat(channel, again);
  }

  /** What a further room says to a socket: changes only to one that knows what changed. */
  #meantFor(ws: WebSocket, from: string, texts: readonly string[]): readonly string[] {
    const untold = this.#untold.get(ws);
    if (!untold?.has(from)) return texts;
    if (texts.some((text) => WHOLE.test(text))) {
      untold.delete(from);
      return texts;
    }
    return texts.filter((text) => !text.startsWith(CHANGES));
  }

  async #repeatNow(channel: string, view: View): Promise<void> {
    const { rooms, roster } = this.#options;
    const repeat = (room: string) => call(rooms, room, (stub) => stub.repeat(channel, view));
    try {
      await pMap(roster.links.of(channel).keys(), repeat, { concurrency: CALLS_AT_ONCE });
    } catch (error) {
      roster.upkeep.later("a further room could not be asked to repeat itself", error, {
        channel,
        work: () => this.repeat(channel, view),
      });
    }
  }

  /** The rooms that the channel is in. With `onError`, one that cannot be asked is left out; without, that is thrown. */
  async #roomsOf(channel: string, onError?: (error: unknown) => void): Promise<readonly string[]> {
    const { room, roster, maxAgeMs } = this.#options;
    const arrivedBefore = Date.now() - maxAgeMs;
    const sightings = await roster.links.sightings(channel, { arrivedBefore, onError });
    return [room, ...sightings.keys()];
  }

  #reachableRoomsOf(channel: string): Promise<readonly string[]> {
    return this.#roomsOf(channel, (error) => {
      const { room } = this.#options;
      logError("a further room could not be asked for a channel", error, { room, channel });
    });
  }

  /** The presence of a channel that is at home here. */
  #entry(channel: string): Entry | undefined {
    const entry = this.#options.roster.set().get(channel);
    return entry?.resume === null ? undefined : entry;
  }

  #isKnown(channel: string): boolean {
    return Boolean(this.#entry(channel)) || this.#options.roster.links.isEnding(channel);
  }

  #lastSeen({ presence: { channel }, lastSeen, loss }: Entry, now: number): number {
    if (loss) return now;
    const { sockets } = this.#options;
    const seen = sockets.ofChannel(channel).map((ws) => sockets.lastSeen(ws));
    return Math.min(now, Math.max(lastSeen, ...seen));
  }

  /** Of one that is away: the only view that can come back. */
  #viewOf(channel: string): View {
    const [ws] = this.#options.sockets.ofChannel(channel);
    return ws ? this.#options.sockets.connection(ws).view : "diff";
  }
}
