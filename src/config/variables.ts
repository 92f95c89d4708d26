/**
 * What an operator may set, as strings. Only settings.ts reads them; the command line's `doctor`
 * uses it for that too.
 */

/**
 * The variables of the service, each with its default, its range and its unit as settings.ts has
 * them. A var in TOML may be a number. One that is empty counts as not set.
 */
export interface Variables {
  /**
   * How long after its last sign of life a presence is expired. Default 60, from 1 to 86,400
   * seconds.
   * @example "120"
   */
  PRESENCE_MAX_AGE?: string | number;
  /**
   * How long a presence outlives a connection that was lost without a goodbye; 0: not at all.
   * Default 10, from 0 to 3,600 seconds.
   * @example "30"
   */
  PRESENCE_GRACE?: string | number;
  /**
   * Above so many a room announces counts instead of names. Default 1,000, from 0 to 32,768
   * presences.
   */
  PRESENCE_ANNOUNCE_MAX?: string | number;
  /**
   * What one room sends at most; it sets how long changes and messages are gathered. Default
   * 10,000, from 1 to 1,000,000 frames a second.
   */
  PRESENCE_ANNOUNCE_RATE?: string | number;
  /** What one room accepts, watchers included. Default 10,000, from 1 to 32,768 connections. */
  PRESENCE_ROOM_MAX?: string | number;
  /** What one user may have in a room. Default 20, from 1 to 32,768 connections. */
  PRESENCE_USER_MAX?: string | number;
  /** The size of one frame from a client. Default 16,384, from 64 to 1,048,576 bytes. */
  PRESENCE_FRAME_MAX?: string | number;
  /** The size of one presence's state, as JSON. Default 2,048, from 2 to 4,096 bytes. */
  PRESENCE_STATE_MAX?: string | number;
  /**
   * What one connection may send, in a bucket of twice that; heartbeats are free. Default 20, from
   * 1 to 10,000 frames a second.
   */
  PRESENCE_FRAME_RATE?: string | number;
  /**
   * How long a room keeps its comings and goings; 0: not at all, and there are no revisions. Default
   * 120, from 0 to 2,592,000 seconds.
   * @example "86400"
   */
  PRESENCE_HISTORY?: string | number;
  /** How many of them one room keeps. Default 10,000, from 100 to 1,000,000 events. */
  PRESENCE_HISTORY_MAX?: string | number;
  /**
   * Origins that a browser may connect from, separated by commas. Default "*": any.
   * @example "https://example.com, https://www.example.com"
   */
  PRESENCE_ORIGINS?: string;
  /** What a connection without a token may do: "join", "watch" or "deny". Default "join". */
  PRESENCE_ANONYMOUS?: string;
  /**
   * A secret: the key of HS256 tokens, 32 bytes or more. Default: none, and no such token is good.
   * Make one with: openssl rand -base64 32
   */
  PRESENCE_SECRET?: string;
  /**
   * A secret: the key before that one, whose tokens are good too while it is replaced. Default:
   * none.
   */
  PRESENCE_SECRET_PREVIOUS?: string;
  /**
   * Where an identity provider has its public keys, by https; by http on localhost. Default: none.
   * @example "https://id.example.com/.well-known/jwks.json"
   */
  PRESENCE_JWKS_URL?: string;
  /**
   * What `iss` of the provider's tokens must be. Default: not checked.
   * @example "https://id.example.com"
   */
  PRESENCE_ISSUER?: string;
  /**
   * What `aud` of the provider's tokens must have. Default: not checked.
   * @example "presence"
   */
  PRESENCE_AUDIENCE?: string;
  /**
   * Where events of rooms are posted to, by https; by http on localhost. Default: none. Needs
   * PRESENCE_WEBHOOK_SECRET.
   * @example "https://example.com/hooks/presence"
   */
  PRESENCE_WEBHOOK_URL?: string;
  /**
   * A secret: the key that signs what is posted, "whsec_" and 24 to 64 bytes as base64. Two of them,
   * separated by a space, while one replaces the other: both sign. Default: none. Make one with:
   * echo "whsec_$(openssl rand -base64 32)"
   */
  PRESENCE_WEBHOOK_SECRET?: string;
  /**
   * Types of events that are posted, separated by commas; each may end in "*". Default
   * "room.*,member.*".
   * @example "presence.*"
   */
  PRESENCE_WEBHOOK_EVENTS?: string;
  /**
   * Rooms whose events are posted, separated by commas; each may end in "*". Default "*": all.
   * @example "game-*,lobby"
   */
  PRESENCE_WEBHOOK_ROOMS?: string;
  /** "true" is set by `npm start` alone: see src/dev/worker/development-token.ts. */
  PRESENCE_DEV?: string;
}
