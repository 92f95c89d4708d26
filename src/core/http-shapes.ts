/**
 * What the HTTP API answers. The operations document these, the Worker is held to them by their types, and who calls
 * the API reads its answers with them.
 */

import * as v from "valibot";
import { LEAVE_REASONS, ListedPresence, Milliseconds, User } from "./presence.ts";
import { Revision, RoomEvent } from "./room-events.ts";
import { PresenceFrame } from "./server-frames.ts";

function listOf<Item extends v.GenericSchema>(item: Item) {
  return v.pipe(v.array(item), v.readonly());
}

const cursor = v.exactOptional(
  v.pipe(v.string(), v.description("there is more: call again with it")),
);

const failed = v.exactOptional(
  v.pipe(v.number(), v.description("rooms that failed; missing where there are none")),
);

/** The answer to every failure. */
export const ErrorAnswer = v.object({ error: v.object({ code: v.string(), message: v.string() }) });
export type ErrorAnswer = v.InferOutput<typeof ErrorAnswer>;

/** An occupied room; `since` is in milliseconds since the epoch. */
export const ListedRoom = v.object({ room: v.string(), since: Milliseconds });
export type ListedRoom = Readonly<v.InferOutput<typeof ListedRoom>>;

/** Occupied rooms by name. `cursor` is there where there are more. */
export const RoomList = v.object({ rooms: listOf(ListedRoom), cursor });
export type RoomList = Readonly<v.InferOutput<typeof RoomList>>;

/** Who is in a room: the payload of the `presence` frame, with all the names. */
export const Occupants = v.omit(PresenceFrame.entries.payload, ["count"]);
export type Occupants = Readonly<v.InferOutput<typeof Occupants>>;

const complete = v.pipe(
  v.boolean(),
  v.description("false where what was asked for may be older than what is kept"),
);

/** Who was in a room at some moment, and the revision that it had then. */
export const PastOccupants = v.object({ ...Occupants.entries, rev: Revision, complete });
export type PastOccupants = Readonly<v.InferOutput<typeof PastOccupants>>;

/**
 * Events of one room, oldest first, and its revision now. `cursor` is there where there are more; a page
 * may have none and yet not be the last.
 */
export const EventList = v.object({ events: listOf(RoomEvent), rev: Revision, complete, cursor });
export type EventList = Readonly<v.InferOutput<typeof EventList>>;

/** From a user's first presence to the last one; `to` and `reason` are `null` while they are there. */
export const Visit = v.object({
  from: Milliseconds,
  to: v.nullable(Milliseconds),
  reason: v.nullable(v.picklist(LEAVE_REASONS)),
});
export type Visit = Readonly<v.InferOutput<typeof Visit>>;

/** One user's visits, oldest first. */
export const Attendance = v.object({
  user: User,
  /** Milliseconds within the time that was asked for. */
  presentMs: v.pipe(v.number(), v.description("milliseconds within `from` and `to`")),
  visits: listOf(Visit),
});
export type Attendance = Readonly<v.InferOutput<typeof Attendance>>;

/** Who was in a room and when, in the order of their ids. `cursor` is there where there are more. */
export const AttendanceList = v.object({ users: listOf(Attendance), complete, cursor });
export type AttendanceList = Readonly<v.InferOutput<typeof AttendanceList>>;

/** How the webhooks of a room go. */
export const WebhookStatus = v.object({
  /** Events that have not arrived yet. */
  pending: v.number(),
  /** Attempts that failed since the last one that did not. */
  failures: v.number(),
  lastError: v.exactOptional(
    v.pipe(v.string(), v.description("what came of the last attempt, where it failed")),
  ),
  nextAttemptAt: v.exactOptional(
    v.pipe(
      Milliseconds,
      v.description("missing where nothing waits, and where the receiver answered 410"),
    ),
  ),
});
export type WebhookStatus = Readonly<v.InferOutput<typeof WebhookStatus>>;

/** What a room has counted since `since`, and what it is now. */
export const RoomStats = v.object({
  room: v.string(),
  connections: v.number(),
  presences: v.number(),
  members: v.number(),
  lurkers: v.number(),
  /** Milliseconds since the epoch. */
  since: Milliseconds,
  joins: v.number(),
  /** By the reason. */
  leaves: v.object({
    left: v.number(),
    lost: v.number(),
    expired: v.number(),
    removed: v.number(),
    replaced: v.number(),
  }),
  resumes: v.number(),
  /** Heartbeats are in neither: the runtime answers them. */
  frames: v.object({ in: v.number(), out: v.number() }),
  batches: v.number(),
  throttled: v.number(),
  alarms: v.number(),
  rowsWritten: v.number(),
  /** How its webhooks go; missing where the room sends none. */
  webhook: v.exactOptional(WebhookStatus),
});
export type RoomStats = Readonly<v.InferOutput<typeof RoomStats>>;

/** Presences of one room, in the order of their joins. `cursor` is there where there are more. */
export const PresenceList = v.object({ presences: listOf(ListedPresence), cursor });

/** The rooms that a channel is in, or those that it left. */
export const RoomNames = v.object({ rooms: listOf(v.string()) });

/** One channel in all its rooms; user and last sign of life are those that its owner knows, or the newest. */
export const Whereabouts = v.object({
  channel: v.string(),
  user: v.nullable(User),
  rooms: listOf(v.string()),
  /** Milliseconds since the epoch. */
  lastSeen: Milliseconds,
});
export type Whereabouts = Readonly<v.InferOutput<typeof Whereabouts>>;

/** To how many connections a message goes. */
export const SendResult = v.object({ connections: v.number() });

/** The presences that were removed from one room. */
export const PruneResult = v.object({ pruned: listOf(ListedPresence) });

/** How far a visit of all rooms got. With a `cursor` there are more: call again with it. */
export const SweepResult = v.object({
  /** Rooms that were visited. */
  rooms: v.number(),
  /** Presences that were removed. */
  pruned: v.number(),
  /** Rooms that could not be reached, or failed; missing where there are none. */
  failed,
  cursor,
});
export type SweepResult = Readonly<v.InferOutput<typeof SweepResult>>;

/** The same for rooms: `removed` were empty, and are off the list. */
export const PruneRoomsResult = v.object({ removed: v.number(), failed, cursor });
export type PruneRoomsResult = Readonly<v.InferOutput<typeof PruneRoomsResult>>;

/** What the receiver of webhooks answered: its status, `null` where there was none, and then why. */
export const WebhookTest = v.object({
  status: v.nullable(v.number()),
  error: v.exactOptional(v.string()),
});
export type WebhookTest = Readonly<v.InferOutput<typeof WebhookTest>>;

/** How many events are sent again. */
export const ReplayResult = v.object({ events: v.number() });

export const Health = v.object({ ok: v.literal(true) });
