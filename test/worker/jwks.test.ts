/**
 * Tokens of an identity provider: which are believed, and how often it is asked for its keys. The provider is a
 * stand-in for `fetch` here, since only so the clock can be moved; test/end-to-end has a real one over HTTP.
 */

import { env } from "cloudflare:workers";
import { SignJWT, UnsecuredJWT } from "jose";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { app } from "../../src/http/app.ts";
import { identify } from "../../src/auth/identity.ts";
import { KEYS_BYTES_MAX, KEYS_WAIT_MS } from "../../src/core/limits.ts";
import { ProtocolError } from "../../src/core/protocol.ts";
import { readSettings } from "../../src/config/settings.ts";
import type { Variables } from "../../src/config/variables.ts";
import { call, errorOf, roomPath } from "../support/http.ts";
import { KeyRing } from "../support/key-ring.ts";
import { advance } from "../support/room.ts";
import { newRoom, socketUrl, TestSocket } from "../support/socket.ts";
import { watched } from "../support/worker.ts";

const ISSUER = "https://id.example";
const AUDIENCE = "presence";
const UNAUTHORIZED = { code: "unauthorized", close: { code: 4001, reason: "unauthorized" } };

/** What was logged. */
let lines: string[];

/** What the provider answers, and how often it was asked. */
let asked: string[];
let answer: () => Response | Promise<Response>;
let ring: KeyRing;
let variables: Variables;
let providers = 0;

beforeEach(async () => {
  providers += 1;
  [asked, lines] = [[], []];
  ring = await KeyRing.of("RS256", "ES256", "EdDSA");
  answer = async () => Response.json(await ring.published());
  variables = {
    PRESENCE_SECRET: env.PRESENCE_SECRET ?? "",
    // Keys are known by their address: each test has a provider of its own.
    PRESENCE_JWKS_URL: `https://id-${providers}.example/keys`,
    PRESENCE_ISSUER: ISSUER,
    PRESENCE_AUDIENCE: AUDIENCE,
  };
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    asked.push(new Request(input).url);
    return answer();
  });
  for (const level of ["error", "warn"] as const) {
    vi.spyOn(console, level).mockImplementation((line: string) => lines.push(line));
  }
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const claims = { sub: "ada", iss: ISSUER, aud: AUDIENCE };

/** Who a token is of, or the words by which it is refused. */
async function verdict(token: string, others: Variables = {}): Promise<string> {
  try {
    const { user } = await identify(token, readSettings({ ...variables, ...others }));
    return user?.id ?? "nobody";
  } catch (error) {
    if (error instanceof ProtocolError) return `${error.code}: ${error.message}`;
    return String(error);
  }
}

const INVALID_WORDS = "the token is not valid, or not any more; get a new one";
const INVALID = `unauthorized: ${INVALID_WORDS}`;
const UNAVAILABLE = /^KeysUnavailable: /;

/** The upgrade of a room's socket, at a server with this provider. */
async function upgrade(token: string, room = newRoom()): Promise<TestSocket> {
  const request = new Request(socketUrl(room, { token }), { headers: { Upgrade: "websocket" } });
  // Typed loosely: comparing the platform's type of a stub with ours does not come to an end.
  const bindings: object = { ...env, ...variables };
  const response = await app.fetch(request, bindings);
  if (!response.webSocket) throw new Error(`no socket: ${response.status}`);
  return new TestSocket(response.webSocket, new AbortController());
}

function secretOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const now = () => Math.floor(Date.now() / 1_000);

describe("a token of the provider", () => {
  test.each(["RS256", "ES256", "EdDSA"] as const)(
    "signed by %s opens a socket, and the API",
    async (alg) => {
      const room = newRoom();
      const token = await ring.sign(alg, { ...claims, can: ["join", "admin"] });
      expect(await (await upgrade(token, room)).next()).toMatchObject({
        payload: { members: [{ id: "ada" }] },
      });
      const headers = { authorization: `Bearer ${token}` };
      const got = await call("GET", roomPath(room), { claims: null, headers, variables });
      expect(got).toMatchObject({ status: 200, body: { members: [{ id: "ada" }] } });
      expect(asked).toEqual([variables.PRESENCE_JWKS_URL]);
    },
  );

  test("is good among other audiences", async () => {
    const token = await ring.sign("RS256", { ...claims, aud: ["other", AUDIENCE] });
    expect(await verdict(token)).toBe("ada");
  });

  test("opens the API where there is no secret at all", async () => {
    const token = await ring.sign("RS256", { ...claims, can: ["admin"] });
    const headers = { authorization: `Bearer ${token}` };
    const others = { ...variables, PRESENCE_SECRET: "" };
    const got = await call("GET", roomPath(newRoom()), {
      claims: null,
      headers,
      variables: others,
    });
    expect(got.status).toBe(200);
  });

  test("may do no more than it says, on the socket and over HTTP", async () => {
    const [room, other] = [newRoom(), newRoom()];
    const token = await ring.sign("ES256", { ...claims, rooms: [room], can: ["join"] });
    expect(await (await upgrade(token, room)).next()).toMatchObject({ type: "presence" });
    expect(await refusal(await upgrade(token, other))).toEqual(UNAUTHORIZED);
    const headers = { authorization: `Bearer ${token}` };
    const ask = (path: string) => call("GET", path, { claims: null, headers, variables });
    expect(await ask(roomPath(room))).toMatchObject({ status: 200 });
    expect(errorOf(await ask(roomPath(other)))).toMatchObject({ status: 403 });
    expect(errorOf(await ask(`${roomPath(room)}/presences`))).toMatchObject({ status: 403 });
    expect(watched(other).constructed).toBe(0);
  });

  test("is not checked for what the operator did not set", async () => {
    const token = await ring.sign("RS256", { sub: "ada", iss: "any", aud: "any" });
    expect(await verdict(token, { PRESENCE_ISSUER: "", PRESENCE_AUDIENCE: "" })).toBe("ada");
  });
});

describe("a token of ours", () => {
  test("is good beside those of a provider, whose issuer and audience it need not have", async () => {
    const token = await hmac({ sub: "ada" }, env.PRESENCE_SECRET ?? "");
    expect(await verdict(token)).toBe("ada");
    expect(asked).toEqual([]);
  });
});

function hmac(payload: Record<string, unknown>, key: string, header: object = {}): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg: "HS256", ...header }).sign(secretOf(key));
}

async function refusal(socket: TestSocket) {
  const { code } = await socket.nextOf("error");
  return { code, close: await socket.closes.next() };
}

/** Each must be refused with the same words, at the edge. */
const FORGERIES: [name: string, make: () => Promise<string> | string][] = [
  ["without a signature (alg none)", () => new UnsecuredJWT(claims).encode()],
  [
    "with alg none and the signature of another",
    async () => {
      const [, payload, signature] = (await ring.sign("RS256", claims)).split(".");
      const header = btoa('{"alg":"none","kid":"RS256"}').replaceAll("=", "");
      return [header, payload, signature].join(".");
    },
  ],
  [
    "signed by HMAC with the provider's public key",
    async () => hmac(claims, await ring.publicText("RS256")),
  ],
  [
    "signed by HMAC with the public key, named as the key",
    async () => hmac(claims, await ring.publicText("RS256"), { kid: "RS256" }),
  ],
  [
    "signed by HMAC with the published key",
    async () => hmac(claims, JSON.stringify((await ring.published()).keys[0])),
  ],
  ["of another secret", () => hmac(claims, "x".repeat(64))],
  [
    "of another provider that names a key of this one",
    async () => (await KeyRing.of("RS256")).sign("RS256", claims),
  ],
  ["that names a key of another kind", () => ring.sign("RS256", claims, { kid: "ES256" })],
  ["that names no such key", () => ring.sign("RS256", claims, { kid: "no such key" })],
  [
    "that brings its own key",
    async () => {
      const own = await KeyRing.of("ES256");
      const [jwk] = (await own.published()).keys;
      return own.sign("ES256", claims, { jwk });
    },
  ],
  [
    "that names an address of keys",
    async () =>
      (await KeyRing.of("ES256")).sign("ES256", claims, { jku: "https://evil.example/keys" }),
  ],
  [
    "by an algorithm that is not taken, ES384",
    async () => {
      await ring.add("ES384", "ES384");
      return ring.sign("ES384", claims);
    },
  ],
  [
    "by an algorithm that is not taken, RS512",
    async () => {
      await ring.add("RS512", "RS512");
      return ring.sign("RS512", claims);
    },
  ],
  ["of another issuer", () => ring.sign("RS256", { ...claims, iss: "https://evil.example" })],
  ["of no issuer", () => ring.sign("RS256", { sub: "ada", aud: AUDIENCE })],
  ["for another audience", () => ring.sign("RS256", { ...claims, aud: "other" })],
  ["for no audience", () => ring.sign("RS256", { sub: "ada", iss: ISSUER })],
  ["that is not valid yet", () => ring.sign("EdDSA", { ...claims, nbf: now() + 60 })],
  ["that is oversize", () => ring.sign("RS256", { ...claims, padding: "x".repeat(6_500) })],
  [
    "that must not be taken by who does not know a header of it",
    () => ring.sign("RS256", claims, { crit: ["of-tests"], "of-tests": 1 }),
  ],
  ["that is malformed", () => "a.b.c"],
  ["that is empty", () => ""],
];

describe("a token", () => {
  test("that has only run out may come back with another one", async () => {
    const token = await ring.sign("EdDSA", { ...claims, exp: now() - 1 });
    expect(await refusal(await upgrade(token, newRoom()))).toEqual({
      ...UNAUTHORIZED,
      code: "token_expired",
      close: { code: 4101, reason: "token_expired" },
    });
  });

  test.each(FORGERIES)(
    "%s is refused with the same words, and no room is woken",
    async (_, make) => {
      // The keys are known, so nothing depends on whether the provider is asked.
      await verdict(await ring.sign("RS256", claims));
      const room = newRoom();
      const token = await make();
      expect(await verdict(token)).toBe(INVALID);
      expect(await refusal(await upgrade(token, room))).toEqual(UNAUTHORIZED);
      const headers = { authorization: `Bearer ${token}` };
      const got = await call("GET", roomPath(room), { claims: null, headers, variables });
      expect(errorOf(got)).toMatchObject({ status: 401, message: INVALID_WORDS });
      expect(watched(room).constructed).toBe(0);
    },
  );

  test.each(["RS256", "ES256", "EdDSA"] as const)(
    "by %s is refused where there is only a secret",
    async (alg) => {
      const others = { PRESENCE_JWKS_URL: "", PRESENCE_ISSUER: "", PRESENCE_AUDIENCE: "" };
      expect(await verdict(await ring.sign(alg, claims), others)).toBe(INVALID);
      expect(asked).toEqual([]);
    },
  );

  test("by a secret is refused where there is only a provider", async () => {
    const token = await hmac(claims, env.PRESENCE_SECRET ?? "");
    expect(await verdict(token, { PRESENCE_SECRET: "" })).toBe(INVALID);
    expect(asked).toEqual([]);
  });
});

/** So many tokens, each of which names another key, at the same time. */
async function flood(count: number): Promise<string[]> {
  const header = await ring.sign("ES256", claims);
  const rest = header.slice(header.indexOf("."));
  const tokens = Array.from({ length: count }, () => {
    const text = JSON.stringify({ alg: "ES256", kid: crypto.randomUUID() });
    return `${btoa(text).replaceAll("=", "")}${rest}`;
  });
  return Promise.all(tokens.map((token) => verdict(token)));
}

const down = () => new Response("down", { status: 500 });

describe("the provider is asked for its keys", () => {
  test("once, for as many tokens as come at the same time", async () => {
    const token = await ring.sign("RS256", claims);
    const verdicts = await Promise.all(Array.from({ length: 300 }, () => verdict(token)));
    expect(new Set(verdicts)).toEqual(new Set(["ada"]));
    expect(asked).toHaveLength(1);
  });

  test("again for a key that is not known, and then it is", async () => {
    await verdict(await ring.sign("RS256", claims));
    await ring.add("new", "ES256");
    const token = await ring.sign("new", claims);
    advance(60);
    expect(await verdict(token)).toBe("ada");
    expect(asked).toHaveLength(2);
  });

  test("not within a minute, though the key is not known", async () => {
    await verdict(await ring.sign("RS256", claims));
    await ring.add("new", "ES256");
    advance(59);
    expect(await verdict(await ring.sign("new", claims))).toBe(INVALID);
    expect(asked).toHaveLength(1);
  });

  test.each([
    ["answers", () => {}],
    ["answers errors", () => (answer = down)],
    ["cannot be reached", () => (answer = () => Promise.reject(new TypeError("unreachable")))],
  ])(
    "once a minute by hundreds of forged tokens at the same time, while it %s",
    async (_, fail) => {
      const token = await ring.sign("RS256", claims);
      await verdict(token);
      fail();
      const minutes = [0, 60, 60, 60];
      for (const [index, seconds] of minutes.entries()) {
        advance(seconds);
        // oxlint-disable-next-line no-await-in-loop
        expect(new Set(await flood(200))).toEqual(new Set([INVALID]));
        // oxlint-disable-next-line no-await-in-loop
        await flood(200);
        expect(asked).toHaveLength(1 + index);
        // oxlint-disable-next-line no-await-in-loop
        expect(await verdict(token)).toBe("ada");
      }
    },
  );

  test("when the keys are ten minutes old and used, and one that was withdrawn is refused then", async () => {
    const [kept, withdrawn] = [await ring.sign("RS256", claims), await ring.sign("ES256", claims)];
    await verdict(kept);
    ring.remove("ES256");
    advance(599);
    expect([await verdict(kept), await verdict(withdrawn)]).toEqual(["ada", "ada"]);
    expect(asked).toHaveLength(1);
    advance(1);
    expect([await verdict(withdrawn), await verdict(kept)]).toEqual([INVALID, "ada"]);
    expect(asked).toHaveLength(2);
  });

  test("by nobody where the token could not be one of its", async () => {
    const tokens = [await hmac(claims, "x".repeat(32)), new UnsecuredJWT(claims).encode(), "a.b.c"];
    await Promise.all(tokens.map((token) => verdict(token)));
    await verdict(await ring.sign("RS256", { ...claims, padding: "x".repeat(9_000) }));
    expect(asked).toEqual([]);
  });
});

/** Answers that bring no keys. */
const OUTAGES: [name: string, answer: () => Response | Promise<Response>][] = [
  ["answers 500", down],
  ["answers 404", () => new Response("not found", { status: 404 })],
  ["cannot be reached", () => Promise.reject(new TypeError("unreachable"))],
  ["sends us on to another place", () => Response.redirect("https://evil.example/keys")],
  ["answers a page", () => new Response("<!doctype html>")],
  ["answers no keys", () => Response.json({ keys: [] })],
  ["answers something else", () => Response.json({ keys: "none" })],
  ["answers nothing", () => new Response(null)],
  [
    "answers more than anybody has",
    async () => Response.json({ ...(await ring.published()), x: "x".repeat(KEYS_BYTES_MAX) }),
  ],
];

describe("a provider that", () => {
  test.each(OUTAGES)("%s locks nobody out whose key is known", async (_, outage) => {
    const token = await ring.sign("RS256", claims);
    await verdict(token);
    answer = outage;
    for (const seconds of [600, 60, 60, 86_400 * 30]) {
      advance(seconds);
      // oxlint-disable-next-line no-await-in-loop
      expect(await verdict(token)).toBe("ada");
    }
    expect(new Set(asked)).toEqual(new Set([variables.PRESENCE_JWKS_URL]));
    expect(asked).toHaveLength(5);
  });

  test.each(OUTAGES)("%s from the start is asked again after five seconds", async (_, outage) => {
    answer = outage;
    const token = await ring.sign("RS256", claims);
    expect(await verdict(token)).toMatch(UNAVAILABLE);
    answer = async () => Response.json(await ring.published());
    advance(4);
    expect(await verdict(token)).toMatch(UNAVAILABLE);
    expect(asked).toHaveLength(1);
    advance(1);
    expect(await verdict(token)).toBe("ada");
  });

  test("is down from the start: 503, and the socket's handshake fails, for both may come back", async () => {
    answer = down;
    const [room, token] = [newRoom(), await ring.sign("RS256", { ...claims, can: ["admin"] })];
    const headers = { authorization: `Bearer ${token}` };
    const got = await call("GET", roomPath(room), { claims: null, headers, variables });
    expect(errorOf(got)).toMatchObject({ status: 503, code: "unavailable" });
    await expect(upgrade(token, room)).rejects.toThrow("no socket: 503");
    expect(watched(room).constructed).toBe(0);
  });

  test("says nothing is waited for no longer than some seconds, by all together", async () => {
    answer = () => new Promise<Response>(() => {});
    const token = await ring.sign("RS256", claims);
    const began = performance.now();
    const verdicts = await Promise.all(Array.from({ length: 50 }, () => verdict(token)));
    expect(verdicts.every((said) => UNAVAILABLE.test(said))).toBe(true);
    expect(performance.now() - began).toBeLessThan(KEYS_WAIT_MS * 2);
    expect(asked).toHaveLength(1);
  });

  test("begins to answer and never ends is not waited for either", async () => {
    answer = () =>
      new Response(new ReadableStream({ start: (body) => body.enqueue(secretOf("{")) }));
    expect(await verdict(await ring.sign("RS256", claims))).toMatch(UNAVAILABLE);
  });

  test("was asked by a request that died is asked again by another", async () => {
    answer = () => new Promise<Response>(() => {});
    const token = await ring.sign("RS256", claims);
    const dead = verdict(token);
    answer = async () => Response.json(await ring.published());
    advance(5);
    expect(await verdict(token)).toBe("ada");
    expect(await dead).toBe("ada");
    expect(asked).toHaveLength(2);
  });
});

describe("what is logged", () => {
  test("is that the provider fails, with no token and no key", async () => {
    answer = down;
    const token = await ring.sign("RS256", claims);
    await upgrade(token).catch(() => {});
    answer = async () => Response.json(await ring.published());
    advance(5);
    const forged = await ring.sign("RS256", claims, { kid: "no such key" });
    await refusal(await upgrade(forged));
    await call("GET", "/rooms", {
      claims: null,
      headers: { authorization: `Bearer ${forged}` },
      variables,
    });
    expect(lines).toContainEqual(
      expect.stringContaining('"event":"identity provider did not tell its keys"'),
    );
    expect(lines.filter((line) => line.includes("refused"))).toHaveLength(2);
    for (const secret of [token, forged].flatMap((text) => text.split("."))) {
      expect(lines.join("\n")).not.toContain(secret);
    }
  });
});
