/** The log of a set, in memory: stored in parts, as a room does it. */

import type { PresenceSet } from "../../src/core/presence-set.ts";
import {
  LOG_BEGINNING,
  type LogPart,
  type LogPosition,
  type LogRecord,
  positionAfter,
  recordsOf,
} from "../../src/core/room-log.ts";

/** Records in a part, so that a few steps make several. */
const PART_MAX = 3;

export class StoredLog {
  readonly parts: { start: LogPosition; records: LogRecord[] }[] = [];
  end = LOG_BEGINNING;

  /** Stores what the set did since the last time. Returns the records of it. */
  commit(set: PresenceSet, now: number): readonly LogRecord[] {
    const records = recordsOf(set.takeUnsaved().movements, set, now);
    for (const record of records) {
      const newest = this.parts.at(-1);
      if (!newest || newest.records.length === PART_MAX) {
        this.parts.push({ start: this.end, records: [record] });
      } else newest.records.push(record);
      this.end = positionAfter(this.end, record);
    }
    return records;
  }

  /** The parts that have something after the n-th event. */
  partsAfter(n: number): LogPart[] {
    const next = this.parts.findIndex(({ start }) => start.n > n);
    return this.parts.slice(Math.max(0, next === -1 ? this.parts.length - 1 : next - 1));
  }

  records(): LogRecord[] {
    return this.parts.flatMap(({ records }) => records);
  }
}
