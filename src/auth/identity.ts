/** Token → Identity, and what an identity may do. Believes nothing that the token does not say. */

import { errors } from "jose";
import * as v from "valibot";
import { type Action, allows, Claims, userOf } from "../core/claims.ts";
import { TOKEN_LENGTH_MAX } from "../core/limits.ts";
import type { User } from "../core/presence.ts";
import { ProtocolError } from "../core/protocol.ts";
import { KeysUnavailable } from "./jwks.ts";
import { type Settings, takesTokens } from "../config/settings.ts";
import { payloadOf } from "./token-verification.ts";

/** Who sent a request and what they may do. */
export type Identity = {
  /** `null` for one without a token. */
  readonly user: User | null;
  /** What it may do in the rooms that it is for. */
  readonly can: readonly Action[];
  /** Patterns of names, for calls over many rooms: all that it may reach. Nothing where it is for all rooms. */
  readonly limits: { readonly rooms?: readonly string[] };
  may(action: Action, room: string): boolean;
};

/** The WebSocket subprotocol of ours. A browser offers it together with its token. */
export const SUBPROTOCOL = "presence";
const TOKEN_SUBPROTOCOL = "token.";

/** What an operator is to do so that there are identities. */
export const HOW_TO = "its operator must set PRESENCE_SECRET or PRESENCE_JWKS_URL";

const EXPIRED = "the token has run out; get a new one";

const INVALID = "the token is not valid, or not any more; get a new one";

/** The token of `Authorization: Bearer`, or `null`; empty where somebody forgot to fill it in. */
export function bearerToken(headers: Headers): string | null {
  return /^Bearer *(\S*)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? null;
}

/** Where a socket's request may have its token. */
export type TokenPlaces = {
  readonly headers: Headers;
  /** Those that the client offers. */
  readonly subprotocols: readonly string[];
  readonly query: URLSearchParams;
};

/** The token of a socket's request: in its header, its subprotocols or its query; browsers can set the last two. */
export function socketToken({ headers, subprotocols, query }: TokenPlaces): string | null {
  const offered = subprotocols.find((name) => name.startsWith(TOKEN_SUBPROTOCOL));
  return bearerToken(headers) ?? offered?.slice(TOKEN_SUBPROTOCOL.length) ?? query.get("token");
}

/**
 * The identity that `token` proves. Throws a ProtocolError, `token_expired` or `unauthorized`, that says what is wrong with it, and
 * KeysUnavailable where nobody can tell.
 */
export async function identify(token: string, settings: Settings): Promise<Identity> {
  if (!takesTokens(settings)) throw unauthorized(`this server takes no tokens; ${HOW_TO}`);
  const claims = await verify(token, settings);
  return { user: userOf(claims), ...permissionsOf(claims) };
}

/** The identity of a connection without a token, as far as the operator lets it in. */
export function anonymous({ anonymous: policy }: Settings): Identity {
  const can: Action[] = policy === "deny" ? [] : [policy];
  return { user: null, ...permissionsOf({ can, rooms: ["*"] }) };
}

function permissionsOf(claims: Pick<Claims, "can" | "rooms">): Omit<Identity, "user"> {
  const { can, rooms } = claims;
  return {
    can,
    limits: rooms.includes("*") ? {} : { rooms },
    may: (action, room) => allows(claims, action, room),
  };
}

export function unauthorized(message: string): ProtocolError {
  return new ProtocolError("unauthorized", message);
}

async function verify(token: string, settings: Settings): Promise<Claims> {
  if (token.length > TOKEN_LENGTH_MAX) throw unauthorized(INVALID);
  try {
    return v.parse(Claims, await payloadOf(token, settings));
  } catch (error) {
    throw error instanceof KeysUnavailable ? error : refusal(error);
  }
}

/** The same words for whatever a forger could learn from; more only to the holder of a token that was really signed. */
function refusal(error: unknown): ProtocolError {
  // Told only of a token whose signature is good, and whose other claims of time and issuer are.
  if (error instanceof errors.JWTExpired) return new ProtocolError("token_expired", EXPIRED);
  const isSigned = error instanceof v.ValiError;
  return unauthorized(isSigned ? `the token's claims are wrong: ${error.message}` : INVALID);
}
