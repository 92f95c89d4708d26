/**
 * The wire: the frames of both directions, the codes that say why something was refused, and the decoder
 * of what a client sends. Nothing of a client goes further than this file without having been decoded.
 */

import * as v from "valibot";
import { flawOf, type Json, unsafeIntegerIn, utf8Length } from "./json.ts";
import { GOODBYE_LENGTH_MAX, JSON_DEPTH_MAX } from "./limits.ts";
import type { LeaveReason, Presence, User } from "./presence.ts";

/** The JSON string "heartbeat", with its quotes: question and answer. The runtime compares its bytes. */
export const HEARTBEAT = '"heartbeat"';

/**
 * WebSocket close codes of ours. 4000–4099: do not come back. 4100–4199: come back later, with backoff.
 * 4200–4299: come back now.
 */
export const CLOSE_CODES = {
  unauthorized: 4001,
  removed: 4003,
  bad_room: 4004,
  replaced: 4009,
  bad_request: 4000,
  bad_origin: 4010,
  room_full: 4100,
  token_expired: 4101,
  expired: 4108,
  rate_limited: 4129,
  frame_too_large: 1009,
} as const;

/** What a close code of a client says of its going: a goodbye, a page that was closed or reloaded, or nothing. */
export function endOf(code: number): "goodbye" | "reload" | "cut" {
  // 1005 is a close without a code, the plain `close()` of a browser.
  if (code === 1000 || code === 1005) return "goodbye";
  return code === 1001 ? "reload" : "cut";
}

/** Reasons that end the connection. */
export type ClosingCode = keyof typeof CLOSE_CODES;

/** Reasons that refuse one frame; the connection stays. */
export type FrameErrorCode = "bad_frame" | "forbidden" | "state_too_large" | "throttled";

/** Reasons that refuse a call of a server. */
export type CallErrorCode = "bad_channel" | "bad_cursor" | "bad_user" | "too_many_rooms";

/** Any reason for which something is refused. */
export type ErrorCode = ClosingCode | FrameErrorCode | CallErrorCode;

/** Something that a client or a server asked for is refused. The message says what was wrong, the limit and the way out. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ErrorCode;
  /** How many frames were dropped, where it is `throttled`. */
  readonly frames: number | undefined;

  constructor(code: ErrorCode, message: string, frames?: number) {
    super(message);
    this.code = code;
    this.frames = frames;
  }

  /** The close code, where the refusal ends the connection. */
  get closeCode(): number | undefined {
    const codes: Partial<Record<string, number>> = CLOSE_CODES;
    return codes[this.code];
  }

  /** The `error` frame that tells the client. */
  toFrame(): ErrorFrame {
    const { code, message, frames } = this;
    return { type: "error", code, message, ...(frames !== undefined && { frames }) };
  }
}

/** What a connection wants to hear: the whole list at each change, a snapshot and changes, or numbers. */
export const VIEWS = ["list", "diff", "count"] as const;
export type View = (typeof VIEWS)[number];

/** The frame that django-channels-presence documents, letter by letter: hence its snake_case. */
export type PresenceFrame = {
  type: "presence";
  payload: { channel_name: string; members: readonly User[]; lurkers: number; count?: number };
};

/**
 * First frame of view `diff`. `channel` and `resume` are missing for a watcher. `heartbeat` is in seconds;
 * `frameRate` is how many frames the room takes from this connection in a second, in a bucket of twice that.
 */
export type WelcomeFrame = {
  type: "welcome";
  room: string;
  channel?: string;
  user: User | null;
  resume?: string;
  heartbeat: number;
  frameRate: number;
};

/** The snapshot: users' presences in the order of their joins; anonymous ones are counted in `lurkers`. */
export type SyncFrame = {
  type: "sync";
  room: string;
  presences: readonly Presence[];
  lurkers: number;
};

/**
 * A batch of changes. A channel is in at most one of the lists. `state: null` means that there is none. The
 * user of an update is left out where it is the same as before.
 */
export type DiffFrame = {
  type: "diff";
  room: string;
  joins: readonly Presence[];
  updates: readonly { channel: string; state: Json; user?: User }[];
  leaves: readonly { channel: string; reason: LeaveReason }[];
  lurkers: number;
};

/** Numbers only: distinct users, presences of all kinds, and anonymous ones among them. */
export type CountFrame = {
  type: "count";
  room: string;
  members: number;
  presences: number;
  lurkers: number;
};

/** One message: `from` is `null` where a server sent it. */
export type Message = {
  readonly from: { readonly channel: string; readonly user: User | null } | null;
  readonly payload: Json;
};

/** Messages in the order in which the room got them. */
export type MessagesFrame = { type: "messages"; room: string; messages: readonly Message[] };

/** `frames`: how many frames the room dropped, where the code is `throttled`. */
export type ErrorFrame = { type: "error"; code: ErrorCode; message: string; frames?: number };

/** Every frame that a client may get, besides the answer to its heartbeat. */
export type ServerFrame =
  | PresenceFrame
  | WelcomeFrame
  | SyncFrame
  | DiffFrame
  | CountFrame
  | MessagesFrame
  | ErrorFrame;

/** Every frame that a client may send. */
export type ClientFrame =
  | { type: "heartbeat" }
  | { type: "state"; state: Json }
  | { type: "message"; payload: Json }
  | { type: "sync" }
  | { type: "leave" };

/** Bytes; settings of the operator. */
export type FrameLimits = { readonly frameMax: number; readonly stateMax: number };

// Marked pure for bundlers: a page has use for the codes of this file, and none for this decoder.
const clientFrame = /* @__PURE__ */ makeClientFrame();

function makeClientFrame() {
  // SAFETY: what JSON.parse returns is JSON, so the only value that is not is `undefined`, a missing key.
  const jsonValue = v.custom<Json>((value) => value !== undefined);
  return v.variant("type", [
    v.object({ type: v.literal("state"), state: jsonValue }),
    v.object({ type: v.literal("message"), payload: jsonValue }),
    v.object({ type: v.literal("sync") }),
    v.object({ type: v.literal("leave") }),
  ]);
}

/** With the white space of JSON: there is more of it in JavaScript. */
const GOODBYE = /^[ \t\n\r]*\{[ \t\n\r]*"type"[ \t\n\r]*:[ \t\n\r]*"leave"[ \t\n\r]*\}[ \t\n\r]*$/;

const KNOWN_FRAMES =
  'the string "heartbeat", or an object of type "state" (with state), "message" (with payload), "sync" or "leave"';

/** Decodes one frame of a client, or throws a ProtocolError: `frame_too_large`, `bad_frame`, `state_too_large`. */
export function decodeClientFrame(data: string | ArrayBuffer, limits: FrameLimits): ClientFrame {
  checkFrameSize(data, limits.frameMax);
  if (typeof data !== "string") {
    throw new ProtocolError("bad_frame", "the frame is binary; send JSON as text");
  }
  const value = parseJson(data);
  if (value === "heartbeat") return { type: "heartbeat" };
  checkFlaws(value);
  checkIntegers(data);
  const result = v.safeParse(clientFrame, value);
  if (!result.success) {
    throw new ProtocolError("bad_frame", `the frame is not understood; it must be ${KNOWN_FRAMES}`);
  }
  if (result.output.type === "state") checkStateSize(result.output.state, limits.stateMax);
  return result.output;
}

/** Whether a frame is a goodbye. Told without decoding it, for a client that is throttled may still leave. */
export function isGoodbye(data: string | ArrayBuffer): boolean {
  return typeof data === "string" && data.length <= GOODBYE_LENGTH_MAX && GOODBYE.test(data);
}

/** A number as people read it in a message: 5,120. */
export function formatCount(value: number): string {
  return value.toLocaleString("en-US");
}

function checkFrameSize(data: string | ArrayBuffer, max: number): void {
  // A UTF-16 unit is 3 bytes of UTF-8 at most: short frames, nearly all, need no counting.
  if (typeof data === "string" && data.length * 3 <= max) return;
  const bytes = typeof data === "string" ? utf8Length(data) : data.byteLength;
  if (bytes <= max) return;
  throw new ProtocolError(
    "frame_too_large",
    `the frame is ${formatCount(bytes)} bytes; the limit is ${formatCount(max)}`,
  );
}

function checkStateSize(state: Json, max: number): void {
  const bytes = utf8Length(JSON.stringify(state));
  if (bytes <= max) return;
  throw new ProtocolError(
    "state_too_large",
    `state is ${formatCount(bytes)} bytes; the limit is ${formatCount(max)}`,
  );
}

function checkFlaws(value: unknown): void {
  const flaw = flawOf(value, JSON_DEPTH_MAX);
  if (flaw === null) return;
  const message =
    flaw === "too deep"
      ? `the frame is nested deeper than ${JSON_DEPTH_MAX} levels`
      : "the frame has a number that is too large; send it as a string";
  throw new ProtocolError("bad_frame", message);
}

function checkIntegers(text: string): void {
  const unsafe = unsafeIntegerIn(text);
  if (unsafe === null) return;
  throw new ProtocolError(
    "bad_frame",
    `the frame has the integer ${unsafe.slice(0, 32)}, which JSON does not carry exactly; the limit is 2^53; send it as a string`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProtocolError("bad_frame", `the frame is not JSON; it must be ${KNOWN_FRAMES}`);
  }
}
