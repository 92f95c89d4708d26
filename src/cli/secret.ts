/**
 * PRESENCE_SECRET on a developer's machine: in the environment, or in .dev.vars, which wrangler
 * reads too.
 */

import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { SECRET_BYTES_MIN } from "../core/limits.ts";

const FILE = ".dev.vars";
const NAME = "PRESENCE_SECRET";

/** The secret, or `undefined` where none is set. */
export function readSecret(): string | undefined {
  const vars = existsSync(FILE) ? parseEnv(readFileSync(FILE, "utf8")) : {};
  return process.env[NAME] || vars[NAME] || undefined;
}

/** Makes a random secret in .dev.vars where there is none. Returns whether it did. */
export function ensureSecret(): boolean {
  if (readSecret() !== undefined) return false;
  const secret = randomBytes(SECRET_BYTES_MIN).toString("base64url");
  const file = existsSync(FILE) ? readFileSync(FILE, "utf8") : "";
  const separator = file === "" || file.endsWith("\n") ? "" : "\n";
  appendFileSync(FILE, `${separator}${NAME}=${secret}\n`, { mode: 0o600 });
  return true;
}
