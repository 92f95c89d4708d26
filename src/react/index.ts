"use client";

/**
 * React hooks for the client: the room that a component is in, and what it shows of it.
 *
 * @module
 */

export { useMessages } from "./use-messages.ts";
export { useCount, useMembers, useSelf } from "./use-parts.ts";
export { type RoomPresent, usePresence } from "./use-presence.ts";
