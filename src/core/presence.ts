/**
 * The words of the domain: who (user), which connection (channel), and one being in a room (presence). The schemas
 * look at what a service says, so they are content with more keys than they know.
 */

import * as v from "valibot";
import { AnyJson, type Json } from "./json.ts";
import { USER_ID_LENGTH_MAX } from "./limits.ts";

/** A time. */
export const Milliseconds = v.pipe(v.number(), v.description("milliseconds since the epoch"));

/** A person: `id` from the token's `sub`, the other keys from its `info`. Everyone in the room sees both. */
export type User = { readonly id: string; readonly [info: string]: Json };

export const User = v.pipe(
  v.objectWithRest(
    // The length is said and not checked: it counts characters, of which a JavaScript string knows nothing.
    { id: v.pipe(v.string(), v.minLength(1), v.metadata({ maxLength: USER_ID_LENGTH_MAX })) },
    AnyJson,
  ),
  v.description("A person. The other keys are what everyone in the room may see of them."),
) satisfies v.GenericSchema<User>;

// SAFETY: claims were checked when the user was made of them. This tells a value of ours, which went through
// a header or an attachment, from none; it reads nothing that a stranger sent.
export const KnownUser = v.custom<User>((value) => typeof value === "object" && value !== null);

// Its input is declared as unknown: in the published declarations, TypeScript would look for the deeply read-only form
// of any JSON, which has no end.
const State: v.GenericSchema<unknown, Json> = v.pipe(
  AnyJson,
  v.description("what the presence says of itself, any JSON"),
);

export const Presence = v.object({
  /** The name of the connection, unique in the room. */
  channel: v.string(),
  /** `null` for an anonymous one, a lurker. */
  user: v.pipe(v.nullable(User), v.description("null for an anonymous presence")),
  /** Milliseconds since the epoch. */
  joinedAt: Milliseconds,
  /** What the presence says of itself: typing, a cursor. Left out where there is none. */
  state: v.exactOptional(State),
  /** `away` while nobody is at the connection. Left out where somebody is, and where its client never told. */
  status: v.exactOptional(v.literal("away")),
  /** When the client last told that somebody was there, in milliseconds since the epoch. Only beside `status`. */
  activeAt: v.exactOptional(Milliseconds),
});

/** One channel being in one room. Never changed in place: a change makes a new one, so a diff may keep it. */
export type Presence = Readonly<v.InferOutput<typeof Presence>>;

const { channel, user, joinedAt, state } = Presence.entries;

export const ListedPresence = v.object({
  room: v.string(),
  channel,
  user,
  joinedAt,
  /** Milliseconds since the epoch. */
  lastSeen: Milliseconds,
  state,
});

/** A presence as a server sees it: in which room, and when it last gave a sign of life. */
export type ListedPresence = Readonly<v.InferOutput<typeof ListedPresence>>;

/**
 * Why a presence left: it said goodbye, its connection was lost, it gave no sign of life for too long, a
 * server removed it, or its channel was given another user.
 */
export const LEAVE_REASONS = ["left", "lost", "expired", "removed", "replaced"] as const;
export type LeaveReason = (typeof LEAVE_REASONS)[number];
