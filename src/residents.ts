/**
 * The residents of a room: channels that have their sockets here, in however many rooms they are. What
 * concerns such a channel as a whole is asked here: where it is, a touch, its end.
 */

import pMap from "p-map";
import { CALLS_AT_ONCE } from "./core/limits.ts";
import type { Entry, Home } from "./core/presence-set.ts";
import type { View } from "./core/protocol.ts";
import type { Roster } from "./roster.ts";
import type { Sockets } from "./sockets.ts";
import {
  call,
  type Namespace,
  type Parcel,
  type Receipt,
  type RoomStub,
  sightingsOf,
  type Whereabouts,
} from "./stubs.ts";

export type ResidentsOptions = {
  readonly room: string;
  readonly rooms: Namespace<RoomStub>;
  readonly roster: Roster;
  readonly sockets: Sockets;
};

export class Residents {
  readonly #options: ResidentsOptions;

  constructor(options: ResidentsOptions) {
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
    const further = [...this.#options.roster.links.of(channel).keys()];
    const sightings = await sightingsOf(channel, further, this.#options.rooms);
    const { user } = entry.presence;
    const lastSeen = this.#lastSeen(entry, Date.now());
    return { channel, user, lastSeen, rooms: [this.#options.room, ...sightings.keys()] };
  }

  /** A server's word that the channel is alive. Its further rooms ask here before they let it expire. */
  touch(channel: string, now: number): readonly string[] | null {
    const { room, roster, sockets } = this.#options;
    if (!this.#entry(channel)) return null;
    for (const ws of sockets.ofChannel(channel)) sockets.seen(ws, now);
    roster.set().touch(channel, now);
    return [room, ...roster.links.of(channel).keys()];
  }

  /** The channel leaves all its rooms, and its socket is closed. Those that cannot be reached now hear of it later. */
  async leaveAll(channel: string, now: number): Promise<readonly string[] | null> {
    const { room, roster } = this.#options;
    if (!this.#entry(channel)) return null;
    const rooms = [room, ...roster.links.of(channel).keys()];
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
  hear({ from, letters, gone }: Parcel): Receipt {
    const { roster, sockets } = this.#options;
    const unknown: string[] = [];
    const away: string[] = [];
    for (const { channels, texts } of letters) {
      for (const channel of channels) {
        const open = sockets.ofChannel(channel);
        for (const ws of open) roster.broadcast.pass(ws, texts);
        if (open.length === 0) (this.#isKnown(channel) ? away : unknown).push(channel);
      }
    }
    for (const { channel, link } of gone) roster.links.remove(channel, from, link);
    return { unknown, away };
  }

  /** The socket of a channel must be told everything again, in this view: by its further rooms too. */
  async repeat(channel: string, view: View): Promise<void> {
    const further = this.#options.roster.links.of(channel).keys();
    const repeat = async (room: string) => {
      try {
        await call(this.#options.rooms, room, (stub) => stub.repeat(channel, view));
      } catch (error) {
        // It missed frames while it was away, so that room tells it everything anyway, only later.
        const event = "a further room could not be asked to repeat itself";
        console.error(JSON.stringify({ event, room, error: String(error) }));
      }
    };
    await pMap(further, repeat, { concurrency: CALLS_AT_ONCE });
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
