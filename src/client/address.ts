/** The address of a room's socket. Made of strings alone: not every runtime has a whole `URL`. */

/**
 * The start of the address, up to the query. `url` is where the service is: http(s) or ws(s), a path of its
 * own if it is mounted under one, or in a browser a path alone, for the page's own host. Throws a TypeError.
 */
export function socketAddress(url: string, room: string): string {
  const isPath = /^\/(?!\/)/.test(url) && typeof location !== "undefined";
  const base = `${isPath ? location.origin : ""}${url}`.replace(/^http/, "ws").replace(/\/+$/, "");
  if (!/^wss?:\/\/[^?#\s]+$/.test(base)) {
    throw new TypeError(`url is "${url}"; it must be like "https://presence.example.com"`);
  }
  // The rest of the rules the server knows. These, a URL cannot spell, not even percent-encoded.
  if (/^\.{0,2}$/.test(room)) throw new TypeError(`no URL can have the room "${room}"`);
  return `${base}/rooms/${encodeURIComponent(room)}/ws?view=diff`;
}

/** What follows in the query: whatever is not `undefined`. */
export function queryOf(parameters: Readonly<Record<string, string | undefined>>): string {
  let query = "";
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query += `&${name}=${encodeURIComponent(value)}`;
  }
  return query;
}
