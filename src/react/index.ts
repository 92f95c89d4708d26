"use client";

/**
 * React hooks for the client: the room that a component is in, and what it shows of it.
 *
 * @module
 */

export type {
  Json,
  JsonObject,
  Member,
  PresenceStatus,
  RoomMessage,
  RoomOptions,
  RoomUser,
  RoomView,
  Self,
} from "../client/index.ts";
export { useMessages } from "./use-messages.ts";
export { useCount, useMembers, useSelf } from "./use-parts.ts";
export { type Actions, type RoomPresent, usePresence } from "./use-presence.ts";
