/**
 * The room's log in storage. A row holds a part of it: the newest part is written anew with each
 * commit until it is full, so that a commit costs one row, and a deletion covers many events.
 */

import * as v from "valibot";
import { DeliveryPosition } from "../../core/delivery-position.ts";
import { LOG_LIFE_BYTES, LOG_PART_LENGTH, LOG_PART_LENGTH_MAX } from "../../core/limits.ts";
import {
  decodeRev,
  LOG_BEGINNING,
  type LogPart,
  type LogPosition,
  type LogRecord,
  placed,
  type PlacedRecord,
  positionAfter,
  type PresenceCounts,
  revOf,
} from "../../core/room-log.ts";
import type { Settings } from "../../config/settings.ts";
import { logError } from "../../telemetry/log.ts";

const PREFIX = "log:";
/** The life of a room that has no log: everything that happens is news to whoever knows nothing. */
const NO_LIFE = "0";

const Position = v.object({
  n: v.number(),
  at: v.number(),
  members: v.number(),
  lurkers: v.number(),
  presences: v.number(),
  last: v.pipe(v.array(v.number()), v.readonly()),
});

const Row = v.object({
  life: v.string(),
  start: Position,
  end: Position,
  /** When the first of its records was stored. */
  from: v.number(),
  /** How far webhooks were delivered when it was written. */
  delivery: v.nullable(DeliveryPosition),
  /** The records as JSON, separated by commas: what is there already is not made again. */
  records: v.string(),
});
type Row = v.InferOutput<typeof Row>;

/** The newest part, and its key. */
type Tail = { readonly key: string; readonly row: Row };

export type RoomLogOptions = {
  readonly storage: DurableObjectStorage;
  readonly settings: Pick<Settings, "historyMs" | "historyMax">;
  /** Hears of each row that is written. */
  readonly onRow: () => void;
};

export class RoomLog {
  readonly #storage: DurableObjectStorage;
  readonly #historyMs: number;
  readonly #historyMax: number;
  readonly #onRow: () => void;
  /** `null` where there is no log; `undefined` until somebody asks. */
  #tail: Tail | null | undefined;

  constructor({ storage, settings, onRow }: RoomLogOptions) {
    this.#storage = storage;
    this.#historyMs = settings.historyMs;
    this.#historyMax = settings.historyMax;
    this.#onRow = onRow;
  }

  /** Whether comings and goings are kept at all. */
  get isKept(): boolean {
    return this.#historyMs > 0;
  }

  /** The revision of everything that is stored; `undefined` where there are no revisions. */
  get rev(): string | undefined {
    return this.isKept ? revOf(this.life, this.end.n) : undefined;
  }

  get life(): string {
    return this.#newest()?.row.life ?? NO_LIFE;
  }

  /** How far webhooks were delivered when the last row was written; `null` where none are sent. */
  get delivery(): DeliveryPosition | null {
    return this.#newest()?.row.delivery ?? null;
  }

  /** The place behind the last record. */
  get end(): LogPosition {
    return this.#newest()?.row.end ?? LOG_BEGINNING;
  }

  /** The place before the first record that is kept: what is older is not known any more. */
  get start(): LogPosition {
    const first = this.#read({ limit: 1 });
    return first?.row.start ?? LOG_BEGINNING;
  }

  /** The time, but never before the last record: a clock may have been set back. */
  now(): number {
    return Math.max(Date.now(), this.end.at);
  }

  /** An empty room is kept until then, in milliseconds since the epoch; 0 where there is no log. */
  get runsOutAt(): number {
    const newest = this.#newest();
    return newest ? newest.row.end.at + this.#historyMs : 0;
  }

  /**
   * Stores records, in the transaction that stores what they tell of. Should that fail, call
   * `invalidate`.
   *
   * @param after the presences after them
   */
  append(
    records: readonly LogRecord[],
    after: PresenceCounts & CountsAfter,
    delivery: DeliveryPosition | null,
  ): void {
    const { 0: first } = records;
    if (!first || !this.isKept) return;
    const newest = this.#newest();
    let tail = newest
      ? this.#withoutOld(newest, first.at, delivery)
      : this.#begin(records, after, first.at);
    tail = { ...tail, row: { ...tail.row, delivery } };
    // Older parts would not join on to what is left: nobody may be told what they missed from there.
    const { start } = tail.row;
    if (newest && start !== newest.row.start) this.trim(first.at, start.n);
    if (tail.row.records.length > LOG_PART_LENGTH) tail = nextPart(tail, first.at);
    for (const record of records) {
      const text = JSON.stringify(record);
      if (tail.row.records.length + text.length > LOG_PART_LENGTH_MAX) {
        this.#put(tail);
        tail = nextPart(tail, record.at);
      }
      tail = withRecord(tail, record, text);
    }
    this.#put(tail);
    this.#tail = tail;
  }

  /** Memory and storage may differ. */
  invalidate(): void {
    this.#tail = undefined;
  }

  /** Whether everything after a revision is known: the number of its event, or `null`. */
  find(rev: string): number | null {
    const place = decodeRev(rev);
    if (!place || !this.isKept) return null;
    const isOfThisLife = place.life === this.life || place.life === NO_LIFE;
    if (!isOfThisLife || place.n > this.end.n) return null;
    // Most who come back know the newest part, which need not be read.
    const isNew = place.n >= (this.#newest()?.row.start.n ?? 0);
    return isNew || place.n >= this.start.n ? place.n : null;
  }

  /** The number of an event from which on everything since `at` is found; what is before it was earlier. */
  numberBefore(at: number): number {
    let [before, after] = [this.start.n, this.end.n];
    let found = before;
    while (before < after) {
      const middle = Math.floor((before + after) / 2);
      const part = this.#read({ end: keyOf(middle + 1), reverse: true, limit: 1 });
      if (part && part.row.start.at < at) {
        found = part.row.start.n;
        before = Math.max(part.row.end.n, middle + 1);
      } else after = Math.min(part?.row.start.n ?? middle, middle);
    }
    return found;
  }

  /** The parts that have events after the n-th, from the oldest on. Each is read when it is asked for. */
  *partsAfter(n: number): Generator<LogPart, void> {
    if (n >= this.end.n) return;
    let part =
      this.#read({ end: keyOf(n + 1), reverse: true, limit: 1 }) ?? this.#read({ limit: 1 });
    while (part) {
      if (part.row.end.n > n) yield partOf(part.row);
      part = this.#read({ startAfter: part.key, limit: 1 });
    }
  }

  /** All parts, from the newest back. */
  *partsBackwards(): Generator<LogPart, void> {
    let part = this.#read({ reverse: true, limit: 1 });
    while (part) {
      yield partOf(part.row);
      part = this.#read({ end: part.key, reverse: true, limit: 1 });
    }
  }

  /**
   * Deletes the parts that are too old or too many. The newest stays: it knows the last revision.
   *
   * @param neededAfter the events behind this one are kept however old they are
   */
  trim(now: number, neededAfter: number): void {
    for (;;) {
      const oldest = this.#read({ limit: 1 });
      if (!oldest) return;
      const { key, row } = oldest;
      const isNewest = key === this.#newest()?.key;
      if (this.isKept && (isNewest || !this.#isTooOld(row.end, now, neededAfter))) return;
      this.#storage.kv.delete(key);
      this.#onRow();
      if (isNewest) this.#tail = null;
    }
  }

  #isTooOld({ at, n }: LogPosition, now: number, neededAfter: number): boolean {
    const isOld = at < now - this.#historyMs && n <= neededAfter;
    return isOld || n <= this.end.n - this.#historyMax;
  }

  /** A room that has presences before its log begins is one of which something is not known. */
  #begin(records: readonly LogRecord[], after: PresenceCounts & CountsAfter, at: number): Tail {
    const counts = records.reduce(positionAfter, LOG_BEGINNING);
    const members = after.memberCount - counts.members;
    const lurkers = after.lurkers - counts.lurkers;
    const presences = after.size - counts.presences;
    const n = presences > 0 ? 1 : 0;
    const start = { ...LOG_BEGINNING, n, at: n > 0 ? at : 0, members, lurkers, presences };
    const row = { life: newLife(), start, end: start, from: at, delivery: null, records: "" };
    return { key: keyOf(n), row };
  }

  /** Without the records that are too old: the part is written anyway. */
  #withoutOld({ key, row }: Tail, now: number, delivery: DeliveryPosition | null): Tail {
    if (row.from >= now - this.#historyMs) return { key, row };
    const neededAfter = delivery?.delivered ?? row.end.n;
    const all = [...placed([partOf(row)])];
    const isKept = ({ record, after }: PlacedRecord) =>
      record.at >= now - this.#historyMs || after.n > neededAfter;
    const first = all.findIndex(isKept);
    const rest = first === -1 ? [] : all.slice(first);
    const start = rest[0]?.before ?? row.end;
    const from = rest[0]?.record.at ?? now;
    const records = rest.map(({ record }) => JSON.stringify(record)).join(",");
    return { key, row: { ...row, start, from, records } };
  }

  #newest(): Tail | null {
    if (this.#tail === undefined) this.#tail = this.#read({ reverse: true, limit: 1 }) ?? null;
    return this.#tail;
  }

  #read(options: SyncKvListOptions): Tail | undefined {
    for (const [key, value] of this.#storage.kv.list({ prefix: PREFIX, ...options })) {
      const result = v.safeParse(Row, value);
      if (result.success) return { key, row: result.output };
      // One that cannot be read must not keep the room from waking.
      logError("unreadable part of the log discarded", null, { key });
      this.#storage.kv.delete(key);
      this.#onRow();
    }
    return undefined;
  }

  #put({ key, row }: Tail): void {
    this.#storage.kv.put(key, row);
    this.#onRow();
  }
}

/** What else must be known of the presences where a log begins. */
type CountsAfter = { readonly memberCount: number; readonly lurkers: number };

function newLife(): string {
  const random = crypto.getRandomValues(new Uint8Array(LOG_LIFE_BYTES));
  return random.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** So that keys are in the order of their numbers. */
function keyOf(n: number): string {
  return PREFIX + String(n).padStart(15, "0");
}

function partOf({ start, records }: Row): LogPart {
  return { start, records: JSON.parse(`[${records}]`) };
}

function nextPart({ row: { life, end, delivery } }: Tail, at: number): Tail {
  return { key: keyOf(end.n), row: { life, start: end, end, from: at, delivery, records: "" } };
}

function withRecord({ key, row }: Tail, record: LogRecord, text: string): Tail {
  const records = row.records === "" ? text : `${row.records},${text}`;
  return { key, row: { ...row, end: positionAfter(row.end, record), records } };
}
