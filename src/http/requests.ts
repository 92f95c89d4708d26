/**
 * What a request of the HTTP API says, checked in this order: its address and size, the names in
 * its path, its token, its query, its body. So nothing of a body is read for who has no token.
 * Refusals are HTTPExceptions and ProtocolErrors.
 */

import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import * as v from "valibot";
import { rooms } from "../api/rooms.ts";
import { bearerToken, HOW_TO, type Identity, identify } from "../auth/identity.ts";
import { readSettings, takesTokens } from "../config/settings.ts";
import type { Action } from "../core/claims.ts";
import { unsafeIntegerIn } from "../core/json.ts";
import { HTTP_BODY_MAX } from "../core/limits.ts";
import { roomOfChannel } from "../core/names.ts";
import { formatCount } from "../core/protocol.ts";
import type { AppContext, AppEnv } from "./app-env.ts";
import type { Call } from "./handlers.ts";
import type { Operation } from "./operations.ts";
import { nameInPath } from "./path-parameters.ts";
import { addressOf, checkNetwork } from "./request-limits.ts";

const NO_OBJECT = "the body must be a JSON object";

/** Lets a request pass that is not too large, and whose address does not come far too often. */
export const admitted: MiddlewareHandler<AppEnv> = async (c, next) => {
  await checkNetwork(c.req.raw, c.env, "throttled");
  c.set("url", addressOf(c.req.raw));
  await next();
};

/** The request of an operation. The caller knows of which, and so of what type its parts are. */
export async function readCall(
  c: AppContext,
  operation: Operation,
): Promise<{ readonly [Part in keyof Call<Operation>]: unknown }> {
  const { path, query } = operation;
  const needs = neededFor(c, operation);
  const url = c.get("url");
  const room = path.includes(":name")
    ? rooms(c.env).get(nameInPath(url, path, ":name"))
    : undefined;
  const channel = path.includes(":channel") ? nameInPath(url, path, ":channel") : undefined;
  const identity = needs === null ? null : await authorize(c, needs, room?.name);
  if (operation.needsAllRooms && identity?.limits.rooms !== undefined) {
    throw new HTTPException(403, { message: "the token is not for all rooms" });
  }
  if (operation.needsRoomOfChannel) checkRoomOfChannel(identity, channel ?? "");
  return {
    env: c.env,
    room,
    channel,
    limits: identity?.limits ?? {},
    query: query && readQuery(c, query),
    body: operation.body && (await readBody(c, operation.body, operation.isBodyOptional ?? false)),
  };
}

function neededFor(c: AppContext, { needs, adminParameter }: Operation): Operation["needs"] {
  return adminParameter !== undefined && c.req.query(adminParameter) !== undefined
    ? "admin"
    : needs;
}

/** Lets a token pass that can do `action` in `room`; without a room, whatever rooms it is for. */
async function authorize(
  c: AppContext,
  action: Action,
  room: string | undefined,
): Promise<Identity> {
  const where = room === undefined ? {} : { room };
  c.set("subject", where);
  const settings = readSettings(c.env);
  if (!takesTokens(settings)) {
    throw new HTTPException(503, { message: `the HTTP API needs tokens; ${HOW_TO}` });
  }
  const token = bearerToken(c.req.raw.headers);
  if (token === null) {
    throw new HTTPException(401, { message: "send a token: Authorization: Bearer …" });
  }
  const identity = await identify(token, settings);
  if (identity.user) c.set("subject", { ...where, user: identity.user.id });
  if (room === undefined ? identity.can.includes(action) : identity.may(action, room)) {
    return identity;
  }
  const inRoom = room === undefined ? "" : " in this room";
  throw new HTTPException(403, { message: `the token does not allow "${action}"${inRoom}` });
}

function checkRoomOfChannel(identity: Identity | null, channel: string): void {
  const room = roomOfChannel(channel);
  if (room === null || identity?.may("admin", room)) return;
  const message = "the channel has its socket in a room that the token is not for";
  throw new HTTPException(403, { message });
}

/** The query, as `schema` understands it; throws 400. */
function readQuery(c: Context, schema: v.GenericSchema): unknown {
  // A parameter that is there twice is a list, which no schema takes for text.
  const query = Object.entries(c.req.queries()).map(([name, values]) => [
    name,
    values.length === 1 ? values[0] : values,
  ]);
  const result = v.safeParse(schema, Object.fromEntries(query));
  if (result.success) return result.output;
  throw new HTTPException(400, { message: result.issues[0].message });
}

/**
 * The body, as `schema` understands it; throws 400, 413, 415 or 422. Where it may be missing, that
 * is an empty object.
 */
export async function readBody<Schema extends v.GenericSchema>(
  c: Context,
  schema: Schema,
  isOptional: boolean,
): Promise<v.InferOutput<Schema>> {
  await limitBody(c, async () => {});
  const contentType = c.req.header("content-type");
  if (contentType !== undefined) checkContentType(contentType);
  const text = await c.req.text();
  if (text === "" && !isOptional) throw new HTTPException(400, { message: "the body is missing" });
  if (text !== "") checkContentType(contentType);
  const value = text === "" ? {} : parseJson(text);
  const unsafe = unsafeIntegerIn(text);
  if (unsafe !== null) {
    const message = `the body has the integer ${unsafe.slice(0, 32)}, which JSON does not carry exactly; the limit is 2^53; send it as a string`;
    throw new HTTPException(422, { message });
  }
  // An array is an object too, to valibot as to JavaScript.
  if (Array.isArray(value)) throw new HTTPException(422, { message: NO_OBJECT });
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw new HTTPException(422, { message: saidOf(result.issues[0]) });
}

/** Throws 413 for a body that is too large, having read no more of it than a body may have. */
const limitBody = bodyLimit({
  maxSize: HTTP_BODY_MAX,
  onError: () => {
    const message = `the body is too large; the limit is ${formatCount(HTTP_BODY_MAX)} bytes`;
    throw new HTTPException(413, { message });
  },
});

function checkContentType(header = ""): void {
  if (/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(header)) return;
  const is = header === "" ? "no content type" : `content-type ${header.slice(0, 100)}`;
  throw new HTTPException(415, {
    message: `the body has ${is}; send JSON with content-type: application/json`,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HTTPException(400, { message: "the body is not JSON" });
  }
}

/**
 * The schemas' own messages name their fields; of what they do not foresee, the field is named
 * here.
 */
function saidOf(issue: v.BaseIssue<unknown>): string {
  const field = v.getDotPath(issue);
  if (issue.type !== "strict_object") return issue.message;
  if (field === null) return NO_OBJECT;
  return issue.expected === "never" ? `${field} is not known here` : `${field} is missing`;
}
