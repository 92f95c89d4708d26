/** The HTTP side: what each address answers, and that every error is JSON with a code and words. */

import { env, exports } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { app } from "../../src/http/app.ts";
import { evict, LIVES } from "../support/room.ts";
import { newRoom, open, openAs, tokenFor } from "../support/socket.ts";
import { watched } from "../support/worker.ts";

const ORIGIN = "https://presence.test";

async function bearer(claims: Record<string, unknown>): Promise<Record<string, string>> {
  return { authorization: `Bearer ${await tokenFor("server", claims)}` };
}

/** The status, the code and the words of an error; fails where it is not as the contract has it. */
async function errorOf(response: Response) {
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  const body = await response.json<{ error: { code: string; message: string } }>();
  expect(body).toEqual({ error: { code: expect.any(String), message: expect.any(String) } });
  return { status: response.status, ...body.error };
}

function fetchWith(variables: object, path: string, init: RequestInit = {}): Promise<Response> {
  // Typed loosely: comparing the platform's type of a stub with ours does not come to an end.
  const bindings: object = { ...env, ...variables };
  return Promise.resolve(app.fetch(new Request(ORIGIN + path, init), bindings));
}

test("GET /healthz says ok", async () => {
  const response = await exports.default.fetch(`${ORIGIN}/healthz`);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ ok: true });
});

test.each(["/healthz", "/rooms/lobby"])("HEAD %s is a GET without a body", async (path) => {
  const headers = await bearer({ can: ["admin"] });
  const response = await exports.default.fetch(ORIGIN + path, { method: "HEAD", headers });
  expect(response.status).toBe(200);
  expect(await response.text()).toBe("");
});

describe("GET /rooms/:name", () => {
  test("says with 401 how to identify oneself", async () => {
    const response = await exports.default.fetch(`${ORIGIN}/rooms/lobby`);
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
  });

  test.each(LIVES)("tells who is in the room: %s", async (_, between) => {
    const room = newRoom();
    const ada = await openAs("ada", room, { claims: { info: { name: "Ada" } } });
    await ada.next();
    await (await openAs("ada", room)).next();
    await (await open(room)).next();
    await (await open(room, { query: { watch: "1" } })).next();
    await between(room);
    const headers = await bearer({ can: ["watch"] });
    const response = await exports.default.fetch(`${ORIGIN}/rooms/${room}`, { headers });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    const { members, ...rest } = await response.json<{ members: { id: string }[] }>();
    expect(members.map(({ id }) => id)).toEqual(["ada"]);
    expect(rest).toEqual({ channel_name: room, lurkers: 1 });
  });

  test("of a room that nobody is in is empty", async () => {
    const room = newRoom();
    const headers = await bearer({ can: ["admin"] });
    const response = await exports.default.fetch(`${ORIGIN}/rooms/${room}`, { headers });
    expect(await response.json()).toEqual({ channel_name: room, members: [], lurkers: 0 });
  });

  test("knows every name that a socket may have", async () => {
    const room = "a/../b ?#%👩‍🚀";
    await (await openAs("ada", room)).next();
    await evict(room);
    const headers = await bearer({ can: ["watch"] });
    const url = `${ORIGIN}/rooms/${encodeURIComponent(room)}`;
    const response = await exports.default.fetch(url, { headers });
    expect(await response.json()).toMatchObject({ channel_name: room, members: [{ id: "ada" }] });
  });

  test.each([[["watch"]], [["join"]], [["admin"]]])(
    "is content with a token that can %j",
    async (can) => {
      const headers = await bearer({ can });
      const response = await exports.default.fetch(`${ORIGIN}/rooms/${newRoom()}`, { headers });
      expect(response.status).toBe(200);
    },
  );

  test.each([
    ["that can only send", { can: ["send"] }],
    ["that can nothing", { can: [] }],
    ["of other rooms", { can: ["admin"], rooms: ["other"] }],
  ])("with a token %s is 403", async (_name, claims) => {
    const room = newRoom();
    const headers = await bearer(claims);
    const response = await exports.default.fetch(`${ORIGIN}/rooms/${room}`, { headers });
    expect(await errorOf(response)).toMatchObject({ status: 403, code: "forbidden" });
    expect(watched(room).constructed).toBe(0);
  });

  test.each([
    ["no token", {}],
    ["a wrong token", { authorization: "Bearer nonsense" }],
    ["another scheme", { authorization: "Basic YWRhOnNlY3JldA==" }],
    ["an empty token", { authorization: "Bearer " }],
  ])("with %s is 401", async (_name, headers) => {
    const room = newRoom();
    const response = await exports.default.fetch(`${ORIGIN}/rooms/${room}`, { headers });
    expect(await errorOf(response)).toMatchObject({ status: 401, code: "unauthorized" });
    expect(watched(room).constructed).toBe(0);
  });

  test("does not take a token from the query, where logs would keep it", async () => {
    const token = await tokenFor("server", { can: ["admin"] });
    const response = await exports.default.fetch(`${ORIGIN}/rooms/${newRoom()}?token=${token}`);
    expect(await errorOf(response)).toMatchObject({ status: 401, code: "unauthorized" });
  });

  test("without a secret is 503 and says which setting to set", async () => {
    const headers = await bearer({ can: ["admin"] });
    const response = await fetchWith({ PRESENCE_SECRET: "" }, "/rooms/lobby", { headers });
    expect(await errorOf(response)).toEqual({
      status: 503,
      code: "unavailable",
      message: expect.stringContaining("PRESENCE_SECRET"),
    });
  });

  test.each(["%00", "%FF", "a%", "x".repeat(256), ""])(
    "of the bad name %j is 400",
    async (name) => {
      const headers = await bearer({ can: ["admin"] });
      const response = await exports.default.fetch(`${ORIGIN}/rooms/${name}`, { headers });
      expect(await errorOf(response)).toMatchObject({ status: 400, code: "bad_room" });
    },
  );
});

test.each(["/", "/nothing", "/rooms/a/b", "/rooms/a/ws/", "/healthz/x"])(
  "%s is 404 in JSON",
  async (path) => {
    const response = await fetchWith({}, path);
    expect(await errorOf(response)).toMatchObject({ status: 404, code: "not_found" });
  },
);

test.each([
  ["POST", "/healthz"],
  ["POST", "/rooms/lobby"],
  ["PUT", "/rooms/lobby"],
  ["DELETE", "/rooms/lobby"],
  ["POST", "/rooms/lobby/ws"],
])("%s %s is 405, and says what is allowed", async (method, path) => {
  const response = await exports.default.fetch(ORIGIN + path, { method });
  expect(response.headers.get("allow")).toContain("GET");
  expect(await errorOf(response)).toMatchObject({ status: 405, code: "method_not_allowed" });
});

test.each([{}, { upgrade: "h2c" }])(
  "a GET of a socket's address with %j is 426",
  async (headers) => {
    const room = newRoom();
    const response = await exports.default.fetch(`${ORIGIN}/rooms/${room}/ws`, { headers });
    expect(await errorOf(response)).toMatchObject({ status: 426, code: "upgrade_required" });
    expect(watched(room).constructed).toBe(0);
  },
);

function fail(): Promise<never> {
  return Promise.reject(new Error("a secret detail"));
}

test("a failure inside is 503 in JSON without a stack", async () => {
  const headers = await bearer({ can: ["admin"] });
  const PRESENCE_ROOM = { getByName: () => ({ fetch: fail, occupants: fail }) };
  vi.spyOn(console, "error").mockImplementation(() => {});
  const { status, code, message } = await errorOf(
    await fetchWith({ PRESENCE_ROOM }, "/rooms/lobby", { headers }),
  );
  vi.restoreAllMocks();
  expect({ status, code }).toEqual({ status: 503, code: "unavailable" });
  expect(message).not.toContain("secret detail");
});
