/**
 * The presences of one room, in memory and in storage, and the shape of every change to them: stored,
 * announced, scheduled. Memory is a cache: the room may be evicted at any instant.
 */

import { AlarmClock } from "./alarm-clock.ts";
import { Broadcast } from "./broadcast.ts";
import type { Diff } from "./core/diff.ts";
import { ALARM_RETRY_MS } from "./core/limits.ts";
import { type Patience, patienceOf, PresenceSet } from "./core/presence-set.ts";
import { formatCount, ProtocolError } from "./core/protocol.ts";
import { recover } from "./core/recovery.ts";
import type { Settings } from "./settings.ts";
import type { Sockets } from "./sockets.ts";
import { Store } from "./store.ts";

export type RosterOptions = {
  readonly room: string;
  readonly storage: DurableObjectStorage;
  readonly sockets: Sockets;
  readonly settings: Settings;
};

export class Roster {
  /** What the room has yet to tell. Changes get there by `changed`, greetings and messages directly. */
  readonly broadcast: Broadcast;
  readonly #room: string;
  readonly #sockets: Sockets;
  readonly #patience: Patience;
  readonly #store: Store;
  readonly #alarm: AlarmClock;
  #presences: PresenceSet | undefined;

  constructor({ room, storage, sockets, settings }: RosterOptions) {
    this.#room = room;
    this.#sockets = sockets;
    this.#patience = patienceOf(settings);
    this.#store = new Store(storage);
    this.#alarm = new AlarmClock(storage);
    this.broadcast = new Broadcast({
      room,
      sockets,
      store: this.#store,
      settings,
      wake: () => void this.set(),
    });
  }

  /**
   * The set, read from storage and sockets by the first who needs it in this life of the object. Where the
   * close of a socket may be what woke the room, `closing` is that socket: its presence is not lost yet.
   */
  set(now = Date.now(), closing?: WebSocket): PresenceSet {
    this.#presences ??= this.#wake(now, closing);
    return this.#presences;
  }

  /**
   * The shape of every change of who is present: stored, announced, scheduled. No change takes another way.
   * Who is put out hears of it before the others do. Where storage fails, memory is thrown away, for it
   * would lie.
   */
  changed(diff: Diff, now: number): void {
    try {
      this.#store.save(this.set().takeUnsaved());
    } catch (error) {
      this.#presences = undefined;
      this.broadcast.doubt();
      throw error;
    }
    for (const { channel, reason } of diff.leaves) {
      if (reason === "expired") this.#dismiss(channel);
    }
    this.broadcast.change(diff);
    this.broadcast.speak(now);
    this.#schedule(now);
  }

  /** The alarm rang: whoever is due leaves, and a room that is empty forgets itself. */
  async ring(): Promise<void> {
    try {
      const set = this.set();
      this.#alarm.rang();
      for (const [channel, { lastSeen }] of this.#sockets.live()) set.touch(channel, lastSeen);
      const now = Date.now();
      this.changed(set.prune(now), now);
      if (set.size === 0) await this.#store.forget();
    } catch (error) {
      // Not thrown: the platform gives up after six tries, and then nobody would ever leave.
      console.error(
        JSON.stringify({ event: "alarm failed", room: this.#room, error: String(error) }),
      );
      this.#alarm.rang();
      this.#alarm.ringBy(Date.now() + ALARM_RETRY_MS);
    }
  }

  #dismiss(channel: string): void {
    const seconds = formatCount(this.#patience.maxAgeMs / 1_000);
    const message = `no sign of life for ${seconds} seconds; connect again`;
    for (const ws of this.#sockets.ofChannel(channel)) {
      this.#sockets.refuse(ws, new ProtocolError("expired", message));
    }
  }

  /** One alarm at the earliest deadline. A room that empties has one set, and forgets when it rings. */
  #schedule(now: number): void {
    if (this.set().size > 0) this.#alarm.ringBy(this.#deadline(this.set(), now));
  }

  /** No later than the maximum age from now: a room that empties right away must have forgotten by then. */
  #deadline(set: PresenceSet, now: number): number {
    return Math.min(set.deadline, now + this.#patience.maxAgeMs);
  }

  #wake(now: number, closing: WebSocket | undefined): PresenceSet {
    const entries = this.#store.load();
    const known = this.#store.restartedAt;
    const { restartedAt, unheard } = recover(entries, this.#sockets.live(closing), {
      restartedAt: known,
      hasSockets: closing !== undefined || !this.#sockets.isEmpty,
      now,
    });
    const set = new PresenceSet(this.#patience, entries);
    this.#presences = set;
    this.broadcast.begin(set);
    if (restartedAt !== null && restartedAt !== known) {
      this.#store.restartedAt = restartedAt;
      this.#schedule(now);
    } else if (!this.#store.isForgotten) void this.#alarm.resume(this.#deadline(set, now));
    // From here on `set()` has its answer, so this does not wake the room again.
    for (const channel of unheard) this.changed(set.lose(channel, "cut", now), now);
    return set;
  }
}
