/**
 * How far the deliveries of a room have got. The position is stored with whatever else is stored,
 * never by itself, so after a crash it may be old: the events behind it are then sent once more, in
 * batches that end where they ended before.
 */

import * as v from "valibot";
import { BATCH_ENDS_MAX } from "./limits.ts";

export const DeliveryPosition = v.object({
  /** Grows with each replay that a server asks for: positions of an older turn are void. */
  turn: v.number(),
  /** The last event that has arrived for sure; 0 for none. */
  delivered: v.number(),
  /**
   * Events with which batches ended that were sent and may have arrived, in order. No batch goes
   * beyond the next one.
   */
  ends: v.pipe(v.array(v.number()), v.readonly()),
});
export type DeliveryPosition = Readonly<v.InferOutput<typeof DeliveryPosition>>;

export const NOTHING_DELIVERED: DeliveryPosition = { turn: 0, delivered: 0, ends: [] };

/** The newest of what was stored in several places. */
export function newestPosition(positions: readonly DeliveryPosition[]): DeliveryPosition {
  let newest = NOTHING_DELIVERED;
  for (const each of positions) if (isNewer(each, newest)) newest = each;
  return newest;
}

function isNewer(a: DeliveryPosition, b: DeliveryPosition): boolean {
  if (a.turn !== b.turn) return a.turn > b.turn;
  if (a.delivered !== b.delivered) return a.delivered > b.delivered;
  return a.ends.length > b.ends.length;
}

/**
 * The position of a room that may have sent more than it says: any batch since then ended with the
 * log as it is now, `end`, before anything is added to it.
 */
export function recoverPosition(position: DeliveryPosition, end: number): DeliveryPosition {
  const ends = position.ends.filter((each) => each > position.delivered && each < end);
  if (end > position.delivered) ends.push(end);
  // Beyond so many crashes without a delivery, some events may come again with another id.
  return {
    ...position,
    ends: [...ends.slice(0, BATCH_ENDS_MAX - 1), ...ends.slice(BATCH_ENDS_MAX - 1).slice(-1)],
  };
}

/** The last event that the next batch may have. */
export function nextEnd({ ends }: DeliveryPosition, end: number): number {
  return Math.min(ends[0] ?? end, end);
}

/** A batch up to `last` is under way. */
export function begin(position: DeliveryPosition, last: number): DeliveryPosition {
  return { ...position, ends: [last, ...position.ends.filter((end) => end > last)] };
}

/** Everything up to `number` has arrived, or is not to be sent. */
export function advance(position: DeliveryPosition, number: number): DeliveryPosition {
  if (number <= position.delivered) return position;
  const ends = position.ends.filter((end) => end > number);
  return { turn: position.turn, delivered: number, ends };
}

/** Everything behind `number` is to be sent anew. */
export function rewind({ turn }: DeliveryPosition, number: number): DeliveryPosition {
  return { turn: turn + 1, delivered: number, ends: [] };
}
