/** What a token says, decoded. The one place that knows the claims: the Worker reads them, the command line writes them. */

import * as v from "valibot";
import { type JsonObject, utf8Length } from "./json.ts";
import { INFO_BYTES_MAX, USER_ID_LENGTH_MAX } from "./limits.ts";
import type { User } from "./presence.ts";
import { isRoomName } from "./protocol.ts";

/** What a token may allow. `join` includes `watch`; `admin` is all of them, in the rooms that `rooms` names. */
export const ACTIONS = ["join", "watch", "send", "admin"] as const;
export type Action = (typeof ACTIONS)[number];

// SAFETY: a token's payload was parsed from JSON, so an object in it is a JsonObject.
const jsonObject = v.custom<JsonObject>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "info must be an object",
);

const SUB = "sub must be the user's id, a string";
const ROOMS = "rooms must be an array of room names";
const CAN = `can must be an array out of ${ACTIONS.join(", ")}`;

/** Claims of our own in a token; those of time and issuer are the business of the token library. */
export const Claims = v.object(
  {
    sub: v.pipe(
      v.string(SUB),
      v.minLength(1, "sub is empty; it must be the user's id"),
      v.check(
        (sub) => Array.from(sub).length <= USER_ID_LENGTH_MAX,
        `sub is longer than ${USER_ID_LENGTH_MAX} characters`,
      ),
    ),
    info: v.optional(
      v.pipe(
        jsonObject,
        v.check(
          (info) => utf8Length(JSON.stringify(info)) <= INFO_BYTES_MAX,
          `info is longer than ${INFO_BYTES_MAX} bytes of JSON`,
        ),
      ),
      {},
    ),
    rooms: v.optional(v.array(v.string(ROOMS), ROOMS), ["*"]),
    can: v.optional(v.array(v.picklist(ACTIONS, CAN), CAN), ["join", "send"]),
  },
  // All but the user's id may be left out.
  SUB,
);
export type Claims = v.InferOutput<typeof Claims>;

/** Whether `patterns`, room names of which each may end in `*`, name `room`. */
export function namesRoom(patterns: readonly string[], room: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? room.startsWith(pattern.slice(0, -1)) : room === pattern,
  );
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
