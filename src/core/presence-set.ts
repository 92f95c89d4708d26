/**
 * Who is in one room. The truth that everything else is derived from: each change returns the diff that it
 * made and marks what the store must write. No I/O and no clock: `now` is a parameter, in milliseconds.
 */

import { type Diff, type Leave, NO_CHANGE, withState } from "./diff.ts";
import { type Json, jsonEqual } from "./json.ts";
import { ACTIVE_MS_MAX, EXPIRY_SLACK_MS, EXPIRY_SLACK_PART, RELOAD_GRACE_MS } from "./limits.ts";
import { NO_LINK, type Owner } from "./owner.ts";
import type { LeaveReason, Presence, User } from "./presence.ts";
import type { Movement } from "./room-log.ts";
import { type PresenceStatus, type StatusChange, type ToldStatus, withStatus } from "./status.ts";

/** How a connection can end without a goodbye: the page was closed or reloaded, the line cut, the room restarted. */
export type LossCause = "reload" | "cut" | "restart";

/** A connection that ended without a goodbye; its presence may yet be taken up by another one. */
export type Loss = { readonly at: number; readonly cause: LossCause };

/** What the leave is called if nobody does. A page that is closed says 1001: that is a goodbye that may be a reload. */
const REASONS = { reload: "left", cut: "lost", restart: "lost" } as const;

/** One presence, with what the room must know of it beyond what the others see. */
export type Entry = {
  presence: Presence;
  /** The last sign of life that the set was told of. */
  lastSeen: number;
  /** The rank of the member's first join; all presences of a user share it. Orders the list of members. */
  rank: number;
  /** When that first join was, in milliseconds since the epoch; its own, where it is anonymous. */
  memberSince: number;
  owner: Owner;
  /** Set while the presence outlives its connection. */
  loss: Loss | null;
  /** How long it stays after its last sign of life, where a server said so. Missing: the maximum age. */
  ttlMs?: number;
  /** What its client told of its status, or what became of that. Missing: it never told. */
  told?: ToldStatus;
};

/** How long to wait for a sign of life, and for the return of a lost connection. Milliseconds. */
export type Timeouts = {
  readonly maxAgeMs: number;
  readonly graceMs: Readonly<Record<LossCause, number>>;
};

/** What an operator set, as it applies to each way to go. */
export function timeoutsOf({ maxAgeMs, graceMs }: { maxAgeMs: number; graceMs: number }): Timeouts {
  const reload = Math.min(RELOAD_GRACE_MS, graceMs);
  return { maxAgeMs, graceMs: { reload, cut: graceMs, restart: graceMs } };
}

/** What the store must do to hold the same as the set, and what happened meanwhile, in its order. */
export type Unsaved = {
  readonly puts: readonly Entry[];
  readonly deletes: readonly string[];
  readonly movements: readonly Movement[];
};

type Member = { readonly rank: number; readonly since: number; readonly users: Map<string, User> };

/** A room's presences by channel, and its members by user. */
export class PresenceSet {
  readonly #timeouts: Timeouts;
  readonly #entries = new Map<string, Entry>();
  readonly #members = new Map<string, Member>();
  readonly #unsaved = new Map<string, Entry | null>();
  #movements: Movement[] = [];
  #lurkers = 0;
  #nextRank = 1;
  #deadline = Number.POSITIVE_INFINITY;
  #version = 0;
  #rosterVersion = 0;

  constructor(timeouts: Timeouts, entries: Iterable<Entry> = []) {
    this.#timeouts = timeouts;
    for (const entry of entries) this.#insert(entry);
  }

  /** Another number after each change, as long as the set is in memory. */
  get version(): number {
    return this.#version;
  }

  /** Another number after each change but one of states. */
  get rosterVersion(): number {
    return this.#rosterVersion;
  }

  get size(): number {
    return this.#entries.size;
  }

  get memberCount(): number {
    return this.#members.size;
  }

  /** How many presences a user has; 0 for those without a name. */
  presencesOf(id: string | null): number {
    return id === null ? 0 : (this.#members.get(id)?.users.size ?? 0);
  }

  /** How many of the presences are anonymous. */
  get lurkers(): number {
    return this.#lurkers;
  }

  /** No presence leaves by itself before this time: infinity in an empty room. May be earlier than need be. */
  get deadline(): number {
    return this.#deadline;
  }

  get(channel: string): Entry | undefined {
    return this.#entries.get(channel);
  }

  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Each user once, in the order of their first joins, as their newest presence shows them. */
  members(): User[] {
    return [...this.#members.values()]
      .toSorted((a, b) => a.rank - b.rank)
      .flatMap((member) => [...member.users.values()].slice(-1));
  }

  /**
   * The channel comes into the room. One that is in it already is refreshed and stays one presence: the
   * same user with other info is an update, and another user replaces it. A local channel stays local;
   * without an `owner`, it is a server that vouches for the channel.
   */
  join(channel: string, user: User | null, now: number, owner?: Owner): Diff {
    const old = this.#entries.get(channel);
    if (old) {
      // What a restart lost must be seen to have come back, or the next restart would think it gone.
      // After any other loss nothing is written: a live socket outweighs its row.
      if (old.loss?.cause === "restart") this.#unsaved.set(channel, old);
      if (old.owner.kind !== "local" && owner && owner.kind !== "local") {
        old.owner = owner;
        this.#unsaved.set(channel, old);
      }
      // A server that vouches for a channel does not bring its lost connection back.
      if (owner?.kind === "local" || old.owner.kind !== "local") old.loss = null;
      this.touch(channel, now);
      if (jsonEqual(old.presence.user, user)) return NO_CHANGE;
      if (user && old.presence.user?.id === user.id) return this.#setInfo(old, user);
    }
    const member = user ? this.#members.get(user.id) : undefined;
    const leaves = old ? [this.#remove(old, "replaced")] : [];
    const presence = { channel, user, joinedAt: now };
    const entry = {
      presence,
      lastSeen: now,
      rank: member?.rank ?? this.#nextRank,
      memberSince: member?.since ?? now,
      owner: old?.owner ?? owner ?? NO_LINK,
      loss: old?.loss ?? null,
      ...(old?.ttlMs !== undefined && { ttlMs: old.ttlMs }),
    };
    this.#insert(entry);
    this.#unsaved.set(channel, entry);
    this.#note("joined", entry);
    return { joins: [presence], updates: [], leaves };
  }

  /** The presence says something else of itself; `null` takes it back. An equal state changes nothing. */
  update(channel: string, state: Json): Diff {
    const entry = this.#entries.get(channel);
    if (!entry || jsonEqual(entry.presence.state ?? null, state)) return NO_CHANGE;
    entry.presence = withState(entry.presence, state);
    this.#version += 1;
    if (entry.owner.kind === "detached") this.#unsaved.set(channel, entry);
    return { joins: [], updates: [entry.presence], leaves: [] };
  }

  /**
   * A client tells whether somebody is at it. To tell `active` again renews it, to tell `away` again is nothing, and
   * others hear of neither. An anonymous presence shows none.
   */
  setStatus(channel: string, status: PresenceStatus, now: number): Diff {
    const entry = this.#entries.get(channel);
    if (!entry?.presence.user) return NO_CHANGE;
    const wasAway = entry.told?.status === "away";
    if (status === "away" && wasAway) return NO_CHANGE;
    const activeAt = status === "active" ? now : (entry.told?.activeAt ?? now);
    const change = this.#tell(entry, { status, activeAt });
    return wasAway || status === "away" ? { ...NO_CHANGE, statuses: [change] } : NO_CHANGE;
  }

  /** Whoever told `active`, and has not renewed it in time, is away. */
  demote(now: number): Diff {
    const statuses: StatusChange[] = [];
    for (const entry of this.#entries.values()) {
      const { told, loss } = entry;
      // One that is lost leaves soon, or returns and is looked at then.
      if (loss || told?.status !== "active" || told.activeAt + ACTIVE_MS_MAX > now) continue;
      statuses.push(this.#tell(entry, { ...told, status: "away" }));
    }
    return statuses.length === 0 ? NO_CHANGE : { ...NO_CHANGE, statuses };
  }

  /** From now on the presence stays for that many milliseconds after each sign of life. */
  setTtl(channel: string, ttlMs: number): void {
    const entry = this.#entries.get(channel);
    if (!entry || entry.ttlMs === ttlMs) return;
    entry.ttlMs = ttlMs;
    this.#unsaved.set(channel, entry);
    this.#deadline = Math.min(this.#deadline, this.#deadlineOf(entry));
  }

  leave(channel: string, reason: LeaveReason): Diff {
    const entry = this.#entries.get(channel);
    if (!entry) return NO_CHANGE;
    return { joins: [], updates: [], leaves: [this.#remove(entry, reason)] };
  }

  /** A sign of life. An older one than is known already changes nothing. Written where no socket remembers it. */
  touch(channel: string, seenAt: number): void {
    const entry = this.#entries.get(channel);
    if (!entry || seenAt <= entry.lastSeen) return;
    entry.lastSeen = seenAt;
    if (entry.owner.kind === "detached") this.#unsaved.set(channel, entry);
  }

  /**
   * The last sign of life of a remote channel, as its owner knows it. It may be earlier than was
   * thought, but not earlier than the join or the newest link: these are signs of life, too.
   */
  correct(channel: string, seenAt: number): void {
    const entry = this.#entries.get(channel);
    if (!entry) return;
    const linkedAt = entry.owner.kind === "local" ? 0 : entry.owner.linkedAt;
    entry.lastSeen = Math.max(seenAt, entry.presence.joinedAt, linkedAt);
    this.#deadline = Math.min(this.#deadline, this.#deadlineOf(entry));
  }

  /**
   * The connection ended without a goodbye: the presence stays for the grace of its cause, or leaves at
   * once where that is 0. A loss that is already noted keeps its deadline.
   */
  lose(channel: string, cause: LossCause, now: number): Diff {
    const entry = this.#entries.get(channel);
    if (!entry || entry.loss) return NO_CHANGE;
    if (this.#timeouts.graceMs[cause] === 0) return this.leave(channel, REASONS[cause]);
    entry.loss = { at: now, cause };
    this.#unsaved.set(channel, entry);
    this.#deadline = Math.min(this.#deadline, this.#deadlineOf(entry));
    return NO_CHANGE;
  }

  /**
   * Removes whoever gave no sign of life for too long, and whoever did not come back in time. Of one whose
   * connection is lost no sign is to be had: its grace alone counts, be it longer than the maximum age.
   * With an age, in milliseconds, whoever was last seen longer ago leaves, whatever else would keep them.
   */
  prune(now: number, ageMs?: number): Diff {
    const leaves: Leave[] = [];
    this.#deadline = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) {
      const { loss } = entry;
      const due = this.#endOf(entry, now, ageMs);
      if (due <= now) leaves.push(this.#remove(entry, loss ? REASONS[loss.cause] : "expired"));
      else this.#deadline = Math.min(this.#deadline, this.#deadlineOf(entry));
    }
    return leaves.length === 0 ? NO_CHANGE : { joins: [], updates: [], leaves };
  }

  /** What changed since the last call and must be written. States and signs of life are not where sockets keep them. */
  takeUnsaved(): Unsaved {
    const puts: Entry[] = [];
    const deletes: string[] = [];
    for (const [channel, entry] of this.#unsaved) {
      if (entry) puts.push(entry);
      else deletes.push(channel);
    }
    this.#unsaved.clear();
    const movements = this.#movements;
    this.#movements = [];
    return { puts, deletes, movements };
  }

  /** When it is to leave: by itself, or by an age that was asked for. */
  #endOf(entry: Entry, now: number, ageMs: number | undefined): number {
    const { loss, lastSeen } = entry;
    const graceEnd = loss ? loss.at + this.#timeouts.graceMs[loss.cause] : Number.POSITIVE_INFINITY;
    // After a clock was set back, the last sign of life may lie ahead.
    if (ageMs !== undefined) return Math.min(graceEnd, Math.min(lastSeen, now) + ageMs);
    return loss ? graceEnd : lastSeen + this.#ageOf(entry);
  }

  /** How long it may be silent. */
  #ageOf({ ttlMs }: Entry): number {
    return ttlMs ?? this.#timeouts.maxAgeMs;
  }

  #tell(entry: Entry, told: ToldStatus): StatusChange {
    entry.told = told;
    if (told.status !== (entry.presence.status ?? "active")) {
      entry.presence = withStatus(entry.presence, told);
      this.#version += 1;
    }
    return { channel: entry.presence.channel, ...told };
  }

  #setInfo(entry: Entry, user: User): Diff {
    const { channel } = entry.presence;
    this.#note("changed", entry);
    entry.presence = { ...entry.presence, user };
    this.#version += 1;
    this.#rosterVersion += 1;
    this.#members.get(user.id)?.users.set(channel, user);
    this.#unsaved.set(channel, entry);
    return { joins: [], updates: [entry.presence], leaves: [], newInfo: [channel] };
  }

  #note(kind: Movement["kind"], entry: Entry, reason?: LeaveReason): void {
    const { rank, memberSince, presence } = entry;
    const { channel, user, joinedAt } = presence;
    const movement = { kind, channel, user, joinedAt, memberSince, rank };
    this.#movements.push(reason === undefined ? movement : { ...movement, reason });
  }

  #insert(entry: Entry): void {
    const { channel, user } = entry.presence;
    this.#entries.set(channel, entry);
    this.#version += 1;
    this.#rosterVersion += 1;
    this.#nextRank = Math.max(this.#nextRank, entry.rank + 1);
    this.#deadline = Math.min(this.#deadline, this.#deadlineOf(entry));
    if (!user) {
      this.#lurkers += 1;
      return;
    }
    const member = this.#members.get(user.id);
    if (member) member.users.set(channel, user);
    else {
      const { rank, memberSince: since } = entry;
      this.#members.set(user.id, { rank, since, users: new Map([[channel, user]]) });
    }
  }

  #remove(entry: Entry, reason: LeaveReason): Leave {
    const { channel, user } = entry.presence;
    this.#entries.delete(channel);
    this.#version += 1;
    this.#rosterVersion += 1;
    this.#unsaved.set(channel, null);
    this.#note("left", entry, reason);
    if (!user) this.#lurkers -= 1;
    const member = user && this.#members.get(user.id);
    if (member) {
      member.users.delete(channel);
      if (member.users.size === 0) this.#members.delete(user.id);
    }
    return { ...entry.presence, lastSeen: entry.lastSeen, reason };
  }

  #deadlineOf(entry: Entry): number {
    const { loss, lastSeen } = entry;
    if (loss) return loss.at + this.#timeouts.graceMs[loss.cause];
    const ageMs = this.#ageOf(entry);
    return lastSeen + ageMs + Math.min(EXPIRY_SLACK_MS, ageMs * EXPIRY_SLACK_PART);
  }
}
