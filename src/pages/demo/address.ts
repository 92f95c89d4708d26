/**
 * The page's address: `?name=Ada#lobby`. After a reload the user is the same, and a link leads to
 * the same room. It never has a token: histories and logs keep addresses.
 */

const DEFAULT_ROOM = "lobby";

/** Where the service is: the page is at its root, wherever that is mounted. */
export const SERVICE = new URL("./", location.href).href;

/** Whether the page comes from this machine, where the service may make tokens. */
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
    // A lone % is not an escape, but can be the name of a room.
    return text;
  }
}
