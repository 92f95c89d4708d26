/**
 * The client of a browser, and of whatever else has a WebSocket.
 *
 * @module
 */

export type { Json, JsonObject } from "../core/json.ts";
export type { LeaveReason } from "../core/presence.ts";
export type { PresenceStatus } from "../core/status.ts";
export type { ClosingCode } from "../core/close-codes.ts";
export type { FrameErrorCode } from "../core/error-codes.ts";
export type { RoomOptions, Token, TokenRequest, TokenSource } from "./options.ts";
export type {
  ClientErrorCode,
  Member,
  Reason,
  RoomEvents,
  RoomMessage,
  RoomPresence,
  RoomUser,
  RoomView,
  Self,
  Status,
} from "./room-view.ts";
export { joinRoom, RoomClient } from "./room-client.ts";
