/** How a request that failed is answered: JSON, a status, and words that say what was wrong. Never a stack. */

import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { type ErrorCode, ProtocolError } from "./core/protocol.ts";
import { logError } from "./log.ts";

/** Codes of errors that have no better one. */
const CODES = {
  400: "bad_request",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  405: "method_not_allowed",
  413: "body_too_large",
  415: "unsupported_media_type",
  422: "bad_body",
  426: "upgrade_required",
  429: "throttled",
  503: "unavailable",
} as const;

type Status = keyof typeof CODES;

/** Refusals of the domain, as far as they can come from a call. */
const STATUSES: Partial<Record<ErrorCode, Status>> = {
  unauthorized: 401,
  bad_user: 422,
  bad_frame: 422,
  too_many_rooms: 422,
  throttled: 429,
  room_full: 503,
};

/** The answer to whatever a route threw. */
export function answerTo(error: Error, c: Context): Response {
  if (error instanceof HTTPException) return errorAnswer(c, error.status, error.message);
  if (error instanceof ProtocolError) {
    return errorAnswer(c, STATUSES[error.code] ?? 400, error.message, error.code);
  }
  logError("request failed", error);
  return errorAnswer(c, 503, "the server could not answer; try again later");
}

export function notFound(c: Context): Response {
  return errorAnswer(c, 404, "there is nothing at this address");
}

/** The answer to other methods than `allowed`. */
export function methodNotAllowed(allowed: string): (c: Context) => Response {
  return (c) => {
    c.header("allow", allowed);
    return errorAnswer(c, 405, `${c.req.method} is not possible here; use ${allowed}`);
  };
}

function errorAnswer(c: Context, status: number, message: string, code?: string): Response {
  const known = isStatus(status) ? status : 503;
  if (known === 401) c.header("www-authenticate", "Bearer");
  return c.json({ error: { code: code ?? CODES[known], message } }, known);
}

function isStatus(status: number): status is Status {
  return status in CODES;
}
