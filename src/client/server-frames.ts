/**
 * The door: text from the server becomes a frame here, or nothing. Tolerant of what it does not know, since
 * a page that was opened last week may speak to the server of today.
 */

import * as v from "valibot";
import type { Json } from "../core/json.ts";
import type { User } from "../core/presence.ts";

// SAFETY: what JSON.parse returns is JSON; what is missing is `undefined`, which it never returns.
const json = v.custom<Json>((value) => value !== undefined);
const anyUser = v.looseObject({ id: v.string() });
// SAFETY: it has an id, and the other keys are of JSON.parse too.
const user = v.custom<User>((value) => v.is(anyUser, value));

const presence = v.object({
  channel: v.string(),
  user: v.nullable(user),
  joinedAt: v.number(),
  state: v.exactOptional(json),
});

/** A reason that only a newer server knows is the vaguest one. */
const reason = v.fallback(
  v.picklist(["left", "lost", "expired", "removed", "replaced"] as const),
  "lost",
);

const welcome = v.object({
  type: v.literal("welcome"),
  room: v.string(),
  channel: v.optional(v.string()),
  user: v.nullable(user),
  resume: v.optional(v.string()),
  heartbeat: v.number(),
});

const sync = v.object({
  type: v.literal("sync"),
  room: v.string(),
  presences: v.array(presence),
  lurkers: v.number(),
});

const diff = v.object({
  type: v.literal("diff"),
  room: v.string(),
  joins: v.array(presence),
  updates: v.array(v.object({ channel: v.string(), state: json })),
  leaves: v.array(v.object({ channel: v.string(), reason })),
  lurkers: v.number(),
});

const count = v.object({
  type: v.literal("count"),
  room: v.string(),
  members: v.number(),
  lurkers: v.number(),
});

const messages = v.object({
  type: v.literal("messages"),
  room: v.string(),
  messages: v.array(
    v.object({
      from: v.nullable(v.object({ channel: v.string(), user: v.nullable(user) })),
      payload: json,
    }),
  ),
});

const error = v.object({ type: v.literal("error"), code: v.string(), message: v.string() });

const anyFrame = v.looseObject({ type: v.string() });
const schemas = { welcome, sync, diff, count, messages, error };

export type Welcome = v.InferOutput<typeof welcome>;
export type Sync = v.InferOutput<typeof sync>;
export type DiffOfRoom = v.InferOutput<typeof diff>;
export type Count = v.InferOutput<typeof count>;
export type Messages = v.InferOutput<typeof messages>;
export type ErrorOfServer = v.InferOutput<typeof error>;

/** Frames that say who is in a room. */
export type RollFrame = Sync | DiffOfRoom | Count;

export type Frame = Welcome | RollFrame | Messages | ErrorOfServer;

/** A frame of a known type that is not as it should be. */
export type Unreadable = { readonly type: "unreadable"; readonly what: string };

/** Decodes a frame. `null` is one to pass over: the answer to a heartbeat, or of a type that is not known here. */
export function decodeServerFrame(text: unknown): Frame | Unreadable | null {
  const value = parse(text);
  if (!v.is(anyFrame, value)) return null;
  const { type } = value;
  if (!isKnown(type)) return null;
  const result = v.safeParse(schemas[type], value);
  return result.success ? result.output : { type: "unreadable", what: type };
}

function isKnown(type: string): type is keyof typeof schemas {
  return Object.hasOwn(schemas, type);
}

function parse(text: unknown): unknown {
  if (typeof text !== "string") return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
