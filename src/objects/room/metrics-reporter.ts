/** Counts what changed in a room, and tells the operator's dataset of it now and then, where there is one. */

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

  /** A change that left so many presences. */
  count({ joins, leaves }: Diff, presences: number): void {
    const { metrics } = this.#sockets;
    metrics.count("joins", joins.length);
    for (const { reason } of leaves) metrics.count(reason);
    // Nobody will be left to carry what was counted.
    if (leaves.length > 0 && presences === 0) this.report(presences);
  }

  /** What was counted since the last time, where that is anything but alarms. */
  report(presences: number): void {
    // Whoever tells nobody need not read what every socket carries.
    if (!this.#dataset) return;
    const { metrics } = this.#sockets;
    const tally = metrics.total();
    if (!tally) return;
    const counts = unreportedOf(tally);
    // An alarm in a room where nothing happened is no news, nor is the row that sets the next one.
    const { alarms: _, rowsWritten: __, ...news } = counts;
    if (Object.values(news).every((count) => count === 0)) return;
    const connections = this.#sockets.connectionCounts.size;
    report(this.#dataset, { room: this.#room, counts, connections, presences });
    metrics.markReported();
  }
}
