/**
 * Decodes what the server sends: a frame that is known here, or nothing. Tolerates what it does not
 * know, since a page that was opened last week may talk to the server of today.
 */

import * as v from "valibot";
import { AnyJson as json } from "../core/json.ts";
import type { User } from "../core/presence.ts";
import type { PresenceStatus } from "../core/status.ts";

// As few kinds of valibot's schemas as will do: each further kind costs as many bytes as the list
// below.
/** A word of a list that may have grown since this was written. */
const word = <Word extends string>() => v.custom<Word>((value) => typeof value === "string");
export const text = word<string>();
export const number = v.custom<number>((value) => typeof value === "number");
const withId = v.object({ id: text });
// SAFETY: it has an id, and its other keys are of JSON.parse too.
const user = v.custom<User>((value) => isValid(withId, value));
const nullOrUser = v.custom<User | null>((value) => value === null || isValid(user, value));

/** The type of a frame. It is known to be right: it has chosen the schema. */
const typed = <const T extends string>(type: T) => v.custom<T>((value) => value === type);

const presence = v.object({
  channel: text,
  user,
  joinedAt: number,
  state: v.exactOptional(json),
  status: v.exactOptional(word<"away">()),
  activeAt: v.exactOptional(number),
});

// Where the room keeps no log there is none.
const rev = v.exactOptional(text);

const sender = v.object({ channel: text, user: nullOrUser });
type Sender = v.InferOutput<typeof sender>;

const schemas = {
  welcome: v.object({
    type: typed("welcome"),
    room: text,
    channel: v.exactOptional(text),
    user: nullOrUser,
    resume: v.exactOptional(text),
    heartbeat: number,
    // Servers of 0.1 do not say.
    frameRate: v.exactOptional(number),
  }),
  sync: v.object({
    type: typed("sync"),
    room: text,
    presences: v.array(presence),
    lurkers: number,
    rev,
  }),
  diff: v.object({
    type: typed("diff"),
    room: text,
    joins: v.array(presence),
    updates: v.array(
      v.object({ channel: text, state: v.exactOptional(json), user: v.exactOptional(user) }),
    ),
    leaves: v.array(v.object({ channel: text, reason: text })),
    statuses: v.exactOptional(
      v.array(v.object({ channel: text, status: word<PresenceStatus>(), activeAt: number })),
    ),
    lurkers: number,
    since: rev,
    rev,
  }),
  count: v.object({
    type: typed("count"),
    room: text,
    members: number,
    presences: number,
    lurkers: number,
  }),
  messages: v.object({
    type: typed("messages"),
    room: text,
    messages: v.array(
      v.object({
        from: v.custom<Sender | null>((value) => value === null || isValid(sender, value)),
        payload: json,
      }),
    ),
  }),
  error: v.object({
    type: typed("error"),
    code: text,
    message: text,
    frames: v.exactOptional(number),
  }),
};

type Decoded = { [T in keyof typeof schemas]: v.InferOutput<(typeof schemas)[T]> };

export type Welcome = Decoded["welcome"];
export type Sync = Decoded["sync"];
export type DiffFrame = Decoded["diff"];
export type Count = Decoded["count"];
export type ServerError = Decoded["error"];

/** Frames that say who is in a room. */
export type OccupancyFrame = Sync | DiffFrame | Count;

export type Frame = Decoded[keyof Decoded];

/** Whether a frame, with what was known before, is all there is to know: the first one of a connection. */
export function isWhole(frame: OccupancyFrame): boolean {
  return frame.type !== "diff" || frame.since !== undefined;
}

/**
 * Decodes a frame. `null` is one to ignore: the answer to a heartbeat, or a type that is not known
 * here. A malformed frame of a known type becomes an `error` frame: `bad_diff` for a diff.
 */
export function decodeServerFrame(data: unknown): Frame | null {
  const value = parse(data);
  const type: unknown = typeof value === "object" && value && "type" in value ? value.type : null;
  if (typeof type !== "string" || !isKnown(type)) return null;
  const result = v.safeParse(schemas[type], value);
  if (result.success) return result.output;
  return { type: "error", code: `bad_${type}`, message: `the server sent a malformed ${type}` };
}

function isValid(schema: v.GenericSchema, value: unknown): boolean {
  return v.safeParse(schema, value).success;
}

function isKnown(type: string): type is keyof typeof schemas {
  return Object.hasOwn(schemas, type);
}

/** Parsed JSON, or `null` where it is none. */
export function parse(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return null;
  }
}
