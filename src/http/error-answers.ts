/**
 * How a request that failed is answered: JSON, a status, and words that say what was wrong. Never a
 * stack.
 */

import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ErrorCode } from "../core/error-codes.ts";
import type { ErrorAnswer } from "../core/http-shapes.ts";
import { ProtocolError } from "../core/protocol.ts";
import type { AppContext } from "./app-env.ts";
import { seal } from "./headers.ts";
import { logError, logRefusal } from "../telemetry/log.ts";

/** Codes of errors that have no better one. */
const CODES = {
  400: "bad_request",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  405: "method_not_allowed",
  409: "conflict",
  410: "gone",
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
  state_too_large: 422,
  too_many_rooms: 422,
  history_gone: 410,
  no_history: 404,
  has_socket: 409,
  throttled: 429,
  room_full: 503,
  no_webhook: 409,
};

/** The answer to whatever a route threw. */
export function answerTo(error: Error, c: AppContext): Response {
  if (error instanceof HTTPException) return refusal(c, error.status, error.message);
  if (error instanceof ProtocolError) {
    // Over HTTP the status says enough: whoever calls gets a new token in either case.
    if (error.code === "token_expired") return refusal(c, 401, error.message);
    return refusal(c, STATUSES[error.code] ?? 400, error.message, error.code);
  }
  logError("request failed", error);
  return errorAnswer(c, 503, "the server could not answer; try again later");
}

export function notFound(c: Context): Response {
  const answer = errorAnswer(c, 404, "there is nothing at this address");
  // No middleware of ours runs at an address that is none of ours.
  seal(answer);
  return answer;
}

/** The answer to other methods than these, in capitals. Where there is a GET there is a HEAD. */
export function methodNotAllowed(methods: readonly string[]): (c: AppContext) => Response {
  const allowed = methods
    .flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))
    .join(", ");
  return (c) => {
    c.header("allow", allowed);
    return refusal(c, 405, `${c.req.method} is not possible here; use ${allowed}`);
  };
}

/**
 * An answer that somebody was refused, with its line in the log. That something is not there is no
 * refusal.
 */
function refusal(c: AppContext, status: number, message: string, code = codeOf(status)): Response {
  if (status !== 404) logRefusal("call refused", { ...c.var.subject, code, status });
  return errorAnswer(c, status, message, code);
}

function errorAnswer(c: Context, status: number, message: string, code = codeOf(status)): Response {
  const known = isStatus(status) ? status : 503;
  if (known === 401) c.header("www-authenticate", "Bearer");
  return c.json({ error: { code, message } } satisfies ErrorAnswer, known);
}

function codeOf(status: number): string {
  return CODES[isStatus(status) ? status : 503];
}

function isStatus(status: number): status is Status {
  return status in CODES;
}
