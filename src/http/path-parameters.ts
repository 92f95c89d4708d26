/**
 * The names that a URL's path spells. Decoded here and strictly: a router lets a malformed escape
 * pass as it is, and then two paths would name one room.
 */

import { ANY_SEGMENT } from "./operations.ts";

/**
 * The name that a URL has for a parameter of an operation's path. What cannot be decoded is the
 * empty name, which names no room and no channel. The caller checks it.
 */
export function nameInPath(url: URL, path: string, parameter: ":name" | ":channel"): string {
  const pattern = path.replaceAll(ANY_SEGMENT, "").split("/");
  const segments = url.pathname.split("/");
  // Counted from the end: what stands before depends on where the app is mounted.
  const segment = segments.at(pattern.indexOf(parameter) - pattern.length) ?? "";
  try {
    return decodeURIComponent(segment);
  } catch {
    return "";
  }
}
