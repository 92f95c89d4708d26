/**
 * What an operator is told once in the life of an isolate, in one line of the log. With the first
 * request and not before it: only then is there an address that tells a developer's machine from a
 * deployed Worker, and a log that has a place for the line.
 */

import type { MiddlewareHandler } from "hono";
import type { Env } from "../config/env.ts";
import { logWarning } from "../telemetry/log.ts";
import { auditSettings } from "../config/settings-audit.ts";
import { isDevelopment, isLocal } from "../config/settings.ts";

const checked = new WeakSet<Env>();
let told = "";

export const startChecked: MiddlewareHandler<{ Bindings: Env }> = (c, next) => {
  checkStart(c.req.url, c.env);
  return next();
};

/** The same, for who has no middleware. */
export function checkStart(url: string, env: Env): void {
  // `npm start`: nothing of this is unsafe on a machine that nobody else reaches.
  if (checked.has(env) || (isDevelopment(env) && isLocal(new URL(url)))) return;
  checked.add(env);
  const settings = auditSettings(env, (name) => name in env).map(
    ({ setting, problem, remedy }) => `${setting} ${problem}; ${remedy}`,
  );
  const line = settings.join("\n");
  // The same bindings may come as another object.
  if (line === told) return;
  told = line;
  if (line !== "") logWarning("unsafe settings", { settings });
}
