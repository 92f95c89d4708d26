/**
 * Frames as text. Most of a snapshot is what the one before had: the text of each presence and of each
 * user is made once and kept as long as the value lives, since values never change in place.
 */

import type { ServerFrame } from "./server-frames.ts";

const texts = new WeakMap<object, string>();

/** The same as `JSON.stringify(frame)`, but for what it costs. */
export function textOf(frame: ServerFrame): string {
  switch (frame.type) {
    case "sync": {
      const { room, presences, lurkers, rev } = frame;
      return `{"type":"sync","room":${JSON.stringify(room)},"presences":${listText(presences)},"lurkers":${lurkers}${optional("rev", rev)}}`;
    }
    case "diff": {
      const { room, joins, updates, leaves, statuses, lurkers, since, rev } = frame;
      return `{"type":"diff","room":${JSON.stringify(room)},"joins":${listText(joins)},"updates":${JSON.stringify(updates)},"leaves":${JSON.stringify(leaves)}${optional("statuses", statuses)},"lurkers":${lurkers}${optional("since", since)}${optional("rev", rev)}}`;
    }
    case "presence": {
      const { channel_name: room, members, lurkers, count } = frame.payload;
      const counted = count === undefined ? "" : `,"count":${count}`;
      return `{"type":"presence","payload":{"channel_name":${JSON.stringify(room)},"members":${listText(members)},"lurkers":${lurkers}${counted}}}`;
    }
    case "welcome":
    case "count":
    case "messages":
    case "error":
      return JSON.stringify(frame);
  }
}

function optional(key: string, value: string | readonly object[] | undefined): string {
  return value === undefined ? "" : `,"${key}":${JSON.stringify(value)}`;
}

function listText(values: readonly object[]): string {
  return `[${values.map(keptText).join(",")}]`;
}

function keptText(value: object): string {
  const known = texts.get(value);
  if (known !== undefined) return known;
  const text = JSON.stringify(value);
  texts.set(value, text);
  return text;
}
