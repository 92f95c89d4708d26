/**
 * What is asked of every request before anybody looks at what it wants: that it is not too large,
 * and that its address and its user do not come far too often. The counting is the platform's; a
 * binding that is missing counts nothing, and one that fails lets everybody pass: it must never be
 * what locks people out.
 */

import { networkOf } from "./client-network.ts";
import { HEADERS_LENGTH_MAX, QUERY_LENGTH_MAX } from "../core/limits.ts";
import type { User } from "../core/presence.ts";
import { formatCount, ProtocolError } from "../core/protocol.ts";
import type { Env, Limiter } from "../config/env.ts";
import { logError } from "../telemetry/log.ts";

/**
 * The address of a request, parsed. Throws a ProtocolError `bad_request` where the query or the
 * headers are too large to be a client's of ours, or where what stands in `Host` makes no address.
 */
export function addressOf({ url, headers }: Request): URL {
  const address = URL.parse(url);
  if (address === null) {
    throw new ProtocolError("bad_request", "the request's Host header names no host; send one");
  }
  checkLength("query", address.search.length, QUERY_LENGTH_MAX);
  let length = 0;
  for (const [name, value] of headers) length += name.length + value.length;
  checkLength("headers together", length, HEADERS_LENGTH_MAX);
  return address;
}

function checkLength(what: string, length: number, max: number): void {
  if (length <= max) return;
  const is = `the request's ${what}: ${formatCount(length)} characters`;
  throw new ProtocolError("bad_request", `${is}; the limit is ${formatCount(max)}`);
}

/**
 * Throws a ProtocolError of this code where too many requests come from the network of this one.
 */
export async function checkNetwork(
  { headers }: Request,
  { ADDRESS_LIMITER }: Env,
  code: "rate_limited" | "throttled",
): Promise<void> {
  // Set by Cloudflare, whatever a client says there. Where it is missing this is not Cloudflare.
  const address = headers.get("cf-connecting-ip");
  if (address === null || (await isWithin(ADDRESS_LIMITER, networkOf(address)))) return;
  throw new ProtocolError(code, "too many requests from your address; come back in a minute");
}

/**
 * Throws a ProtocolError `rate_limited` where a user opens too many sockets, whichever the rooms.
 */
export async function checkUser(user: User | null, { USER_LIMITER }: Env): Promise<void> {
  if (user === null || (await isWithin(USER_LIMITER, user.id))) return;
  throw new ProtocolError(
    "rate_limited",
    "too many connections as this user; come back in a minute",
  );
}

async function isWithin(limiter: Limiter | undefined, key: string): Promise<boolean> {
  if (!limiter) return true;
  try {
    return (await limiter.limit({ key })).success;
  } catch (error) {
    logError("rate limiter failed", error);
    return true;
  }
}
