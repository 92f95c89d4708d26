/** What a token may say, and what it allows. */

import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { ACTIONS, type Action, allows, Claims, namesRoom, userOf } from "../../src/core/claims.ts";

function messagesOf(payload: unknown): string[] {
  const result = v.safeParse(Claims, payload);
  return result.success ? [] : result.issues.map(({ message }) => message);
}

/** `info` whose JSON has exactly `bytes` bytes: `{"name":"…"}` are 11 without the name. */
function infoOf(bytes: number) {
  return { name: "x".repeat(bytes - 11) };
}

describe("the claims", () => {
  test("a token with a user alone may join every room and send there", () => {
    expect(v.parse(Claims, { sub: "ada" })).toEqual({
      sub: "ada",
      info: {},
      rooms: ["*"],
      can: ["join", "send"],
    });
  });

  test("claims of others are left out", () => {
    const claims = v.parse(Claims, { sub: "ada", iss: "somebody", exp: 1, email: "a@b.c" });
    expect(Object.keys(claims).toSorted()).toEqual(["can", "info", "rooms", "sub"]);
  });

  test("what is said stands instead of the defaults", () => {
    const claims = { sub: "ada", info: { name: "Ada" }, rooms: ["lobby"], can: ["watch"] };
    expect(v.parse(Claims, claims)).toEqual(claims);
  });

  test.each([
    ["a user of 128 characters", { sub: "x".repeat(128) }],
    ["a user of 128 emoji", { sub: "🙂".repeat(128) }],
    ["info of 1,024 bytes", { sub: "ada", info: infoOf(1_024) }],
    ["info of 1,024 bytes of two-byte letters", { sub: "ada", info: { n: "é".repeat(508) } }],
    ["the largest integer that JSON carries", { sub: "ada", info: { id: 2 ** 53 - 1 } }],
    ["no room at all", { sub: "ada", rooms: [] }],
    ["no action at all", { sub: "ada", can: [] }],
    ["every action", { sub: "ada", can: [...ACTIONS] }],
  ])("%s is a good claim", (_, payload) => {
    expect(messagesOf(payload)).toEqual([]);
  });

  test.each([
    ["no user", {}, "sub must be the user's id, a string"],
    ["a user that is a number", { sub: 7 }, "sub must be the user's id, a string"],
    ["a user that is null", { sub: null }, "sub must be the user's id, a string"],
    ["an empty user", { sub: "" }, "sub is empty; it must be the user's id"],
    ["a user of 129 characters", { sub: "x".repeat(129) }, "sub is longer than 128 characters"],
    ["a user of 129 emoji", { sub: "🙂".repeat(129) }, "sub is longer than 128 characters"],
    ["info that is null", { sub: "ada", info: null }, "info must be an object"],
    ["info that is an array", { sub: "ada", info: [] }, "info must be an object"],
    [
      "info with an integer that was rounded when the token was read",
      { sub: "ada", info: JSON.parse('{"ids":[9007199254740993]}') },
      "info has an integer beyond 2^53, which JSON does not carry exactly; make it a string",
    ],
    ["info that is text", { sub: "ada", info: "Ada" }, "info must be an object"],
    [
      "info of 1,025 bytes",
      { sub: "ada", info: infoOf(1_025) },
      "info is longer than 1024 bytes of JSON",
    ],
    [
      "info of 1,025 bytes in fewer letters",
      { sub: "ada", info: { nn: "é".repeat(508) } },
      "info is longer than 1024 bytes of JSON",
    ],
    [
      "rooms that are one name",
      { sub: "ada", rooms: "lobby" },
      "rooms must be an array of room names",
    ],
    ["rooms that are numbers", { sub: "ada", rooms: [7] }, "rooms must be an array of room names"],
    [
      "an action nobody knows",
      { sub: "ada", can: ["fly"] },
      "can must be an array out of join, watch, send, admin",
    ],
  ])("%s is refused", (_, payload, message) => {
    expect(messagesOf(payload)).toEqual([message]);
  });

  test("actions that are not an array are refused in words of ours", () => {
    expect(messagesOf({ sub: "ada", can: "join" })).toEqual([
      "can must be an array out of join, watch, send, admin",
    ]);
  });
});

describe("the user", () => {
  test("has the id of the token and the keys of info", () => {
    const claims = v.parse(Claims, { sub: "ada", info: { name: "Ada", age: 36 } });
    expect(userOf(claims)).toEqual({ id: "ada", name: "Ada", age: 36 });
  });

  test("has an id that info cannot overwrite", () => {
    const claims = v.parse(Claims, { sub: "ada", info: { id: "root", name: "Ada" } });
    expect(userOf(claims)).toEqual({ id: "ada", name: "Ada" });
  });

  test("shows the id first", () => {
    const claims = v.parse(Claims, { sub: "ada", info: { name: "Ada" } });
    expect(JSON.stringify(userOf(claims))).toBe('{"id":"ada","name":"Ada"}');
  });

  test("cannot be given another prototype by info", () => {
    const payload: unknown = JSON.parse('{"sub":"ada","info":{"__proto__":{"isAdmin":true}}}');
    const user = userOf(v.parse(Claims, payload));
    expect(Object.getPrototypeOf(user)).toBe(Object.prototype);
    expect(user["isAdmin"]).toBeUndefined();
    expect(user.id).toBe("ada");
  });

  test("may be called `__proto__`", () => {
    expect(userOf(v.parse(Claims, { sub: "__proto__" }))).toEqual({ id: "__proto__" });
  });
});

describe("patterns of room names", () => {
  test.each([
    [["*"], "lobby", true],
    [["lobby"], "lobby", true],
    [["lobby"], "lobby2", false],
    [["lobby"], "lob", false],
    [["lobby"], "Lobby", false],
    [["team-*"], "team-7", true],
    [["team-*"], "team-", true],
    [["team-*"], "team", false],
    [["team-*"], "a team-7", false],
    [["a*b"], "a*b", true],
    [["a*b"], "axb", false],
    [["*b"], "ab", false],
    [["**"], "*x", true],
    [["**"], "x", false],
    [["a.c"], "abc", false],
    [[""], "lobby", false],
    [[], "lobby", false],
    [["x", "lobby"], "lobby", true],
  ])("%j and %s: %s", (patterns, room, isNamed) => {
    expect(namesRoom(patterns, room)).toBe(isNamed);
  });
});

describe("what a token allows", () => {
  const table: [can: Action[], allowed: Action[]][] = [
    [[], []],
    [["join"], ["join", "watch"]],
    [["watch"], ["watch"]],
    [["send"], ["send"]],
    [
      ["join", "send"],
      ["join", "watch", "send"],
    ],
    [["admin"], ["join", "watch", "send", "admin"]],
  ];

  test.each(table)("%j allows %j", (can, allowed) => {
    const claims = { can, rooms: ["lobby"] };
    expect(ACTIONS.filter((action) => allows(claims, action, "lobby"))).toEqual(allowed);
  });

  test("an admin of some rooms may do nothing in others", () => {
    const claims: Pick<Claims, "can" | "rooms"> = { can: ["admin"], rooms: ["team-*"] };
    expect(ACTIONS.filter((action) => allows(claims, action, "lobby"))).toEqual([]);
  });

  test("nothing is allowed in what is no room's name", () => {
    const claims: Pick<Claims, "can" | "rooms"> = { can: ["admin"], rooms: ["*"] };
    expect(allows(claims, "join", "")).toBe(false);
    expect(allows(claims, "join", "a\nb")).toBe(false);
  });
});
