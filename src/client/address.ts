/** The address of a room's socket. Made of strings alone: some runtimes have only part of `URL`. */

/**
 * The start of the address, up to the first parameter of the query. `url` is where the service is:
 * an address of http(s) or ws(s), or in a browser a path, for the page's own host. Throws a
 * TypeError.
 */
export function socketAddress(url: string, room: string): string {
  const isPath = /^\/(?!\/)/.test(url) && typeof location !== "undefined";
  const base = `${isPath ? location.origin : ""}${url}`.replace(/^http/, "ws").replace(/\/+$/, "");
  if (!/^wss?:\/\/[^?#\s]+$/.test(base)) {
    throw new TypeError(`url is "${url}"; it must be like "https://presence.example.com"`);
  }
  // The server checks the rest. These names no URL can spell, not even percent-encoded.
  if (/^\.{0,2}$/.test(room)) throw new TypeError(`no URL can have the room "${room}"`);
  return `${base}/rooms/${encodeURIComponent(room)}/ws?view=diff`;
}

/** The further parameters of the query: those that are not `undefined`. */
export function queryOf(parameters: Readonly<Record<string, string | undefined>>): string {
  let query = "";
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query += `&${name}=${encodeURIComponent(value)}`;
  }
  return query;
}
