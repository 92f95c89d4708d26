/** What a token says, decoded. The one place that knows the claims: the Worker reads them, the command line writes them. */

import * as v from "valibot";
import { type JsonObject, unsafeIntegerIn, utf8Length } from "./json.ts";
import { INFO_BYTES_MAX, USER_ID_LENGTH_MAX } from "./limits.ts";
import { isRoomName, matchesAny } from "./names.ts";
import type { User } from "./presence.ts";
import { ProtocolError } from "./protocol.ts";

/** What a token may allow. `join` includes `watch`; `admin` is all of them, in the rooms that `rooms` names. */
export const ACTIONS = ["join", "watch", "send", "admin"] as const;
export type Action = (typeof ACTIONS)[number];

// SAFETY: what is decoded here was parsed from JSON, so an object in it is a JsonObject.
const jsonObject = v.custom<JsonObject>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "info must be an object",
);

const SUB = "sub must be the user's id, a string";
const ROOMS = "rooms must be an array of room names";
const CAN = `can must be an array out of ${ACTIONS.join(", ")}`;

function userIdOf(name: string) {
  return v.pipe(
    v.string(`${name} must be the user's id, a string`),
    v.check((id) => id.isWellFormed(), `${name} has half a character: it must be Unicode`),
    v.minLength(1, `${name} is empty; it must be the user's id`),
    v.check(
      (id) => Array.from(id).length <= USER_ID_LENGTH_MAX,
      `${name} is longer than ${USER_ID_LENGTH_MAX} characters`,
    ),
  );
}

const Info = v.pipe(
  jsonObject,
  v.check(
    (info) => utf8Length(JSON.stringify(info)) <= INFO_BYTES_MAX,
    `info is longer than ${INFO_BYTES_MAX} bytes of JSON`,
  ),
);

/** Of a token: what was in its JSON is rounded already, so this is the last place where anybody can tell. */
const TokenInfo = v.pipe(
  Info,
  v.check(
    (info) => unsafeIntegerIn(JSON.stringify(info)) === null,
    "info has an integer beyond 2^53, which JSON does not carry exactly; make it a string",
  ),
);

/** Claims of our own in a token; those of time and issuer are the business of the token library. */
export const Claims = v.object(
  {
    sub: userIdOf("sub"),
    info: v.optional(TokenInfo, {}),
    rooms: v.optional(v.array(v.string(ROOMS), ROOMS), ["*"]),
    can: v.optional(v.array(v.picklist(ACTIONS, CAN), CAN), ["join", "send"]),
  },
  // All but the user's id may be left out.
  SUB,
);
export type Claims = v.InferOutput<typeof Claims>;

/** Whether `patterns`, room names of which each may end in `*`, name `room`. */
export function namesRoom(patterns: readonly string[], room: string): boolean {
  return matchesAny(patterns, room);
}

/** Whether a bearer of these claims may do `action` in `room`. */
export function allows(
  { can, rooms }: Pick<Claims, "can" | "rooms">,
  action: Action,
  room: string,
): boolean {
  if (!isRoomName(room) || !namesRoom(rooms, room)) return false;
  if (can.includes("admin") || can.includes(action)) return true;
  return action === "watch" && can.includes("join");
}

/** The user that the claims tell of. `info` cannot overwrite the id. */
export function userOf({ sub, info }: Claims): User {
  const { id: _, ...rest } = info;
  return { id: sub, ...rest };
}

const ServerUser = v.object({ id: userIdOf("user.id"), info: Info });

/**
 * The user that a server names, as everyone will see it: JSON, of the same size as a token's. Throws a
 * ProtocolError `bad_user`.
 */
export function decodeUser(user: unknown): User | null {
  if (user === null) return null;
  const result = v.safeParse(jsonObject, asJson(user));
  if (!result.success) throw badUser("user must be null or an object with an id");
  const { id, ...info } = result.output;
  const known = v.safeParse(ServerUser, { id, info });
  if (!known.success) throw badUser(known.issues[0].message);
  return { id: known.output.id, ...info };
}

/** What everyone would see of it: a date as text, say, and no functions. */
function asJson(user: unknown): unknown {
  try {
    const text: string | undefined = JSON.stringify(user);
    return text === undefined ? undefined : JSON.parse(text);
  } catch (error) {
    throw badUser(`user is not JSON: ${String(error)}`);
  }
}

function badUser(message: string): ProtocolError {
  return new ProtocolError("bad_user", message);
}
