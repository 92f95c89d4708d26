/** The decoder of what a stranger sends: each limit at its edge and one past it, and hostile frames. */

import * as fc from "fast-check";
import { isRoomName } from "../../src/core/names.ts";
import { describe, expect, test } from "vitest";
import { jsonEqual, type Json } from "../../src/core/json.ts";
import {
  CLOSE_CODES,
  decodeClientFrame,
  endOf,
  formatCount,
  HEARTBEAT,
  ProtocolError,
} from "../../src/core/protocol.ts";

const LIMITS = { frameMax: 16_384, stateMax: 2_048 };

const FORMS =
  'it must be the string "heartbeat", or an object of type "state" (with state), "status" (with status "active" or "away"), "message" (with payload), "sync" or "leave"';
const NOT_UNDERSTOOD = `the frame is not understood; ${FORMS}`;
const NOT_JSON = `the frame is not JSON; ${FORMS}`;

/** What refuses the frame. */
function refusalOf(data: string | ArrayBuffer, limits = LIMITS): ProtocolError {
  try {
    decodeClientFrame(data, limits);
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  throw new Error("the frame was taken");
}

function isTaken(text: string): boolean {
  try {
    decodeClientFrame(text, LIMITS);
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

function stateIn(text: string): Json {
  const frame = decodeClientFrame(text, LIMITS);
  return frame.type === "state" ? frame.state : null;
}

function parse(text: string): Json {
  const value: Json = JSON.parse(text);
  return value;
}

/** A message of exactly `bytes` bytes, most of which are the payload's. */
function messageOf(bytes: number, letter = "x", letterBytes = 1): string {
  const empty = JSON.stringify({ type: "message", payload: "" });
  const rest = bytes - empty.length;
  const letters = Math.floor(rest / letterBytes);
  const payload = letter.repeat(letters) + "x".repeat(rest - letters * letterBytes);
  return JSON.stringify({ type: "message", payload });
}

/** A state of exactly `bytes` bytes of JSON, in a frame. */
function stateOf(bytes: number, letter = "x", letterBytes = 1): string {
  const letters = Math.floor((bytes - 2) / letterBytes);
  const state = letter.repeat(letters) + "x".repeat(bytes - 2 - letters * letterBytes);
  return JSON.stringify({ type: "state", state });
}

/** A frame of `levels` levels, of which the frame itself is one. */
function frameOfDepth(levels: number): string {
  return `{"type":"message","payload":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
}

describe("good frames", () => {
  test.each([
    [HEARTBEAT, { type: "heartbeat" }],
    [' "heartbeat"\n', { type: "heartbeat" }],
    ['{"type":"state","state":{"typing":true}}', { type: "state", state: { typing: true } }],
    ['{"type":"state","state":null}', { type: "state", state: null }],
    ['{"type":"state","state":0}', { type: "state", state: 0 }],
    ['{"type":"state","state":""}', { type: "state", state: "" }],
    ['{"type":"state","state":false}', { type: "state", state: false }],
    ['{"type":"message","payload":"anything"}', { type: "message", payload: "anything" }],
    ['{"type":"message","payload":null}', { type: "message", payload: null }],
    ['{"type":"message","payload":[1,{"a":[]}]}', { type: "message", payload: [1, { a: [] }] }],
    ['{"type":"sync"}', { type: "sync" }],
    ['{"type":"status","status":"away"}', { type: "status", status: "away" }],
    ['{"type":"status","status":"active","x":1}', { type: "status", status: "active" }],
    ['{"type":"leave"}', { type: "leave" }],
    ['{"type":"sync","more":1}', { type: "sync" }],
  ])("%s is taken", (text, frame) => {
    expect(decodeClientFrame(text, LIMITS)).toEqual(frame);
  });

  test("`__proto__` in a state is a key like any other", () => {
    const frame = decodeClientFrame('{"type":"state","state":{"__proto__":{"x":1}}}', LIMITS);
    expect(JSON.stringify(frame)).toBe('{"type":"state","state":{"__proto__":{"x":1}}}');
    expect({}).not.toHaveProperty("x");
  });

  test("a lone surrogate that was escaped is passed on escaped", () => {
    const text = String.raw`{"type":"message","payload":"\ud83d"}`;
    expect(JSON.stringify(decodeClientFrame(text, LIMITS))).toBe(text);
  });
});

describe("bad frames", () => {
  test.each([
    ["", NOT_JSON],
    ["heartbeat", NOT_JSON],
    ["{", NOT_JSON],
    ["undefined", NOT_JSON],
    ["NaN", NOT_JSON],
    ['{"type":"sync"}{"type":"sync"}', NOT_JSON],
    ["\u0000", NOT_JSON],
    ['"Heartbeat"', NOT_UNDERSTOOD],
    ['"hello"', NOT_UNDERSTOOD],
    ["null", NOT_UNDERSTOOD],
    ["true", NOT_UNDERSTOOD],
    ["42", NOT_UNDERSTOOD],
    ["[]", NOT_UNDERSTOOD],
    ['["heartbeat"]', NOT_UNDERSTOOD],
    ['[{"type":"sync"}]', NOT_UNDERSTOOD],
    ["{}", NOT_UNDERSTOOD],
    ['{"type":null}', NOT_UNDERSTOOD],
    ['{"type":"heartbeat"}', NOT_UNDERSTOOD],
    ['{"type":"join"}', NOT_UNDERSTOOD],
    ['{"type":"SYNC"}', NOT_UNDERSTOOD],
    ['{"type":"state"}', NOT_UNDERSTOOD],
    ['{"type":"message"}', NOT_UNDERSTOOD],
    ['{"type":"state","payload":1}', NOT_UNDERSTOOD],
    ['{"type":"status"}', NOT_UNDERSTOOD],
    ['{"type":"status","status":"dnd"}', NOT_UNDERSTOOD],
    ['{"type":"message","state":1}', NOT_UNDERSTOOD],
    ['{"type":["sync"]}', NOT_UNDERSTOOD],
    ['{"type":"__proto__"}', NOT_UNDERSTOOD],
    ['{"type":"constructor"}', NOT_UNDERSTOOD],
    ['{"__proto__":{"type":"sync"}}', NOT_UNDERSTOOD],
  ])("%j is refused in words", (text, message) => {
    expect(refusalOf(text).toFrame()).toEqual({ type: "error", code: "bad_frame", message });
  });

  test("a binary frame is refused", () => {
    const data = new TextEncoder().encode('{"type":"sync"}').slice().buffer;
    expect(refusalOf(data)).toMatchObject({
      code: "bad_frame",
      message: "the frame is binary; send JSON as text",
    });
  });

  test("whatever is sent is taken or refused with a ProtocolError", () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc.json().map((payload) => `{"type":"state","state":${payload}}`),
      fc.json().map((type) => `{"type":${type}}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(() => isTaken(text)).not.toThrow();
      }),
    );
  });

  test.each(["9007199254740993", '{"id":-12345678901234567890}'])(
    "the state %s is refused, for it would be rounded without a word",
    (text) => {
      for (const frame of [
        `{"type":"state","state":${text}}`,
        `{"type":"message","payload":${text}}`,
      ]) {
        expect(() => decodeClientFrame(frame, LIMITS)).toThrow(
          expect.objectContaining({
            code: "bad_frame",
            message: expect.stringMatching(/integer -?\d+, .*2\^53; send it as a string$/),
          }),
        );
      }
    },
  );

  // Sent on as JSON, the numbers would be null: a removed state, of which the room knows better.
  test.each(["1e400", "-1e400", "[1e400]", '{"x":-1e400}'])(
    "the state %s is refused, or told as it is",
    (text) => {
      const frame = `{"type":"state","state":${text}}`;
      const state = isTaken(frame) ? stateIn(frame) : null;
      expect(jsonEqual(parse(JSON.stringify(state)), state)).toBe(true);
    },
  );
});

describe("sizes", () => {
  test.each([
    ["one-byte letters", "x", 1],
    ["two-byte letters", "é", 2],
    ["three-byte letters", "€", 3],
    ["emoji", "😀", 4],
  ])("a frame of 16,384 bytes of %s is taken, one byte more is not", (_, letter, bytes) => {
    expect(decodeClientFrame(messageOf(16_384, letter, bytes), LIMITS).type).toBe("message");
    expect(refusalOf(messageOf(16_385, letter, bytes))).toMatchObject({
      code: "frame_too_large",
      closeCode: 1009,
      message: "the frame is 16,385 bytes; the limit is 16,384",
    });
  });

  test("a binary frame that is too large is refused for its size", () => {
    expect(refusalOf(new ArrayBuffer(16_385))).toMatchObject({
      code: "frame_too_large",
      message: "the frame is 16,385 bytes; the limit is 16,384",
    });
    expect(refusalOf(new ArrayBuffer(16_384)).code).toBe("bad_frame");
  });

  test.each([
    ["one-byte letters", "x", 1],
    ["two-byte letters", "é", 2],
    ["emoji", "😀", 4],
  ])("a state of 2,048 bytes of %s is taken, one byte more is not", (_, letter, bytes) => {
    expect(decodeClientFrame(stateOf(2_048, letter, bytes), LIMITS).type).toBe("state");
    const refusal = refusalOf(stateOf(2_049, letter, bytes));
    expect(refusal.closeCode).toBeUndefined();
    expect(refusal.toFrame()).toEqual({
      type: "error",
      code: "state_too_large",
      message: "state is 2,049 bytes; the limit is 2,048",
    });
  });

  test("white space in the frame does not count for the state", () => {
    const text = `{"type":"state","state":${" ".repeat(3_000)}{"x":1}}`;
    expect(decodeClientFrame(text, LIMITS)).toEqual({ type: "state", state: { x: 1 } });
  });

  test("a payload may be larger than a state", () => {
    expect(decodeClientFrame(messageOf(10_000), LIMITS).type).toBe("message");
  });

  test("a frame of 64 levels is taken", () => {
    expect(decodeClientFrame(frameOfDepth(64), LIMITS).type).toBe("message");
  });

  test("a frame of 65 levels is refused", () => {
    expect(refusalOf(frameOfDepth(65))).toMatchObject({
      code: "bad_frame",
      message: "the frame is nested deeper than 64 levels",
    });
  });

  test("a megabyte of brackets is refused without exhausting the stack", () => {
    const limits = { ...LIMITS, frameMax: 2_000_000 };
    expect(refusalOf(frameOfDepth(500_000), limits).code).toBe("bad_frame");
  });
});

describe("names of rooms", () => {
  test.each([
    ["a letter", "a"],
    ["a space", " "],
    ["a slash", "a/b"],
    ["an exclamation mark", "a!b"],
    ["a percent sign", "%00"],
    ["dots", ".."],
    ["`__proto__`", "__proto__"],
    ["an emoji", "👩‍💻"],
    ["a no-break space", "\u00A0"],
    ["255 bytes", "x".repeat(255)],
    ["255 bytes of three-byte letters", "€".repeat(85)],
    ["252 bytes of emoji and three letters", `${"😀".repeat(63)}xyz`],
  ])("%s is one", (_, name) => {
    expect(isRoomName(name)).toBe(true);
  });

  test.each([
    ["nothing", ""],
    ["256 bytes", "x".repeat(256)],
    ["256 bytes in 64 emoji", "😀".repeat(64)],
    ["256 bytes in 128 letters", "é".repeat(128)],
    ["a null character", "a\u0000"],
    ["a line feed", "a\nb"],
    ["a carriage return", "a\r"],
    ["a tab", "\ta"],
    ["a delete", "a\u007F"],
    ["a control character above ASCII", "a\u0085"],
    ["the last control character", "\u009F"],
    ["the first half of a surrogate pair", "a\uD83D"],
    ["the second half of a surrogate pair", "\uDE00a"],
  ])("%s is none", (_, name) => {
    expect(isRoomName(name)).toBe(false);
  });
});

describe("close codes of a client", () => {
  test.each([
    [1000, "goodbye"],
    [1005, "goodbye"],
    [1001, "reload"],
    [1006, "cut"],
    [1002, "cut"],
    [1011, "cut"],
    [3000, "cut"],
    [4999, "cut"],
  ])("%i is a %s", (code, end) => {
    expect(endOf(code)).toBe(end);
  });
});

describe("errors", () => {
  test.each([
    ["bad_request", 4000],
    ["unauthorized", 4001],
    ["removed", 4003],
    ["bad_room", 4004],
    ["replaced", 4009],
    ["bad_origin", 4010],
    ["room_full", 4100],
    ["expired", 4108],
    ["rate_limited", 4129],
    ["frame_too_large", 1009],
  ] as const)("%s closes with %i", (code, closeCode) => {
    expect(new ProtocolError(code, "why").closeCode).toBe(closeCode);
  });

  test("there are no close codes but these", () => {
    expect(Object.keys(CLOSE_CODES)).toHaveLength(11);
  });

  test.each(["bad_frame", "forbidden", "state_too_large", "throttled"] as const)(
    "%s closes nothing",
    (code) => {
      expect(new ProtocolError(code, "why").closeCode).toBeUndefined();
    },
  );

  test.each([
    [0, "0"],
    [999, "999"],
    [5_120, "5,120"],
    [1_048_576, "1,048,576"],
  ])("%i is written %s", (value, text) => {
    expect(formatCount(value)).toBe(text);
  });
});
