/**
 * What a room does at its alarm: it removes presences that are due, tries again what failed, and
 * erases itself where it is empty. Before a remote channel expires, the room asks its owner.
 */

import type { Alarm } from "../alarm.ts";
import type { Changes } from "./changes.ts";
import { type Diff, isEmpty } from "../../core/diff.ts";
import { ALARM_RETRY_MS } from "../../core/limits.ts";
import type { Entry } from "../../core/presence-set.ts";
import type { LastSeen, RemoteDelivery } from "./remote-delivery.ts";
import type { LocalChannels } from "./local-channels.ts";
import type { Memberships } from "../memberships.ts";
import type { DirectoryEntry } from "./directory-entry.ts";
import { logDeed } from "../../telemetry/log.ts";
import type { RoomLog } from "./room-log.ts";
import type { MetricsReporter } from "./metrics-reporter.ts";
import type { Retries } from "./retries.ts";
import type { Sockets } from "./sockets.ts";
import type { RoomState } from "./state.ts";
import type { Store } from "./store.ts";
import type { WebhookOutbox } from "./webhook-outbox.ts";

export type MaintenanceOptions = {
  readonly room: string;
  readonly maxAgeMs: number;
  readonly changes: Changes;
  readonly sockets: Sockets;
  readonly store: Store;
  readonly state: RoomState;
  readonly log: RoomLog;
  readonly alarm: Alarm;
  readonly remoteDelivery: RemoteDelivery;
  readonly localChannels: LocalChannels;
  readonly memberships: Memberships;
  readonly directoryEntry: DirectoryEntry;
  readonly reporter: MetricsReporter;
  readonly retries: Retries;
  readonly webhooks: WebhookOutbox;
};

export class Maintenance {
  readonly #options: MaintenanceOptions;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  /**
   * The alarm rang: removes presences that are due, notifies others, and erases a room that is
   * empty.
   */
  async run(): Promise<void> {
    const { room, maxAgeMs, changes, sockets, log, webhooks, alarm, ...others } = this.#options;
    const { localChannels, reporter, retries } = others;
    try {
      changes.hydrate(Date.now());
      sockets.metrics.count("alarms");
      alarm.reset();
      const askedAt = Date.now() - maxAgeMs / 2;
      await this.freshen(({ lastSeen }) => lastSeen <= askedAt);
      const { leaves } = this.prune();
      this.#demote();
      await localChannels.removeOrphanedLinks(Date.now());
      const forgotten = await this.reconcile();
      webhooks.deliver();
      log.trim(Date.now(), webhooks.keepsBehind);
      reporter.report(changes.hydrate(Date.now()).size);
      if (leaves.length > 0 || forgotten) {
        logDeed("alarm", { room, pruned: leaves.length, forgotten });
      }
    } catch (error) {
      // Not thrown: after six failures the platform drops the alarm, and no presence would ever
      // expire.
      alarm.reset();
      retries.schedule("alarm failed", error);
    }
  }

  /**
   * Removes the presences that are due, and those last seen longer than `ageMs` milliseconds ago.
   * Call `freshen` first.
   */
  prune(ageMs?: number): Diff {
    const { changes } = this.#options;
    const now = Date.now();
    const diff = changes.hydrate(now).prune(now, ageMs);
    changes.apply(diff, now);
    return diff;
  }

  /**
   * Brings the last signs of life up to date: from the sockets here, and from the owners of remote
   * channels.
   */
  async freshen(isWanted: (entry: Entry) => boolean = () => true): Promise<void> {
    const { changes, sockets, store, remoteDelivery, retries } = this.#options;
    const channels = new Map<string, string[]>();
    for (const [channel, { room }] of store.remoteChannels) {
      const entry = changes.hydrate(Date.now()).get(channel);
      if (entry && isWanted(entry)) channels.set(room, [...(channels.get(room) ?? []), channel]);
    }
    if (channels.size > 0) {
      const { lastSeen, failures } = await remoteDelivery.ask(channels);
      for (const [owner, error] of failures) {
        retries.schedule("an owner could not be reached", error, { owner });
      }
      this.#update(channels, lastSeen);
    }
    for (const [channel, { lastSeen }] of sockets.live()) {
      changes.hydrate(Date.now()).touch(channel, lastSeen);
    }
  }

  /**
   * Notifies the other objects of what they must know, then erases the room if it is empty and its log
   * has run out. Returns whether it did. Throws where an object could not be reached.
   */
  async reconcile(): Promise<boolean> {
    const { state, changes, store, log, webhooks, alarm, ...others } = this.#options;
    const { localChannels, memberships, directoryEntry, retries } = others;
    changes.flush(Date.now());
    const resyncs = Array.from(retries.takeResyncs(), ([channel, view]) =>
      localChannels.resync(channel, view),
    );
    await Promise.all(resyncs);
    await memberships.notify();
    await directoryEntry.confirm();
    // The room may have changed while this waited.
    const { size } = changes.hydrate(Date.now());
    if (size > 0 || !memberships.isEmpty || store.isErased) return false;
    if (log.runsOutAt > Date.now()) {
      alarm.setBy(log.runsOutAt);
      return false;
    }
    // What is not delivered outlives the room's emptiness.
    if (webhooks.isBusy) {
      webhooks.deliver();
      webhooks.ringAtTheEnd();
      return false;
    }
    alarm.reset();
    await state.erase();
    log.invalidate();
    webhooks.reset();
    return true;
  }

  /**
   * Erases the room if it is empty, and takes it off the list even if it was there by mistake.
   * Whether it is empty.
   */
  async vacate(): Promise<boolean> {
    const { changes, directoryEntry } = this.#options;
    if (changes.hydrate(Date.now()).size > 0) return false;
    directoryEntry.invalidate();
    await this.reconcile();
    return changes.hydrate(Date.now()).size === 0;
  }

  /** In an alarm that rings anyway: an `active` may outlast its time by a maximum age. */
  #demote(): void {
    const { changes, sockets } = this.#options;
    const now = Date.now();
    const diff = changes.hydrate(now).demote(now);
    if (isEmpty(diff)) return;
    sockets.setStatuses(diff.statuses ?? []);
    changes.apply(diff, now);
  }

  /**
   * Applies what the owners answered. The channels of an owner that did not answer stay for now.
   */
  #update(channels: ReadonlyMap<string, readonly string[]>, lastSeen: LastSeen): void {
    const { changes, maxAgeMs } = this.#options;
    const now = Date.now();
    const until = now - maxAgeMs + ALARM_RETRY_MS;
    for (const [room, owned] of channels) {
      const set = changes.hydrate(now);
      for (const channel of owned) {
        const seenAt = lastSeen.get(channel);
        if (typeof seenAt === "number") set.correct(channel, seenAt);
        else set.touch(channel, until);
      }
      changes.dropUnknown(
        room,
        owned.filter((channel) => lastSeen.get(channel) === null),
      );
    }
  }
}
