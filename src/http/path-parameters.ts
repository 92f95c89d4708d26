/**
 * The names that a URL's path spells. Decoded here and strictly: a router lets a malformed escape pass as it is,
 * and then two paths would name one room.
 */

import { checkChannel, checkRoom } from "../core/names.ts";
import { ANY_SEGMENT } from "./operations.ts";

/** The room that a URL names, on a path as an operation writes it. Throws a ProtocolError `bad_room`. */
export function roomInPath(url: string, path: string): string {
  const name = decode(segmentOf(url, path, ":name"));
  checkRoom(name);
  return name;
}

/** The channel that a URL names, likewise. Throws a ProtocolError `bad_channel`. */
export function channelInPath(url: string, path: string): string {
  const name = decode(segmentOf(url, path, ":channel"));
  checkChannel(name);
  return name;
}

/** Counted from the end: what stands before depends on where the app is mounted. */
function segmentOf(url: string, path: string, parameter: string): string {
  const pattern = path.replaceAll(ANY_SEGMENT, "").split("/");
  const segments = new URL(url).pathname.split("/");
  return segments.at(pattern.indexOf(parameter) - pattern.length) ?? "";
}

/** What cannot be decoded is no name, as the empty one. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return "";
  }
}
