/**
 * What happened in a room, as servers are told it: by the HTTP API, by webhooks and by a queue. The
 * log numbers these events; a revision names the place of one.
 */

import * as v from "valibot";
import { LEAVE_REASONS, Milliseconds, User } from "./presence.ts";

/** From the widest to the narrowest: one change may be several events, in this order or its reverse. */
export const EVENT_TYPES = [
  "room.occupied",
  "room.vacated",
  "member.joined",
  "member.left",
  "presence.joined",
  "presence.left",
] as const;
export type RoomEventType = (typeof EVENT_TYPES)[number];

/** An opaque text. Two revisions of one room can be compared for equality, and for nothing else. */
export const Revision = v.pipe(v.string(), v.description("opaque; compare it for equality only"));

export const RoomEvent = v.object({
  /** Unique. The same event has the same id wherever it is told, and however often. */
  id: v.string(),
  rev: Revision,
  /** The revision of the event before it in the same selection of types; `null` for the first. */
  prev: v.nullable(Revision),
  /** When it happened. */
  at: Milliseconds,
  type: v.picklist(EVENT_TYPES),
  room: v.string(),
  /** Who; `null` in events of the room, and of an anonymous presence. */
  user: v.nullable(User),
  /** Which connection; of a member the first one in, or the last one out. `null` in events of the room. */
  channel: v.nullable(v.string()),
  /** Why it left; missing in other events. */
  reason: v.exactOptional(v.picklist(LEAVE_REASONS)),
  /** When the presence, or the member's first one, came; missing in events of the room. */
  joinedAt: v.exactOptional(Milliseconds),
  /** How long it was there, in milliseconds; missing where nobody left. */
  presentMs: v.exactOptional(v.number()),
  /** Members, anonymous presences and all presences after the event. */
  members: v.number(),
  lurkers: v.number(),
  presences: v.number(),
});

/** One coming or going. Times are in milliseconds since the epoch. */
export type RoomEvent = Readonly<v.InferOutput<typeof RoomEvent>>;
