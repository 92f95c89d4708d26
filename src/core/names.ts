/** The names of rooms and channels: what they may be, and which room a channel's name points to. */

import { utf8Length } from "./json.ts";
import { CHANNEL_ID_BYTES, NAME_BYTES_MAX } from "./limits.ts";
import { ProtocolError } from "./protocol.ts";

/** Whether `name` can name a room: 1–255 bytes of UTF-8 without control characters. */
export function isRoomName(name: string): boolean {
  const bytes = utf8Length(name);
  return bytes >= 1 && bytes <= NAME_BYTES_MAX && !/[\p{Cc}\p{Cs}]/u.test(name);
}

/** The random part of a socket's channel, in base64url. */
const CHANNEL_ID = new RegExp(`^[\\w-]{${(CHANNEL_ID_BYTES * 4) / 3}}$`);

/** The room in which a channel of this name may have its socket: the names of sockets' channels tell, `<room>!<id>`. */
export function roomOfChannel(channel: string): string | null {
  const end = channel.lastIndexOf("!");
  const room = channel.slice(0, Math.max(0, end));
  return isRoomName(room) && CHANNEL_ID.test(channel.slice(end + 1)) ? room : null;
}

/** Whether `name` can name a channel: as a room, or longer where it is a socket's. */
export function isChannelName(name: string): boolean {
  return isRoomName(name) || roomOfChannel(name) !== null;
}

const NAME = `1 to ${NAME_BYTES_MAX} bytes of UTF-8, percent-encoded in a path, without control characters`;

/** Throws a ProtocolError `bad_room` where `name` cannot name a room. */
export function checkRoom(name: string): void {
  if (!isRoomName(name)) throw new ProtocolError("bad_room", `a room name is ${NAME}`);
}

/** Throws a ProtocolError `bad_channel` where `name` cannot name a channel. */
export function checkChannel(name: string): void {
  if (!isChannelName(name)) throw new ProtocolError("bad_channel", `a channel name is ${NAME}`);
}

/** Whether one of `patterns`, each of which may end in `*`, is `name` or its beginning. */
export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
}

/** The order of names in storage, which is that of their UTF-8 bytes: for `toSorted`. */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const difference = rankOf(a.charCodeAt(index)) - rankOf(b.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Halves of surrogate pairs stand for the highest code points, though they are not the highest UTF-16 units. */
function rankOf(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
