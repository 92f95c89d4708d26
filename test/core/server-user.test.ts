/** The user that a server names: as everybody will see it, of the same size as one of a token. */

import { describe, expect, test } from "vitest";
import { decodeUser } from "../../src/core/claims.ts";
import { INFO_BYTES_MAX, USER_ID_LENGTH_MAX } from "../../src/core/limits.ts";

/** Info whose JSON has so many bytes. */
function infoOf(bytes: number, letter = "x"): { about: string } {
  const room = bytes - '{"about":""}'.length;
  return { about: letter.repeat(room / new TextEncoder().encode(letter).length) };
}

/** An id of so many characters, of which half are outside of the first plane. */
function idOf(characters: number): string {
  return "🎈x".repeat(characters / 2) + "x".repeat(characters % 2);
}

describe("a user that a server names", () => {
  test.each([
    ["nobody, for an anonymous one", null],
    ["an id", { id: "ada" }],
    ["an id with info of any JSON", { id: "ada", name: "Ada", tags: [1, { a: null }], on: false }],
    ["an id of 128 characters", { id: idOf(USER_ID_LENGTH_MAX) }],
    ["info of 1,024 bytes", { id: "ada", ...infoOf(INFO_BYTES_MAX) }],
    ["info of 1,024 bytes in fewer characters", { id: "ada", ...infoOf(INFO_BYTES_MAX, "é") }],
  ])("may be %s", (_, user) => {
    expect(decodeUser(user)).toEqual(user);
  });

  test("is a copy, so that nobody changes it later", () => {
    const user = { id: "ada", name: "Ada" };
    const decoded = decodeUser(user);
    user.name = "Eve";
    expect(decoded).toEqual({ id: "ada", name: "Ada" });
  });

  test.each<[string, unknown, string]>([
    ["nothing at all", undefined, "null or an object with an id"],
    ["a name", "ada", "null or an object with an id"],
    ["a number", 7, "null or an object with an id"],
    ["a list", [{ id: "ada" }], "null or an object with an id"],
    ["without an id", { name: "Ada" }, "user.id must be the user's id, a string"],
    ["with a number for an id", { id: 7 }, "user.id must be the user's id, a string"],
    ["with null for an id", { id: null }, "user.id must be the user's id, a string"],
    ["with an empty id", { id: "" }, "user.id is empty"],
    [
      "with an id of 129 characters",
      { id: idOf(USER_ID_LENGTH_MAX + 1) },
      "user.id is longer than 128 characters",
    ],
    [
      "with info of 1,025 bytes",
      { id: "ada", ...infoOf(INFO_BYTES_MAX + 1) },
      "info is longer than 1024 bytes",
    ],
    [
      "with info of 1,026 bytes in fewer characters",
      { id: "ada", ...infoOf(INFO_BYTES_MAX + 2, "é") },
      "info is longer than 1024 bytes",
    ],
  ])("may not be %s, and the message says why", (_, user, words) => {
    expect(() => decodeUser(user)).toThrow(words);
    expect(() => decodeUser(user)).toThrow(expect.objectContaining({ code: "bad_user" }));
  });

  test("is never the prototype of anything, whatever its keys are called", () => {
    const user: unknown = JSON.parse('{"id":"ada","__proto__":{"isAdmin":true}}');
    const decoded = decodeUser(user);
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
    expect(decoded?.["isAdmin"]).toBeUndefined();
  });

  test.each<[string, unknown, object]>([
    ["a function", { id: "ada", greet: () => "hello" }, { id: "ada" }],
    ["a number that is none", { id: "ada", age: Number.NaN }, { id: "ada", age: null }],
    ["a date", { id: "ada", born: new Date(0) }, { id: "ada", born: "1970-01-01T00:00:00.000Z" }],
    ["something undefined", { id: "ada", name: undefined }, { id: "ada" }],
  ])("with %s in its info is what JSON makes of it, as everybody will see it", (_, user, seen) => {
    expect(decodeUser(user)).toStrictEqual(seen);
  });

  test.each<[string, unknown]>([
    ["a big integer", { id: "ada", age: 36n }],
    ["a circle", circle()],
  ])("with %s in its info, of which there is no JSON, is refused", (_, user) => {
    expect(() => decodeUser(user)).toThrow(expect.objectContaining({ code: "bad_user" }));
  });
});

function circle(): object {
  const user: { id: string; self?: object } = { id: "ada" };
  user.self = user;
  return user;
}
