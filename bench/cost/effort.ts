/** What one thing that happens takes, as it is billed. */

/** Requests are sockets, calls and alarms of objects; messages are counted apart, for their price is another. */
export type Effort = {
  readonly requests: number;
  readonly messages: number;
  readonly rowsWritten: number;
  readonly rowsRead: number;
  /** CPU of the server: what an event keeps its object busy, at least. */
  readonly ms: number;
};

export const NO_EFFORT: Effort = { requests: 0, messages: 0, rowsWritten: 0, rowsRead: 0, ms: 0 };

/** `times` of the other added, or taken away; CPU is measured too coarsely to be told apart below nothing. */
export function plus(effort: Effort, other: Effort, times = 1): Effort {
  return {
    requests: effort.requests + times * other.requests,
    messages: effort.messages + times * other.messages,
    rowsWritten: effort.rowsWritten + times * other.rowsWritten,
    rowsRead: effort.rowsRead + times * other.rowsRead,
    ms: Math.max(0, effort.ms + times * other.ms),
  };
}

export function dividedBy(effort: Effort, count: number): Effort {
  return {
    requests: effort.requests / count,
    messages: effort.messages / count,
    rowsWritten: effort.rowsWritten / count,
    rowsRead: effort.rowsRead / count,
    ms: effort.ms / count,
  };
}
