/** Why the service refuses something: the `code` of an `error` frame and of an error over HTTP. */

import type { ClosingCode } from "./close-codes.ts";

/** Reasons that refuse one frame; the connection stays. */
export type FrameErrorCode =
  /** Not JSON, of no known type, nested too deeply, with a number that is too large, or an integer beyond 2^53, which JSON rounds. */
  | "bad_frame"
  /** The token, or the lack of one, does not allow it: sending a message, say. */
  | "forbidden"
  /** The state is larger than PRESENCE_STATE_MAX. */
  | "state_too_large"
  /** More frames than PRESENCE_FRAME_RATE allows, or too much waits to be sent: it was dropped. */
  | "throttled";

/** Reasons that refuse a call of a server. */
export type CallErrorCode =
  /** Not a channel name. */
  | "bad_channel"
  /** A cursor that this list did not give out. */
  | "bad_cursor"
  /** What is asked for cannot be: no type of event, no revision, or a time that ends before it begins. */
  | "bad_query"
  /** What is asked for is of another life of the room, or older than what it keeps. */
  | "history_gone"
  /** The service keeps no log: PRESENCE_HISTORY is 0. */
  | "no_history"
  /** Not a user: no object, a wrong id, or too much info. */
  | "bad_user"
  /** A state or a ttl for a channel that has a socket: its client sets its state, its heartbeats keep it. */
  | "has_socket"
  /** No receiver of webhooks is set, or none of this room's events. */
  | "no_webhook"
  /** The channel is in as many rooms as a channel may be in. */
  | "too_many_rooms";

/**
 * Any reason for which the service refuses something. Those of `ClosingCode` end the connection where a socket is
 * refused; see core/close-codes.ts for each.
 */
export type ErrorCode = ClosingCode | FrameErrorCode | CallErrorCode;
