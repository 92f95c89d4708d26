/** The edge: what is asked of every request before a room is touched, what browsers are told, and what is logged. */

import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { Hono } from "hono";
import { app } from "../../src/http/app.ts";
import { HEADERS_LENGTH_MAX, QUERY_LENGTH_MAX, TOKEN_LENGTH_MAX } from "../../src/core/limits.ts";
import type { Limiter } from "../../src/config/env.ts";
import { OPERATIONS } from "../../src/http/operations.ts";
import { call, errorOf, ORIGIN, pathOf, roomPath } from "../support/http.ts";
import { newRoom, open, openAs, socketUrl, TestSocket, tokenFor } from "../support/socket.ts";
import { watched } from "../support/worker.ts";

let lines: Record<string, unknown>[];
beforeEach(() => {
  vi.restoreAllMocks();
  lines = [];
  for (const level of ["error", "warn"] as const) {
    vi.spyOn(console, level).mockImplementation((line: string) => lines.push(JSON.parse(line)));
  }
});

type Asking = { headers?: Record<string, string>; variables?: object; method?: string };

/** Asks a server with other settings or bindings. */
function ask(url: string, { headers = {}, variables = {}, method = "GET" }: Asking = {}) {
  // Typed loosely: comparing the platform's type of a stub with ours does not come to an end.
  const bindings: object = { ...env, ...variables };
  return Promise.resolve(app.fetch(new Request(url, { method, headers }), bindings));
}

async function upgrade(url: string, asking: Asking = {}): Promise<TestSocket> {
  const headers = { ...asking.headers, Upgrade: "websocket" };
  const response = await ask(url, { ...asking, headers });
  if (!response.webSocket) throw new Error(`no socket: ${response.status}`);
  return new TestSocket(response.webSocket, new AbortController());
}

async function refusal(socket: TestSocket) {
  const { code, message } = await socket.nextOf("error");
  return { code, message, close: await socket.closes.next() };
}

/** A query of so many characters. */
function queryOf(length: number) {
  return { x: "x".repeat(length - "?x=".length) };
}

describe("a query", () => {
  test("may have as many characters as the limit says", async () => {
    const socket = await open(newRoom(), { query: queryOf(QUERY_LENGTH_MAX) });
    expect(await socket.next()).toMatchObject({ type: "presence" });
    const query = new URLSearchParams(queryOf(QUERY_LENGTH_MAX)).toString();
    expect((await call("GET", `${roomPath(newRoom())}?${query}`)).status).toBe(200);
  });

  test("with one more is refused on the socket with 4000, and no room is woken", async () => {
    const room = newRoom();
    const socket = await open(room, { query: queryOf(QUERY_LENGTH_MAX + 1) });
    expect(await refusal(socket)).toEqual({
      code: "bad_request",
      message: expect.stringMatching(/query.*12,289.*12,288/),
      close: { code: 4000, reason: "bad_request" },
    });
    expect(watched(room).constructed).toBe(0);
  });

  test("with one more is 400 over HTTP, before the token is looked at, and no room is woken", async () => {
    const room = newRoom();
    const query = new URLSearchParams(queryOf(QUERY_LENGTH_MAX + 1)).toString();
    const answer = await call("GET", `${roomPath(room)}?${query}`, { claims: null });
    expect(errorOf(answer)).toEqual({
      status: 400,
      code: "bad_request",
      message: expect.stringMatching(/query.*12,289.*12,288/),
    });
    expect(watched(room).constructed).toBe(0);
  });
});

/** Two headers that make up so many characters, together with those that are there anyway. */
function headersOf(length: number, others: number) {
  const rest = length - others - "x-a".length - "x-b".length;
  return { "x-a": "x".repeat(rest - 1_000), "x-b": "x".repeat(1_000) };
}

describe("headers", () => {
  const UPGRADE = "upgrade".length + "websocket".length;

  test("may have as many characters as the limit says, together", async () => {
    const headers = headersOf(HEADERS_LENGTH_MAX, UPGRADE);
    const socket = await upgrade(socketUrl(newRoom()), { headers });
    expect(await socket.next()).toMatchObject({ type: "presence" });
  });

  test("with one more are refused on the socket with 4000, and no room is woken", async () => {
    const room = newRoom();
    const headers = headersOf(HEADERS_LENGTH_MAX + 1, UPGRADE);
    expect(await refusal(await upgrade(socketUrl(room), { headers }))).toEqual({
      code: "bad_request",
      message: expect.stringMatching(/headers.*32,769.*32,768/),
      close: { code: 4000, reason: "bad_request" },
    });
    expect(watched(room).constructed).toBe(0);
  });

  test("with one more are 400 over HTTP, and no room is woken", async () => {
    const room = newRoom();
    const headers = headersOf(HEADERS_LENGTH_MAX + 1, 0);
    const answer = await call("GET", roomPath(room), { claims: null, headers });
    expect(errorOf(answer)).toMatchObject({ status: 400, code: "bad_request" });
    expect(watched(room).constructed).toBe(0);
  });
});

test("a token that alone is too long gets the words of any other token", async () => {
  const token = "x".repeat(TOKEN_LENGTH_MAX + 1);
  const words = "the token is not valid, or not any more; get a new one";
  const inQuery = await open(newRoom(), { token });
  expect(await refusal(inQuery)).toMatchObject({ code: "unauthorized", message: words });
  const headers = { authorization: `Bearer ${token}` };
  const inHeader = await call("GET", roomPath(newRoom()), { claims: null, headers });
  expect(errorOf(inHeader)).toMatchObject({ status: 401, message: words });
});

describe("a rate limiting binding", () => {
  const broken: Limiter = { limit: () => Promise.reject(new Error("it is down")) };
  const full: Limiter = { limit: () => Promise.resolve({ success: false }) };
  const headers = { "cf-connecting-ip": "192.0.2.7" };

  test("that fails lets everybody pass, and is logged", async () => {
    const variables = { ADDRESS_LIMITER: broken, USER_LIMITER: broken };
    const url = socketUrl(newRoom(), { token: await tokenFor("ada") });
    expect(await (await upgrade(url, { headers, variables })).next()).toMatchObject({
      type: "presence",
    });
    expect((await call("GET", "/healthz", { headers, variables })).status).toBe(200);
    const failures = lines.filter(({ event }) => event === "rate limiter failed");
    expect(failures).toEqual(Array(3).fill(failures[0]));
    expect(failures[0]).toMatchObject({ error: "Error: it is down" });
  });

  test("that is not bound limits nothing", async () => {
    const variables = { ADDRESS_LIMITER: undefined, USER_LIMITER: undefined };
    const url = socketUrl(newRoom(), { token: await tokenFor("ada") });
    expect(await (await upgrade(url, { headers, variables })).next()).toMatchObject({
      type: "presence",
    });
  });

  test("counts nobody whose address is not known: then this is not Cloudflare", async () => {
    const socket = await upgrade(socketUrl(newRoom()), { variables: { ADDRESS_LIMITER: full } });
    expect(await socket.next()).toMatchObject({ type: "presence" });
  });

  test("of users does not count those without a token, and not calls of the API", async () => {
    const variables = { USER_LIMITER: full };
    const socket = await upgrade(socketUrl(newRoom()), { variables });
    expect(await socket.next()).toMatchObject({ type: "presence" });
    expect((await call("GET", roomPath(newRoom()), { variables })).status).toBe(200);
  });

  test("is asked for the address first, before the token costs anything", async () => {
    const keys: string[] = [];
    const counting = (name: string): Limiter => ({
      limit: async ({ key }) => {
        keys.push(`${name} ${key}`);
        return { success: true };
      },
    });
    const variables = { ADDRESS_LIMITER: counting("address"), USER_LIMITER: counting("user") };
    const good = socketUrl(newRoom(), { token: await tokenFor("ada") });
    await (await upgrade(good, { headers, variables })).next();
    await refusal(await upgrade(socketUrl(newRoom(), { token: "x" }), { headers, variables }));
    expect(keys).toEqual(["address 192.0.2.7", "user ada", "address 192.0.2.7"]);
  });
});

const PRESENCE_ORIGINS = "https://a.example, https://b.example:8443";
const paths = new Set(
  [
    ...Object.entries(OPERATIONS).flatMap(([id, operation]) =>
      id === "openSocket" ? [] : pathOf(operation, "lobby", "bot"),
    ),
    "/openapi.json",
  ].map((path) => ORIGIN + path),
);

/** What a browser asks before a page of another origin may call. */
function preflight(url: string, origin: string, variables: object = { PRESENCE_ORIGINS }) {
  const headers = {
    origin,
    "access-control-request-method": "PUT",
    "access-control-request-headers": "authorization, content-type",
  };
  return ask(url, { method: "OPTIONS", headers, variables });
}

describe.each(Array.from(paths))("a page of another origin at %s", (url) => {
  test.each(["https://a.example", "https://b.example:8443"])(
    "may call from %s, and its browser remembers that",
    async (origin) => {
      const { status, headers } = await preflight(url, origin);
      expect(status).toBe(204);
      expect(headers.get("access-control-allow-origin")).toBe(origin);
      expect(headers.get("access-control-allow-methods")).toBe("GET,HEAD,PUT,POST,DELETE");
      expect(headers.get("access-control-allow-headers")).toBe("authorization,content-type");
      expect(headers.get("access-control-max-age")).toBe("7200");
      expect(headers.get("vary")).toContain("Origin");
      expect(headers.has("access-control-allow-credentials")).toBe(false);
      const answer = await ask(url, { headers: { origin }, variables: { PRESENCE_ORIGINS } });
      expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
      expect(answer.headers.get("vary")).toContain("Origin");
      expect(answer.headers.has("access-control-allow-credentials")).toBe(false);
    },
  );

  test.each(["https://evil.example", "http://a.example", "null"])(
    "may not call from %s",
    async (origin) => {
      const { headers } = await preflight(url, origin);
      expect(headers.has("access-control-allow-origin")).toBe(false);
      const answer = await ask(url, { headers: { origin }, variables: { PRESENCE_ORIGINS } });
      expect(answer.headers.has("access-control-allow-origin")).toBe(false);
    },
  );

  test("may call from anywhere by default", async () => {
    const { headers } = await preflight(url, "https://any.example", {});
    expect(headers.get("access-control-allow-origin")).toBe("*");
  });
});

test("a preflight touches no room, and needs no token", async () => {
  const room = newRoom();
  await preflight(ORIGIN + roomPath(room), "https://a.example");
  expect(watched(room).constructed).toBe(0);
});

test("tokens for development are for pages of the same origin alone: no CORS", async () => {
  const { headers } = await preflight(`${ORIGIN}/dev/token`, "https://a.example", {});
  expect(headers.has("access-control-allow-origin")).toBe(false);
});

test("the socket has its own check of origins, and no CORS", async () => {
  const url = socketUrl(newRoom());
  const response = await ask(url, {
    headers: { origin: "https://a.example", Upgrade: "websocket" },
    variables: { PRESENCE_ORIGINS },
  });
  expect(response.status).toBe(101);
  expect(Array.from(response.headers.keys())).toEqual([]);
  const asked = await preflight(url, "https://a.example");
  expect(asked.status).toBe(405);
  expect(asked.headers.has("access-control-allow-origin")).toBe(false);
});

describe("an answer is sealed", () => {
  test.each([
    ["a list", "/rooms", { claims: {} }, 200],
    ["a description", "/openapi.json", { claims: {} }, 200],
    ["a health check", "/healthz", { claims: null }, 200],
    ["a refusal of a token", "/rooms", { claims: null }, 401],
    ["a refusal of a name", "/rooms/%00", { claims: {} }, 400],
    ["what is not there", "/nothing", { claims: {} }, 404],
    ["a socket's address without a socket", "/rooms/a/ws", { claims: {} }, 426],
    ["a closed API", "/rooms", { claims: {}, variables: { PRESENCE_SECRET: "" } }, 503],
  ])("where it is %s", async (_name, path, options, expected) => {
    const { status, headers } = await call("GET", path, options);
    expect(status).toBe(expected);
    expect(Object.fromEntries(headers)).toMatchObject({
      "cache-control": "no-store",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    });
  });

  test("where it is a wrong method", async () => {
    const { status, headers } = await call("PATCH", "/rooms/a");
    expect(status).toBe(405);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("and not what an application answers beside it, even at the same root", async () => {
    const outer = new Hono();
    outer.route("/", app);
    outer.get("/games", (c) => c.html("<p>a game"));
    const response = await outer.request("/games", {}, { ...env });
    expect(response.status).toBe(200);
    expect(Array.from(response.headers.keys())).toEqual(["content-type"]);
  });
});

/** The lines of refusals. */
function refusals() {
  return lines.filter(({ event }) => String(event).endsWith("refused"));
}

describe("a refusal is one line of the log, with who and where and why, and no token", () => {
  test("of a socket whose token has run out", async () => {
    const room = newRoom();
    const token = await tokenFor("ada", { exp: 1 });
    await refusal(await open(room, { token }));
    expect(refusals()).toEqual([
      { event: "socket refused", room, code: "token_expired", status: 4101 },
    ]);
    expectNoToken(token);
  });

  test("of a socket that may not do what it wants", async () => {
    const room = newRoom();
    const socket = await openAs("ada", room, { claims: { can: ["send"] } });
    await refusal(socket);
    expect(refusals()).toEqual([
      { event: "socket refused", room, user: "ada", code: "unauthorized", status: 4001 },
    ]);
  });

  test("of a socket of a foreign page", async () => {
    const room = newRoom();
    const headers = { origin: "https://evil.example" };
    await refusal(await upgrade(socketUrl(room), { headers, variables: { PRESENCE_ORIGINS } }));
    expect(refusals()).toEqual([
      { event: "socket refused", room, code: "bad_origin", status: 4010 },
    ]);
  });

  test("of a socket whose room is none, or whose request is too large", async () => {
    await refusal(await upgrade(`${ORIGIN}/rooms/%00/ws`));
    await refusal(await open(newRoom(), { query: { x: "x".repeat(QUERY_LENGTH_MAX) } }));
    expect(refusals()).toEqual([
      { event: "socket refused", code: "bad_room", status: 4004 },
      { event: "socket refused", code: "bad_request", status: 4000 },
    ]);
  });

  test("of a socket without a token where there must be one", async () => {
    const room = newRoom();
    await refusal(await upgrade(socketUrl(room), { variables: { PRESENCE_ANONYMOUS: "deny" } }));
    expect(refusals()).toEqual([
      { event: "socket refused", room, user: null, code: "unauthorized", status: 4001 },
    ]);
  });

  test("of a call without a good token", async () => {
    const room = newRoom();
    const token = await tokenFor("ada", { can: ["admin"], nbf: 9_999_999_999 });
    const headers = { authorization: `Bearer ${token}` };
    await call("GET", `${roomPath(room)}?token=${token}`, { claims: null, headers });
    await call("GET", "/rooms", { claims: null });
    expect(refusals()).toEqual([
      { event: "call refused", room, code: "unauthorized", status: 401 },
      { event: "call refused", code: "unauthorized", status: 401 },
    ]);
    expectNoToken(token);
  });

  test("of a call that the token does not allow", async () => {
    const room = newRoom();
    await call("GET", `${roomPath(room)}/presences`, { claims: { sub: "ada", can: ["join"] } });
    expect(refusals()).toEqual([
      { event: "call refused", room, user: "ada", code: "forbidden", status: 403 },
    ]);
  });

  test("of a call of a wrong method, and of one with a wrong body", async () => {
    const room = newRoom();
    await call("PATCH", roomPath(room), { claims: null });
    await call("POST", `${roomPath(room)}/messages`, { claims: { sub: "ada" }, body: {} });
    expect(refusals()).toEqual([
      { event: "call refused", code: "method_not_allowed", status: 405 },
      { event: "call refused", room, user: "ada", code: "bad_body", status: 422 },
    ]);
  });

  test("and what is let in, or is not there, is none", async () => {
    const ada = await openAs("ada", newRoom());
    await ada.next();
    await call("GET", roomPath(newRoom()));
    await exports.default.fetch(`${ORIGIN}/nothing`);
    expect(refusals()).toEqual([]);
  });
});

/** No part of a token stands in any line. */
function expectNoToken(token: string): void {
  const text = JSON.stringify(lines);
  for (const part of token.split(".")) expect(text).not.toContain(part);
}

test("no error says the token that it is about", async () => {
  const token = await tokenFor("ada", { exp: 1 });
  const socket = await open(newRoom(), { token });
  expect(JSON.stringify(await refusal(socket))).not.toContain(token.split(".")[1]);
  const headers = { authorization: `Bearer ${token}` };
  const { body, ...answer } = await call("GET", "/rooms", { claims: null, headers });
  const said = JSON.stringify([body, Array.from(answer.headers)]);
  for (const part of token.split(".")) expect(said).not.toContain(part);
});
