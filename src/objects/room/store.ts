/**
 * One room's presences in the object's SQLite storage, through its synchronous key-value interface: no
 * schema to make, so that a room that is only looked at stores nothing. A put is one row, a delete is one.
 */

import * as v from "valibot";
import type { Presence } from "../../core/presence.ts";
import type { Entry, Home, Unsaved } from "../../core/presence-set.ts";
import { VIEWS } from "../../core/protocol.ts";
import { logError } from "../../telemetry/log.ts";

const PRESENCE = "presence:";
/** Presences whose channel has its socket in another room: told apart by key, since every flush asks for them. */
const GUEST = "guest:";
const RESTARTED_AT = "restartedAt";
const IS_COUNTING = "isCounting";
const IS_LISTED = "isListed";

/** The room that holds a guest's socket, the view that it has there, and the number of its link to this room. */
export type Host = NonNullable<Home["socket"]> & Pick<Home, "link">;

// SAFETY: only `save` writes these; the fields are checked so that a row of another version is noticed.
const presence = v.custom<Presence>(
  (value) => typeof value === "object" && value !== null && "channel" in value,
);

const Row = v.object({
  presence,
  lastSeen: v.number(),
  rank: v.number(),
  resume: v.nullable(v.string()),
  // Rows of the first version have none: a key that is added must have a default, or a deploy drops people.
  home: v.optional(
    v.nullable(
      v.object({
        socket: v.nullable(v.object({ room: v.string(), view: v.picklist(VIEWS) })),
        link: v.number(),
      }),
    ),
    null,
  ),
  loss: v.nullable(v.object({ at: v.number(), cause: v.picklist(["reload", "cut", "restart"]) })),
});

export class Store {
  readonly #storage: DurableObjectStorage;
  readonly #onRow: () => void;
  /** The guests among the rows, once somebody has asked. */
  #guests: Map<string, Host> | undefined;

  /** `onRow` hears of each row that is written. */
  constructor(storage: DurableObjectStorage, onRow: () => void) {
    this.#storage = storage;
    this.#onRow = onRow;
  }

  /** The presences, in the order of their joins. */
  load(): Entry[] {
    const entries = [...this.#list(PRESENCE), ...this.#list(GUEST)];
    return entries.toSorted((a, b) => a.presence.joinedAt - b.presence.joinedAt || a.rank - b.rank);
  }

  /** The channels here whose sockets are in other rooms. Known without the other presences being read. */
  get guests(): ReadonlyMap<string, Host> {
    return this.#knownGuests();
  }

  /** All of it and what `also` writes or, where one throws, nothing. */
  save({ puts, deletes }: Unsaved, also: () => void = () => {}): void {
    if (puts.length + deletes.length === 0) return;
    const guests = this.#knownGuests();
    this.#guests = undefined;
    this.#storage.transactionSync(() => {
      for (const entry of puts) this.#put(entry, guests);
      for (const channel of deletes) {
        this.#delete((guests.delete(channel) ? GUEST : PRESENCE) + channel);
      }
      also();
    });
    this.#guests = guests;
  }

  /** When the room last lost all its sockets at once, in milliseconds since the epoch; `null` for never. */
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

  /** Whether there is nothing at all, as in a room that was never entered or has forgotten itself. */
  get isForgotten(): boolean {
    return this.#storage.sql.exec("SELECT 1 FROM sqlite_master LIMIT 1").toArray().length === 0;
  }

  /** Deletes everything, the alarm too. Takes effect at once; the promise is for the disk. */
  forget(): Promise<void> {
    this.#guests = undefined;
    return this.#storage.deleteAll();
  }

  #put(entry: Entry, guests: Map<string, Host>): void {
    const { channel } = entry.presence;
    const host = hostOf(entry);
    if (guests.has(channel) !== Boolean(host)) {
      this.#delete((host ? PRESENCE : GUEST) + channel);
    }
    if (host) guests.set(channel, host);
    else guests.delete(channel);
    this.#write((host ? GUEST : PRESENCE) + channel, entry);
  }

  #knownGuests(): Map<string, Host> {
    this.#guests ??= new Map(
      this.#list(GUEST).flatMap((entry) => {
        const host = hostOf(entry);
        return host ? [[entry.presence.channel, host] as const] : [];
      }),
    );
    return this.#guests;
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
    // Not even a deletion may touch a storage that has been forgotten: it would make a table again.
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

  /** A row that cannot be read would keep the room from waking for ever. Its connection gets a new one. */
  #discard(key: string): void {
    logError("unreadable row discarded", null, { key });
    this.#delete(key);
  }
}

function hostOf({ home }: Entry): Host | undefined {
  return home?.socket ? { ...home.socket, link: home.link } : undefined;
}
