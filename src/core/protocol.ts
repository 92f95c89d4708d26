/**
 * The wire: the decoder of what a client sends, and how something is refused. Nothing of a client goes further than
 * this file without having been decoded. The frames that the server sends are in server-frames.ts, the close codes in
 * close-codes.ts.
 */

import * as v from "valibot";
import { CLOSE_CODES } from "./close-codes.ts";
import type { ErrorCode } from "./error-codes.ts";
import { AnyJson, flawOf, type Json, unsafeIntegerIn, utf8Length } from "./json.ts";
import { GOODBYE_LENGTH_MAX, JSON_DEPTH_MAX } from "./limits.ts";
import type { ErrorFrame } from "./server-frames.ts";
import { type PresenceStatus, STATUSES } from "./status.ts";

export { CLOSE_CODES, endOf } from "./close-codes.ts";
export type * from "./error-codes.ts";
export type * from "./server-frames.ts";

/** The JSON string "heartbeat", with its quotes: question and answer. The runtime compares its bytes. */
export const HEARTBEAT = '"heartbeat"';

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

/** Every frame that a client may send. */
export type ClientFrame =
  | { type: "heartbeat" }
  | { type: "state"; state: Json }
  | { type: "status"; status: PresenceStatus }
  | { type: "message"; payload: Json }
  | { type: "sync" }
  | { type: "leave" };

/** Bytes; settings of the operator. */
export type FrameLimits = { readonly frameMax: number; readonly stateMax: number };

// Marked pure for bundlers: a page has use for the codes of this file, and none for this decoder.
const clientFrame = /* @__PURE__ */ makeClientFrame();

function makeClientFrame() {
  return v.variant("type", [
    v.object({ type: v.literal("state"), state: AnyJson }),
    v.object({ type: v.literal("status"), status: v.picklist(STATUSES) }),
    v.object({ type: v.literal("message"), payload: AnyJson }),
    v.object({ type: v.literal("sync") }),
    v.object({ type: v.literal("leave") }),
  ]);
}

/** With the white space of JSON: there is more of it in JavaScript. */
const GOODBYE = /^[ \t\n\r]*\{[ \t\n\r]*"type"[ \t\n\r]*:[ \t\n\r]*"leave"[ \t\n\r]*\}[ \t\n\r]*$/;

const KNOWN_FRAMES =
  'the string "heartbeat", or an object of type "state" (with state), "status" (with status "active" or "away"), "message" (with payload), "sync" or "leave"';

/** Decodes one frame of a client, or throws a ProtocolError: `frame_too_large`, `bad_frame`, `state_too_large`. */
export function decodeClientFrame(data: string | ArrayBuffer, limits: FrameLimits): ClientFrame {
  checkFrameSize(data, limits.frameMax);
  if (typeof data !== "string") {
    throw new ProtocolError("bad_frame", "the frame is binary; send JSON as text");
  }
  const value = parseJson(data);
  if (value === "heartbeat") return { type: "heartbeat" };
  checkFlaws(value, "the frame");
  checkIntegers(data, "the frame");
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

/** Throws a ProtocolError `state_too_large`; `max` is in bytes. */
export function checkStateSize(state: Json, max: number): void {
  const bytes = utf8Length(JSON.stringify(state));
  if (bytes <= max) return;
  throw new ProtocolError(
    "state_too_large",
    `state is ${formatCount(bytes)} bytes; the limit is ${formatCount(max)}`,
  );
}

/** Throws a ProtocolError `bad_frame` for what could not be sent on as it came; `what` says what it is. */
export function checkFlaws(value: unknown, what: string): void {
  const flaw = flawOf(value, JSON_DEPTH_MAX);
  if (flaw === null) return;
  const message =
    flaw === "too deep"
      ? `${what} is nested deeper than ${JSON_DEPTH_MAX} levels`
      : `${what} has a number that is too large; send it as a string`;
  throw new ProtocolError("bad_frame", message);
}

/** Throws a ProtocolError `bad_frame` for a text with an integer that parsing has rounded. */
export function checkIntegers(text: string, what: string): void {
  const unsafe = unsafeIntegerIn(text);
  if (unsafe === null) return;
  throw new ProtocolError(
    "bad_frame",
    `${what} has the integer ${unsafe.slice(0, 32)}, which JSON does not carry exactly; the limit is 2^53; send it as a string`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProtocolError("bad_frame", `the frame is not JSON; it must be ${KNOWN_FRAMES}`);
  }
}
