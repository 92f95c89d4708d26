/** What of a room's past may be asked for, checked, as the room is asked. */

import * as v from "valibot";
import type { AttendanceList, EventList } from "../core/http-shapes.ts";
import { HTTP_PAGE, ROOM_PAGE_MAX } from "../core/limits.ts";
import { matchesAny } from "../core/names.ts";
import { ProtocolError } from "../core/protocol.ts";
import { EVENT_TYPES, type RoomEventType } from "../core/room-events.ts";
import { decodeRev } from "../core/room-log.ts";
import type { AttendanceAnswer, AttendanceQuery, EventAnswer, EventQuery } from "../rpc/stubs.ts";
import { encodeCursor, placeOf } from "./cursor.ts";

/** From when to when, in milliseconds since the epoch: both are included. */
export type TimeSpan = {
  /** Default: as early as is known. */
  readonly from?: number | undefined;
  /** Default: now. */
  readonly to?: number | undefined;
};

/** Which part of a list. */
export type PageOptions = {
  /** How many at most, 1 to 1,000. Default: 100. */
  readonly limit?: number | undefined;
  /** The `cursor` of the list before, to go on behind it. */
  readonly cursor?: string | undefined;
};

/** Which events of a room. */
export type EventsOptions = TimeSpan &
  PageOptions & {
    /** Only what came after this revision. */
    readonly after?: string | undefined;
    /** Only events about the user with this id. */
    readonly user?: string | undefined;
    /** Only events of these types, or whose types begin so: `member.*`. Default: all. */
    readonly types?: readonly string[] | undefined;
  };

/** Whose visits: of all users, page by page. */
export type AttendanceOptions = TimeSpan & PageOptions;

const EventCursor = v.strictTuple([v.literal("event"), v.string(), v.boolean()]);
const AttendanceCursor = v.strictTuple([v.literal("attendance"), v.string()]);

/** Throws a ProtocolError or a RangeError for what cannot be. */
export function eventQueryOf(options: EventsOptions): EventQuery {
  const { after, user, types = ["*"], cursor } = options;
  if (after !== undefined && decodeRev(after) === null) {
    throw new ProtocolError("bad_query", "after is not a revision that this service gave out");
  }
  const place = cursor === undefined ? null : placeOf(EventCursor, cursor);
  if (place && decodeRev(place[1]) === null) {
    throw new ProtocolError("bad_cursor", "the cursor is not one that this service gave out");
  }
  return {
    ...spanOf(options),
    limit: limitOf(options),
    after: after ?? null,
    user: user ?? null,
    types: types.flatMap(typesOf),
    place: place && { rev: place[1], complete: place[2] },
  };
}

export function eventListOf({ next, ...list }: EventAnswer): EventList {
  if (next === null) return list;
  return { ...list, cursor: encodeCursor(["event", next, list.complete]) };
}

/** Throws a ProtocolError or a RangeError for what cannot be. */
export function attendanceQueryOf(options: AttendanceOptions): AttendanceQuery {
  const { cursor } = options;
  const after = cursor === undefined ? null : placeOf(AttendanceCursor, cursor)[1];
  return { ...spanOf(options), limit: limitOf(options), after };
}

export function attendanceListOf({ next, ...list }: AttendanceAnswer): AttendanceList {
  return next === null ? list : { ...list, cursor: encodeCursor(["attendance", next]) };
}

/** Throws a RangeError where it is no time. */
export function checkTime(name: string, time: number): void {
  if (Number.isSafeInteger(time) && time >= 0) return;
  throw new RangeError(`${name} is ${time}; it must be in whole milliseconds since the epoch`);
}

function spanOf({ from, to }: TimeSpan): { from: number | null; to: number | null } {
  if (from !== undefined) checkTime("from", from);
  if (to !== undefined) checkTime("to", to);
  if (from !== undefined && to !== undefined && from > to) {
    throw new ProtocolError("bad_query", "from is later than to");
  }
  return { from: from ?? null, to: to ?? null };
}

function limitOf({ limit = HTTP_PAGE }: PageOptions): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= ROOM_PAGE_MAX) return limit;
  throw new RangeError(`limit is ${limit}; it must be from 1 to ${ROOM_PAGE_MAX}`);
}

function typesOf(pattern: string): RoomEventType[] {
  const types = EVENT_TYPES.filter((type) => matchesAny([pattern], type));
  if (types.length > 0) return types;
  throw new ProtocolError(
    "bad_query",
    `there are no events of type "${pattern.slice(0, 64)}"; there are ${EVENT_TYPES.join(", ")}`,
  );
}
