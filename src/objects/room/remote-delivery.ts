/**
 * What a room sends to the rooms that own its remote channels: frames, in order, and which channels
 * left. Before a channel expires, the room asks its owner when it was last seen.
 */

import pMap from "p-map";
import { CALLS_AT_ONCE, DELIVERY_LENGTH_MAX, DELIVERIES_LENGTH_MAX } from "../../core/limits.ts";
import type { RemoteOwner } from "../../core/owner.ts";
import { call, type Namespace } from "../../rpc/call.ts";
import type { DeliveryItem, Delivery, RoomStub } from "../../rpc/stubs.ts";

/** When the owner of each channel last saw it; `null` where the owner does not know it any more. */
export type LastSeen = ReadonlyMap<string, number | null>;

/** What became of one delivery. */
export type Outcome = {
  /** Channels that the room does not own any more. */
  readonly unknown: readonly string[];
  /** Channels that did not get their frames: they need a snapshot. */
  readonly missed: readonly string[];
  /** Why the room could not be reached. */
  readonly failure?: { readonly error: unknown };
};

/** What waits for one room. One delivery is under way at a time, so that frames arrive in order. */
type Route = {
  waiting: DeliveryItem[];
  /** Characters of what waits. */
  length: number;
  gone: Delivery["gone"][number][];
  isBusy: boolean;
};

export class RemoteDelivery {
  readonly #room: string;
  readonly #rooms: Namespace<RoomStub>;
  readonly #routes = new Map<string, Route>();
  /** Characters of what waits for all rooms together. */
  #length = 0;

  constructor(room: string, rooms: Namespace<RoomStub>) {
    this.#room = room;
    this.#rooms = rooms;
  }

  /**
   * Adds what one flush sends to the channels of one room. Returns the channels whose frames were
   * too many to keep.
   */
  add(room: string, items: readonly DeliveryItem[]): readonly string[] {
    const route = this.#routeTo(room);
    const length = lengthOf(items);
    route.waiting.push(...items);
    route.length += length;
    this.#length += length;
    const isTooMuch = route.length > DELIVERY_LENGTH_MAX || this.#length > DELIVERIES_LENGTH_MAX;
    return isTooMuch ? channelsOf(this.#take(route)) : [];
  }

  /** The channel left this room; its owner may remove the link. */
  addGone(channel: string, { room, generation }: RemoteOwner): void {
    this.#routeTo(room).gone.push({ channel, generation });
  }

  /**
   * Delivers what waits for a room, one delivery at a time. Does nothing if one is under way. Never
   * throws.
   */
  async *deliver(room: string): AsyncGenerator<Outcome, void> {
    const route = this.#routeTo(room);
    if (route.isBusy) return;
    route.isBusy = true;
    try {
      while (route.waiting.length > 0 || route.gone.length > 0) {
        const items = this.#take(route);
        const gone = route.gone.splice(0);
        // oxlint-disable-next-line no-await-in-loop
        yield await this.#send(room, { from: this.#room, items, gone });
      }
      this.#routes.delete(room);
    } finally {
      // Whoever takes the outcomes may throw: what waits is for the next call then.
      route.isBusy = false;
    }
  }

  /**
   * Asks the owners when they last saw their channels. An owner that cannot be reached is in
   * `failures`.
   */
  async ask(
    channelsByRoom: ReadonlyMap<string, readonly string[]>,
  ): Promise<{ lastSeen: LastSeen; failures: ReadonlyMap<string, unknown> }> {
    const lastSeen = new Map<string, number | null>();
    const failures = new Map<string, unknown>();
    const ask = async ([room, channels]: readonly [string, readonly string[]]) => {
      try {
        const seen = await call(this.#rooms, room, (stub) => stub.seen(channels));
        for (const [index, channel] of channels.entries())
          lastSeen.set(channel, seen[index] ?? null);
      } catch (error) {
        failures.set(room, error);
      }
    };
    await pMap(channelsByRoom, ask, { concurrency: CALLS_AT_ONCE });
    return { lastSeen, failures };
  }

  #routeTo(room: string): Route {
    const route = this.#routes.get(room) ?? { waiting: [], length: 0, gone: [], isBusy: false };
    this.#routes.set(room, route);
    return route;
  }

  async #send(room: string, delivery: Delivery): Promise<Outcome> {
    try {
      // Without `call`, which may repeat it: the frames would arrive twice.
      const { unknown, away } = await this.#rooms.getByName(room).deliver(delivery);
      return { unknown, missed: away };
    } catch (error) {
      return { unknown: [], missed: channelsOf(delivery.items), failure: { error } };
    }
  }

  #take(route: Route): DeliveryItem[] {
    this.#length -= route.length;
    route.length = 0;
    return route.waiting.splice(0);
  }
}

function channelsOf(items: readonly DeliveryItem[]): string[] {
  return items.flatMap(({ channels }) => channels);
}

/** Characters of all texts. Each is sent once, however many channels it is for. */
function lengthOf(items: readonly DeliveryItem[]): number {
  let length = 0;
  for (const { frames } of items) for (const { text } of frames) length += text.length;
  return length;
}
