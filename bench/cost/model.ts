/** What a month of a scenario uses. Pure arithmetic: what things cost each is measured, what people do is given. */

import { GB_PER_OBJECT, MESSAGES_PER_REQUEST, type Usage } from "./prices.ts";

/** Of one of it. Requests are calls and alarms of objects; messages are counted apart, for their price is another. */
export type Effort = {
  readonly requests: number;
  readonly messages: number;
  readonly rowsWritten: number;
  readonly rowsRead: number;
  /** CPU of the server: what an event keeps its object busy, at least. */
  readonly ms: number;
};

export type Observed = {
  readonly join: Effort;
  readonly leave: Effort;
  /** A message to all; its `ms` is for a room of `people`. */
  readonly message: Effort;
  readonly heartbeat: Effort;
  readonly alarm: Effort;
  readonly alarmsPerHour: number;
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
  /** The longest pause after `frames` frames have been sent, in seconds; 0 where nothing is gathered. */
  readonly pause: (people: number) => number;
  /** Whether heartbeats that the runtime answers are billed like messages; nobody has said so. */
  readonly areAnswersBilled: boolean;
};

export const DAYS = 30;
const HEARTBEAT_SECONDS = 25;

/** A month, or with `days` of 1 a day. */
export function usageOf(scenario: Scenario, costs: Costs, days = DAYS): Usage {
  const { observed, areAnswersBilled } = costs;
  const { rooms, people, hoursPerDay, visitsPerDay, framesPerHour } = scenario;
  const roomHours = rooms * hoursPerDay * days;
  const visits = rooms * people * visitsPerDay * days;
  const frames = roomHours * people * framesPerHour;
  const heartbeats = (roomHours * people * 3_600) / HEARTBEAT_SECONDS;
  const alarms = roomHours * observed.alarmsPerHour;
  const counts: readonly (readonly [Effort, number])[] = [
    [observed.join, visits],
    [observed.leave, visits],
    [observed.message, frames],
    [observed.heartbeat, heartbeats],
    [observed.alarm, alarms],
  ];
  const sum = (what: keyof Effort) =>
    counts.reduce((total, [effort, count]) => total + effort[what] * count, 0);
  const answered = areAnswersBilled && observed.heartbeat.messages === 0 ? heartbeats : 0;
  return {
    workerRequests: visits,
    workerCpuMs: visits * observed.join.ms,
    requests: sum("requests") + (sum("messages") + answered) / MESSAGES_PER_REQUEST,
    gbSeconds: roomHours * 3_600 * awakePart(scenario, costs) * GB_PER_OBJECT,
    // A room that is larger reads more when it wakes.
    rowsRead: sum("rowsRead") * Math.max(1, people / observed.people),
    rowsWritten: sum("rowsWritten"),
  };
}

/**
 * The part of the time in which one room is billed: its events and sends one after the other, and the pauses in
 * which a timer holds it, one after each change or message. Never more than always.
 */
function awakePart(scenario: Scenario, { observed, sendMs, pause }: Costs): number {
  const { people, hoursPerDay, visitsPerDay, framesPerHour } = scenario;
  const visitsPerSecond = (people * visitsPerDay) / (hoursPerDay * 3_600);
  const framesPerSecond = (people * framesPerHour) / 3_600;
  const tellings = 2 * visitsPerSecond + framesPerSecond;
  // The sends of the measured room are in its efforts already.
  const furtherSends = Math.max(0, people - observed.people) * sendMs;
  const busyMs =
    visitsPerSecond * (observed.join.ms + observed.leave.ms) +
    framesPerSecond * observed.message.ms +
    (people / HEARTBEAT_SECONDS) * observed.heartbeat.ms * observed.heartbeat.messages +
    (observed.alarmsPerHour / 3_600) * observed.alarm.ms +
    tellings * furtherSends;
  return Math.min(1, busyMs / 1_000 + tellings * pause(people));
}
