/**
 * WebSocket close codes: what each says, in both directions, and when a client whose connection ended with one may
 * connect again. Ours are in three ranges, so that a client knows what to do about a code that it has never seen.
 */

/**
 * When a client may connect again. `soon`, `later`: with a backoff; `later` waits longer, for no presence is kept
 * there. `now`: at once, and with a backoff where that fails.
 */
export type RetryPolicy = "never" | "soon" | "later" | "now";

/** The close code of each reason for which the service ends a connection. An `error` frame precedes each. */
export const CLOSE_CODES = {
  // Never: the same attempt would be refused again.
  /** The token is missing, wrong or not for this room. */
  unauthorized: 4001,
  /** A server took this presence out of the room. */
  removed: 4003,
  /** What the address names is no room name. */
  bad_room: 4004,
  /** The same channel connected again and took the presence over. */
  replaced: 4009,
  /** The request is too large, or names no host. */
  bad_request: 4000,
  /** Pages of this origin may not connect: see PRESENCE_ORIGINS. */
  bad_origin: 4010,

  // Later.
  /** The room has as many connections as PRESENCE_ROOM_MAX, or its user as many as PRESENCE_USER_MAX. */
  room_full: 4100,
  /** The token is good but for its `exp`, which has passed: a client may come back with another one. */
  token_expired: 4101,
  /** No sign of life for PRESENCE_MAX_AGE, or for 30 s of a client that was sent 4 MB meanwhile. */
  expired: 4108,
  /** Far too many frames for long, or far too many connections from one address or of one user. */
  rate_limited: 4129,

  // Soon: RFC 6455 has this code, and what was too large is not sent again.
  /** A frame was larger than PRESENCE_FRAME_MAX. */
  frame_too_large: 1009,
} as const;

/** Reasons that end a connection. */
export type ClosingCode = keyof typeof CLOSE_CODES;

/**
 * When to connect again after a connection ended with this code: 4000–4099 never, 4100–4199 later, 4200–4299 now. A code of no range of ours is a lost connection:
 * 1006, but also 1000, which nobody says to a client that has not left.
 */
export function retryPolicyOf(closeCode: number): RetryPolicy {
  const ranges: readonly (RetryPolicy | undefined)[] = ["never", "later", "now"];
  return ranges[Math.floor(closeCode / 100) - 40] ?? "soon";
}

/** What the close code of a client says of its going: a goodbye, a page that was closed or reloaded, or nothing. */
export function endOf(code: number): "goodbye" | "reload" | "cut" {
  // 1005 is a close without a code, the plain `close()` of a browser.
  if (code === 1000 || code === 1005) return "goodbye";
  return code === 1001 ? "reload" : "cut";
}
