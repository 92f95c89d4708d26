/**
 * The frames that a client may get, besides the answer to its heartbeat. The server is held to them by their types;
 * who reads them with these schemas tolerates more keys, codes and reasons than there are today.
 */

import * as v from "valibot";
import type { ErrorCode } from "./error-codes.ts";
import { AnyJson } from "./json.ts";
import { HEARTBEAT_MS_MIN } from "./limits.ts";
import { type LeaveReason, Milliseconds, Presence, User } from "./presence.ts";
import type { PresenceStatus } from "./status.ts";

function listOf<Item extends v.GenericSchema>(item: Item) {
  return v.pipe(v.array(item), v.readonly());
}

/** A word of a list that may have grown since this was written. */
function word<Word extends string>() {
  return v.custom<Word>((value) => typeof value === "string");
}

/** The frame that django-channels-presence documents, letter by letter: hence its snake_case. */
export const PresenceFrame = v.object({
  type: v.literal("presence"),
  payload: v.object({
    /** The room's name. */
    channel_name: v.string(),
    /** Each user once, in the order of their first joins; empty where the room tells counts. */
    members: listOf(User),
    lurkers: v.number(),
    /** How many members there are, where they are not named. */
    count: v.exactOptional(v.number()),
  }),
});
export type PresenceFrame = v.InferOutput<typeof PresenceFrame>;

/**
 * What the room was when the frame was made; whoever reconnects may say it, and is told what it missed.
 * Opaque. Missing where the room keeps no log.
 */
const rev = v.exactOptional(v.string());

/** First frame of view `diff`, and with `welcome=1` of every view. */
export const WelcomeFrame = v.object({
  type: v.literal("welcome"),
  room: v.string(),
  /** Missing for a watcher. */
  channel: v.exactOptional(v.string()),
  user: v.nullable(User),
  /** The secret that resumes the presence; missing for a watcher. */
  resume: v.exactOptional(v.string()),
  /** Seconds between two heartbeats that keep a presence fresh. */
  heartbeat: v.pipe(v.number(), v.minValue(HEARTBEAT_MS_MIN / 1_000)),
  /**
   * Frames that the room takes from this connection in a second, in a bucket of twice that. Missing
   * from servers of the first version.
   */
  frameRate: v.exactOptional(v.number()),
  rev,
});
export type WelcomeFrame = v.InferOutput<typeof WelcomeFrame>;

/** Anonymous presences are counted and not named. */
export const NamedPresence = v.object({ ...Presence.entries, user: User });
export type NamedPresence = Readonly<v.InferOutput<typeof NamedPresence>>;

/** The snapshot: users' presences in the order of their joins; anonymous ones are counted in `lurkers`. */
export const SyncFrame = v.object({
  type: v.literal("sync"),
  room: v.string(),
  presences: listOf(NamedPresence),
  lurkers: v.number(),
  rev,
});
export type SyncFrame = v.InferOutput<typeof SyncFrame>;

/** A batch of changes. A channel is in at most one of the lists. */
export const DiffFrame = v.object({
  type: v.literal("diff"),
  room: v.string(),
  joins: listOf(NamedPresence),
  /**
   * `state: null` means that there is none. The user is left out where it is the same as before.
   */
  updates: listOf(v.object({ channel: v.string(), state: AnyJson, user: v.exactOptional(User) })),
  leaves: listOf(v.object({ channel: v.string(), reason: word<LeaveReason>() })),
  /** Whose status changed, and is not in `joins`; missing where there are none. */
  statuses: v.exactOptional(
    listOf(
      v.object({
        channel: v.string(),
        status: word<PresenceStatus>(),
        /** When it last told `active`. */
        activeAt: Milliseconds,
      }),
    ),
  ),
  lurkers: v.number(),
  /**
   * Set in the frame that stands for a `sync`: what changed since that revision. Whoever is in neither
   * `joins` nor `updates` of it has no state, and in neither `joins` nor `statuses` is not away.
   */
  since: v.exactOptional(v.string()),
  rev,
});
export type DiffFrame = v.InferOutput<typeof DiffFrame>;

/** Numbers only: distinct users, presences of all kinds, and anonymous ones among them. */
export const CountFrame = v.object({
  type: v.literal("count"),
  room: v.string(),
  members: v.number(),
  presences: v.number(),
  lurkers: v.number(),
});
export type CountFrame = v.InferOutput<typeof CountFrame>;

/** One message: `from` is `null` where a server sent it. */
export const Message = v.object({
  from: v.nullable(v.object({ channel: v.string(), user: v.nullable(User) })),
  payload: AnyJson,
});
export type Message = Readonly<v.InferOutput<typeof Message>>;

/** Messages in the order in which the room got them. */
export const MessagesFrame = v.object({
  type: v.literal("messages"),
  room: v.string(),
  messages: listOf(Message),
});
export type MessagesFrame = v.InferOutput<typeof MessagesFrame>;

/** Something was refused, in words that say the limit and the way out. */
export const ErrorFrame = v.object({
  type: v.literal("error"),
  code: word<ErrorCode>(),
  message: v.string(),
  /** How many frames of this connection were dropped, where the code is `throttled`. */
  frames: v.exactOptional(v.number()),
});
export type ErrorFrame = v.InferOutput<typeof ErrorFrame>;

/** Every frame that a client may get, besides the answer to its heartbeat. */
export const ServerFrame = v.variant("type", [
  PresenceFrame,
  WelcomeFrame,
  SyncFrame,
  DiffFrame,
  CountFrame,
  MessagesFrame,
  ErrorFrame,
]);
export type ServerFrame = v.InferOutput<typeof ServerFrame>;
