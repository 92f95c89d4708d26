/**
 * The presences of one room, in memory and in storage. Memory is a cache: the room may be evicted at any
 * instant, and is hydrated by whoever needs the presences next. A commit returns its effects; whoever
 * commits runs them.
 */

import type { Alarm } from "../alarm.ts";
import type { Diff, Leave } from "../../core/diff.ts";
import { type Former, missedIn } from "../../core/catch-up.ts";
import { ALARM_RETRY_MS, CATCH_UP_EVENTS_MAX } from "../../core/limits.ts";
import type { RemoteOwner } from "../../core/owner.ts";
import { type Entry, type Timeouts, timeoutsOf, PresenceSet } from "../../core/presence-set.ts";
import { clearOldLosses, connectedBefore, recover } from "../../core/recovery.ts";
import {
  type ChangesSince,
  type RenderedBatch,
  type Snapshot,
  ViewRenderer,
} from "../../core/view-renderer.ts";
import type { View } from "../../core/protocol.ts";
import { recordsOf } from "../../core/room-log.ts";
import type { Memberships } from "../memberships.ts";
import type { DirectoryEntry } from "./directory-entry.ts";
import type { Settings } from "../../config/settings.ts";
import type { Sockets } from "./sockets.ts";
import type { RoomLog } from "./room-log.ts";
import type { Store } from "./store.ts";
import type { WebhookOutbox } from "./webhook-outbox.ts";

/** What must happen because a change is stored. */
export type Effects = {
  /** Presences that are gone from the room. */
  readonly gone: readonly Leave[];
  /** Those of them that are remote: their rooms must be told. */
  readonly unlinked: readonly { readonly channel: string; readonly owner: RemoteOwner }[];
  /** Changes that were deferred, and are stored now. */
  readonly stored: readonly Diff[];
  /** Whether the lobby, or further rooms of a channel that is gone, must be told. */
  readonly hasNews: boolean;
};

/** What must happen because the room was hydrated. */
export type Hydration = {
  /** Sockets whose presence could not be stored, or not be read again. */
  readonly orphans: readonly WebSocket[];
  /** Channels that lost their socket without the room having been told. */
  readonly unheard: readonly string[];
  /** Whether the room may have died with something unsent. */
  readonly mayHaveDied: boolean;
};

export type RoomStateOptions = {
  readonly room: string;
  readonly settings: Settings;
  readonly sockets: Sockets;
  readonly store: Store;
  readonly log: RoomLog;
  readonly webhooks: WebhookOutbox;
  readonly alarm: Alarm;
  readonly memberships: Memberships;
  readonly directoryEntry: DirectoryEntry;
};

const NO_EFFECTS: Effects = { gone: [], unlinked: [], stored: [], hasNews: false };

type Known = {
  readonly set: PresenceSet;
  readonly renderer: ViewRenderer;
  isCountingStored: boolean;
};

export class RoomState {
  readonly #options: RoomStateOptions;
  readonly #timeouts: Timeouts;
  #known: Known | undefined;
  /** Who was connected until memory was thrown away: storage may have an old loss of them. */
  #connectedBefore: ReadonlySet<string> = new Set();
  /** Joins that are in the set, and not in storage yet. */
  readonly #deferred: Diff[] = [];

  constructor(options: RoomStateOptions) {
    this.#options = options;
    this.#timeouts = timeoutsOf(options.settings);
  }

  /** The presences of a room that is hydrated. */
  get presences(): PresenceSet {
    return this.#hydrated.set;
  }

  get size(): number {
    return this.presences.size;
  }

  /** The last sign of life in milliseconds since the epoch. A clock may have been set back: never later than now. */
  lastSeen(channel: string): number {
    return Math.min(Date.now(), this.#known?.set.get(channel)?.lastSeen ?? 0);
  }

  /** The change is stored with the next commit, in one transaction with all others. A crash before that undoes it. */
  defer(diff: Diff): void {
    this.#deferred.push(diff);
  }

  /**
   * Stores everything that is not stored yet, in one transaction. Throws where that fails; then memory is
   * thrown away, for it differs from storage.
   *
   * @param leaves of the change that is committed
   */
  commit(leaves: readonly Leave[] = []): Effects {
    if (!this.#known) return NO_EFFECTS;
    const { set } = this.#known;
    const { store } = this.#options;
    const gone = leaves.filter(({ channel }) => !set.get(channel));
    const unlinked = gone.flatMap(({ channel }) => {
      const owner = store.remoteChannels.get(channel);
      return owner ? [{ channel, owner }] : [];
    });
    const stored = this.#deferred.splice(0);
    try {
      return { gone, unlinked, stored, hasNews: this.#store(set, gone) };
    } catch (error) {
      this.#invalidate(set, gone);
      throw error;
    }
  }

  /** Deletes all that is stored, in a room that is empty. */
  erase(): Promise<void> {
    if (this.#known) this.#known.isCountingStored = false;
    return this.#options.store.erase();
  }

  /** Makes sure that an alarm is set for the earliest deadline. A room that empties has one, and is erased by it. */
  schedule(now: number): void {
    const { presences: set } = this;
    if (set.size > 0) this.#options.alarm.setBy(this.#deadline(set, now));
  }

  /** Whether joins are in the set that are not stored yet. */
  get hasDeferred(): boolean {
    return this.#deferred.length > 0;
  }

  /** What a new listener must get. */
  snapshot(view: View): Snapshot {
    const { set, renderer } = this.#hydrated;
    return renderer.snapshot(set, view, this.#options.log.rev);
  }

  /**
   * What a new listener of view `diff` missed, which knows the room as it was at a revision; `undefined`
   * where the log does not reach.
   */
  catchUp(since: string, former: Former | null): Snapshot | undefined {
    const { set, renderer } = this.#hydrated;
    const { log } = this.#options;
    const { rev } = log;
    const after = log.find(since);
    if (after === null || rev === undefined) return undefined;
    if (log.end.n - after > CATCH_UP_EVENTS_MAX) return undefined;
    const unlogged = this.#deferred.flatMap(({ joins }) => joins);
    const diff = missedIn({ parts: log.partsAfter(after), after, unlogged, former }, set);
    return renderer.catchUp(set, diff, { since, rev });
  }

  /** The revision of what is stored; `undefined` where the room keeps no log. */
  get rev(): string | undefined {
    return this.#options.log.rev;
  }

  /** What to send of gathered changes, which are in the set already. */
  render(changesSince: ChangesSince): RenderedBatch {
    const known = this.#hydrated;
    const { set, renderer } = known;
    const rendered = renderer.render(set, changesSince, this.#options.log.rev);
    if (renderer.isCounting !== known.isCountingStored) {
      this.#options.store.isCounting = renderer.isCounting;
      known.isCountingStored = renderer.isCounting;
    }
    return rendered;
  }

  /**
   * Reads storage and sockets, where memory is empty; `undefined` where it is not. Where the close of a
   * socket may have woken the room, `closing` is that socket: its presence is not lost yet.
   */
  hydrate(now: number, closing: WebSocket | undefined): Hydration | undefined {
    if (this.#known) return undefined;
    const { room, settings, sockets, store, directoryEntry } = this.#options;
    const entries = store.load();
    clearOldLosses(entries, this.#connectedBefore);
    const hasSockets = closing !== undefined || !sockets.isEmpty;
    const live = sockets.live(closing);
    const known = store.restartedAt;
    const { restartedAt, unheard } = recover(entries, live, {
      restartedAt: known,
      hasSockets,
      now,
    });
    this.#keepRemote(entries, now);
    const set = new PresenceSet(this.#timeouts, entries);
    // Everything that is in the set was sent before the room slept.
    const { announceMax } = settings;
    const { isCounting } = store;
    const renderer = new ViewRenderer(room, set, { announceMax, isCounting });
    this.#known = { set, renderer, isCountingStored: isCounting };
    directoryEntry.restore(set.size > 0);
    this.#restoreAlarm(set, now, restartedAt === known ? null : restartedAt);
    const orphans = [...live.keys()].filter((channel) => !set.get(channel));
    return {
      orphans: orphans.flatMap((channel) => sockets.ofChannel(channel)),
      unheard,
      mayHaveDied: !hasSockets,
    };
  }

  get #hydrated(): Known {
    if (!this.#known) throw new Error("the room is not hydrated");
    return this.#known;
  }

  /** Whether other objects must be told. */
  #store(set: PresenceSet, gone: readonly Leave[]): boolean {
    const { store, log, webhooks, memberships, directoryEntry } = this.#options;
    const unsaved = set.takeUnsaved();
    const records = log.isKept ? recordsOf(unsaved.movements, set, log.now()) : [];
    const isOccupied = set.size > 0;
    const isListingNews = directoryEntry.isNews(isOccupied);
    if (unsaved.puts.length + unsaved.deletes.length === 0 && !isListingNews) return false;
    let isEnd = false;
    store.save(unsaved, () => {
      for (const { channel, reason } of gone) if (memberships.end(channel, reason)) isEnd = true;
      if (isListingNews) directoryEntry.change(isOccupied);
      log.append(records, set, webhooks.position);
    });
    return isEnd || isListingNews;
  }

  #invalidate(set: PresenceSet, gone: readonly Leave[]): void {
    this.#connectedBefore = connectedBefore(set.entries(), gone, Date.now());
    this.#known = undefined;
    this.#options.memberships.invalidate();
    this.#options.log.invalidate();
    // The room wakes soon, and turns away every socket that has no presence.
    this.#options.alarm.setBy(Date.now() + ALARM_RETRY_MS);
  }

  /** What owners say of remote channels is not stored, so their rows are old: the alarm that is set knows better. */
  #keepRemote(entries: readonly Entry[], now: number): void {
    for (const entry of entries) {
      if (entry.owner.kind !== "remote") continue;
      entry.lastSeen = Math.max(entry.lastSeen, now - this.#timeouts.maxAgeMs / 2);
    }
  }

  #restoreAlarm(set: PresenceSet, now: number, restartedAt: number | null): void {
    const { store, alarm } = this.#options;
    if (restartedAt !== null) {
      store.restartedAt = restartedAt;
      this.schedule(now);
    } else if (!store.isErased) void alarm.restore(this.#deadline(set, now));
  }

  /**
   * No later than the maximum age from now: a room that empties right away must be looked at by then. One
   * that is empty is kept for its log.
   */
  #deadline(set: PresenceSet, now: number): number {
    const { runsOutAt } = this.#options.log;
    if (set.size === 0 && runsOutAt > 0) return runsOutAt;
    return Math.min(set.deadline, now + this.#timeouts.maxAgeMs);
  }
}
