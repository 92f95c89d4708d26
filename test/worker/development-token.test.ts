/** Tokens for the asking: on a developer's own machine, started by `npm start`, and nowhere else. */

import { env, exports } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import development from "../../src/dev/worker/index.ts";
import { identify } from "../../src/auth/identity.ts";
import { readSettings } from "../../src/config/settings.ts";

const HOME = "http://localhost:8787";
const ADA = { sub: "ada", info: { name: "Ada" }, rooms: ["lobby"] };

type Asking = { origin?: string; headers?: Record<string, string>; variables?: object };

async function ask(
  body: unknown,
  { origin = HOME, headers = {}, variables = { PRESENCE_DEV: "true" } }: Asking = {},
): Promise<Response> {
  const bindings: object = { ...env, ...variables };
  const init = {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
  return development.fetch(new Request(`${origin}/dev/token`, init), bindings);
}

test.each([HOME, "http://127.0.0.1:8787", "http://[::1]:8787", "https://localhost"])(
  "at %s it is a token that can join and send, in the rooms it was asked for",
  async (origin) => {
    const response = await ask(ADA, { origin, headers: { origin } });
    expect(response.status).toBe(201);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const { token } = await response.json<{ token: string }>();
    const identity = await identify(token, readSettings(env));
    expect(identity.user).toEqual({ id: "ada", name: "Ada" });
    expect(["join", "send"].every((action) => identity.can.some((can) => can === action))).toBe(
      true,
    );
    expect([identity.may("send", "lobby"), identity.may("join", "other")]).toEqual([true, false]);
    expect(identity.may("admin", "lobby")).toBe(false);
  },
);

describe("there is nothing at this address", () => {
  const cases: [string, Asking][] = [
    ["without the variable", { variables: {} }],
    ["with another value of it", { variables: { PRESENCE_DEV: "1" } }],
    ["without a secret", { variables: { PRESENCE_DEV: "true", PRESENCE_SECRET: "" } }],
    ["on another host", { origin: "https://presence.example.com" }],
    ["on a host that only begins like one", { origin: "http://localhost.example.com" }],
    ["on a foreign name for this machine", { origin: "http://evil.example:8787" }],
    ["for a foreign page", { headers: { origin: "https://evil.example" } }],
    ["for another port's page", { headers: { origin: "http://localhost:3000" } }],
    ["for a page of no origin", { headers: { origin: "null" } }],
  ];
  test.each(cases)("%s", async (_, asking) => {
    const response = await ask(ADA, asking);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: "not_found" } });
  });

  test("in the Worker as it is deployed", async () => {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
    const response = await exports.default.fetch(`${HOME}/dev/token`, init);
    expect(response.status).toBe(404);
  });
});

test.each([
  ["no id", {}, /sub is missing/],
  ["an empty id", { sub: "" }, /empty/],
  ["an info that is too large", { sub: "ada", info: { name: "a".repeat(1_100) } }, /1024 bytes/],
  ["what it may not choose", { sub: "ada", can: ["admin"] }, /can is not known here/],
])("%s is refused in words", async (_, body, words) => {
  const response = await ask(body);
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({ error: { message: expect.stringMatching(words) } });
});

test("everything else is the product's", async () => {
  const bindings: object = { ...env, PRESENCE_DEV: "true" };
  const answer = (path: string) => development.fetch(new Request(HOME + path), bindings);
  expect(await (await answer("/healthz")).json()).toEqual({ ok: true });
  expect((await answer("/dev/token")).status).toBe(404);
  const socket = new Request(`${HOME}/rooms/development/ws?watch=1`, {
    headers: { upgrade: "websocket" },
  });
  const { status, webSocket } = await development.fetch(socket, bindings);
  expect(status).toBe(101);
  webSocket?.accept();
  webSocket?.close(1000);
});

test("a form of a foreign page, which needs no permission to be sent, is refused", async () => {
  const response = await ask(ADA, { headers: { "content-type": "text/plain" } });
  expect(response.status).toBe(415);
});
