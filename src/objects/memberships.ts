/**
 * The further rooms of channels that this object owns. A link is stored before its room hears of
 * the channel, and kept until the room has been told that the channel is gone. So wherever this
 * object dies in between, the end of a channel may reach a room that never had it, but misses none.
 */

import pMap from "p-map";
import * as v from "valibot";
import { CALLS_AT_ONCE, ROOMS_PER_CHANNEL_MAX } from "../core/limits.ts";
import type { LeaveReason } from "../core/presence.ts";
import { formatCount, ProtocolError } from "../core/protocol.ts";
import { call, type Namespace } from "../rpc/call.ts";
import type { RoomStub, Sighting } from "../rpc/stubs.ts";

const LINKS = "links:";

/** A link to a further room. */
export type Link = {
  /**
   * Grows with each addition of the channel to the room, so that late news of an earlier one can be
   * told apart.
   */
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly linkedAt: number;
};

const Link = v.object({ generation: v.number(), linkedAt: v.number() });

/** In the first version one number was both. */
const FormerLink = v.pipe(
  v.number(),
  v.transform((link): Link => ({ generation: link, linkedAt: link })),
);

const Row = v.object({
  rooms: v.array(v.tuple([v.string(), v.union([Link, FormerLink])])),
  /** Set once the channel is gone: why it left, for the rooms that do not know yet. */
  gone: v.nullable(v.picklist(["left", "lost", "expired", "removed", "replaced"])),
});

type Linked = { readonly rooms: ReadonlyMap<string, Link>; readonly gone: LeaveReason | null };

export class Memberships {
  readonly #storage: DurableObjectStorage;
  readonly #rooms: Namespace<RoomStub>;
  readonly #onRow: () => void;
  #channels: Map<string, Linked> | undefined;
  #notifying: Promise<void> | undefined;

  /** `onRow` hears of each row that is written. */
  constructor(
    storage: DurableObjectStorage,
    rooms: Namespace<RoomStub>,
    onRow: () => void = () => {},
  ) {
    this.#storage = storage;
    this.#rooms = rooms;
    this.#onRow = onRow;
  }

  /** Whether there is no link at all, not even one of a channel that is gone. */
  get isEmpty(): boolean {
    return this.#known().size === 0;
  }

  /** The further rooms of a channel, with the links to them; none of one that is gone. */
  of(channel: string): ReadonlyMap<string, Link> {
    const linked = this.#known().get(channel);
    return linked && linked.gone === null ? linked.rooms : new Map();
  }

  /** Whether the channel is gone, and some of its rooms do not know yet. */
  isEnding(channel: string): boolean {
    return (this.#known().get(channel)?.gone ?? null) !== null;
  }

  /**
   * What each further room that the channel is in knows of it. Removes links older than
   * `arrivedBefore`, in milliseconds since the epoch, to rooms that it is not in. A room that
   * cannot be asked is left out, or thrown for without `onError`.
   */
  async sightings(
    channel: string,
    {
      arrivedBefore,
      onError,
    }: { arrivedBefore: number; onError?: ((error: unknown) => void) | undefined },
  ): Promise<Map<string, Sighting>> {
    const sightings = new Map<string, Sighting>();
    const look = async ([room, { generation, linkedAt }]: readonly [string, Link]) => {
      try {
        const sighting = await call(this.#rooms, room, (stub) => stub.look(channel));
        if (sighting) sightings.set(room, sighting);
        else if (linkedAt < arrivedBefore) this.remove(channel, room, generation);
      } catch (error) {
        if (!onError) throw error;
        onError(error);
      }
    };
    const rooms = this.of(channel);
    await pMap(rooms, look, { concurrency: CALLS_AT_ONCE });
    // In the order of the links, whichever room answered first.
    return new Map(
      [...rooms.keys()].flatMap((room) => {
        const sighting = sightings.get(room);
        return sighting ? [[room, sighting] as const] : [];
      }),
    );
  }

  /** Channels with a link made in that interval, in milliseconds since the epoch. */
  linkedBetween(after: number, before: number): readonly string[] {
    return [...this.#known()].flatMap(([channel, { rooms, gone }]) => {
      const isLinked = [...rooms.values()].some(
        ({ linkedAt }) => linkedAt >= after && linkedAt < before,
      );
      return gone === null && isLinked ? [channel] : [];
    });
  }

  /** Adds a further room. Throws a ProtocolError where there are too many. */
  add(channel: string, room: string, now: number): Link {
    const rooms = this.of(channel);
    if (!rooms.has(room) && rooms.size >= ROOMS_PER_CHANNEL_MAX) {
      throw new ProtocolError(
        "too_many_rooms",
        `the channel is in ${formatCount(rooms.size)} rooms, and may be in no more; remove it from one`,
      );
    }
    // Begins at the time, so that it grows even if all links of the channel were removed meanwhile.
    const generation = Math.max(
      now,
      ...Array.from(rooms.values(), (known) => known.generation + 1),
    );
    const link = { generation, linkedAt: now };
    this.#save(channel, { rooms: new Map(rooms).set(room, link), gone: null });
    return link;
  }

  /** The channel left that room. A link of another generation stays. */
  remove(channel: string, room: string, generation: number): void {
    const rooms = new Map(this.of(channel));
    if (rooms.get(room)?.generation !== generation) return;
    rooms.delete(room);
    this.#save(channel, { rooms, gone: null });
  }

  /** The channel is gone; `notify` tells its rooms. Returns whether there are any. */
  end(channel: string, reason: LeaveReason): boolean {
    const rooms = this.of(channel);
    if (rooms.size === 0) return false;
    this.#save(channel, { rooms, gone: reason });
    return true;
  }

  /**
   * Tells the rooms of channels that are gone. Throws where one could not be reached: call it again
   * later.
   */
  notify(): Promise<void> {
    this.#notifying ??= this.#notifyAll();
    return this.#notifying;
  }

  /** Storage was deleted, or a write failed: it is read again. */
  invalidate(): void {
    this.#channels = undefined;
  }

  async #notifyAll(): Promise<void> {
    await Promise.resolve();
    const errors = new Map<string, unknown>();
    try {
      for (;;) {
        const next = this.#nextGone(errors);
        if (!next) break;
        const { channel, reason, rooms } = next;
        // One channel after the other: each has its own rooms to be told at once.
        // oxlint-disable-next-line no-await-in-loop
        const failures = await this.#notifyOf(channel, reason, rooms);
        const left = new Map([...rooms].filter(([room]) => failures.has(room)));
        this.#save(channel, { rooms: left, gone: reason });
        for (const error of failures.values()) errors.set(channel, error);
      }
    } finally {
      // In the turn that ended the loop, or a channel that ends right after it would wait for an
      // alarm.
      this.#notifying = undefined;
    }
    if (errors.size === 0) return;
    throw new Error("rooms of a channel that is gone could not be told", {
      cause: [...errors.values()][0],
    });
  }

  /** The next channel that is gone and was not tried yet. */
  #nextGone(tried: ReadonlyMap<string, unknown>) {
    for (const [channel, { rooms, gone }] of this.#known()) {
      if (gone !== null && !tried.has(channel)) return { channel, rooms, reason: gone };
    }
    return undefined;
  }

  /** The rooms that could not be told, with what went wrong. */
  async #notifyOf(
    channel: string,
    reason: LeaveReason,
    rooms: ReadonlyMap<string, Link>,
  ): Promise<Map<string, unknown>> {
    const failures = new Map<string, unknown>();
    const drop = async ([room, { generation }]: readonly [string, Link]) => {
      try {
        await call(this.#rooms, room, (stub) => stub.drop(channel, reason, generation));
      } catch (error) {
        failures.set(room, error);
      }
    };
    await pMap(rooms, drop, { concurrency: CALLS_AT_ONCE });
    return failures;
  }

  #known(): Map<string, Linked> {
    this.#channels ??= this.#load();
    return this.#channels;
  }

  #load(): Map<string, Linked> {
    const channels = new Map<string, Linked>();
    for (const [key, value] of Array.from(this.#storage.kv.list({ prefix: LINKS }))) {
      const { rooms, gone } = v.parse(Row, value);
      channels.set(key.slice(LINKS.length), { rooms: new Map(rooms), gone });
    }
    return channels;
  }

  #save(channel: string, linked: Linked): void {
    const { rooms, gone } = linked;
    const channels = this.#known();
    if (rooms.size > 0) {
      this.#storage.kv.put(LINKS + channel, { rooms: [...rooms], gone });
      channels.set(channel, linked);
    } else {
      this.#storage.kv.delete(LINKS + channel);
      channels.delete(channel);
    }
    this.#onRow();
  }
}
