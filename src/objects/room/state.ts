/**
 * The presences of one room, in memory and in storage, and the shape of every change to them: stored,
 * announced, scheduled. Memory is a cache: the room may be evicted at any instant.
 */

import { Alarm } from "../alarm.ts";
import { INTERNAL_ERROR } from "./attachments.ts";
import { Broadcaster } from "./broadcaster.ts";
import type { Diff, Leave } from "../../core/diff.ts";
import { ALARM_RETRY_MS } from "../../core/limits.ts";
import { type Timeouts, timeoutsOf, PresenceSet } from "../../core/presence-set.ts";
import { formatCount, ProtocolError } from "../../core/protocol.ts";
import { connectedBefore, forgetOldLosses, recover } from "../../core/recovery.ts";
import { RemoteDelivery } from "./remote-delivery.ts";
import { Memberships } from "../memberships.ts";
import { DirectoryEntry } from "./directory-entry.ts";
import { MetricsReporter } from "./metrics-reporter.ts";
import type { Settings } from "../../config/settings.ts";
import type { Sockets } from "./sockets.ts";
import { Store } from "./store.ts";
import type { Namespace } from "../../rpc/call.ts";
import type { LobbyStub, RoomStub } from "../../rpc/stubs.ts";
import { type Changing, Maintenance } from "./maintenance.ts";

export type RoomStateOptions = {
  readonly room: string;
  readonly storage: DurableObjectStorage;
  readonly sockets: Sockets;
  readonly settings: Settings;
  readonly rooms: Namespace<RoomStub>;
  readonly lobbies: Namespace<LobbyStub>;
  readonly analytics: AnalyticsEngineDataset | undefined;
  /** Hears of each change, once it is stored and on its way to the sockets. */
  readonly onChange: (diff: Diff) => void;
};

export class RoomState implements Changing {
  /** What the room has yet to tell. Changes get there by `changed`, greetings and messages directly. */
  readonly broadcast: Broadcaster;
  /** The further rooms of channels that have their sockets here. */
  readonly links: Memberships;
  /** What the room does when nobody asks it to. */
  readonly upkeep: Maintenance;
  readonly #options: RoomStateOptions;
  readonly #patience: Timeouts;
  readonly #store: Store;
  readonly #alarm: Alarm;
  readonly #guests: RemoteDelivery;
  readonly #listing: DirectoryEntry;
  readonly #reporter: MetricsReporter;
  #presences: PresenceSet | undefined;
  /** Who was connected until memory was thrown away: of them storage may know a loss that is long over. */
  #connectedBefore: ReadonlySet<string> = new Set();
  #telling: Promise<void> = Promise.resolve();
  /** Joins that are in the set and on their way to the sockets, and not in storage. */
  readonly #unstored: Diff[] = [];

  constructor(options: RoomStateOptions) {
    const { room, storage, sockets, settings, rooms, lobbies, analytics } = options;
    this.#options = options;
    this.#patience = timeoutsOf(settings);
    const { ledger } = sockets;
    const onRow = () => ledger.count("rowsWritten");
    this.#store = new Store(storage, onRow);
    this.#alarm = new Alarm(storage, onRow);
    this.links = new Memberships(storage, rooms, onRow);
    this.#listing = new DirectoryEntry(room, lobbies, this.#store);
    this.#guests = new RemoteDelivery({
      room,
      rooms,
      onUnknown: (host, channels) => this.upkeep.dropGuests(host, channels),
      onMissed: (channels) => {
        for (const channel of channels) this.broadcast.repeat(channel);
      },
      onFailure: (host, error) =>
        this.upkeep.failed("a host could not be reached", error, { host }),
    });
    this.broadcast = new Broadcaster({
      room,
      sockets,
      guests: this.#guests,
      store: this.#store,
      settings,
      wake: () => void this.set(),
      commit: () => this.#commit(),
      onFailure: (error) => {
        this.upkeep.failed("what waited could not be told", error);
        this.set();
        this.broadcast.speak(Date.now());
      },
    });
    this.#reporter = new MetricsReporter(room, sockets, analytics);
    this.upkeep = new Maintenance({
      room,
      maxAgeMs: settings.maxAgeMs,
      presences: this,
      sockets,
      store: this.#store,
      alarm: this.#alarm,
      guests: this.#guests,
      links: this.links,
      listing: this.#listing,
      broadcast: this.broadcast,
      reporter: this.#reporter,
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

  /** How many channels are in the room by way of another. */
  get guestCount(): number {
    return this.#store.guests.size;
  }

  /**
   * The shape of every change of who is present: stored, announced, scheduled. No change takes another way.
   * Who is put out hears of it before the others do.
   */
  changed(diff: Diff, now: number): void {
    const set = this.set();
    const gone = diff.leaves.filter(({ channel }) => !set.get(channel));
    const hosted = gone.flatMap(({ channel }) => {
      const host = this.#store.guests.get(channel);
      return host ? [{ channel, host }] : [];
    });
    this.#commit(gone);
    for (const leave of gone) this.#dismiss(leave, now);
    for (const { channel, host } of hosted) this.broadcast.farewell(channel, host);
    this.broadcast.change(diff);
    this.broadcast.speak(now);
    for (const { channel, host } of hosted) this.#guests.left(host.room, channel, host.link);
    this.#schedule(now);
    this.#noted(diff);
  }

  /**
   * The same for whoever comes by a socket: it is stored with the next flush, in one transaction with all that
   * came meanwhile. A crash before that undoes it; nobody has heard of it then, and its client comes again.
   */
  joined(diff: Diff, now: number): void {
    if (diff.leaves.length > 0) {
      this.changed(diff, now);
      return;
    }
    this.#unstored.push(diff);
    this.broadcast.change(diff);
    this.broadcast.speak(now);
    this.#schedule(now);
    this.#options.sockets.ledger.keep();
  }

  /** Stores all that is not stored yet. Where that fails, memory is thrown away, for it would lie. */
  #commit(gone: readonly Leave[] = []): void {
    const set = this.#presences;
    if (!set) return;
    const joined = this.#unstored.splice(0);
    let hasNews = false;
    try {
      this.#store.save(set.takeUnsaved(), () => {
        for (const { channel, reason } of gone) {
          if (this.links.end(channel, reason)) hasNews = true;
        }
        if (this.#listing.changed(set.size > 0)) hasNews = true;
      });
    } catch (error) {
      this.#connectedBefore = connectedBefore(set.entries(), gone, Date.now());
      this.#presences = undefined;
      this.links.forget();
      this.broadcast.doubt();
      // The room wakes soon, and turns away whoever has a socket and no presence.
      this.#alarm.ringBy(Date.now() + ALARM_RETRY_MS);
      throw error;
    }
    if (hasNews) this.#telling = this.#tellOthers();
    for (const diff of joined) this.#noted(diff);
  }

  /** A change is stored: it is counted, and whoever listens in this Worker hears of it. */
  #noted(diff: Diff): void {
    this.#reporter.noted(diff, this.set().size);
    this.#options.onChange(diff);
  }

  /** The other objects know of all changes so far, or will be told again by the alarm. */
  told(): Promise<void> {
    return this.#telling;
  }

  /** Sockets whose presence could not be stored, or not be read again. Their clients come anew. */
  #turnAway(connected: Iterable<string>, set: PresenceSet): void {
    const { sockets } = this.#options;
    for (const channel of connected) {
      if (set.get(channel)) continue;
      for (const ws of sockets.ofChannel(channel))
        sockets.close(ws, INTERNAL_ERROR, "connect again");
    }
  }

  #repeatToGuests(): void {
    for (const channel of this.#store.guests.keys()) this.broadcast.repeat(channel);
  }

  async #tellOthers(): Promise<void> {
    try {
      await Promise.all([this.links.tell(), this.#listing.tell()]);
    } catch (error) {
      this.upkeep.failed("other objects could not be told", error);
    }
  }

  /** Closes the socket of one that was put out. */
  #dismiss({ channel, reason, lastSeen }: Leave, now: number): void {
    if (reason !== "expired" && reason !== "removed") return;
    const seconds = formatCount(Math.max(0, Math.round((now - lastSeen) / 1_000)));
    const message =
      reason === "expired"
        ? `no sign of life for ${seconds} seconds; connect again`
        : "a server took this presence out of the room";
    for (const ws of this.#options.sockets.ofChannel(channel)) {
      this.#options.sockets.refuse(ws, new ProtocolError(reason, message));
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
    const { sockets } = this.#options;
    const entries = this.#store.load();
    forgetOldLosses(entries, this.#connectedBefore);
    const known = this.#store.restartedAt;
    const hasSockets = closing !== undefined || !sockets.isEmpty;
    const live = sockets.live(closing);
    const circumstances = { restartedAt: known, hasSockets, now };
    const { restartedAt, unheard } = recover(entries, live, circumstances);
    // What hosts say of guests is not stored, so their rows are old: the alarm that is set knows better.
    for (const entry of entries) {
      if (entry.home?.socket)
        entry.lastSeen = Math.max(entry.lastSeen, now - this.#patience.maxAgeMs / 2);
    }
    const set = new PresenceSet(this.#patience, entries);
    this.#presences = set;
    this.#listing.begin(set.size > 0);
    this.#turnAway(live.keys(), set);
    this.broadcast.begin(set);
    // It may have died with something untold. Its own sockets died too; those of guests live on elsewhere.
    if (!hasSockets) this.#repeatToGuests();
    if (restartedAt !== null && restartedAt !== known) {
      this.#store.restartedAt = restartedAt;
      this.#schedule(now);
    } else if (!this.#store.isForgotten) void this.#alarm.resume(this.#deadline(set, now));
    // From here on `set()` has its answer, so this does not wake the room again.
    for (const channel of unheard) this.changed(set.lose(channel, "cut", now), now);
    return set;
  }
}
