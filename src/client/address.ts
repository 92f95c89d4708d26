/** The address of a room's socket. Made of strings alone: not every runtime has a whole `URL`. */

/**
 * The start of the address, up to the query. `url` is where the service is: http(s) or ws(s), a path of its
 * own if it is mounted under one, or in a browser a path alone, for the page's own host. Throws a TypeError.
 */
export function socketAddress(url: string, room: string): string {
  const base = absolute(url).replace(/^http/i, "ws").replace(/\/+$/, "");
  if (!/^wss?:\/\/[^?#\s]+$/i.test(base)) {
    throw new TypeError(`url is "${url}"; it must be like "https://presence.example.com"`);
  }
  // The rest of the rules the server knows. These, a URL cannot spell, not even percent-encoded.
  if (/^\.{0,2}$/.test(room)) throw new TypeError(`room is "${room}"; choose a longer name`);
  return `${base}/rooms/${encodeURIComponent(room)}/ws`;
}

/** A query of what is not `undefined`. */
export function queryOf(parameters: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(parameters)
    .flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
    )
    .join("&");
}

function absolute(url: string): string {
  const isPath = url.startsWith("/") && !url.startsWith("//");
  return isPath && typeof location !== "undefined" ? location.origin + url : url;
}
