/**
 * Everything that strangers send and that is refused, one row each: requests.ts and frames.ts are meant to be read
 * from top to bottom. Whatever the row, no answer is a failure of ours, what the edge can refuse reaches no object,
 * and a bystander notices nothing. What only raw TCP can say is in raw.ts, for outside/raw.test.ts.
 */

import { evictAllDurableObjects } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { SignJWT } from "jose";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Frame } from "../../support/listener.ts";
import { firstFrames, newRoom, openAs, TestSocket, tokenFor } from "../../support/socket.ts";
import { constructedInAll } from "../../support/worker.ts";
import { FRAMES } from "../frames.ts";
import { BAD_TOKENS, EXPIRED_TOKEN, REQUESTS, type TokenRow, UPGRADES } from "../requests.ts";

const ORIGIN = "https://presence.test";

let bystander: TestSocket;
beforeAll(async () => {
  bystander = await openAs("bystander", "a room of bystanders", { query: { view: "diff" } });
  await firstFrames(bystander);
});

function base64url(text: string): string {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Signed by hand where a library would refuse to: always HMAC with SHA-256, whatever the header says. */
async function mint({
  claims,
  header = { alg: "HS256" },
  secret,
  text,
}: TokenRow): Promise<string> {
  if (text !== undefined) return text;
  const content = [header, claims].map((part) => base64url(JSON.stringify(part))).join(".");
  const hash = /^HS(\d+)$/.exec(String(header["alg"]))?.[1] ?? "256";
  const raw = new TextEncoder().encode(secret ?? env.PRESENCE_SECRET);
  if (raw.length === 0) return `${content}.`;
  const algorithm = { name: "HMAC", hash: `SHA-${hash}` };
  const key = await crypto.subtle.importKey("raw", raw, algorithm, false, ["sign"]);
  const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(content));
  return `${content}.${base64url(String.fromCharCode(...new Uint8Array(signature)))}`;
}

/** What came back, in the words of the tables. */
async function answerOf(response: Response): Promise<string> {
  const { status, webSocket } = response;
  if (webSocket) {
    const socket = new TestSocket(webSocket, new AbortController());
    const first = await socket.next();
    if (first === "heartbeat" || first.type !== "error") return "let in";
    expect(first.message).toMatch(/\w+ \w+/);
    const { code, reason } = await socket.closes.next();
    expect(reason).toBe(first.code);
    return `${code} ${first.code}`;
  }
  const text = await response.text();
  expect(text).not.toMatch(/Error\b|\n|\.[tj]s\b|undefined|\[object/);
  if (status < 300 || text === "") return String(status);
  const { error } = JSON.parse(text);
  expect(error.message).toMatch(/\w/);
  expect(Object.keys(error)).toEqual(["code", "message"]);
  return `${status} ${error.code}`;
}

/** Asks, and makes sure that no object was made for it and that the bystander heard nothing. */
async function refusalOf(request: Request): Promise<string> {
  const before = constructedInAll();
  const answer = await answerOf(await exports.default.fetch(request));
  expect(constructedInAll()).toBe(before);
  expect(await bystander.heard()).toEqual([]);
  return answer;
}

/** A row's `{room}` is a room of its own. */
function filled(room: string, value: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value).replaceAll("{room}", room));
}

describe("what the edge refuses", () => {
  // Asleep, whoever is reached must be constructed.
  beforeEach(() => evictAllDurableObjects());

  test("a request that is let through does construct an object", async () => {
    const before = constructedInAll();
    const authorization = `Bearer ${await tokenFor("server", { can: ["admin"] })}`;
    await exports.default.fetch(`${ORIGIN}/rooms/${newRoom()}`, { headers: { authorization } });
    expect(constructedInAll()).toBe(before + 1);
  });

  test("tokens are signed by these tests as the library does it", async () => {
    const claims = { sub: "ada" };
    const header = { alg: "HS256" };
    const key = new TextEncoder().encode(env.PRESENCE_SECRET);
    expect(await mint({ claims, header })).toBe(
      await new SignJWT(claims).setProtectedHeader(header).sign(key),
    );
  });

  test.each(BAD_TOKENS)("a token of %s over HTTP: 401 unauthorized", async (_what, row) => {
    const headers = { authorization: `Bearer ${await mint(row)}` };
    const request = new Request(`${ORIGIN}/rooms/${newRoom()}`, { headers });
    expect(await refusalOf(request)).toBe("401 unauthorized");
  });

  test.each(BAD_TOKENS)("a token of %s to a socket: 4001 unauthorized", async (_what, row) => {
    const query = new URLSearchParams({ token: await mint(row) });
    const url = `${ORIGIN}/rooms/${newRoom()}/ws?${query.toString()}`;
    const request = new Request(url, { headers: { upgrade: "websocket" } });
    expect(await refusalOf(request)).toBe("4001 unauthorized");
  });

  test("a token that has run out is 401 over HTTP, and 4101 to a socket", async () => {
    const token = await mint(EXPIRED_TOKEN);
    const room = `${ORIGIN}/rooms/${newRoom()}`;
    const call = new Request(room, { headers: { authorization: `Bearer ${token}` } });
    expect(await refusalOf(call)).toBe("401 unauthorized");
    const url = `${room}/ws?${new URLSearchParams({ token }).toString()}`;
    const upgrade = new Request(url, { headers: { upgrade: "websocket" } });
    expect(await refusalOf(upgrade)).toBe("4101 token_expired");
  });

  test.each(REQUESTS)("%s: %s", async (_what, asked, options, answer) => {
    const room = newRoom();
    const { claims = { sub: "server", can: ["admin"] }, headers = {}, body } = options;
    const [method = "", path = ""] = asked.replaceAll("{room}", room).split(" ");
    const sub = String(claims?.["sub"]);
    const token = claims && (await tokenFor(sub, filled(room, claims)));
    const request = new Request(ORIGIN + path, {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
    expect(await refusalOf(request)).toBe(answer);
  });

  test.each(UPGRADES)("a socket: %s: %s", async (_what, asked, options, answer) => {
    const room = newRoom();
    const { claims = { sub: "ada" }, headers = {} } = options;
    const token = await tokenFor("ada", filled(room, claims));
    const path = asked.replaceAll("{room}", room).replaceAll("{token}", token);
    const request = new Request(ORIGIN + path, { headers: { upgrade: "websocket", ...headers } });
    expect(await refusalOf(request)).toBe(answer);
  });
});

/** What the sender and a bystander of the same room heard after a frame, in the words of the table. */
async function answerToFrame(frame: string | Uint8Array): Promise<string> {
  const room = newRoom();
  const ada = await openAs("ada", room, { query: { view: "diff" } });
  await firstFrames(ada);
  const mallory = await openAs("mallory", room, { query: { view: "diff" } });
  const { channel = "" } = (await firstFrames(mallory)).welcome;
  await ada.nextOf("diff");
  await evictAllDurableObjects();
  mallory.ws.send(frame);
  // It answers after the frame or, where it was closed for it, not at all.
  const answered = mallory.handled().catch(() => {});
  await Promise.race([answered, mallory.closes.next()]);
  const seen = await ada.heard();
  const [said] = errorsOf(mallory);
  const [close] = mallory.closes.all;
  const { presences } = (await firstFramesOf(room)).sync;
  expect(presences.map(({ user }) => user?.id)).toEqual(["ada", "mallory"]);
  if (!close) await mallory.beat();
  expect(mallory.closes.all).toEqual(close ? [close] : []);
  const refused = said && /\w+ \w+/.test(said.message) ? [said.code] : [];
  const closed = close ? [String(close.code)] : [];
  return [...refused, ...closed, ...seen.map((one) => newsOf(one, channel))].join(" ") || "silence";
}

/** What a frame says of that channel, if it says nothing else. */
function newsOf(frame: Frame, channel: string): string {
  if (frame !== "heartbeat" && frame.type === "diff") {
    const [update, ...more] = frame.updates;
    const isAlone = more.length + frame.joins.length + frame.leaves.length === 0;
    if (isAlone && update?.channel === channel) return `state ${JSON.stringify(update.state)}`;
  }
  if (frame !== "heartbeat" && frame.type === "messages") {
    const [message, ...more] = frame.messages;
    const from = JSON.stringify(message?.from);
    if (more.length === 0 && from === JSON.stringify({ channel, user: { id: "mallory" } })) {
      return `message ${JSON.stringify(message?.payload)}`;
    }
  }
  return JSON.stringify(frame);
}

function errorsOf(socket: TestSocket) {
  return socket.frames.all.flatMap((frame) =>
    frame !== "heartbeat" && frame.type === "error" ? [frame] : [],
  );
}

/** Who a newcomer is told is there: looks in without being in the room. */
async function firstFramesOf(room: string) {
  return firstFrames(await openAs("watcher", room, { query: { view: "diff", watch: "1" } }));
}

test.each(FRAMES)("a frame: %s", async (_what, frame, answer) => {
  expect(await answerToFrame(frame)).toBe(answer);
});
