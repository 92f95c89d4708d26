/**
 * What browsers are told about the answers of the HTTP API: which pages may ask, and to make
 * nothing else of them.
 */

import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { PREFLIGHT_SECONDS } from "../core/limits.ts";
import type { Env } from "../config/env.ts";
import { readSettings } from "../config/settings.ts";

/** An answer is data about people: nobody keeps it, shows it as a page, or puts it into a frame. */
const SEALS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

export function seal({ headers }: Response): void {
  for (const [name, value] of Object.entries(SEALS)) headers.set(name, value);
}

/** Seals whatever is answered, errors too. */
export const sealed: MiddlewareHandler = async (c, next) => {
  await next();
  seal(c.res);
};

const shared = cors({
  origin: (origin, c) => allowedOrigin(origin, c.env),
  allowMethods: ["GET", "HEAD", "PUT", "POST", "DELETE"],
  allowHeaders: ["authorization", "content-type"],
  maxAge: PREFLIGHT_SECONDS,
});

/**
 * Lets pages of PRESENCE_ORIGINS call. Only a preflight is answered here: an OPTIONS of anybody
 * else is a wrong method.
 */
export const crossOrigin: MiddlewareHandler = async (c, next) => {
  const { method } = c.req;
  const isPlainOptions = method === "OPTIONS" && !c.req.header("access-control-request-method");
  return isPlainOptions ? next() : shared(c, next);
};

function allowedOrigin(origin: string, env: Env): string | null {
  const { origins } = readSettings(env);
  if (origins === null) return "*";
  return origins.includes(origin) ? origin : null;
}
