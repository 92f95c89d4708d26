/**
 * Counts what changed in a room, and reports it to the operator's Analytics Engine dataset, where
 * there is one.
 */

import { report } from "../../telemetry/analytics.ts";
import type { Diff } from "../../core/diff.ts";
import { unreportedOf } from "../../core/counters.ts";
import type { Sockets } from "./sockets.ts";

export class MetricsReporter {
  readonly #room: string;
  readonly #sockets: Sockets;
  readonly #dataset: AnalyticsEngineDataset | undefined;

  constructor(room: string, sockets: Sockets, dataset: AnalyticsEngineDataset | undefined) {
    this.#room = room;
    this.#sockets = sockets;
    this.#dataset = dataset;
  }

  /** Counts a change. `presences` is how many there are after it. */
  count({ joins, leaves }: Diff, presences: number): void {
    const { metrics } = this.#sockets;
    metrics.count("joins", joins.length);
    for (const { reason } of leaves) metrics.count(reason);
    // The last socket is about to close, and the counters with it.
    if (leaves.length > 0 && presences === 0) this.report(presences);
  }

  /** Reports what was counted since the last report, unless it is alarms alone. */
  report(presences: number): void {
    // Without a dataset, no attachment need be read.
    if (!this.#dataset) return;
    const { metrics } = this.#sockets;
    const total = metrics.total();
    if (!total) return;
    const counts = unreportedOf(total);
    // In a quiet room, alarms and the rows that set them are all that is counted.
    const { alarms: _, rowsWritten: __, ...news } = counts;
    if (Object.values(news).every((count) => count === 0)) return;
    const connections = this.#sockets.connectionCounts.size;
    report(this.#dataset, { room: this.#room, counts, connections, presences });
    metrics.markReported();
  }
}
