/** What the service answers, as far as the commands read it. Other keys are left as they are. */

import * as v from "valibot";
import type { Json } from "../core/json.ts";
import type { User } from "../core/presence.ts";

// SAFETY: what is checked here was parsed from JSON, so an object in it is made of JSON.
const User = v.custom<User>(
  (value) =>
    typeof value === "object" && value !== null && "id" in value && typeof value.id === "string",
);

// SAFETY: the same; the only value that is not JSON is `undefined`, a missing key.
const AnyJson = v.custom<Json>((value) => value !== undefined);

/** As a room tells it over a socket. */
const Presence = v.object({
  channel: v.string(),
  user: v.nullable(User),
  joinedAt: v.number(),
  state: v.exactOptional(AnyJson),
});

/** As a server sees it. */
export const ListedPresence = v.object({
  ...Presence.entries,
  room: v.string(),
  lastSeen: v.number(),
});
export type ListedPresence = v.InferOutput<typeof ListedPresence>;

const cursor = v.exactOptional(v.string());

export const RoomPage = v.object({
  rooms: v.array(v.object({ room: v.string(), since: v.number() })),
  cursor,
});
export const PresencePage = v.object({ presences: v.array(ListedPresence), cursor });
export const RoomNames = v.object({ rooms: v.array(v.string()) });
export const Whereabouts = v.object({
  channel: v.string(),
  user: v.nullable(User),
  rooms: v.array(v.string()),
  lastSeen: v.number(),
});
export const Stats = v.object({
  room: v.string(),
  connections: v.number(),
  presences: v.number(),
  since: v.number(),
  joins: v.number(),
  resumes: v.number(),
  leaves: v.object({
    left: v.number(),
    lost: v.number(),
    expired: v.number(),
    removed: v.number(),
    replaced: v.number(),
  }),
  frames: v.object({ in: v.number(), out: v.number() }),
  batches: v.number(),
  throttled: v.number(),
  alarms: v.number(),
  rowsWritten: v.number(),
});
export const Connections = v.object({ connections: v.number() });
export const PrunedPresences = v.object({ pruned: v.array(ListedPresence) });
/** Rooms that a sweep could not prune; missing where there are none. */
const failed = v.optional(v.number());
export const PrunedEverywhere = v.object({
  rooms: v.number(),
  pruned: v.number(),
  failed,
  cursor,
});
export const RemovedRooms = v.object({ removed: v.number(), failed, cursor });
export const Occupants = v.object({ members: v.array(User), lurkers: v.number() });
export const ErrorAnswer = v.object({ error: v.object({ code: v.string(), message: v.string() }) });

/** Frames of view `diff` that tell who is in the room, or why not. */
export const WatchedFrame = v.variant("type", [
  v.object({ type: v.literal("welcome"), heartbeat: v.pipe(v.number(), v.minValue(0.1)) }),
  v.object({ type: v.literal("sync"), presences: v.array(Presence), lurkers: v.number() }),
  v.object({
    type: v.literal("diff"),
    joins: v.array(Presence),
    updates: v.array(v.object({ channel: v.string(), state: AnyJson })),
    leaves: v.array(v.object({ channel: v.string(), reason: v.string() })),
    lurkers: v.number(),
  }),
  v.object({
    type: v.literal("count"),
    members: v.number(),
    presences: v.number(),
    lurkers: v.number(),
  }),
  v.object({ type: v.literal("error"), code: v.string(), message: v.string() }),
]);
export type WatchedFrame = v.InferOutput<typeof WatchedFrame>;
