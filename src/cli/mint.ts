/** Makes tokens for development and tests, with the claims that the Worker reads. */

import { SignJWT } from "jose";
import * as v from "valibot";
import { Claims } from "../core/claims.ts";

/**
 * Signs `claims` with HS256 for `ttl`, such as "1h" or "7d". Throws an Error that names a wrong
 * claim.
 */
export async function mint(
  claims: v.InferInput<typeof Claims>,
  secret: string,
  ttl: string,
): Promise<string> {
  v.parse(Claims, claims);
  const { sub, ...rest } = claims;
  return new SignJWT(rest)
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(sub)
    .setIssuedAt()
    .setExpirationTime(ttl)
    .sign(new TextEncoder().encode(secret));
}
