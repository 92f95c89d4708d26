/**
 * What the page's address says: `?name=Ada#lobby`. A reload comes in again as the same, a link goes to the same
 * room. A token never stands there: addresses are kept in histories and logs.
 */

const DEFAULT_ROOM = "lobby";

/** Where the service is: the page is at its root, wherever that is mounted. */
export const SERVICE = new URL("./", location.href).href;

/** Whether the page comes from this very machine, so that the service may give tokens for the asking. */
export const IS_LOCAL = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);

export function roomInAddress(): string {
  const query = new URLSearchParams(location.search).get("room");
  return decoded(location.hash.slice(1)) || query || DEFAULT_ROOM;
}

export function nameInAddress(): string {
  return new URLSearchParams(location.search).get("name") ?? "";
}

/** The page for a room, for somebody of this name if there is one. */
export function addressOf(room: string, name = ""): string {
  const query = name === "" ? "" : `?${new URLSearchParams({ name }).toString()}`;
  return `${location.pathname}${query}#${encodeURIComponent(room)}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone % is not an escape, but may well be the name of a room.
    return text;
  }
}
