/**
 * What a room does when nobody asks it to: at its alarm whoever is due leaves, what could not be told is told again,
 * and a room that is empty forgets itself. Before a guest expires, its host is asked.
 */

import type { Alarm } from "../alarm.ts";
import type { Broadcaster } from "./broadcaster.ts";
import type { Diff } from "../../core/diff.ts";
import { ALARM_RETRY_MS } from "../../core/limits.ts";
import type { Entry, PresenceSet } from "../../core/presence-set.ts";
import type { RemoteDelivery, News } from "./remote-delivery.ts";
import type { Memberships } from "../memberships.ts";
import type { DirectoryEntry } from "./directory-entry.ts";
import { logDeed, type LogFields, logError } from "../../telemetry/log.ts";
import type { MetricsReporter } from "./metrics-reporter.ts";
import type { Sockets } from "./sockets.ts";
import type { Store } from "./store.ts";

/** The presences, and the one way in which they change. */
export interface Changing {
  set(now?: number): PresenceSet;
  changed(diff: Diff, now: number): void;
}

export type MaintenanceOptions = {
  readonly room: string;
  readonly maxAgeMs: number;
  readonly presences: Changing;
  readonly sockets: Sockets;
  readonly store: Store;
  readonly alarm: Alarm;
  readonly guests: RemoteDelivery;
  readonly links: Memberships;
  readonly listing: DirectoryEntry;
  readonly broadcast: Broadcaster;
  readonly reporter: MetricsReporter;
};

export class Maintenance {
  readonly #options: MaintenanceOptions;
  /** What could not be done and must be tried again, by the channel that it is for. */
  readonly #later = new Map<string, () => Promise<void>>();

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  /** The alarm rang: whoever is due leaves, and a room that is empty forgets itself. */
  async ring(): Promise<void> {
    const { room, maxAgeMs, presences, sockets, alarm, reporter } = this.#options;
    try {
      presences.set();
      sockets.ledger.count("alarms");
      alarm.rang();
      const askedAt = Date.now() - maxAgeMs / 2;
      await this.freshen(({ lastSeen }) => lastSeen <= askedAt);
      const { leaves } = this.prune();
      const forgotten = await this.settle();
      reporter.report(presences.set().size);
      if (leaves.length > 0 || forgotten) {
        logDeed("alarm", { room, pruned: leaves.length, forgotten });
      }
    } catch (error) {
      // Not thrown: the platform gives up after six tries, and then nobody would ever leave.
      alarm.rang();
      this.failed("alarm failed", error);
    }
  }

  /** Who is due leaves or, with an age in milliseconds, whoever was last seen longer ago. To be called after `freshen`. */
  prune(ageMs?: number): Diff {
    const { presences } = this.#options;
    const now = Date.now();
    const diff = presences.set(now).prune(now, ageMs);
    presences.changed(diff, now);
    return diff;
  }

  /** Brings the last signs of life up to date: sockets here know their own, for guests their hosts are asked. */
  async freshen(isWanted: (entry: Entry) => boolean = () => true): Promise<void> {
    const { presences, sockets, store, guests } = this.#options;
    const channels = new Map<string, string[]>();
    for (const [channel, { room }] of store.guests) {
      const entry = presences.set().get(channel);
      if (entry && isWanted(entry)) channels.set(room, [...(channels.get(room) ?? []), channel]);
    }
    if (channels.size > 0) this.#learn(channels, await guests.ask(channels));
    for (const [channel, { lastSeen }] of sockets.live()) presences.set().touch(channel, lastSeen);
  }

  /**
   * Tells the other objects what they must know; a room that is empty then forgets itself: whether it did. Throws
   * where one could not be reached.
   */
  async settle(): Promise<boolean> {
    const { presences, store, alarm, links, listing, broadcast } = this.#options;
    broadcast.speak(Date.now());
    const later = [...this.#later.values()];
    this.#later.clear();
    await Promise.all(later.map((work) => work()));
    await links.tell();
    await listing.confirm();
    // Much may have happened meanwhile.
    if (presences.set().size > 0 || !links.isEmpty || store.isForgotten) return false;
    alarm.rang();
    await store.forget();
    return true;
  }

  /** An empty room forgets itself now, and is off the list even if it was there by mistake. Whether it is empty. */
  async vacate(): Promise<boolean> {
    const { presences, listing } = this.#options;
    if (presences.set().size > 0) return false;
    listing.doubt();
    await this.settle();
    return presences.set().size === 0;
  }

  /** Channels that their host does not know any more, and of whose end it did not get to tell. */
  dropGuests(host: string, channels: readonly string[]): void {
    const { presences } = this.#options;
    const now = Date.now();
    const set = presences.set(now);
    for (const channel of channels) {
      if (set.get(channel)?.home?.socket?.room !== host) continue;
      presences.changed(set.leave(channel, "lost"), now);
    }
  }

  /** Something could not be done: the alarm tries it again. `work` says so itself if it fails once more. */
  later(
    event: string,
    error: unknown,
    { channel, work }: { channel: string; work: () => Promise<void> },
  ): void {
    this.#later.set(channel, work);
    this.failed(event, error, { channel });
  }

  /** Something is left to be done: the alarm does it, soon. */
  failed(event: string, error: unknown, fields: LogFields = {}): void {
    const { room, alarm } = this.#options;
    logError(event, error, { room, ...fields });
    alarm.ringBy(Date.now() + ALARM_RETRY_MS);
  }

  /** Guests whose host has another word than the room thought. Of a host that did not answer, they stay for now. */
  #learn(channels: ReadonlyMap<string, readonly string[]>, news: News): void {
    const { presences, maxAgeMs } = this.#options;
    const patience = Date.now() - maxAgeMs + ALARM_RETRY_MS;
    for (const [host, hosted] of channels) {
      const unknown = hosted.filter((channel) => news.get(channel) === null);
      for (const channel of hosted) {
        const seenAt = news.get(channel);
        if (typeof seenAt === "number") presences.set().correct(channel, seenAt);
        else presences.set().touch(channel, patience);
      }
      this.dropGuests(host, unknown);
    }
  }
}
