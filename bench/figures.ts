/** What is read off, with its name for people and its unit. */

export const FIGURES = {
  cpuMs: "server CPU, ms",
  cpuMsPerChange: "server CPU per change, ms",
  cpuMsPerSecond: "server CPU per second, ms",
  cpuUsPerDelivery: "server CPU per message and client, µs",
  quietMs: "server CPU without the alarms, ms",
  alarmMs: "server CPU in seconds with an alarm, ms",
  openMs: "wall until all sockets are open, ms",
  greetedMs: "wall until all have their first frame, ms",
  wallMs: "wall until the end, ms",
  delayMs: "median delay, ms",
  delay99Ms: "99th percentile of delay, ms",
  joinMs: "join seen by the others: median, ms",
  join99Ms: "join seen by the others: 99th percentile, ms",
  leaveMs: "leave seen by the others: median, ms",
  leave99Ms: "leave seen by the others: 99th percentile, ms",
  handshakeMs: "handshake: median, ms",
  handshake99Ms: "handshake: 99th percentile, ms",
  listMs: "first frame, view `list`: median, ms",
  list99Ms: "first frame, view `list`: 99th percentile, ms",
  diffMs: "first frame, view `diff`: median, ms",
  diff99Ms: "first frame, view `diff`: 99th percentile, ms",
  countMs: "first frame, view `count`: median, ms",
  count99Ms: "first frame, view `count`: 99th percentile, ms",
  firstMs: "wall until the first delivery, ms",
  lastMs: "wall until the last delivery, ms",
  frames: "frames to all clients together",
  framesPerClient: "frames to a client on average",
  mb: "megabytes to all clients together",
  heard: "joins and leaves heard of",
  lives: "constructions of objects",
  events: "events handled by objects",
  fetches: "sockets opened",
  messages: "messages handled by objects",
  alarms: "alarms",
  calls: "calls from other objects",
  rows: "rows written",
  reads: "rows read",
  wakesPerMinute: "events a minute",
  rowsPerMinute: "rows written a minute",
  sent: "frames sent by objects",
  nowMb: "memory at the end, MB",
  peakMb: "peak memory, MB",
} as const;

export type Figure = keyof typeof FIGURES;

export function isFigure(name: string): name is Figure {
  return name in FIGURES;
}
