/**
 * Token → what it says, if somebody signed it whom the operator trusts. The algorithm decides who that may be: a
 * public key of the provider is never tried as a secret, nor the other way round.
 */

import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from "jose";
import { providerKeys } from "./jwks.ts";
import type { Provider, Settings } from "../config/settings.ts";

const SECRET_ALGORITHM = "HS256";
const PROVIDER_ALGORITHMS = ["RS256", "ES256", "EdDSA"];

/** The keys of secrets that were used, so that each is imported once. */
const keys = new WeakMap<Uint8Array, Promise<CryptoKey>>();

/** The payload of a token that is signed and valid now. Throws whatever says that it is not. */
export async function payloadOf(token: string, settings: Settings): Promise<JWTPayload> {
  const { alg } = decodeProtectedHeader(token);
  const { secret, previousSecret, provider } = settings;
  if (alg === SECRET_ALGORITHM && secret) return bySecret(token, secret, previousSecret);
  if (alg !== undefined && PROVIDER_ALGORITHMS.includes(alg) && provider) {
    return byProvider(token, provider);
  }
  throw new errors.JOSEAlgNotAllowed("nobody who is trusted here signs by this algorithm");
}

async function bySecret(
  token: string,
  secret: Uint8Array,
  previous: Uint8Array | null,
): Promise<JWTPayload> {
  const options = { algorithms: [SECRET_ALGORITHM] };
  try {
    return (await jwtVerify(token, await keyOf(secret), options)).payload;
  } catch (error) {
    const isAnothers = error instanceof errors.JWSSignatureVerificationFailed;
    if (!isAnothers || previous === null) throw error;
    return (await jwtVerify(token, await keyOf(previous), options)).payload;
  }
}

async function byProvider(
  token: string,
  { jwksUrl, issuer, audience }: Provider,
): Promise<JWTPayload> {
  const known = providerKeys(jwksUrl);
  const { payload } = await jwtVerify(token, (header, parts) => known.find(header, parts), {
    algorithms: PROVIDER_ALGORITHMS,
    ...(issuer === null ? {} : { issuer }),
    ...(audience === null ? {} : { audience }),
  });
  return payload;
}

function keyOf(secret: Uint8Array): Promise<CryptoKey> {
  const known = keys.get(secret);
  if (known) return known;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = crypto.subtle.importKey("raw", secret, algorithm, false, ["verify"]);
  keys.set(secret, key);
  return key;
}
