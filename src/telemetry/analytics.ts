/**
 * What rooms have counted, told to Workers Analytics Engine where wrangler.toml binds a dataset.
 * Column by column in docs/operating.md.
 */

import { COUNTERS, type Counter } from "../core/counters.ts";
import { utf8Length } from "../core/json.ts";

/**
 * An index of the Analytics Engine is 96 bytes at most. It decides what is sampled together; the
 * blob has the whole name.
 */
const INDEX_BYTES_MAX = 96;

export type Report = {
  readonly room: string;
  /** Since the report before. */
  readonly counts: Readonly<Record<Counter, number>>;
  readonly connections: number;
  readonly presences: number;
};

export function report(
  dataset: AnalyticsEngineDataset,
  { room, counts, connections, presences }: Report,
): void {
  dataset.writeDataPoint({
    indexes: [indexOf(room)],
    blobs: [room],
    doubles: [...COUNTERS.map((counter) => counts[counter]), connections, presences],
  });
}

function indexOf(room: string): string {
  let index = room.slice(0, INDEX_BYTES_MAX);
  while (utf8Length(index) > INDEX_BYTES_MAX) index = index.slice(0, -1);
  return index.toWellFormed();
}
