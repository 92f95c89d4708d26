/** Who may come in: tokens, anonymous policies, origins and room names, checked before any room is woken. */

import { env } from "cloudflare:workers";
import { SignJWT, UnsecuredJWT } from "jose";
import { describe, expect, test } from "vitest";
import { app } from "../../src/http/app.ts";
import type { Variables } from "../../src/config/env.ts";
import { storageOf } from "../support/room.ts";
import {
  firstFrames,
  newRoom,
  open,
  openAs,
  socketUrl,
  TestSocket,
  tokenFor,
} from "../support/socket.ts";
import { watched } from "../support/worker.ts";

const EXPIRED = { code: "token_expired", close: { code: 4101, reason: "token_expired" } };
const UNAUTHORIZED = { code: "unauthorized", close: { code: 4001, reason: "unauthorized" } };

/** Why a socket was turned away, in words and by the code of its close. */
async function refusal(socket: TestSocket) {
  const { code, message } = await socket.nextOf("error");
  expect(message).toMatch(/\w+ \w+/);
  const close = await socket.closes.next();
  expect(socket.frames.all).toHaveLength(1);
  return { code, close };
}

/** Whether a socket was let in, or why not. */
async function verdict(socket: TestSocket) {
  const first = await socket.next();
  if (first === "heartbeat" || first.type !== "error") return "let in";
  return { code: first.code, close: await socket.closes.next() };
}

/** The upgrade of any URL, by a server with other settings. */
async function upgrade(
  url: string,
  headers: Record<string, string> = {},
  variables: Variables = {},
): Promise<{ socket: TestSocket; response: Response }> {
  const request = new Request(url, { headers: { ...headers, Upgrade: "websocket" } });
  // Typed loosely: comparing the platform's type of a stub with ours does not come to an end.
  const bindings: object = { ...env, ...variables };
  const response = await app.fetch(request, bindings);
  if (!response.webSocket) throw new Error(`no socket: ${response.status}`);
  return { socket: new TestSocket(response.webSocket, new AbortController()), response };
}

function secret(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function sign(claims: Record<string, unknown>, key = env.PRESENCE_SECRET ?? ""): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(secret(key));
}

const soon = () => Math.floor(Date.now() / 1_000);

describe("a token", () => {
  test("is taken from the query", async () => {
    const room = newRoom();
    const ada = await open(room, { query: { view: "diff" }, token: await tokenFor("ada") });
    expect((await ada.nextOf("welcome")).user).toEqual({ id: "ada" });
  });

  test("is taken from the header", async () => {
    const room = newRoom();
    const authorization = `Bearer ${await tokenFor("ada")}`;
    const ada = await open(room, { query: { view: "diff" }, headers: { authorization } });
    expect((await ada.nextOf("welcome")).user).toEqual({ id: "ada" });
  });

  test("is taken from the subprotocols, and the answer names presence alone", async () => {
    const url = socketUrl(newRoom(), { view: "diff" });
    const { socket, response } = await upgrade(url, {
      "sec-websocket-protocol": `presence, token.${await tokenFor("ada")}`,
    });
    expect(response.headers.get("sec-websocket-protocol")).toBe("presence");
    expect((await socket.nextOf("welcome")).user).toEqual({ id: "ada" });
  });

  test("that somebody forgot to fill in is refused, not taken for none", async () => {
    const socket = await open(newRoom(), { headers: { authorization: "Bearer " } });
    expect(await refusal(socket)).toEqual(UNAUTHORIZED);
  });

  test("that is refused in the subprotocols is answered with presence alone too", async () => {
    const { socket, response } = await upgrade(socketUrl(newRoom()), {
      "sec-websocket-protocol": "presence, token.nonsense",
    });
    expect(response.headers.get("sec-websocket-protocol")).toBe("presence");
    expect(await refusal(socket)).toEqual(UNAUTHORIZED);
  });

  test("is not answered where presence was not offered", async () => {
    const { response } = await upgrade(socketUrl(newRoom()), {
      "sec-websocket-protocol": `token.${await tokenFor("ada")}`,
    });
    expect(response.headers.get("sec-websocket-protocol")).toBe(null);
  });

  test("is the only source of an identity", async () => {
    const url = socketUrl(newRoom(), { view: "diff", user: "ada", sub: "ada", id: "ada" });
    const { socket } = await upgrade(url, { "x-user": "ada", "presence-connect": "%7B%7D" });
    expect((await socket.nextOf("welcome")).user).toBe(null);
  });

  test.each([
    ["nonsense", () => "nonsense"],
    ["empty", () => ""],
    ["three dots", () => "..."],
    ["of another key", () => sign({ sub: "ada" }, "another secret, 32 bytes or more, too")],
    ["without a signature", () => new UnsecuredJWT({ sub: "ada" }).encode()],
    ["not valid yet", () => sign({ sub: "ada", nbf: soon() + 100 })],
    [
      "with a changed payload",
      async () => {
        const [header, , signature] = (await sign({ sub: "ada" })).split(".");
        const payload = secret('{"sub":"root"}').toBase64({
          alphabet: "base64url",
          omitPadding: true,
        });
        return [header, payload, signature].join(".");
      },
    ],
    [
      "of another algorithm",
      () =>
        new SignJWT({ sub: "ada" })
          .setProtectedHeader({ alg: "HS512" })
          .sign(secret(`${env.PRESENCE_SECRET}${env.PRESENCE_SECRET}`)),
    ],
    ["oversize", () => sign({ sub: "ada", padding: "x".repeat(9_000) })],
    ["without a sub", () => sign({})],
    ["with an empty sub", () => sign({ sub: "" })],
    ["with a sub of 129 characters", () => sign({ sub: "x".repeat(129) })],
    ["with a number as sub", () => sign({ sub: 1 })],
    ["with an array as info", () => sign({ sub: "ada", info: [] })],
    ["with info of 1,025 bytes", () => sign({ sub: "ada", info: { a: "x".repeat(1_017) } })],
    ["with rooms that are no array", () => sign({ sub: "ada", rooms: "lobby" })],
    ["that can what nobody can", () => sign({ sub: "ada", can: ["join", "fly"] })],
  ])("%s is refused at the edge, and no room is woken", async (_name, make) => {
    const room = newRoom();
    const socket = await open(room, { token: await make() });
    expect(await refusal(socket)).toEqual(UNAUTHORIZED);
    expect(watched(room).constructed).toBe(0);
  });

  test("has no tolerance in its times: it ends with the second that it names", async () => {
    const { socket } = await upgrade(
      socketUrl(newRoom(), { token: await sign({ sub: "ada", exp: soon() }) }),
    );
    expect(await refusal(socket)).toEqual(EXPIRED);
  });

  test("that has only run out may come back with another one, and no room is woken", async () => {
    const room = newRoom();
    const socket = await open(room, { token: await sign({ sub: "ada", exp: soon() - 10 }) });
    expect(await socket.nextOf("error")).toEqual({
      type: "error",
      code: "token_expired",
      message: "the token has run out; get a new one",
    });
    expect(await socket.closes.next()).toEqual(EXPIRED.close);
    expect(watched(room).constructed).toBe(0);
  });

  test.each([
    ["of another key", () => sign({ sub: "ada", exp: 1 }, "another secret, 32 bytes or more, too")],
    ["without a signature", () => new UnsecuredJWT({ sub: "ada" }).setExpirationTime(1).encode()],
    ["not valid yet", () => sign({ sub: "ada", exp: 1, nbf: soon() + 100 })],
  ])("that has run out and is %s is as bad as any other", async (_name, make) => {
    expect(await refusal(await open(newRoom(), { token: await make() }))).toEqual(UNAUTHORIZED);
  });

  test.each([
    ["not valid yet", () => sign({ sub: "ada", nbf: soon() + 100 })],
    ["of another key", () => sign({ sub: "ada" }, "another secret, 32 bytes or more, too")],
    ["without a signature", () => new UnsecuredJWT({ sub: "ada" }).encode()],
    ["oversize", () => sign({ sub: "ada", padding: "x".repeat(8_000) })],
    ["malformed", () => "a.b.c"],
    ["nonsense", () => "nonsense"],
  ])("%s is refused with the same words as any other", async (_name, make) => {
    const socket = await open(newRoom(), { token: await make() });
    expect(await socket.nextOf("error")).toEqual({
      type: "error",
      code: "unauthorized",
      message: "the token is not valid, or not any more; get a new one",
    });
  });

  test.each([
    ["info of 1,024 bytes", { info: { a: "x".repeat(1_016) } }],
    ["a time to live", { exp: soon() + 100, nbf: soon() - 100 }],
    ["claims of other services", { scope: "all", roles: { admin: true } }],
  ])("with %s is good", async (_name, claims) => {
    const ada = await openAs("ada", newRoom(), { claims });
    expect(await ada.next()).toMatchObject({ payload: { members: [{ id: "ada" }] } });
  });
});

describe("two secrets at once", () => {
  const [current, previous] = [
    "the new key, which is 32 bytes long",
    "the old key, which is 32 bytes long",
  ];
  const variables = { PRESENCE_SECRET: current, PRESENCE_SECRET_PREVIOUS: previous };

  test.each([current, previous])("a token of %s is good", async (key) => {
    const url = socketUrl(newRoom(), { token: await sign({ sub: "ada" }, key) });
    const { socket } = await upgrade(url, {}, variables);
    expect(await socket.next()).toMatchObject({ payload: { members: [{ id: "ada" }] } });
  });

  test.each([
    ["a third one", () => sign({ sub: "ada" })],
    ["the old one that is not valid yet", () => sign({ sub: "ada", nbf: soon() + 60 }, previous)],
    ["the old one that names nobody", () => sign({}, previous)],
  ])("a token of %s is refused, and no room is woken", async (_name, make) => {
    const room = newRoom();
    const { socket } = await upgrade(socketUrl(room, { token: await make() }), {}, variables);
    expect(await refusal(socket)).toEqual(UNAUTHORIZED);
    expect(watched(room).constructed).toBe(0);
  });

  test("a token of the old one that has run out may come back with another one", async () => {
    const token = await sign({ sub: "ada", exp: soon() - 1 }, previous);
    const { socket } = await upgrade(socketUrl(newRoom(), { token }), {}, variables);
    expect(await refusal(socket)).toEqual(EXPIRED);
  });

  test("a token of the old one is refused when the rotation is over", async () => {
    const url = socketUrl(newRoom(), { token: await sign({ sub: "ada" }, previous) });
    const { socket } = await upgrade(url, {}, { PRESENCE_SECRET: current });
    expect(await refusal(socket)).toEqual(UNAUTHORIZED);
  });
});

describe("what a token can and where", () => {
  test.each([
    [{ rooms: ["a-*"] }, "a-1", true],
    [{ rooms: ["a-*"] }, "a-", true],
    [{ rooms: ["a-*"] }, "b-1", false],
    [{ rooms: ["lobby"] }, "lobby", true],
    [{ rooms: ["lobby"] }, "lobby2", false],
    [{ rooms: ["Lobby"] }, "lobby", false],
    [{ rooms: ["*"] }, "any", true],
    [{ rooms: [] }, "any", false],
    [{ rooms: ["a.b"] }, "axb", false],
    [{ rooms: ["x", "team/*"] }, "team/7", true],
    [{ can: ["join"] }, "any", true],
    [{ can: ["admin"] }, "any", true],
    [{ can: ["admin"], rooms: ["other"] }, "any", false],
    [{ can: ["watch"] }, "any", false],
    [{ can: ["send"] }, "any", false],
    [{ can: [] }, "any", false],
  ])("%j lets into the room %s: %s", async (claims, room, isAllowed) => {
    const socket = await openAs("ada", room, { claims });
    expect(await verdict(socket)).toEqual(isAllowed ? "let in" : UNAUTHORIZED);
  });

  test.each([
    [["join"], true],
    [["watch"], true],
    [["admin"], true],
    [["send"], false],
    [[], false],
  ])("%j lets watch: %s", async (can, isAllowed) => {
    const socket = await openAs("ada", newRoom(), { claims: { can }, query: { watch: "1" } });
    expect(await verdict(socket)).toEqual(isAllowed ? "let in" : UNAUTHORIZED);
  });
});

describe("without a token", () => {
  test.each([
    ["join", {}, true],
    ["join", { watch: "1" }, true],
    ["watch", { watch: "1" }, true],
    ["watch", {}, false],
    ["deny", {}, false],
    ["deny", { watch: "1" }, false],
  ])("where PRESENCE_ANONYMOUS is %s, %j is let in: %s", async (policy, query, isAllowed) => {
    const room = newRoom();
    const { socket } = await upgrade(socketUrl(room, query), {}, { PRESENCE_ANONYMOUS: policy });
    expect(await verdict(socket)).toEqual(isAllowed ? "let in" : UNAUTHORIZED);
    expect(watched(room).constructed).toBe(isAllowed ? 1 : 0);
  });

  test("a token is as good as ever where PRESENCE_ANONYMOUS is deny", async () => {
    const url = socketUrl(newRoom(), { token: await tokenFor("ada") });
    const { socket } = await upgrade(url, {}, { PRESENCE_ANONYMOUS: "deny" });
    expect(await socket.next()).toMatchObject({ payload: { members: [{ id: "ada" }] } });
  });

  test("everybody is anonymous where there is no secret, whatever token they show", async () => {
    const url = socketUrl(newRoom(), { token: await tokenFor("ada") });
    const { socket } = await upgrade(url, {}, { PRESENCE_SECRET: "" });
    expect(await socket.next()).toMatchObject({ payload: { members: [], lurkers: 1 } });
  });
});

describe("a browser's origin", () => {
  const PRESENCE_ORIGINS = "https://a.example, https://b.example:8443";

  test.each(["https://a.example", "https://b.example:8443"])("%s is let in", async (origin) => {
    const { socket } = await upgrade(socketUrl(newRoom()), { origin }, { PRESENCE_ORIGINS });
    expect(await socket.next()).toMatchObject({ type: "presence" });
  });

  test.each(["https://evil.example", "http://a.example", "https://a.example.evil", "null"])(
    "%s is refused, and no room is woken",
    async (origin) => {
      const room = newRoom();
      const { socket } = await upgrade(socketUrl(room), { origin }, { PRESENCE_ORIGINS });
      expect(await refusal(socket)).toEqual({
        code: "bad_origin",
        close: { code: 4010, reason: "bad_origin" },
      });
      expect(watched(room).constructed).toBe(0);
    },
  );

  test("is missing in what is no browser, and that is fine", async () => {
    const { socket } = await upgrade(socketUrl(newRoom()), {}, { PRESENCE_ORIGINS });
    expect(await socket.next()).toMatchObject({ type: "presence" });
  });

  test("may be any by default", async () => {
    const { socket } = await upgrade(socketUrl(newRoom()), { origin: "https://any.example" });
    expect(await socket.next()).toMatchObject({ type: "presence" });
  });
});

/** The address of a socket by the name of its room as it stands in the path. */
const at = (encoded: string) => `https://presence.test/rooms/${encoded}/ws?view=diff`;

describe("a room name", () => {
  test.each([
    ["a/b", "a%2Fb"],
    ["/../", "%2F..%2F"],
    ["👩‍🚀", encodeURIComponent("👩‍🚀")],
    ["ü", "ü"],
    ["a b", "a%20b"],
    ["a+b", "a+b"],
    ["100%", "100%25"],
    ["%2F", "%252F"],
    ["a!b", "a!b"],
    ["ws", "ws"],
    ["rooms", "rooms"],
    ["__proto__", "__proto__"],
    ["?#&=", "%3F%23%26%3D"],
    ["x".repeat(255), "x".repeat(255)],
    ["é".repeat(127), encodeURIComponent("é".repeat(127))],
  ])("%j is one", async (name, encoded) => {
    const { socket } = await upgrade(at(encoded));
    const { welcome, sync } = await firstFrames(socket);
    expect(welcome).toMatchObject({ room: name, channel: expect.stringContaining(`${name}!`) });
    expect(sync.room).toBe(name);
    expect((await storageOf(name)).tables).toBeGreaterThan(0);
  });

  test.each([
    ["nothing", ""],
    ["256 bytes", "x".repeat(256)],
    ["256 bytes of few characters", encodeURIComponent("é".repeat(128))],
    ["a malformed escape", "a%"],
    ["an escape that is no hex", "a%GG"],
    ["bytes that are no UTF-8", "%FF%FE"],
    ["half a character", "%E0%A4"],
    ["a surrogate", "%ED%A0%80"],
    ["a zero", "a%00b"],
    ["a line break", "a%0Ab"],
    ["a delete", "%7F"],
    ["a C1 control", "%C2%85"],
  ])("is not %s", async (_name, encoded) => {
    const { socket } = await upgrade(at(encoded));
    expect(await refusal(socket)).toEqual({
      code: "bad_room",
      close: { code: 4004, reason: "bad_room" },
    });
  });

  test("is found where the rest of the path is encoded for no reason", async () => {
    const { socket } = await upgrade("https://presence.test/rooms/lobby/%77s");
    expect(await verdict(socket)).toBe("let in");
  });

  test("is another one in another case", async () => {
    const room = newRoom();
    await (await openAs("ada", `${room}x`)).next();
    const bob = await openAs("bob", `${room}X`);
    expect(await bob.next()).toMatchObject({ payload: { members: [{ id: "bob" }] } });
  });
});
