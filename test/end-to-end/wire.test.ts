/** The wire as a stranger may use it: headers, names, tokens and connections that end half-way. */

import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { believed, idsOf, joinAs, look, open, openAs, tokenFor } from "../support/client.ts";
import { Server } from "../support/server.ts";

let server: Server;
beforeAll(async () => {
  server = await Server.start({ PRESENCE_GRACE: "1" });
});
afterAll(() => server.stop());

const ada = { type: "presence", payload: { members: [{ id: "ada" }], lurkers: 0 } };

describe("a token", () => {
  test("in a subprotocol is not answered", async () => {
    const protocols = ["presence", `token.${await tokenFor("ada")}`];
    const client = await open(server, "by-subprotocol", { protocols });
    expect(client.ws.protocol).toBe("presence");
    expect(await client.next()).toMatchObject(ada);
  });

  test("that is refused in a subprotocol is not answered either", async () => {
    const client = await open(server, "by-subprotocol-refused", {
      protocols: ["presence", "token.not.a.token"],
    });
    expect(client.ws.protocol).toBe("presence");
    expect(await client.next()).toMatchObject({ type: "error", code: "unauthorized" });
    expect(await client.closeFrames.next()).toMatchObject({ code: 4001 });
  });

  test("is taken from the Authorization header of the upgrade", async () => {
    const headers = { Authorization: `Bearer ${await tokenFor("ada")}` };
    const client = await open(server, "by-header", { headers });
    expect(await client.next()).toMatchObject(ada);
  });

  test("is taken from the query", async () => {
    const client = await openAs(server, "ada", "by-query");
    expect(await client.next()).toMatchObject(ada);
  });
});

describe("a room", () => {
  const names = [
    { what: "slashes and dots", name: "/../" },
    { what: "nothing but dots and a slash", name: "../../etc" },
    { what: "an emoji", name: "👩‍👩‍👧‍👦" },
    { what: "a question mark and a hash", name: "a?b#c%20d" },
    { what: "the name of a prototype", name: "__proto__" },
    { what: "255 bytes", name: `${"x".repeat(251)}👋` },
  ];
  for (const { what, name } of names) {
    test(`can be named with ${what}`, async () => {
      const bystander = await joinAs(server, "bystander", name);
      const client = await openAs(server, "ada", name);
      expect(await client.next()).toMatchObject({
        payload: { channel_name: name, members: [{ id: "bystander" }, { id: "ada" }] },
      });
      expect((await bystander.client.nextOf("diff")).room).toBe(name);
      expect(idsOf(await look(server, name))).toEqual(["ada", "bystander"]);
      expect(await occupants(name)).toMatchObject({ channel_name: name });
    });
  }

  test("cannot be named with 256 bytes", async () => {
    const client = await open(server, `${"x".repeat(252)}👋`);
    expect(await client.next()).toMatchObject({ type: "error", code: "bad_room" });
    expect(await client.closeFrames.next()).toMatchObject({ code: 4004 });
  });
});

describe("a user", () => {
  test("may be called __proto__", async () => {
    const bystander = await joinAs(server, "bystander", "prototype");
    const token = await tokenFor("__proto__", {
      info: JSON.parse('{"__proto__":"x","constructor":1,"name":"P","id":"somebody else"}'),
    });
    const client = await open(server, "prototype", { token });
    const { members } = (await client.nextOf("presence")).payload;
    expect(members[0]).toEqual({ id: "bystander" });
    expect(members[1]).toMatchObject({ id: "__proto__", name: "P", constructor: 1 });
    await bystander.client.nextOf("diff");
    client.ws.close();
    expect((await bystander.client.nextOf("diff")).leaves).toMatchObject([{ reason: "left" }]);
    expect([...believed(bystander.client).keys()]).toEqual([bystander.welcome.channel]);
  });

  test("with two tabs is one member until the last one is closed", async () => {
    const room = "tabs";
    const lister = await openAs(server, "lister", room);
    await lister.next();
    const differ = await joinAs(server, "differ", room);
    await lister.next();
    const first = await joinAs(server, "ada", room);
    const second = await joinAs(server, "ada", room);
    expect(first.welcome.channel).not.toBe(second.welcome.channel);
    expect(await lister.next()).toMatchObject({
      payload: { members: [{ id: "lister" }, { id: "differ" }, { id: "ada" }] },
    });

    first.client.ws.close();
    await first.client.closes.next();
    await second.client.nextOf("diff");
    // The second tab and the end of the first are nothing to who shows members.
    expect(await lister.settled()).toEqual([]);
    second.client.ws.close();
    expect(await lister.next()).toMatchObject({
      payload: { members: [{ id: "lister" }, { id: "differ" }] },
    });
    await differ.client.frames.until((frame) => frame !== "heartbeat" && isLastLeave(frame));
    expect(idsOf(believed(differ.client).values())).toEqual(["differ", "lister"]);

    function isLastLeave(frame: object): boolean {
      return JSON.stringify(frame).includes(`"channel":"${second.welcome.channel}","reason"`);
    }
  });
});

test("those who hang up while they join are gone in the end", async () => {
  const room = "half-way";
  const bystander = await joinAs(server, "bystander", room);
  const tokens = await Promise.all(
    Array.from({ length: 50 }, (_, index) => tokenFor(`hasty-${index}`)),
  );
  await Promise.all(tokens.map((token, index) => hangUp(room, token, index)));

  // Whoever got in before this one and was cut before this one leaves no later.
  const last = await joinAs(server, "last", room);
  last.client.cut();
  await bystander.client.frames.until(
    (frame) =>
      frame !== "heartbeat" &&
      frame.type === "diff" &&
      frame.leaves.some(({ channel }) => channel === last.welcome.channel),
  );
  expect(idsOf(believed(bystander.client).values())).toEqual(["bystander"]);
  expect(await occupants(room)).toEqual({
    channel_name: room,
    members: [{ id: "bystander" }],
    lurkers: 0,
  });
});

/** Asks for an upgrade and hangs up: at once, after a moment, or when the answer begins, by turns. */
async function hangUp(room: string, token: string, turn: number): Promise<void> {
  const socket = await sendUpgrade(room, token);
  if (turn % 3 === 1) await new Promise((resolve) => setImmediate(resolve));
  if (turn % 3 === 2) await once(socket, "data");
  socket.destroy();
  await once(socket, "close");
}

async function sendUpgrade(room: string, token: string): Promise<Socket> {
  const socket = connectTcp(server.port, "127.0.0.1");
  await once(socket, "connect");
  const lines = [
    `GET /rooms/${room}/ws?view=diff&token=${token} HTTP/1.1`,
    `Host: ${server.host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ];
  await new Promise((resolve) => {
    socket.write(lines.join("\r\n"), resolve);
  });
  return socket;
}

describe("over HTTP", () => {
  test("a socket's address without an upgrade answers 426", async () => {
    const response = await fetch(`${server.url}/rooms/lobby/ws`);
    expect(response.status).toBe(426);
    expect(await response.json()).toEqual(problem("upgrade_required"));
  });

  test("/healthz answers without a token", async () => {
    const response = await fetch(`${server.url}/healthz`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ ok: true });
  });

  test("a room tells who is in it to who may watch", async () => {
    const client = await openAs(server, "ada", "over-http");
    await client.next();
    expect(await occupants("over-http")).toEqual({
      channel_name: "over-http",
      members: [{ id: "ada" }],
      lurkers: 0,
    });
  });

  test("a room that nobody is in is empty", async () => {
    const nobody = { channel_name: "nobody", members: [], lurkers: 0 };
    expect(await occupants("nobody")).toEqual(nobody);
  });

  const refusals = [
    { what: "a room without a token", path: "/rooms/lobby", status: 401, code: "unauthorized" },
    { what: "an address of nothing", path: "/rooms/a/b/c", status: 404, code: "not_found" },
    { what: "an address of nothing else", path: "/nothing", status: 404, code: "not_found" },
  ];
  for (const { what, path, status, code } of refusals) {
    test(`${what} answers ${status} in JSON`, async () => {
      const response = await fetch(`${server.url}${path}`);
      expect(response.status).toBe(status);
      expect(response.headers.get("content-type")).toMatch(/^application\/json/);
      expect(await response.json()).toEqual(problem(code));
    });
  }

  test("a token that is not valid answers 401, one without the right 403", async () => {
    const wrong = await ask("lobby", "not.a.token");
    expect(wrong.status).toBe(401);
    expect(await wrong.json()).toEqual(problem("unauthorized"));
    const poor = await ask("lobby", await tokenFor("ada", { can: ["send"] }));
    expect(poor.status).toBe(403);
    expect(await poor.json()).toEqual(problem("forbidden"));
    const elsewhere = await ask("lobby", await tokenFor("ada", { rooms: ["game-*"] }));
    expect(elsewhere.status).toBe(403);
    expect(await elsewhere.json()).toEqual(problem("forbidden"));
  });

  test("a name that is no room's answers 400", async () => {
    const response = await ask("x".repeat(256), await tokenFor("ada"));
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual(problem("bad_room"));
  });

  for (const path of ["/healthz", "/rooms/lobby", "/rooms/lobby/ws"]) {
    test(`a method that ${path} does not have answers 405 in JSON`, async () => {
      const response = await fetch(`${server.url}${path}`, { method: "PATCH" });
      expect(response.status).toBe(405);
      expect(response.headers.get("allow")).toContain("GET");
      expect(await response.json()).toEqual(problem("method_not_allowed"));
    });
  }
});

test("a setting that is out of range stops the start and says so", async () => {
  const start = Server.start({ PRESENCE_GRACE: "-1" });
  await expect(start).rejects.toThrow(/PRESENCE_GRACE is "-1"; it must be .* from 0 to 3,600/);
});

/** An error body: a code and, for people, words. */
function problem(code: string): unknown {
  return { error: { code, message: expect.stringMatching(/\w+ \w+/) } };
}

function ask(room: string, token: string): Promise<Response> {
  const headers = { authorization: `Bearer ${token}` };
  return fetch(`${server.url}/rooms/${encodeURIComponent(room)}`, { headers });
}

async function occupants(room: string): Promise<unknown> {
  const response = await ask(room, await tokenFor("server", { can: ["watch"] }));
  expect(response.status).toBe(200);
  return response.json();
}
