/**
 * A token for whoever sits at the machine that this runs on, so that the demo needs nothing set up. It must never
 * answer anybody else: only `npm start` sets the variable, no file does, and no deployed Worker is called localhost.
 */

import { SignJWT } from "jose";
import * as v from "valibot";
import { notFound } from "./error-answers.ts";
import { Claims } from "../core/claims.ts";
import { readBody, type Request } from "./requests.ts";
import { isDevelopment, isLocal, readSettings } from "../config/settings.ts";

export const DEVELOPMENT_TOKEN = "/dev/token";

const TTL = "24h";

/** Who it is for. Not what it may do: a page of the developer's must not become an admin by asking. */
const { sub, info, rooms } = Claims.entries;
const Wish = { body: v.strictObject({ sub, info, rooms }) };

/** Answers with a token that can join and send. Where it may not, there is nothing at this address. */
export async function developmentToken(c: Request): Promise<Response> {
  const { secret } = readSettings(c.env);
  if (!isDevelopment(c.env) || secret === null || !isOwnPage(c.req.raw)) return notFound(c);
  const { sub: id, ...claims } = await readBody(c, Wish);
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(id)
    .setIssuedAt()
    .setExpirationTime(TTL)
    .sign(secret);
  c.header("cache-control", "no-store");
  return c.json({ token }, 201);
}

/**
 * Whether the request was sent to this machine by its own name, and by no foreign page: a name of somebody
 * else's that points here (DNS rebinding) would make their page one of the same origin.
 */
function isOwnPage({ url, headers }: globalThis.Request): boolean {
  const own = new URL(url);
  const origin = headers.get("origin");
  const isSame = origin === null || (URL.canParse(origin) && new URL(origin).host === own.host);
  return isLocal(own) && isSame;
}
