/**
 * The door: text from the server becomes a frame here, or nothing. Tolerant of what it does not know, since
 * a page that was opened last week may speak to the server of today.
 */

import * as v from "valibot";
import type { Json } from "../core/json.ts";
import type { User } from "../core/presence.ts";

// SAFETY: what JSON.parse returns is JSON; what is missing is `undefined`, which it never returns.
const json = v.custom<Json>((value) => value !== undefined);
const withId = v.object({ id: v.string() });
// SAFETY: it has an id, and its other keys are of JSON.parse too.
const user = v.custom<User>((value) => v.safeParse(withId, value).success);

/** A literal that is known to be there already: the type of a frame chooses its schema. */
const typed = <const T extends string>(type: T) => v.custom<T>((value) => value === type);

const presence = v.object({
  channel: v.string(),
  user,
  joinedAt: v.number(),
  state: v.exactOptional(json),
});

const schemas = {
  welcome: v.object({
    type: typed("welcome"),
    room: v.string(),
    channel: v.exactOptional(v.string()),
    user: v.nullable(user),
    resume: v.exactOptional(v.string()),
    heartbeat: v.number(),
  }),
  sync: v.object({
    type: typed("sync"),
    room: v.string(),
    presences: v.array(presence),
    lurkers: v.number(),
  }),
  diff: v.object({
    type: typed("diff"),
    room: v.string(),
    joins: v.array(presence),
    updates: v.array(v.object({ channel: v.string(), state: json })),
    leaves: v.array(v.object({ channel: v.string(), reason: v.string() })),
    lurkers: v.number(),
  }),
  count: v.object({
    type: typed("count"),
    room: v.string(),
    members: v.number(),
    lurkers: v.number(),
  }),
  messages: v.object({
    type: typed("messages"),
    room: v.string(),
    messages: v.array(
      v.object({
        from: v.nullable(v.object({ channel: v.string(), user: v.nullable(user) })),
        payload: json,
      }),
    ),
  }),
  error: v.object({ type: typed("error"), code: v.string(), message: v.string() }),
};

type Decoded = { [T in keyof typeof schemas]: v.InferOutput<(typeof schemas)[T]> };

export type Welcome = Decoded["welcome"];
export type Sync = Decoded["sync"];
export type DiffOfRoom = Decoded["diff"];
export type Count = Decoded["count"];
export type ErrorOfServer = Decoded["error"];

/** Frames that say who is in a room. */
export type RollFrame = Sync | DiffOfRoom | Count;

export type Frame = Decoded[keyof Decoded];

/** A frame of a known type that is not as it should be. */
export type Unreadable = { readonly type: "unreadable"; readonly what: string };

/** Decodes a frame. `null` is one to pass over: the answer to a heartbeat, or of a type that is not known here. */
export function decodeServerFrame(text: unknown): Frame | Unreadable | null {
  const value = parse(text);
  const type: unknown = typeof value === "object" && value && "type" in value ? value.type : null;
  if (typeof type !== "string" || !isKnown(type)) return null;
  const result = v.safeParse(schemas[type], value);
  return result.success ? result.output : { type: "unreadable", what: type };
}

function isKnown(type: string): type is keyof typeof schemas {
  return Object.hasOwn(schemas, type);
}

/** Parsed JSON, or `null` where it is none. */
export function parse(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return null;
  }
}
