/** What a request of the HTTP API says, checked: its token, its query, its body. Refusals are HTTPExceptions. */

import { type Context, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import * as v from "valibot";
import type { Trail } from "./error-answers.ts";
import { bearerToken, HOW_TO, type Identity, identify } from "../auth/identity.ts";
import type { Action } from "../core/claims.ts";
import { unsafeIntegerIn } from "../core/json.ts";
import { HTTP_BODY_MAX } from "../core/limits.ts";
import { roomOfChannel } from "../core/names.ts";
import { formatCount } from "../core/protocol.ts";
import type { Env } from "../config/env.ts";
import { checkAddress, checkSize } from "./request-limits.ts";
import { readSettings, takesTokens } from "../config/settings.ts";

const NO_OBJECT = "the body must be a JSON object";

export type Bindings = { Bindings: Env; Variables: Partial<Trail> };
export type Request = Context<Bindings>;

/** Lets a request pass that is not too large, and whose address does not come far too often. */
export const admitted: MiddlewareHandler<Bindings> = async (c, next) => {
  await checkAddress(c.req.raw, c.env, "throttled");
  checkSize(c.req.raw);
  await next();
};

/** Lets a request pass whose token can do `action` in `room`; without a room, whatever rooms it is for. */
export async function authorize(c: Request, action: Action, room?: string): Promise<Identity> {
  if (room !== undefined) c.set("room", room);
  const settings = readSettings(c.env);
  if (!takesTokens(settings)) {
    throw new HTTPException(503, { message: `the HTTP API needs tokens; ${HOW_TO}` });
  }
  const token = bearerToken(c.req.raw);
  if (token === null) {
    throw new HTTPException(401, { message: "send a token: Authorization: Bearer …" });
  }
  const identity = await identify(token, settings);
  if (identity.user) c.set("user", identity.user.id);
  if (room === undefined ? identity.can.includes(action) : identity.may(action, room)) {
    return identity;
  }
  const where = room === undefined ? "" : " in this room";
  throw new HTTPException(403, { message: `the token does not allow "${action}"${where}` });
}

/** The same for an addition: a socket's channel hears what the room says, so its own room must be the token's too. */
export async function authorizeAddition(c: Request, room: string, channel: string): Promise<void> {
  const identity = await authorize(c, "admin", room);
  const host = roomOfChannel(channel);
  if (host === null || identity.may("admin", host)) return;
  const message = "the channel has its socket in a room that the token is not for";
  throw new HTTPException(403, { message });
}

/** The query, as `schema` understands it; throws 400. */
export function readQuery<Schema extends v.GenericSchema>(
  c: Request,
  schema: Schema,
): v.InferOutput<Schema> {
  // A parameter that is there twice is a list, which no schema takes for text.
  const query = Object.entries(c.req.queries()).map(([name, values]) => [
    name,
    values.length === 1 ? values[0] : values,
  ]);
  const result = v.safeParse(schema, Object.fromEntries(query));
  if (result.success) return result.output;
  throw new HTTPException(400, { message: result.issues[0].message });
}

/** The body, as its schema understands it; throws 400, 415 or 422. Where it may be missing, that is an empty object. */
export async function readBody<Schema extends v.GenericSchema>(
  c: Request,
  { body, isBodyOptional = false }: { readonly body: Schema; readonly isBodyOptional?: boolean },
): Promise<v.InferOutput<Schema>> {
  const contentType = c.req.header("content-type");
  if (contentType !== undefined) checkContentType(contentType);
  const text = await c.req.text();
  if (text === "" && !isBodyOptional)
    throw new HTTPException(400, { message: "the body is missing" });
  if (text !== "") checkContentType(contentType);
  const value = text === "" ? {} : parseJson(text);
  const unsafe = unsafeIntegerIn(text);
  if (unsafe !== null) {
    const message = `the body has the integer ${unsafe.slice(0, 32)}, which JSON does not carry exactly; the limit is 2^53; send it as a string`;
    throw new HTTPException(422, { message });
  }
  // An array is an object too, to valibot as to JavaScript.
  if (Array.isArray(value)) throw new HTTPException(422, { message: NO_OBJECT });
  const result = v.safeParse(body, value);
  if (result.success) return result.output;
  throw new HTTPException(422, { message: saidOf(result.issues[0]) });
}

/** Throws 413 for a body that is too large, before it is read. */
export const limitBody: MiddlewareHandler = bodyLimit({
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

/** The schemas' own messages name their fields; of what they do not foresee, the field is named here. */
function saidOf(issue: v.BaseIssue<unknown>): string {
  const field = v.getDotPath(issue);
  if (issue.type !== "strict_object") return issue.message;
  if (field === null) return NO_OBJECT;
  return issue.expected === "never" ? `${field} is not known here` : `${field} is missing`;
}
