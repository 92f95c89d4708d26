/**
 * What must be true of the rooms, so simple that it can be seen to be right: a map of rooms, each a map of
 * channels. It knows no frames, no rows and no calls; what a fault does to people, it says as docs/protocol.md does.
 */

import { textOf } from "./state.ts";

/** How a connection was lost, and when; its presence may be taken up again for as long as that allows. */
type Loss = {
  readonly at: number;
  readonly cause: "reload" | "cut" | "restart";
  /** A server's word came since, and is stored: the next restart is told from the one that this loss is of. */
  isOld: boolean;
  /** It came so soon after the last sign of life, whose time is rounded up, that the next restart may be told from it or not. */
  isHasty?: boolean;
};

export type Place = {
  readonly user: string | null;
  /** As JSON; `undefined` where nobody can know. */
  state: string | null | undefined;
  lastSeen: number;
  /** As storage has it. */
  storedSeen: number;
  loss: Loss | null;
  /** How long a server has it stay instead of the maximum age. */
  ttlMs?: number;
};

/** What a server says of a channel without a socket; what it leaves out stays as it is. */
export type Given = { readonly state?: unknown; readonly ttl?: number | undefined };

export type Patience = { readonly maxAgeMs: number; readonly graceMs: number };

/** What others may have heard of a room since the last time everything was compared: channels that came, and that left. */
type Changes = { readonly came: Set<string>; readonly left: Set<string> };

/** The time of a frame is rounded up to this. */
const ROUNDING_MS = 1_000;

/** A page that is closed may be reloaded within this time. */
const RELOAD_MS = 2_500;

export class Model {
  readonly rooms: ReadonlyMap<string, Map<string, Place>>;
  readonly changes: ReadonlyMap<string, Changes>;
  /** Where a channel has its socket, or had it and may come back. */
  readonly homes = new Map<string, string>();
  /** Watchers by room: connections that are in no list. */
  readonly watchers = new Map<string, number>();
  readonly #patience: Patience;
  readonly #clock: () => number;

  constructor(names: readonly string[], patience: Patience, clock = () => Date.now()) {
    this.#patience = patience;
    this.#clock = clock;
    this.rooms = new Map(names.map((name) => [name, new Map()]));
    this.changes = new Map(names.map((name) => [name, { came: new Set(), left: new Set() }]));
  }

  get size(): number {
    return [...this.rooms.values()].reduce((sum, { size }) => sum + size, 0);
  }

  in(room: string): Map<string, Place> {
    return known(this.rooms, room);
  }

  at(room: string, channel: string): Place | undefined {
    return this.in(room).get(channel);
  }

  atHome(channel: string): Place | undefined {
    const home = this.homes.get(channel);
    return home === undefined ? undefined : this.at(home, channel);
  }

  isConnected(channel: string): boolean {
    return this.atHome(channel)?.loss === null;
  }

  isAway(channel: string): boolean {
    const place = this.atHome(channel);
    return place !== undefined && place.loss !== null;
  }

  /** The channels that have their sockets in a room, connected or away. */
  residents(room: string): [string, Place][] {
    return [...this.in(room)].filter(([channel]) => this.homes.get(channel) === room);
  }

  connections(room: string): number {
    const residents = this.residents(room).filter(([, { loss }]) => loss === null);
    return residents.length + (this.watchers.get(room) ?? 0);
  }

  roomsOf(channel: string): string[] {
    return [...this.rooms].filter(([, places]) => places.has(channel)).map(([room]) => room);
  }

  /** A sign of life at home counts in all rooms, and so does the hope that one who is away comes back. */
  lastSeen(room: string, channel: string): number {
    const here = this.at(room, channel)?.lastSeen ?? 0;
    const home = this.atHome(channel);
    if (!home || this.homes.get(channel) === room) return here;
    return home.loss ? this.#clock() : Math.max(here, home.lastSeen);
  }

  join(room: string, channel: string, user: string | null): void {
    this.homes.set(channel, room);
    this.in(room).set(channel, this.#place(user));
    known(this.changes, room).came.add(channel);
  }

  /** The presence is taken up again, and nobody hears of it. */
  resume(channel: string): void {
    this.seen(channel);
    const place = this.atHome(channel);
    if (!place) return;
    if (place.loss?.cause === "restart") place.storedSeen = place.lastSeen;
    place.loss = null;
  }

  lose(channel: string, cause: Loss["cause"]): void {
    const place = this.atHome(channel);
    if (!place || place.loss) return;
    place.loss = { at: this.#clock(), cause, isOld: false };
    place.storedSeen = place.lastSeen;
  }

  seen(channel: string): void {
    const place = this.atHome(channel);
    if (place) place.lastSeen = Math.max(place.lastSeen, this.#clock());
  }

  add(room: string, channel: string, user: string | null, { state, ttl }: Given = {}): void {
    const old = this.at(room, channel);
    const { came, left } = known(this.changes, room);
    if (!old || old.user !== user) came.add(channel);
    if (old && old.user !== user) left.add(channel);
    const place = this.#place(user);
    if (old?.loss) place.loss = { ...old.loss, isOld: true };
    // A client's state goes with the user who said it; a server's is the server's.
    if (old && (old.user === user || !this.homes.has(channel))) place.state = old.state;
    if (state !== undefined) place.state = textOf(state);
    const ttlMs = ttl === undefined ? old?.ttlMs : ttl * 1_000;
    if (ttlMs !== undefined) place.ttlMs = ttlMs;
    place.lastSeen = Math.max(place.lastSeen, old?.lastSeen ?? 0);
    this.in(room).set(channel, place);
  }

  /** Out of its home means out of all rooms. */
  remove(room: string, channel: string): void {
    if (this.homes.get(channel) === room) this.leaveAll(channel);
    else this.#leave(room, channel);
  }

  leaveAll(channel: string): void {
    for (const room of this.rooms.keys()) this.#leave(room, channel);
    this.homes.delete(channel);
  }

  touch(channel: string): void {
    for (const room of this.roomsOf(channel)) {
      const place = this.at(room, channel);
      if (place) place.lastSeen = Math.max(place.lastSeen, this.#clock());
    }
  }

  /** Whether its time is over, and only an alarm has to ring. */
  isDue(room: string, channel: string): boolean {
    const place = this.at(room, channel);
    return place !== undefined && this.#end(place) <= this.#clock();
  }

  /** The end of a connection could not be stored: it is noticed later, and for all that anybody knows it was lost then. */
  lostUnheard(room: string, channel: string): void {
    const place = this.at(room, channel);
    if (!place) return;
    place.loss = { at: this.#clock(), cause: "cut", isOld: false };
    place.lastSeen = this.#clock();
    place.storedSeen = place.lastSeen;
    place.state = undefined;
    this.sleep(room);
  }

  /** Whoever is due leaves. */
  tick(): void {
    const now = this.#clock();
    for (const [room, places] of this.rooms) {
      for (const [channel, place] of places) {
        const home = this.homes.get(channel);
        // A guest stays for as long as its host keeps it.
        if (home !== undefined && home !== room) continue;
        if (this.#end(place) <= now) this.remove(room, channel);
      }
    }
  }

  /** Whoever is due, or was last seen longer ago than that, leaves this room. Returns their channels. */
  prune(room: string, ageMs: number): string[] {
    const now = this.#clock();
    const due = [...this.in(room)].filter(([channel, { loss }]) => {
      const age = Math.min(this.lastSeen(room, channel), now) + ageMs;
      return (loss ? Math.min(age, this.#graceEnd(loss)) : age) <= now;
    });
    for (const [channel] of due) this.remove(room, channel);
    return due.map(([channel]) => channel);
  }

  /** Everybody who is away stays away for too long. */
  giveUp(): void {
    for (const channel of this.homes.keys()) {
      if (this.isAway(channel)) this.leaveAll(channel);
    }
  }

  /** The room lost its memory. Without any socket it cannot tell that from a restart. */
  sleep(room: string): void {
    if (this.connections(room) === 0) this.restart(room);
  }

  /**
   * All sockets of the room are gone, states with them, and everybody's grace runs from now, unless an earlier
   * restart explains that they are away.
   */
  restart(room: string): void {
    this.watchers.delete(room);
    const residents = this.residents(room);
    const isNew = residents.some(([, { loss }]) => loss?.cause !== "restart" || loss.isOld);
    if (isNew) this.#restartNow(residents);
  }

  /** Whether only the room can tell if it takes what has just happened to it for another restart. */
  mayRestart(room: string): boolean {
    return this.residents(room).some(([, { loss }]) => loss?.isHasty === true);
  }

  /** It does. */
  restartAgain(room: string): void {
    this.#restartNow(this.residents(room));
  }

  #restartNow(residents: readonly [string, Place][]): void {
    const now = this.#clock();
    for (const [, place] of residents) {
      const isHasty = place.storedSeen + ROUNDING_MS >= now;
      place.loss = { at: now, cause: "restart", isOld: false, isHasty };
      place.lastSeen = Math.max(place.lastSeen, this.#clock());
      place.state = null;
    }
  }

  /** Everything has been compared; what comes from here on is news. */
  compared(): void {
    for (const { came, left } of this.changes.values()) {
      came.clear();
      left.clear();
    }
  }

  #place(user: string | null): Place {
    const now = this.#clock();
    return { user, state: null, lastSeen: now, storedSeen: now, loss: null };
  }

  #leave(room: string, channel: string): void {
    if (this.in(room).delete(channel)) known(this.changes, room).left.add(channel);
  }

  #end({ lastSeen, loss, ttlMs = this.#patience.maxAgeMs }: Place): number {
    return loss ? this.#graceEnd(loss) : lastSeen + ttlMs;
  }

  #graceEnd({ at, cause }: Loss): number {
    const { graceMs } = this.#patience;
    return at + (cause === "reload" ? Math.min(RELOAD_MS, graceMs) : graceMs);
  }
}

function known<T>(map: ReadonlyMap<string, T>, key: string): T {
  const value = map.get(key);
  if (value === undefined) throw new Error(`there is no room ${key}`);
  return value;
}
