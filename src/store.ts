/**
 * One room's presences in the object's SQLite storage, through its synchronous key-value interface: no
 * schema to make, so that a room that is only looked at stores nothing. A put is one row, a delete is one.
 */

import * as v from "valibot";
import type { Presence } from "./core/presence.ts";
import type { Entry, Unsaved } from "./core/presence-set.ts";

const PRESENCE = "presence:";
const RESTARTED_AT = "restartedAt";
const IS_COUNTING = "isCounting";

// SAFETY: only `save` writes these; the fields are checked so that a row of another version is noticed.
const presence = v.custom<Presence>(
  (value) => typeof value === "object" && value !== null && "channel" in value,
);

const Row = v.object({
  presence,
  lastSeen: v.number(),
  rank: v.number(),
  resume: v.nullable(v.string()),
  loss: v.nullable(v.object({ at: v.number(), cause: v.picklist(["reload", "cut", "restart"]) })),
});

export class Store {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** The presences, in the order of their joins. */
  load(): Entry[] {
    const entries: Entry[] = [];
    for (const [key, row] of Array.from(this.#storage.kv.list({ prefix: PRESENCE }))) {
      const result = v.safeParse(Row, row);
      if (result.success) entries.push(result.output);
      else this.#discard(key);
    }
    return entries.toSorted((a, b) => a.presence.joinedAt - b.presence.joinedAt || a.rank - b.rank);
  }

  /** All of it or, where it throws, nothing. */
  save({ puts, deletes }: Unsaved): void {
    if (puts.length + deletes.length === 0) return;
    this.#storage.transactionSync(() => {
      for (const entry of puts) this.#storage.kv.put(PRESENCE + entry.presence.channel, entry);
      for (const channel of deletes) this.#storage.kv.delete(PRESENCE + channel);
    });
  }

  /** When the room last lost all its sockets at once, in milliseconds since the epoch; `null` for never. */
  get restartedAt(): number | null {
    return v.parse(v.optional(v.number()), this.#storage.kv.get(RESTARTED_AT)) ?? null;
  }

  set restartedAt(at: number) {
    this.#storage.kv.put(RESTARTED_AT, at);
  }

  /** Whether the room tells counts instead of names. */
  get isCounting(): boolean {
    return this.#storage.kv.get(IS_COUNTING) === true;
  }

  set isCounting(isCounting: boolean) {
    // Not even a deletion may touch a storage that has been forgotten: it would make a table again.
    if (isCounting === this.isCounting) return;
    if (isCounting) this.#storage.kv.put(IS_COUNTING, true);
    else this.#storage.kv.delete(IS_COUNTING);
  }

  /** Whether there is nothing at all, as in a room that was never entered or has forgotten itself. */
  get isForgotten(): boolean {
    return this.#storage.sql.exec("SELECT 1 FROM sqlite_master LIMIT 1").toArray().length === 0;
  }

  /** Deletes everything, the alarm too. Takes effect at once; the promise is for the disk. */
  forget(): Promise<void> {
    return this.#storage.deleteAll();
  }

  /** A row that cannot be read would keep the room from waking for ever. Its connection gets a new one. */
  #discard(key: string): void {
    console.error(JSON.stringify({ event: "unreadable row discarded", key }));
    this.#storage.kv.delete(key);
  }
}
