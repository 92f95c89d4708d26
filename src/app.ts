/** The HTTP side: routes, a line of work each. Authenticate, name the room, call it. */

import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { bearerToken, identify } from "./auth.ts";
import type { Action } from "./core/claims.ts";
import { ProtocolError } from "./core/protocol.ts";
import { openSocket, refuseSocket, roomInPath } from "./edge.ts";
import type { Env } from "./env.ts";
import { readSettings } from "./settings.ts";

type Bindings = { Bindings: Env };

/** A Hono app: use it as the Worker, or mount it under your own with `app.route()`. */
export const app = new Hono<Bindings>();

app.get("/healthz", (c) => c.json({ ok: true }));
app.all("/healthz", methodNotAllowed);

app.get("/rooms/:name{[^/]*}/ws", async (c) => {
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
    const message = "this address is a WebSocket's; connect to it with one";
    throw new HTTPException(426, { message });
  }
  try {
    return await openSocket(c.req.raw, c.env);
  } catch (error) {
    if (error instanceof ProtocolError) return refuseSocket(c.req.raw, error);
    throw error;
  }
});
app.all("/rooms/:name{[^/]*}/ws", methodNotAllowed);

app.get("/rooms/:name{[^/]*}", async (c) => {
  const room = roomInPath(c.req.url);
  await authorize(c, "watch", room);
  return c.json(await c.env.ROOM.getByName(room).occupants());
});
app.all("/rooms/:name{[^/]*}", methodNotAllowed);

app.notFound((c) => errorResponse(c, 404, "there is nothing at this address"));

app.onError((error, c) => {
  if (error instanceof HTTPException) return errorResponse(c, error.status, error.message);
  if (error instanceof ProtocolError) {
    const status = error.code === "unauthorized" ? 401 : 400;
    return errorResponse(c, status, error.message, error.code);
  }
  console.error(JSON.stringify({ event: "request failed", error: String(error) }));
  return errorResponse(c, 503, "the server could not answer; try again later");
});

/** Codes of errors that have no better one. */
const CODES = {
  400: "bad_request",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  405: "method_not_allowed",
  426: "upgrade_required",
  503: "unavailable",
} as const;

type Status = keyof typeof CODES;

function isStatus(status: number): status is Status {
  return status in CODES;
}

function errorResponse(c: Context, status: number, message: string, code?: string): Response {
  const known = isStatus(status) ? status : 503;
  if (known === 401) c.header("www-authenticate", "Bearer");
  return c.json({ error: { code: code ?? CODES[known], message } }, known);
}

function methodNotAllowed(c: Context): Response {
  c.header("allow", "GET, HEAD");
  return errorResponse(c, 405, `${c.req.method} is not possible here; use GET`);
}

/** Lets a request with a token that can do `action` in `room` pass; throws an HTTPException 401, 403 or 503. */
async function authorize(c: Context<Bindings>, action: Action, room: string): Promise<void> {
  const settings = readSettings(c.env);
  if (settings.secret === null) {
    throw new HTTPException(503, { message: "the HTTP API needs tokens; set PRESENCE_SECRET" });
  }
  const token = bearerToken(c.req.raw);
  if (token === null) {
    throw new HTTPException(401, { message: "send a token: Authorization: Bearer …" });
  }
  const identity = await identify(token, settings);
  if (identity.may(action, room)) return;
  throw new HTTPException(403, { message: `the token does not allow "${action}" in this room` });
}
