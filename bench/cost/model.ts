/** What a month of a scenario uses. Pure arithmetic: what things cost each is measured, what people do is given. */

import type { Effort } from "./effort.ts";
import { GB_PER_OBJECT, MESSAGES_PER_REQUEST, type Usage } from "./prices.ts";

/** A design, watched in a room of `people`. */
export type Observed = {
  readonly join: Effort;
  readonly leave: Effort;
  /** A message to all. */
  readonly message: Effort;
  readonly heartbeat: Effort;
  readonly alarm: Effort;
  readonly alarmsPerHour: number;
  /** A room that fills and empties again: its first join and its last leave, and what these bring about. */
  readonly occupation: Effort;
  readonly people: number;
  /** Wrong lists and the like: then none of it counts. */
  readonly problems: readonly string[];
};

/** Who is where, for how long, and what they do. */
export type Scenario = {
  readonly name: string;
  readonly rooms: number;
  /** In each room at the same time. */
  readonly people: number;
  /** Each room fills once a day, and is empty again after so long. */
  readonly hoursPerDay: number;
  /** How often each person connects in a day. */
  readonly visitsPerDay: number;
  /** Messages and states of each person in an hour. */
  readonly framesPerHour: number;
};

export type Costs = {
  readonly observed: Observed;
  /** Server CPU of one frame to one socket, in milliseconds. */
  readonly sendMs: number;
  /** How long a room of `people` gathers after it has spoken, in seconds; 0 where nothing is gathered. */
  readonly pause: (people: number) => number;
  /**
   * How long the answer to a webhook keeps the room in memory, in milliseconds; 0 where none is sent.
   * Each join and each leave is a call by itself: where they come together it is less.
   */
  readonly webhookMs?: number;
  /** Whether heartbeats that the runtime answers are billed like messages; nobody has said so. */
  readonly areAnswersBilled: boolean;
};

const DAYS = 30;
const HEARTBEAT_SECONDS = 25;

/** A month, or with `days` of 1 a day. */
export function usageOf(scenario: Scenario, costs: Costs, days = DAYS): Usage {
  const { observed, areAnswersBilled } = costs;
  const { rooms, people, hoursPerDay, visitsPerDay, framesPerHour } = scenario;
  const roomHours = rooms * hoursPerDay * days;
  const visits = rooms * people * visitsPerDay * days;
  const heartbeats = (roomHours * people * 3_600) / HEARTBEAT_SECONDS;
  // These read the whole room: the more people, the more rows.
  const ofAll = (effort: Effort): Effort => {
    return { ...effort, rowsRead: (effort.rowsRead * people) / observed.people };
  };
  const counts: readonly (readonly [Effort, number])[] = [
    [observed.occupation, rooms * days],
    [ofAll(observed.join), visits],
    [observed.leave, visits],
    [observed.message, roomHours * people * framesPerHour],
    [observed.heartbeat, heartbeats],
    [ofAll(observed.alarm), roomHours * observed.alarmsPerHour],
  ];
  const sum = (what: keyof Effort) =>
    counts.reduce((total, [effort, count]) => total + effort[what] * count, 0);
  const answered = areAnswersBilled && observed.heartbeat.messages === 0 ? heartbeats : 0;
  return {
    workerRequests: visits,
    workerCpuMs: visits * observed.join.ms,
    requests: sum("requests") + (sum("messages") + answered) / MESSAGES_PER_REQUEST,
    gbSeconds: roomHours * 3_600 * awakePart(scenario, costs) * GB_PER_OBJECT,
    rowsRead: sum("rowsRead"),
    rowsWritten: sum("rowsWritten"),
  };
}

/** The part of the time in which one room is billed: it works, sends, or a timer of its own holds it. At most always. */
function awakePart(scenario: Scenario, { observed, sendMs, pause, webhookMs = 0 }: Costs): number {
  const { people, hoursPerDay, visitsPerDay, framesPerHour } = scenario;
  const visits = (people * visitsPerDay) / (hoursPerDay * 3_600);
  const messages = (people * framesPerHour) / 3_600;
  const { flushes, heldPart } = gathering(2 * visits + messages, pause(people));
  // The sends of the room that was watched are in its efforts.
  const own = ({ ms }: Effort) => Math.max(0, ms - observed.people * sendMs);
  const busyMs =
    visits * (own(observed.join) + own(observed.leave) + 2 * webhookMs) +
    messages * own(observed.message) +
    (people / HEARTBEAT_SECONDS) * observed.heartbeat.ms * observed.heartbeat.messages +
    (observed.alarmsPerHour / 3_600) * observed.alarm.ms +
    flushes * people * sendMs;
  return Math.min(1, busyMs / 1_000 + heldPart);
}

/**
 * Flushes a second, and the part of the time in which something waits for the next one, if so many things happen
 * a second at random. A flush begins a pause; what happens in it waits for its end, which begins the next.
 */
function gathering(rate: number, pause: number): { flushes: number; heldPart: number } {
  if (rate === 0) return { flushes: 0, heldPart: 0 };
  const nothingHappens = Math.exp(-rate * pause);
  const cycle = pause + nothingHappens / rate;
  const held = pause - (1 - nothingHappens) / rate;
  return { flushes: 1 / cycle, heldPart: held / cycle };
}
