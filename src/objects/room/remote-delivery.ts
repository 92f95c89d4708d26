/**
 * The guests of a room: channels that are in it but have their sockets in other rooms, their hosts. What the
 * room says goes to them by way of their hosts, in order; before one expires, its host is asked.
 */

import pMap from "p-map";
import { CALLS_AT_ONCE, DELIVERY_LENGTH_MAX, DELIVERIES_LENGTH_MAX } from "../../core/limits.ts";
import { call, type Namespace } from "../../rpc/call.ts";
import type { DeliveryItem, Delivery, RoomStub } from "../../rpc/stubs.ts";

/** What a host says of its channels: when each was last seen, `null` where it knows it no more. */
export type News = ReadonlyMap<string, number | null>;

export type RemoteDeliveryOptions = {
  readonly room: string;
  readonly rooms: Namespace<RoomStub>;
  /** Channels that are not at home any more where they were. */
  readonly onUnknown: (host: string, channels: readonly string[]) => void;
  /** Channels that did not get what they should have: with the next thing to say, tell them everything. */
  readonly onMissed: (channels: readonly string[]) => void;
  /** A host could not be reached. */
  readonly onFailure: (host: string, error: unknown) => void;
};

/** What waits for one host. One delivery is under way at a time, or the frames would arrive in another order. */
type Route = {
  waiting: DeliveryItem[];
  /** Characters of what waits. */
  length: number;
  gone: Delivery["gone"][number][];
  isBusy: boolean;
};

export class RemoteDelivery {
  readonly #options: RemoteDeliveryOptions;
  readonly #routes = new Map<string, Route>();
  /** Characters of what waits for all hosts together. */
  #length = 0;

  constructor(options: RemoteDeliveryOptions) {
    this.#options = options;
  }

  /** Sends what one flush says to the guests of one host. Never waits, never throws. */
  post(host: string, letters: readonly DeliveryItem[]): void {
    const route = this.#routeTo(host);
    const length = lengthOf(letters);
    route.waiting.push(...letters);
    route.length += length;
    this.#length += length;
    const isTooMuch = route.length > DELIVERY_LENGTH_MAX || this.#length > DELIVERIES_LENGTH_MAX;
    if (isTooMuch) this.#giveUp(route);
    void this.#run(host, route);
  }

  /** The channel is not here any more; its home may take down the link. */
  left(host: string, channel: string, link: number): void {
    const route = this.#routeTo(host);
    route.gone.push({ channel, link });
    void this.#run(host, route);
  }

  /** What the hosts say of their channels. Of a host that could not be reached, nothing. */
  async ask(channelsByHost: ReadonlyMap<string, readonly string[]>): Promise<News> {
    const news = new Map<string, number | null>();
    const ask = async ([host, channels]: readonly [string, readonly string[]]) => {
      try {
        const seen = await call(this.#options.rooms, host, (stub) => stub.seen(channels));
        for (const [index, channel] of channels.entries()) news.set(channel, seen[index] ?? null);
      } catch (error) {
        this.#options.onFailure(host, error);
      }
    };
    await pMap(channelsByHost, ask, { concurrency: CALLS_AT_ONCE });
    return news;
  }

  #routeTo(host: string): Route {
    const route = this.#routes.get(host) ?? {
      waiting: [],
      length: 0,
      gone: [],
      isBusy: false,
    };
    this.#routes.set(host, route);
    return route;
  }

  async #run(host: string, route: Route): Promise<void> {
    if (route.isBusy) return;
    route.isBusy = true;
    while (route.waiting.length > 0 || route.gone.length > 0) {
      const letters = this.#take(route);
      const gone = route.gone.splice(0);
      // oxlint-disable-next-line no-await-in-loop
      await this.#deliver(host, { from: this.#options.room, letters, gone });
    }
    this.#routes.delete(host);
  }

  async #deliver(host: string, delivery: Delivery): Promise<void> {
    try {
      // Not by `call`: what went out twice would be said twice.
      const { unknown, away } = await this.#options.rooms.getByName(host).hear(delivery);
      if (unknown.length > 0) this.#options.onUnknown(host, unknown);
      if (away.length > 0) this.#options.onMissed(away);
    } catch (error) {
      this.#options.onFailure(host, error);
      this.#options.onMissed(delivery.letters.flatMap(({ channels }) => channels));
    }
  }

  #take(route: Route): DeliveryItem[] {
    this.#length -= route.length;
    route.length = 0;
    return route.waiting.splice(0);
  }

  #giveUp(route: Route): void {
    const letters = this.#take(route);
    this.#options.onMissed(letters.flatMap(({ channels }) => channels));
  }
}

/** Characters of all texts: each travels once, to however many channels. */
function lengthOf(letters: readonly DeliveryItem[]): number {
  let length = 0;
  for (const { texts } of letters) for (const text of texts) length += text.length;
  return length;
}
