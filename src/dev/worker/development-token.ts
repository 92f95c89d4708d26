/**
 * A token for whoever sits at the machine that this runs on, so that the demo needs nothing set up. It must never
 * answer anybody else. Only `npm start` runs the Worker that has this route, only it sets PRESENCE_DEV, and no
 * deployed Worker is called localhost.
 */

import { Hono } from "hono";
import { SignJWT } from "jose";
import * as v from "valibot";
import { isDevelopment, isLocal, readSettings } from "../../config/settings.ts";
import { Claims } from "../../core/claims.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { answerTo, notFound } from "../../http/error-answers.ts";
import { sealed } from "../../http/headers.ts";
import { readBody } from "../../http/requests.ts";

const TTL = "24h";

/** Who it is for. Not what it may do: a page of the developer's must not become an admin by asking. */
const { sub, info, rooms } = Claims.entries;
const Wish = v.strictObject({ sub, info, rooms });

/** `POST /dev/token`: a token that can join and send. Where it may not be had, there is nothing at this address. */
export const developmentToken = new Hono<AppEnv>();

developmentToken.post("/dev/token", sealed, async (c) => {
  const { secret } = readSettings(c.env);
  if (!isDevelopment(c.env) || secret === null || !isOwnPage(c.req.raw)) return notFound(c);
  const { sub: id, ...claims } = await readBody(c, Wish, false);
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(id)
    .setIssuedAt()
    .setExpirationTime(TTL)
    .sign(secret);
  return c.json({ token }, 201);
});
developmentToken.onError(answerTo);

/**
 * Whether the request was sent to this machine by its own name, and by no foreign page: a name of somebody
 * else's that points here (DNS rebinding) would make their page one of the same origin.
 */
function isOwnPage({ url, headers }: Request): boolean {
  const own = new URL(url);
  const origin = headers.get("origin");
  const isSame = origin === null || (URL.canParse(origin) && new URL(origin).host === own.host);
  return isLocal(own) && isSame;
}
