/**
 * The presences of one room, in memory and in storage, and the shape of every change to them: stored,
 * announced, scheduled. Memory is a cache: the room may be evicted at any instant.
 */

import { AlarmClock } from "./alarm-clock.ts";
import { Broadcast } from "./broadcast.ts";
import type { Diff, Leave } from "./core/diff.ts";
import { ALARM_RETRY_MS } from "./core/limits.ts";
import { type Entry, type Patience, patienceOf, PresenceSet } from "./core/presence-set.ts";
import { formatCount, ProtocolError } from "./core/protocol.ts";
import { connectedBefore, forgetOldLosses, recover } from "./core/recovery.ts";
import { Guests, type News } from "./guests.ts";
import { Links } from "./links.ts";
import { Listing } from "./listing.ts";
import { type LogFields, logError } from "./log.ts";
import type { Settings } from "./settings.ts";
import type { Sockets } from "./sockets.ts";
import { Store } from "./store.ts";
import type { LobbyStub, Namespace, RoomStub } from "./stubs.ts";

export type RosterOptions = {
  readonly room: string;
  readonly storage: DurableObjectStorage;
  readonly sockets: Sockets;
  readonly settings: Settings;
  readonly rooms: Namespace<RoomStub>;
  readonly lobbies: Namespace<LobbyStub>;
  /** Hears of each change, once it is stored and on its way to the sockets. */
  readonly onChange: (diff: Diff) => void;
};

export class Roster {
  /** What the room has yet to tell. Changes get there by `changed`, greetings and messages directly. */
  readonly broadcast: Broadcast;
  /** The further rooms of channels that have their sockets here. */
  readonly links: Links;
  readonly #options: RosterOptions;
  readonly #patience: Patience;
  readonly #store: Store;
  readonly #alarm: AlarmClock;
  readonly #guests: Guests;
  readonly #listing: Listing;
  #presences: PresenceSet | undefined;
  /** Who was connected until memory was thrown away: of them storage may know a loss that is long over. */
  #connectedBefore: ReadonlySet<string> = new Set();
  #telling: Promise<void> = Promise.resolve();
  /** What could not be done and must be tried again, by the channel that it is for. */
  readonly #later = new Map<string, () => Promise<void>>();

  constructor(options: RosterOptions) {
    const { room, storage, sockets, settings, rooms, lobbies } = options;
    this.#options = options;
    this.#patience = patienceOf(settings);
    this.#store = new Store(storage);
    this.#alarm = new AlarmClock(storage);
    this.links = new Links(storage, rooms);
    this.#listing = new Listing(room, lobbies, this.#store);
    this.#guests = new Guests({
      room,
      rooms,
      onUnknown: (host, channels) => this.#dropGuests(host, channels),
      onMissed: (channels) => {
        for (const channel of channels) this.broadcast.repeat(channel);
      },
      onFailure: (host, error) => this.#failed("a host could not be reached", error, { host }),
    });
    this.broadcast = new Broadcast({
      room,
      sockets,
      guests: this.#guests,
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

  /** How many channels are in the room by way of another. */
  get guestCount(): number {
    return this.#store.guests.size;
  }

  /**
   * The shape of every change of who is present: stored, announced, scheduled. No change takes another way.
   * Who is put out hears of it before the others do. Where storage fails, memory is thrown away, for it
   * would lie.
   */
  changed(diff: Diff, now: number): void {
    const set = this.set();
    const gone = diff.leaves.filter(({ channel }) => !set.get(channel));
    const hosted = gone.flatMap(({ channel }) => {
      const host = this.#store.guests.get(channel);
      return host ? [{ channel, host }] : [];
    });
    let hasNews = false;
    try {
      this.#store.save(set.takeUnsaved(), () => {
        for (const { channel, reason } of gone) {
          if (this.links.end(channel, reason)) hasNews = true;
        }
        if (this.#listing.changed(set.size > 0)) hasNews = true;
      });
    } catch (error) {
      this.#connectedBefore = connectedBefore(set.entries(), diff, now);
      this.#presences = undefined;
      this.links.forget();
      this.broadcast.doubt();
      throw error;
    }
    for (const leave of gone) this.#dismiss(leave, now);
    for (const { channel, host } of hosted) this.broadcast.farewell(channel, host);
    this.broadcast.change(diff);
    this.broadcast.speak(now);
    for (const { channel, host } of hosted) this.#guests.left(host.room, channel, host.link);
    this.#schedule(now);
    if (hasNews) this.#telling = this.#tellOthers();
    this.#options.onChange(diff);
  }

  /** The other objects know of all changes so far, or will be told again by the alarm. */
  told(): Promise<void> {
    return this.#telling;
  }

  /** Something could not be done: the alarm tries it again. `work` says so itself if it fails once more. */
  later(
    event: string,
    error: unknown,
    { channel, work }: { channel: string; work: () => Promise<void> },
  ): void {
    this.#later.set(channel, work);
    this.#failed(event, error, { channel });
  }

  /** The alarm rang: whoever is due leaves, and a room that is empty forgets itself. */
  async ring(): Promise<void> {
    try {
      this.set();
      this.#alarm.rang();
      const askedAt = Date.now() - this.#patience.maxAgeMs / 2;
      await this.freshen(({ lastSeen }) => lastSeen <= askedAt);
      this.prune();
      await this.settle();
    } catch (error) {
      // Not thrown: the platform gives up after six tries, and then nobody would ever leave.
      this.#alarm.rang();
      this.#failed("alarm failed", error);
    }
  }

  /** Who is due leaves or, with an age in milliseconds, whoever was last seen longer ago. To be called after `freshen`. */
  prune(ageMs?: number): Diff {
    const now = Date.now();
    const diff = this.set(now).prune(now, ageMs);
    this.changed(diff, now);
    return diff;
  }

  /** Brings the last signs of life up to date: sockets here know their own, for guests their hosts are asked. */
  async freshen(isWanted: (entry: Entry) => boolean = () => true): Promise<void> {
    const channels = new Map<string, string[]>();
    for (const [channel, { room }] of this.#store.guests) {
      const entry = this.set().get(channel);
      if (entry && isWanted(entry)) channels.set(room, [...(channels.get(room) ?? []), channel]);
    }
    if (channels.size > 0) this.#learn(channels, await this.#guests.ask(channels));
    for (const [channel, { lastSeen }] of this.#options.sockets.live()) {
      this.set().touch(channel, lastSeen);
    }
  }

  /** Tells the other objects what they must know; a room that is empty then forgets itself. Throws where one could not be reached. */
  async settle(): Promise<void> {
    this.broadcast.speak(Date.now());
    const later = [...this.#later.values()];
    this.#later.clear();
    await Promise.all(later.map((work) => work()));
    await this.links.tell();
    await this.#listing.confirm();
    // Much may have happened meanwhile.
    if (this.set().size > 0 || !this.links.isEmpty || this.#store.isForgotten) return;
    this.#alarm.rang();
    await this.#store.forget();
  }

  /** An empty room forgets itself now, and is off the list even if it was there by mistake. Whether it is empty. */
  async vacate(): Promise<boolean> {
    if (this.set().size > 0) return false;
    this.#listing.doubt();
    await this.settle();
    return this.set().size === 0;
  }

  /** Guests whose host has another word than the room thought. Of a host that did not answer, they stay for now. */
  #learn(channels: ReadonlyMap<string, readonly string[]>, news: News): void {
    const patience = Date.now() - this.#patience.maxAgeMs + ALARM_RETRY_MS;
    for (const [host, hosted] of channels) {
      const unknown = hosted.filter((channel) => news.get(channel) === null);
      for (const channel of hosted) {
        const seenAt = news.get(channel);
        if (typeof seenAt === "number") this.set().correct(channel, seenAt);
        else this.set().touch(channel, patience);
      }
      this.#dropGuests(host, unknown);
    }
  }

  /** Channels that their host does not know any more, and of whose end it did not get to tell. */
  #dropGuests(host: string, channels: readonly string[]): void {
    const now = Date.now();
    const set = this.set(now);
    for (const channel of channels) {
      if (set.get(channel)?.home?.socket?.room !== host) continue;
      this.changed(set.leave(channel, "lost"), now);
    }
  }

  #repeatToGuests(): void {
    for (const channel of this.#store.guests.keys()) this.broadcast.repeat(channel);
  }

  async #tellOthers(): Promise<void> {
    try {
      await Promise.all([this.links.tell(), this.#listing.tell()]);
    } catch (error) {
      this.#failed("other objects could not be told", error);
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

  /** Something is left to be done: the alarm does it, soon. */
  #failed(event: string, error: unknown, fields: LogFields = {}): void {
    const { room } = this.#options;
    logError(event, error, { room, ...fields });
    this.#alarm.ringBy(Date.now() + ALARM_RETRY_MS);
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
    const circumstances = { restartedAt: known, hasSockets, now };
    const { restartedAt, unheard } = recover(entries, sockets.live(closing), circumstances);
    // What hosts say of guests is not stored, so their rows are old: the alarm that is set knows better.
    for (const entry of entries) {
      if (entry.home?.socket)
        entry.lastSeen = Math.max(entry.lastSeen, now - this.#patience.maxAgeMs / 2);
    }
    const set = new PresenceSet(this.#patience, entries);
    this.#presences = set;
    this.#listing.begin(set.size > 0);
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
