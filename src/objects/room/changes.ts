/**
 * The one way in which a room changes: a change is stored, its effects are run, and it is sent to everybody
 * with the next flush. Nobody is sent anything that a crash could undo.
 */

import { INTERNAL_ERROR } from "./attachments.ts";
import type { Broadcaster } from "./broadcaster.ts";
import type { ChangeObservers } from "./change-observers.ts";
import type { Former } from "../../core/catch-up.ts";
import { type Diff, type Leave, NO_CHANGE } from "../../core/diff.ts";
import { GATHER_NEWCOMERS_MS_MAX, UNREAD_LENGTH_MAX } from "../../core/limits.ts";
import type { PresenceSet } from "../../core/presence-set.ts";
import { formatCount, ProtocolError, type View } from "../../core/protocol.ts";
import type { RenderedBatch } from "../../core/view-renderer.ts";
import type { WelcomeFrame } from "../../core/server-frames.ts";
import type { Memberships } from "../memberships.ts";
import type { DirectoryEntry } from "./directory-entry.ts";
import type { Events } from "./events.ts";
import type { Outcome, RemoteDelivery } from "./remote-delivery.ts";
import type { Retries } from "./retries.ts";
import type { Sockets } from "./sockets.ts";
import type { Effects, RoomState } from "./state.ts";
import type { Store } from "./store.ts";
import type { WebhookOutbox } from "./webhook-outbox.ts";

export type ChangesOptions = {
  readonly state: RoomState;
  readonly store: Store;
  readonly sockets: Sockets;
  readonly broadcaster: Broadcaster;
  readonly remoteDelivery: RemoteDelivery;
  readonly memberships: Memberships;
  readonly directoryEntry: DirectoryEntry;
  readonly observers: ChangeObservers;
  readonly retries: Retries;
  readonly events: Events;
  readonly webhooks: WebhookOutbox;
};

/** What a new socket is sent first. */
export type Greeting = {
  readonly view: View;
  readonly welcome: WelcomeFrame | null;
  /** The revision that its client knows already, and its presence of then. */
  readonly known: { readonly since: string; readonly former: Former | null } | null;
};

export class Changes {
  /**
   * Whether newcomers wait, so that a turn is sure to come which admits some of them, and flushes after
   * the last one. A flush before that would be out of date at once.
   */
  hasNewcomers = false;
  readonly #options: ChangesOptions;
  #notifying: Promise<void> = Promise.resolve();
  /** Of the next flush, or of the next turn of the one that is under way. It holds the object in memory. */
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ChangesOptions) {
    this.#options = options;
  }

  /**
   * The presences, read from storage and sockets where memory was thrown away. To be called before a
   * socket is accepted: a room without any is taken for restarted. See `RoomState.hydrate` for `closing`.
   */
  hydrate(now: number, closing?: WebSocket): PresenceSet {
    const { state, store, sockets, webhooks } = this.#options;
    const hydration = state.hydrate(now, closing);
    if (hydration) {
      for (const ws of hydration.orphans) sockets.close(ws, INTERNAL_ERROR, "connect again");
      // Its own sockets died with it; those of remote channels live on elsewhere.
      if (hydration.mayHaveDied) this.#resync(store.remoteChannels.keys());
      for (const channel of hydration.unheard) {
        this.apply(state.presences.lose(channel, "cut", now), now);
      }
      // What was stored before the room slept, or died.
      webhooks.deliver();
      this.flush(now);
    }
    return state.presences;
  }

  /** Stores a change, runs its effects and sends it. Whoever is put out gets to know before the others. */
  apply(diff: Diff, now: number): void {
    const { state, broadcaster, remoteDelivery, observers } = this.#options;
    const { gone, unlinked } = this.#commit(diff);
    this.#putOut(gone, now);
    for (const { channel, owner } of unlinked) broadcaster.addFarewell(channel, owner);
    broadcaster.outbox.addChange(diff);
    this.flush(now);
    for (const { channel, owner } of unlinked) {
      remoteDelivery.addGone(channel, owner);
      void this.#deliver(owner.room);
    }
    state.schedule(now);
    observers.notify(diff);
  }

  /**
   * The same for whoever joins by a socket, but for storing and sending it: `settle` or the next flush does
   * that, for all that came meanwhile. A crash before undoes it: its own socket dies then, and nobody else
   * knows of it.
   */
  defer(diff: Diff, now: number): void {
    const { state, broadcaster } = this.#options;
    state.defer(diff);
    broadcaster.outbox.addChange(diff);
    // Now, for the room may be empty again when it is stored.
    state.schedule(now);
  }

  /** Whether a join is in the presences and not stored yet, so that nobody else may be told of it. */
  get hasDeferred(): boolean {
    return this.#options.state.hasDeferred;
  }

  /** Stores what is deferred. Where that fails nothing of it is true, and everybody gets a snapshot later. */
  settle(now: number): void {
    if (!this.hasDeferred) return;
    this.hydrate(now);
    this.#commit();
  }

  /**
   * Sends a new socket its first frames, ahead of everything else: what is in them must be stored, but for
   * itself. Returns the characters of the snapshot, or of what it missed.
   */
  greet(ws: WebSocket, { view, welcome, known }: Greeting, now: number): number {
    const { state, broadcaster } = this.#options;
    const missed = known && state.catchUp(known.since, known.former);
    return broadcaster.greet(ws, welcome, missed ?? state.snapshot(view), now);
  }

  /** Closes a connection for what its client did; whoever is behind it may come back within the grace. */
  cut(ws: WebSocket, error: ProtocolError, now: number): void {
    const { sockets } = this.#options;
    const { channel, isWatching } = sockets.connection(ws);
    const set = this.hydrate(now);
    sockets.refuse(ws, error);
    if (!isWatching) this.apply(set.lose(channel, "cut", now), now);
  }

  /** Cuts clients that have stopped reading. To be called when frames were sent, not while they are. */
  cutUnread(now: number): void {
    const { sockets } = this.#options;
    for (const ws of sockets.takeUnread()) {
      const seconds = formatCount(Math.round((now - sockets.lastSeen(ws)) / 1_000));
      const length = formatCount(UNREAD_LENGTH_MAX);
      const message = `no sign of life for ${seconds} seconds, and more than ${length} characters to read; connect again`;
      this.cut(ws, new ProtocolError("expired", message), now);
    }
  }

  /** Channels whose owner does not know them any more: their end was never told. */
  dropUnknown(room: string, channels: readonly string[]): void {
    const now = Date.now();
    const set = this.hydrate(now);
    for (const channel of channels) {
      const owner = set.get(channel)?.owner;
      if (owner?.kind !== "remote" || owner.room !== room) continue;
      this.apply(set.leave(channel, "lost"), now);
    }
  }

  /**
   * Sends what waits: now, or as soon as the pacer allows it and the flush before it is all sent. While
   * newcomers wait, it may wait for them.
   */
  flush(now: number): void {
    const { broadcaster, store } = this.#options;
    if (broadcaster.outbox.isEmpty) return;
    // A clock that was set back must not silence the room.
    const waited = Math.abs(now - broadcaster.startWaiting(now));
    if (this.#timer !== undefined) return;
    if (this.hasNewcomers && waited < GATHER_NEWCOMERS_MS_MAX) return;
    const delay = broadcaster.delay(now, store.remoteChannels.size);
    if (delay === 0) this.#flush(now);
    // Not asked again then: what greetings spend meanwhile delays the flush after it.
    else this.#setTimer(delay, () => this.#flush(Date.now()));
  }

  /** Resolves when the other objects know of all changes so far, or will be told by the alarm. */
  notified(): Promise<void> {
    return this.#notifying;
  }

  #flush(now: number): void {
    const { store, broadcaster, remoteDelivery } = this.#options;
    const { outbox } = broadcaster;
    if (outbox.needsPresences) this.hydrate(now);
    // Where that changed something, it is sent already.
    if (this.#timer !== undefined || outbox.isEmpty) return;
    this.#commit();
    const rendered = this.#render();
    const deliveries = broadcaster.flush(rendered, store.remoteChannels, now);
    for (const [room, items] of deliveries) {
      this.#resync(remoteDelivery.add(room, items));
      void this.#deliver(room);
    }
    if (!broadcaster.pump()) this.#pumpLater();
    this.cutUnread(now);
  }

  /** Nothing where only messages wait. */
  #render(): RenderedBatch | undefined {
    const { state, broadcaster } = this.#options;
    const { outbox } = broadcaster;
    if (!outbox.needsPresences) return undefined;
    try {
      return state.render(outbox.takeChanges());
    } catch (error) {
      outbox.resyncAll();
      throw error;
    }
  }

  /** What changes while the pump is at work is for the next flush. */
  #pumpLater(): void {
    this.#setTimer(0, () => {
      if (this.#options.broadcaster.pump()) this.flush(Date.now());
      else this.#pumpLater();
      this.cutUnread(Date.now());
    });
  }

  #setTimer(delay: number, work: () => void): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      try {
        this.#options.events.run(work);
      } catch (error) {
        this.retry(error);
      }
    }, delay);
  }

  /** What waited could not be stored: from now on it is not known what is news, so everybody gets a snapshot. */
  retry(error: unknown): void {
    const now = Date.now();
    this.#options.retries.schedule("what waited could not be told", error);
    this.hydrate(now);
    this.flush(now);
  }

  #commit({ leaves, updates, statuses = [] }: Diff = NO_CHANGE): Effects {
    const { state, broadcaster, observers, webhooks } = this.#options;
    try {
      const effects = state.commit(leaves);
      if (effects.hasNews) this.#notifying = this.#notifyOthers();
      for (const diff of effects.stored) observers.notify(diff);
      webhooks.deliver();
      return effects;
    } catch (error) {
      broadcaster.outbox.discardChanges();
      // Sockets keep states and statuses, whatever storage does: they are true, and nobody has heard of them.
      if (updates.length + statuses.length > 0) broadcaster.outbox.resyncAll();
      throw error;
    }
  }

  async #notifyOthers(): Promise<void> {
    const { memberships, directoryEntry, retries } = this.#options;
    try {
      await Promise.all([memberships.notify(), directoryEntry.notify()]);
    } catch (error) {
      retries.schedule("other objects could not be told", error);
    }
  }

  /** Closes the sockets of presences that expired or were removed. */
  #putOut(gone: readonly Leave[], now: number): void {
    const { sockets } = this.#options;
    for (const { channel, reason, lastSeen } of gone) {
      if (reason !== "expired" && reason !== "removed") continue;
      const seconds = formatCount(Math.max(0, Math.round((now - lastSeen) / 1_000)));
      const message =
        reason === "expired"
          ? `no sign of life for ${seconds} seconds; connect again`
          : "a server took this presence out of the room";
      for (const ws of sockets.ofChannel(channel)) {
        sockets.refuse(ws, new ProtocolError(reason, message));
      }
    }
  }

  #resync(channels: Iterable<string>): void {
    for (const channel of channels) this.#options.broadcaster.outbox.resync(channel);
  }

  async #deliver(room: string): Promise<void> {
    const { remoteDelivery, events, retries } = this.#options;
    for await (const outcome of remoteDelivery.deliver(room)) {
      events.run(() => {
        try {
          this.#applyOutcome(room, outcome);
        } catch (error) {
          retries.schedule("channels that are gone could not be removed", error, { owner: room });
        }
      });
    }
  }

  #applyOutcome(room: string, { unknown, missed, failure }: Outcome): void {
    if (failure) {
      this.#options.retries.schedule("an owner could not be reached", failure.error, {
        owner: room,
      });
    }
    this.#resync(missed);
    if (unknown.length > 0) this.dropUnknown(room, unknown);
  }
}
