/** Equality, depth and size of JSON. */

import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { flawOf, type Json, jsonEqual, unsafeIntegerIn, utf8Length } from "../../src/core/json.ts";

const json: fc.Arbitrary<Json> = fc.json({ maxDepth: 4 }).map(parse);

/** JSON of few kinds, so that two of them are often equal or nearly so. */
const narrowJson: fc.Arbitrary<Json> = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom<Json>(null, 0, 1, "", "0", false),
    fc.array(tie("json"), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom("a", "b", "__proto__", "toString"), tie("json"), {
      maxKeys: 2,
      noNullPrototype: true,
    }),
  ),
})).json;

/** The same value with the keys of all objects the other way round. */
function reordered(value: Json): Json {
  return parse(
    JSON.stringify(value, (_, item: unknown) =>
      typeof item === "object" && item !== null && !Array.isArray(item)
        ? Object.fromEntries(Object.entries(item).toReversed())
        : item,
    ),
  );
}

function parse(text: string): Json {
  const value: Json = JSON.parse(text);
  return value;
}

/** Arrays in arrays, `levels` of them. */
function nested(levels: number): unknown {
  return JSON.parse("[".repeat(levels) + "]".repeat(levels));
}

describe("equality", () => {
  test("a value is equal to its copy", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(jsonEqual(value, structuredClone(value))).toBe(true);
      }),
    );
  });

  test("the order of keys does not matter", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(jsonEqual(value, reordered(value))).toBe(true);
      }),
    );
  });

  test("it is the same both ways", () => {
    fc.assert(
      fc.property(narrowJson, narrowJson, (a, b) => {
        expect(jsonEqual(a, b)).toBe(jsonEqual(b, a));
      }),
    );
  });

  test("it says what Node's deep equality says", () => {
    fc.assert(
      fc.property(narrowJson, narrowJson, (a, b) => {
        expect(jsonEqual(a, b)).toBe(isDeepStrictEqual(a, b));
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ["[]", "{}"],
    ["null", "{}"],
    ["null", "0"],
    ["0", "false"],
    ['""', "[]"],
    ['"1"', "1"],
    ["[1,2]", "[2,1]"],
    ["[1]", "[1,1]"],
    ['{"a":1}', '{"a":1,"b":1}'],
    ['{"a":1}', '{"b":1}'],
    ['{"a":null}', '{"b":null}'],
    ['{"toString":{}}', '{"x":{}}'],
    ['{"__proto__":{}}', '{"x":{}}'],
    ['{"__proto__":{"x":1}}', '{"__proto__":{"x":2}}'],
  ])("%s and %s differ", (a, b) => {
    expect(jsonEqual(parse(a), parse(b))).toBe(false);
    expect(jsonEqual(parse(b), parse(a))).toBe(false);
  });

  test("`__proto__` is a key like any other", () => {
    expect(jsonEqual(parse('{"__proto__":{"x":1}}'), parse('{"__proto__":{"x":1}}'))).toBe(true);
  });
});

describe("depth", () => {
  test.each([[null], [0], ["text"], [true]])("%j has none", (value) => {
    expect(flawOf(value, 0)).toBeNull();
  });

  test("64 levels are not deeper than 64", () => {
    expect(flawOf(nested(64), 64)).toBeNull();
  });

  test("65 levels are deeper than 64", () => {
    expect(flawOf(nested(65), 64)).toBe("too deep");
  });

  test("objects count like arrays, and so does the deepest branch", () => {
    expect(flawOf({ a: 1, b: [{ c: [] }] }, 3)).toBe("too deep");
    expect(flawOf({ a: 1, b: [{ c: [] }] }, 4)).toBeNull();
  });

  test("a value of a million levels exhausts no stack", () => {
    let value: unknown = [];
    for (let level = 0; level < 1_000_000; level += 1) value = [value];
    expect(flawOf(value, 64)).toBe("too deep");
  });
});

describe("integers that JSON does not carry exactly", () => {
  test.each([
    "9007199254740992",
    "-9007199254740992",
    "12345678901234567890",
    '{"id":10765432100123456789}',
    '["9007199254740993",9007199254740993]',
  ])("%s has one", (text) => {
    expect(unsafeIntegerIn(text)).toMatch(/^-?\d{16,}$/);
  });

  test.each([
    "9007199254740991",
    "-9007199254740991",
    "0.12345678901234567890",
    "12345678901234567890.5",
    "1e400",
    "12345678901234567890e3",
    '"12345678901234567890"',
    '{"12345678901234567890":1}',
    '"\\"12345678901234567890"',
    "1234567890123456",
  ])("%s has none", (text) => {
    expect(unsafeIntegerIn(text)).toBeNull();
  });

  test("whatever is in it, a text is read in linear time", () => {
    const text = `"${"\\".repeat(1_000_000)}${"1".repeat(1_000_000)}`;
    const start = performance.now();
    unsafeIntegerIn(text);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});

describe("bytes of UTF-8", () => {
  test.each([
    ["", 0],
    ["a", 1],
    ["\u007F", 1],
    ["\u0080", 2],
    ["é", 2],
    ["\u07FF", 2],
    ["\u0800", 3],
    ["€", 3],
    ["\uFFFF", 3],
    ["😀", 4],
    ["👩‍💻", 11],
  ])("%j takes %i", (text, bytes) => {
    expect(utf8Length(text)).toBe(bytes);
  });

  test("they are as many as TextEncoder makes", () => {
    const encoder = new TextEncoder();
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 50 }), (text) => {
        expect(utf8Length(text)).toBe(encoder.encode(text).length);
      }),
    );
  });
});
