/** What the HTTP API answers, as far as the inspector shows it. */

import * as v from "valibot";
import type { Json } from "../../core/json.ts";
import type { User } from "../../core/presence.ts";

// SAFETY: both were parsed from JSON; a user is an object with an id.
const AnyJson = v.custom<Json>((value) => value !== undefined);
const AnyUser = v.custom<User>((value) => v.is(v.object({ id: v.string() }), value));

export const ListedPresence = v.object({
  channel: v.string(),
  user: v.nullable(AnyUser),
  joinedAt: v.number(),
  lastSeen: v.number(),
  state: v.optional(AnyJson),
});
export type ListedPresence = v.InferOutput<typeof ListedPresence>;

const cursor = v.optional(v.string());

export const RoomPage = v.object({
  rooms: v.array(v.object({ room: v.string(), since: v.number() })),
  cursor,
});
export type ListedRoom = v.InferOutput<typeof RoomPage>["rooms"][number];

export const PresencePage = v.object({ presences: v.array(ListedPresence), cursor });
export const Pruned = v.object({ pruned: v.array(ListedPresence) });
export const Sent = v.object({ connections: v.number() });
export const Nothing = v.null();
