/**
 * Tokens of an identity provider that is a server of its own, at a service as it runs on a developer's machine. When it
 * is asked again by the clock is in test/worker; here a minute never passes.
 */

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { SignJWT, UnsecuredJWT } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Client, connect, joinAs, open } from "../support/client.ts";
import { CLAIMS, IdentityProvider } from "../support/identity-provider.ts";
import { Inbox } from "../support/inbox.ts";
import { ALGORITHMS, KeyRing } from "../support/key-ring.ts";
import { SECRET, Server } from "../support/server.ts";

const INVALID = "the token is not valid, or not any more; get a new one";

/** Tokens that were sent: none of their parts may be in what the service says. */
const sent = new Set<string>();

let provider: IdentityProvider;
let server: Server;
beforeAll(async () => {
  provider = await IdentityProvider.start();
  server = await Server.start(provider.vars);
});
afterAll(async () => {
  await server.stop();
  await provider.stop();
});

afterEach(() => {
  provider.failure = null;
});

async function enter(token: string, room: string): Promise<Client> {
  sent.add(token);
  return open(server, room, { token });
}

/** Who the list names, or why there is none. */
async function verdict(token: string, room: string): Promise<unknown> {
  const client = await enter(token, room);
  const frame = await client.next();
  if (frame === "heartbeat") throw new Error("nobody asked");
  client.ws.close();
  if (frame.type === "error") return frame.message;
  return frame.type === "presence" ? frame.payload.members.map(({ id }) => id) : frame.type;
}

/** The parts of a token that a text has in it. Nothing of it may be in any; what is short may be there by chance. */
function partsIn(text: string, token: string): string[] {
  return token.split(".").filter((part) => part.length > 12 && text.includes(part));
}

async function statusOf(path: string, token: string): Promise<number> {
  sent.add(token);
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(server.url + path, { headers, redirect: "manual" });
  expect(partsIn(await response.text(), token)).toEqual([]);
  return response.status;
}

describe("a token of the provider", () => {
  test.each(ALGORITHMS)("signed by %s opens a socket and the API", async (alg) => {
    const token = await provider.ring.sign(alg, { ...CLAIMS, can: ["join", "admin"] });
    expect(await verdict(token, `by-${alg}`)).toEqual(["ada"]);
    expect(await statusOf("/rooms", token)).toBe(200);
  });

  test("opens the rooms that it names, and for what it says", async () => {
    const token = await provider.ring.sign("ES256", {
      ...CLAIMS,
      rooms: ["game-*"],
      can: ["join"],
    });
    expect(await verdict(token, "game-1")).toEqual(["ada"]);
    expect(await verdict(token, "other")).toMatch(/may not join this room/);
    expect(await statusOf("/rooms/game-1", token)).toBe(200);
    expect(await statusOf("/rooms/other", token)).toBe(403);
    expect(await statusOf("/rooms/game-1/presences", token)).toBe(403);
  });
});

/** The forgeries of the book, over the wire. */
const FORGERIES: [string, () => Promise<string> | string][] = [
  ["none", () => new UnsecuredJWT(CLAIMS).encode()],
  [
    "HMAC with the public key",
    async () =>
      new SignJWT(CLAIMS)
        .setProtectedHeader({ alg: "HS256", kid: "RS256" })
        .sign(new TextEncoder().encode(await provider.ring.publicText("RS256"))),
  ],
  ["the key of another provider", async () => (await KeyRing.of("RS256")).sign("RS256", CLAIMS)],
  [
    "another issuer",
    () => provider.ring.sign("RS256", { ...CLAIMS, iss: "https://other.example" }),
  ],
  ["another audience", () => provider.ring.sign("RS256", { ...CLAIMS, aud: "other" })],
  ["the future", () => provider.ring.sign("RS256", { ...CLAIMS, nbf: 9_999_999_999 })],
  ["too much to say", () => provider.ring.sign("RS256", { ...CLAIMS, x: "x".repeat(6_500) })],
  ["no form at all", () => "eyJhbGciOiJSUzI1NiJ9.e30"],
];

test.each(FORGERIES)(
  "a token of %s is refused with the same words, and nobody hears",
  async (what, make) => {
    const room = `forged by ${what}`;
    const bystander = await joinAs(server, "bystander", room);
    const token = await make();
    expect(await verdict(token, room)).toBe(INVALID);
    expect(await statusOf(`/rooms/${encodeURIComponent(room)}`, token)).toBe(401);
    await bystander.client.settled();
    expect(bystander.client.frames.unread()).toEqual([]);
  },
);

test("the provider was asked once for all of it, by a key that nobody knows too", async () => {
  await verdict(await provider.ring.sign("RS256", CLAIMS), "warm");
  const before = provider.asked.all.length;
  expect(before).toBe(1);
  const forged = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      provider.ring.sign("ES256", CLAIMS, { kid: `unknown-${index}` }),
    ),
  );
  const verdicts = await Promise.all(forged.map((token) => verdict(token, "flooded")));
  expect(new Set(verdicts)).toEqual(new Set([INVALID]));
  expect(provider.asked.all).toHaveLength(before);
});

test("a service that starts while the provider is down lets nobody in, and all when it is back", async () => {
  const other = await IdentityProvider.start();
  other.failure = (response) => response.writeHead(500).end("down");
  const own = await Server.start({ ...other.vars, PRESENCE_SECRET: SECRET });
  const token = await other.ring.sign("ES256", { ...CLAIMS, can: ["admin"] });
  sent.add(token);
  const headers = { authorization: `Bearer ${token}` };
  const began = Date.now();
  expect((await fetch(`${own.url}/rooms`, { headers })).status).toBe(503);
  // A handshake that fails is one that a client tries again; a close code of the 4000s would be its last.
  const refused = connect(own, "lobby", { token });
  const [, response] = await once(refused.ws, "unexpected-response");
  expect(response).toMatchObject({ statusCode: 503 });
  refused.ws.terminate();
  // Tokens of the secret are good all the while.
  const eve = await joinAs(own, "eve", "lobby");
  other.failure = null;
  await expect
    .poll(async () => (await fetch(`${own.url}/rooms`, { headers })).status, { timeout: 20_000 })
    .toBe(200);
  // Once in five seconds, however many asked meanwhile.
  const most = 1 + (Date.now() - began) / 5_000;
  expect(other.asked.all.length).toBeLessThanOrEqual(most);
  await other.stop();
  // It is down for good now, and its keys are known.
  expect((await fetch(`${own.url}/rooms`, { headers })).status).toBe(200);
  expect(eve.client.frames.unread()).toEqual([]);
  expect(partsIn(own.output, token)).toEqual([]);
  await own.stop();
});

test("whoever comes while the keys are fetched waits for them; who fetched them may be gone", async () => {
  const other = await IdentityProvider.start();
  const waiting = new Inbox<ServerResponse>();
  other.failure = (response) => waiting.push(response);
  const own = await Server.start({ ...other.vars });
  const token = await other.ring.sign("ES256", CLAIMS);
  const first = connect(own, "lobby", { token });
  const response = await waiting.next();
  const rest = Array.from({ length: 15 }, () => connect(own, "lobby", { token }));
  // The one who asked goes away before there is an answer.
  first.ws.terminate();
  const others = Promise.all(rest.map((client) => client.next()));
  response.end(JSON.stringify(await other.ring.published()));
  for (const frame of await others) {
    expect(frame).toMatchObject({ type: "presence", payload: { members: [{ id: "ada" }] } });
  }
  expect(other.asked.all).toHaveLength(1);
  for (const client of rest) client.ws.terminate();
  await own.stop();
  await other.stop();
});

test.each<[string, (response: ServerResponse) => void]>([
  [
    "is sent on to another place",
    (response) => response.writeHead(302, { location: "/more" }).end(),
  ],
  ["gets more than anybody has", (response) => response.end(`{"keys":[${" ".repeat(200_000)}]}`)],
  ["gets no end", (response) => response.write('{"keys":[')],
])("who asks and %s knows within seconds that there are no keys", async (_, failure) => {
  const other = await IdentityProvider.start();
  other.failure = failure;
  const own = await Server.start(other.vars);
  const token = await other.ring.sign("ES256", { ...CLAIMS, can: ["admin"] });
  const headers = { authorization: `Bearer ${token}` };
  const began = Date.now();
  expect((await fetch(`${own.url}/rooms`, { headers })).status).toBe(503);
  expect(Date.now() - began).toBeLessThan(10_000);
  expect(other.asked.all).toEqual(["/keys"]);
  await own.stop();
  await other.stop();
});

test("a refusal is told by a close code too", async () => {
  const client = await enter("nonsense", "closed");
  expect(await client.closeFrames.next()).toEqual({ code: 4001, reason: "unauthorized" });
});

test("unsafe settings were named once, in one structured line, and those of the provider are none", () => {
  const told = server.output.match(/\{"event":"unsafe settings".*\}/g) ?? [];
  expect(told).toHaveLength(1);
  expect(told[0]).toContain("PRESENCE_ORIGINS is *");
  expect(told[0]).not.toMatch(/PRESENCE_ISSUER|PRESENCE_AUDIENCE|LIMITER/);
});

test("nothing that the service said has a part of a token in it", () => {
  expect(server.output).toContain('"event":"socket refused"');
  expect(sent.size).toBeGreaterThan(10);
  for (const token of sent) expect(partsIn(server.output, token)).toEqual([]);
});
