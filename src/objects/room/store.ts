/**
 * One room's presences in the object's SQLite storage, through its synchronous key-value interface:
 * no schema to make, so that a room that is only looked at stores nothing. A put is one row, a
 * delete is one.
 */

import * as v from "valibot";
import type { Presence } from "../../core/presence.ts";
import { FormerOwnerSchema, OwnerSchema, type RemoteOwner } from "../../core/owner.ts";
import type { Entry, Unsaved } from "../../core/presence-set.ts";
import { STATUSES } from "../../core/status.ts";
import { logError } from "../../telemetry/log.ts";

const PRESENCE = "presence:";
/**
 * Remote channels have a prefix of their own, since every flush asks for them. The first version
 * chose its name.
 */
const REMOTE = "guest:";
const RESTARTED_AT = "restartedAt";
const IS_COUNTING = "isCounting";
const IS_LISTED = "isListed";

// SAFETY: `save` alone writes these; the check finds rows of another version.
const presence = v.custom<Presence>(
  (value) => typeof value === "object" && value !== null && "channel" in value,
);

const fields = {
  presence,
  lastSeen: v.number(),
  rank: v.number(),
  loss: v.nullable(v.object({ at: v.number(), cause: v.picklist(["reload", "cut", "restart"]) })),
};

/** A row of the first version, read as it was meant: a deploy must not drop people. */
const FormerRow = v.pipe(
  v.intersect([v.object(fields), FormerOwnerSchema]),
  v.transform(({ presence: known, lastSeen, rank, loss, ...owner }): Entry => {
    // It did not say since when the user is here: no later than this.
    return { presence: known, lastSeen, rank, memberSince: known.joinedAt, loss, owner };
  }),
);

const Row = v.union([
  v.object({
    ...fields,
    memberSince: v.number(),
    owner: OwnerSchema,
    ttlMs: v.exactOptional(v.number()),
    told: v.exactOptional(v.object({ status: v.picklist(STATUSES), activeAt: v.number() })),
  }),
  FormerRow,
]);

export class Store {
  readonly #storage: DurableObjectStorage;
  readonly #onRow: () => void;
  /** The remote channels among the rows, once somebody has asked. */
  #remote: Map<string, RemoteOwner> | undefined;

  /** `onRow` hears of each row that is written. */
  constructor(storage: DurableObjectStorage, onRow: () => void) {
    this.#storage = storage;
    this.#onRow = onRow;
  }

  /** The presences, in the order of their joins. */
  load(): Entry[] {
    const entries = [...this.#list(PRESENCE), ...this.#list(REMOTE)];
    return entries.toSorted((a, b) => a.presence.joinedAt - b.presence.joinedAt || a.rank - b.rank);
  }

  /**
   * The channels here whose sockets are in other rooms. Known without the other presences being
   * read.
   */
  get remoteChannels(): ReadonlyMap<string, RemoteOwner> {
    return this.#knownRemote();
  }

  /**
   * Stores all changes and what `also` writes, in one transaction. Where one throws, nothing is
   * stored.
   */
  save({ puts, deletes }: Unsaved, also: () => void): void {
    const remote = this.#knownRemote();
    this.#remote = undefined;
    this.#storage.transactionSync(() => {
      for (const entry of puts) this.#put(entry, remote);
      for (const channel of deletes) {
        this.#delete((remote.delete(channel) ? REMOTE : PRESENCE) + channel);
      }
      also();
    });
    this.#remote = remote;
  }

  /**
   * When the room last lost all its sockets at once, in milliseconds since the epoch; `null` for
   * never.
   */
  get restartedAt(): number | null {
    return v.parse(v.optional(v.number()), this.#storage.kv.get(RESTARTED_AT)) ?? null;
  }

  set restartedAt(at: number) {
    this.#write(RESTARTED_AT, at);
  }

  /** Whether the room tells counts instead of names. */
  get isCounting(): boolean {
    return this.#storage.kv.get(IS_COUNTING) === true;
  }

  set isCounting(isCounting: boolean) {
    this.#flag(IS_COUNTING, isCounting);
  }

  /** Whether the lobby is known to have the room on its list. */
  get isListed(): boolean {
    return this.#storage.kv.get(IS_LISTED) === true;
  }

  set isListed(isListed: boolean) {
    this.#flag(IS_LISTED, isListed);
  }

  /** Whether there is nothing at all, as in a room that was never entered or has erased itself. */
  get isErased(): boolean {
    return this.#storage.sql.exec("SELECT 1 FROM sqlite_master LIMIT 1").toArray().length === 0;
  }

  /** Deletes everything, the alarm too. Takes effect at once; the promise is for the disk. */
  erase(): Promise<void> {
    this.#remote = undefined;
    return this.#storage.deleteAll();
  }

  #put(entry: Entry, remote: Map<string, RemoteOwner>): void {
    const { owner, presence: known } = entry;
    const { channel } = known;
    const isRemote = owner.kind === "remote";
    if (remote.has(channel) !== isRemote) this.#delete((isRemote ? PRESENCE : REMOTE) + channel);
    if (isRemote) remote.set(channel, owner);
    else remote.delete(channel);
    this.#write((isRemote ? REMOTE : PRESENCE) + channel, entry);
  }

  #knownRemote(): Map<string, RemoteOwner> {
    this.#remote ??= new Map(
      this.#list(REMOTE).flatMap(({ owner, presence: { channel } }) =>
        owner.kind === "remote" ? [[channel, owner] as const] : [],
      ),
    );
    return this.#remote;
  }

  #list(prefix: string): Entry[] {
    const entries: Entry[] = [];
    for (const [key, row] of Array.from(this.#storage.kv.list({ prefix }))) {
      const result = v.safeParse(Row, row);
      if (result.success) entries.push(result.output);
      else this.#discard(key);
    }
    return entries;
  }

  #flag(name: string, isSet: boolean): void {
    // Even a deletion would make a table again in a storage that has been erased.
    if (isSet === (this.#storage.kv.get(name) === true)) return;
    if (isSet) this.#write(name, true);
    else this.#delete(name);
  }

  #write(key: string, value: unknown): void {
    this.#storage.kv.put(key, value);
    this.#onRow();
  }

  #delete(key: string): void {
    if (this.#storage.kv.delete(key)) this.#onRow();
  }

  /** A row that cannot be read must not keep the room from waking. Its client connects again. */
  #discard(key: string): void {
    logError("unreadable row discarded", null, { key });
    this.#delete(key);
  }
}
