/** Which Lobby object lists which room. */

import { LOBBIES } from "../core/limits.ts";

/** The names of all lobbies. */
export const LOBBY_NAMES = Array.from({ length: LOBBIES }, (_, index) => `lobby-${index}`);

/** The lobby that has `room` on its list, if anyone has. */
export function lobbyOf(room: string): string {
  // FNV-1a, 32 bits, over UTF-16 units: it must be the same for ever, and need not be more than
  // even.
  let hash = 0x811c9dc5;
  for (let index = 0; index < room.length; index += 1) {
    hash = Math.imul(hash ^ room.charCodeAt(index), 0x01000193);
  }
  return LOBBY_NAMES[(hash >>> 0) % LOBBIES] ?? "lobby-0";
}
