/** The names of rooms and channels: what they may be, what they tell, and their order. */

import { array, assert, constantFrom, oneof, property, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { CHANNEL_ID_BYTES, NAME_BYTES_MAX } from "../../src/core/limits.ts";
import { compareNames, isChannelName, isRoomName, roomOfChannel } from "../../src/core/names.ts";

const ID = "AZaz09-_AAAA";
const LONGEST = "é".repeat(127) + "x";

const encoder = new TextEncoder();

/** By the bytes of UTF-8, as storage sorts: told in another way. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(encoder.encode(a), encoder.encode(b));
}

describe("the name of a room", () => {
  test.each([
    ["one letter", "a"],
    ["255 bytes", "x".repeat(NAME_BYTES_MAX)],
    ["255 bytes in 128 characters", LONGEST],
    ["spaces and signs", " a/b?c#d%20&…!"],
    ["emoji", "🎈👩‍👩‍👧"],
    ["a key of every object", "__proto__"],
    ["letters of another direction", "שלום"],
    ["a character that stands for none", "\ufffd\uffff"],
  ])("may be %s", (_, name) => {
    expect(isRoomName(name)).toBe(true);
    expect(isChannelName(name)).toBe(true);
  });

  test.each([
    ["nothing", ""],
    ["256 bytes", "x".repeat(NAME_BYTES_MAX + 1)],
    ["256 bytes in 128 characters", "é".repeat(128)],
    ["a zero", "a\u0000b"],
    ["a line break", "a\nb"],
    ["a tab", "\t"],
    ["DEL", "a\u007f"],
    ["a control character of the second row", "a\u0085"],
    ["the first half of a pair", "a\ud83d"],
    ["the second half of a pair", "\udf88a"],
    ["a pair the wrong way round", "\udf88\ud83d"],
  ])("may not be %s", (_, name) => {
    expect(isRoomName(name)).toBe(false);
    expect(isChannelName(name)).toBe(false);
  });

  test("may be no longer for being a channel's that a server chose", () => {
    expect(isChannelName("x".repeat(NAME_BYTES_MAX))).toBe(true);
    expect(isChannelName("x".repeat(NAME_BYTES_MAX + 1))).toBe(false);
    expect(isChannelName(`${"x".repeat(NAME_BYTES_MAX)}!short`)).toBe(false);
  });
});

describe("the name of a socket's channel", () => {
  test("tells its room, whatever the room is called", () => {
    for (const room of ["lobby", "a!b", "!", `a!${ID}`, " ", "🎈", LONGEST]) {
      expect(roomOfChannel(`${room}!${ID}`)).toBe(room);
      expect(isChannelName(`${room}!${ID}`)).toBe(true);
    }
  });

  test("ends in the base64url of as many bytes as it should", () => {
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(CHANNEL_ID_BYTES)));
    expect(roomOfChannel(`lobby!${id.toString("base64url")}`)).toBe("lobby");
  });

  test.each([
    ["no sign between", `lobby${ID}`],
    ["no room", `!${ID}`],
    ["no random part", "lobby!"],
    ["a random part that is too short", `lobby!${ID.slice(1)}`],
    ["a random part that is too long", `lobby!${ID}A`],
    ["another alphabet", "lobby!AAAA+AAAA/AA"],
    ["a line break at its end", `lobby!${ID}\n`],
    ["letters of no base64", "lobby!éAAAAAAAAAAA"],
    ["a room of 256 bytes", `${"x".repeat(NAME_BYTES_MAX + 1)}!${ID}`],
    ["a room with a control character", `a\u0001!${ID}`],
    ["nothing", ""],
  ])("with %s tells none", (_, channel) => {
    expect(roomOfChannel(channel)).toBeNull();
  });
});

/** Characters around all borders: of lengths in UTF-8, of the surrogates, of the planes. */
const BORDERS = [
  ...Array.from("aA 0!~é\u007f\u0080\u07ff\u0800\ud7ff\ue000\ufffd\uffff"),
  "\u{10000}",
  "\u{1f388}",
  "\u{1f389}",
  "\u{10ffff}",
];

describe("the order of names", () => {
  test("is that of their UTF-8, where that of JavaScript is another", () => {
    const names = [
      "\ufffd",
      "🎈",
      "\ue000",
      "\ud7ff",
      "\u{10000}",
      "\uffff",
      "\u{10ffff}",
      "z",
      "",
    ];
    expect(names.toSorted(compareNames)).toEqual(names.toSorted(byBytes));
    expect(names.toSorted(compareNames)).not.toEqual(names.toSorted());
  });

  test("puts a name before those that it begins", () => {
    expect(compareNames("a", "aa")).toBeLessThan(0);
    expect(compareNames("a\ufffd", "a")).toBeGreaterThan(0);
    expect(compareNames("", "a")).toBeLessThan(0);
    expect(compareNames("a", "a")).toBe(0);
    expect(compareNames("", "")).toBe(0);
  });

  const character = constantFrom(...BORDERS);
  const name = oneof(
    string({ unit: character, maxLength: 6 }),
    string({ unit: "binary", maxLength: 6 }),
  );

  test("is that of their UTF-8, of any two names", () => {
    assert(
      property(name, name, (a, b) => {
        expect(Math.sign(compareNames(a, b))).toBe(Math.sign(byBytes(a, b)));
      }),
      { numRuns: 2_000 },
    );
  });

  test("sorts any list as bytes would", () => {
    assert(
      property(array(name, { maxLength: 40 }), (names) => {
        expect(names.toSorted(compareNames)).toEqual(names.toSorted(byBytes));
      }),
    );
  });
});
