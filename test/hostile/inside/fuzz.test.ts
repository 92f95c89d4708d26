/**
 * Tens of thousands of frames and requests that nobody has thought of, from a fixed seed: whatever they are, they are
 * refused in words, reach no object that need not be reached, and change nothing for anybody. To replay a failure, put
 * the `seed` and the `path` that it prints into `REPLAY`.
 */

import { evictAllDurableObjects } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { ANY_SEGMENT, type Operation, OPERATIONS } from "../../../src/http/operations.ts";
import { firstFrames, newRoom, openAs, type TestSocket, tokenFor } from "../../support/socket.ts";
import { constructedInAll } from "../../support/worker.ts";

const SEED = 20_261_128;
const REPLAY: { readonly seed?: number; readonly path?: string } = {};

/** Together 20,000 frames: so many batches of so many, each batch over one socket. */
const BATCHES = 100;
const BATCH = 200;
const REQUESTS = 6_000;
const PATIENCE_MS = 120_000;

const parameters = { seed: SEED, endOnFailure: true, ...REPLAY };

// Frames

const words = ["state", "message", "sync", "leave", "heartbeat", "type", "payload", "__proto__"];

/** JSON that is nearly a frame: the right keys with anything in them, or anything with the right keys. */
const nearFrame = fc
  .record(
    {
      type: fc.oneof(fc.constantFrom(...words), fc.jsonValue()),
      state: fc.jsonValue(),
      payload: fc.jsonValue(),
      from: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  .map((frame) => JSON.stringify(frame));

/** A good frame in which some characters are others, are missing, or are there twice. */
const brokenFrame = fc
  .record({
    text: fc.constantFrom(
      '{"type":"state","state":{"x":1}}',
      '{"type":"message","payload":"hello"}',
      '{"type":"sync"}',
      '{"type":"leave"}',
      '"heartbeat"',
    ),
    at: fc.nat(40),
    length: fc.nat(4),
    instead: fc.string({ unit: "binary", maxLength: 4 }),
  })
  .map(({ text, at, length, instead }) => text.slice(0, at) + instead + text.slice(at + length));

const anyFrame: fc.Arbitrary<string | Uint8Array<ArrayBuffer>> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(...Array.from('{}[]":,\\u0019.eE+-nltrf')), maxLength: 60 }),
  fc.json(),
  nearFrame,
  brokenFrame,
  fc.uint8Array({ maxLength: 60 }).map((bytes) => new Uint8Array(bytes)),
);

/** Whether a frame is one of those that do something: the others must do nothing. Says it in other words than the product. */
function isGood(frame: string | Uint8Array): boolean {
  if (typeof frame !== "string") return false;
  try {
    const value: unknown = JSON.parse(frame);
    if (value === "heartbeat") return true;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    const { type } = { type: undefined, ...value };
    return (
      type === "sync" ||
      type === "leave" ||
      (type === "state" && Object.hasOwn(value, "state")) ||
      (type === "message" && Object.hasOwn(value, "payload"))
    );
  } catch {
    return false;
  }
}

const badFrames = fc.array(
  anyFrame.filter((frame) => !isGood(frame)),
  { minLength: BATCH, maxLength: BATCH },
);

async function joined(room: string, sub: string) {
  const socket = await openAs(sub, room, { query: { view: "diff" } });
  const { welcome } = await firstFrames(socket);
  return { socket, channel: welcome.channel };
}

test(
  `${BATCHES * BATCH} bad frames, seed ${SEED}`,
  async () => {
    const room = newRoom();
    const { socket: ada } = await joined(room, "ada");
    const { socket: mallory, channel } = await joined(room, "mallory");
    await ada.nextOf("diff");
    let turn = 0;
    const batch = fc.asyncProperty(badFrames, async (frames) => {
      turn += 1;
      const before = mallory.frames.all.length;
      for (const frame of frames) mallory.ws.send(frame);
      mallory.send({ type: "state", state: turn });
      await mallory.handled();
      const heard = await ada.heard();
      expect(mallory.closes.all).toEqual([]);
      expect(heard).toMatchObject([
        { type: "diff", joins: [], leaves: [], updates: [{ channel, state: turn }] },
      ]);
      const answers = mallory.frames.all.slice(before).map(codeOf);
      const refused = answers.filter((code) => code !== null);
      expect(refused).toEqual(frames.map(() => "bad_frame"));
    });
    await fc.assert(batch, { ...parameters, numRuns: BATCHES });
    const { sync } = await firstFrames(
      await openAs("newcomer", room, { query: { view: "diff", watch: "1" } }),
    );
    expect(sync.presences).toMatchObject([
      { user: { id: "ada" } },
      { channel, user: { id: "mallory" }, state: turn },
    ]);
  },
  PATIENCE_MS,
);

function codeOf(frame: TestSocket["frames"]["all"][number]): string | null {
  return frame !== "heartbeat" && frame.type === "error" ? frame.code : null;
}

// Requests

const ORIGIN = "https://presence.test";
/** Rooms that the token of a request may be for. */
const OWN = "fuzz-";

const operations = Object.values<Operation>(OPERATIONS);

const segment = fc.oneof(
  fc
    .string({ unit: "binary", maxLength: 20 })
    .map((text) => encodeURIComponent(text.toWellFormed())),
  fc.string({ unit: fc.constantFrom(...Array.from("%0123456789abcdefABCDEF")), maxLength: 20 }),
  fc
    .uint8Array({ maxLength: 20 })
    .map((bytes) => Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")),
  fc.nat(300).map((length) => "x".repeat(length)),
  { weight: 4, arbitrary: fc.nat(9).map((digit) => `${OWN}${digit}`) },
);

const query = fc
  .dictionary(
    fc.constantFrom(
      "prefix",
      "limit",
      "cursor",
      "view",
      "watch",
      "channel",
      "resume",
      "token",
      "since",
      "welcome",
      "after",
      "from",
      "to",
      "at",
      "types",
      "user",
      "x",
    ),
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 30 }),
      fc.nat(2_000).map(String),
      fc.base64String(),
    ),
    { maxKeys: 3 },
  )
  .map((pairs) => new URLSearchParams(pairs).toString());

const FIELDS = [
  "user",
  "payload",
  "state",
  "ttl",
  "after",
  "from",
  "age",
  "cursor",
  "__proto__",
  "constructor",
];

const body = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom("", "{}", '{"user":{"id":"bot"}}', '{"payload":1}', '{"state":1}'),
  },
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.json(),
  fc
    .dictionary(
      fc.constantFrom(...FIELDS),
      fc.oneof(fc.jsonValue(), fc.record({ id: fc.jsonValue() }), fc.double()),
      { maxKeys: 2 },
    )
    .map((fields) => JSON.stringify(fields)),
);

const request = fc.record({
  operation: fc.constantFrom(...operations),
  method: fc.oneof(
    { weight: 5, arbitrary: fc.constant(null) },
    fc.constantFrom("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"),
  ),
  name: segment,
  channel: segment,
  query,
  body,
  contentType: fc.constantFrom(
    "application/json",
    "application/json",
    "application/json; charset=x",
    "text/plain",
    "",
    "\u00ff/json",
  ),
  token: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom("own", "own", "own", "own", "none", "user") },
    fc.string({ unit: "grapheme-ascii" }),
  ),
  isUpgrade: fc.constantFrom(true, false, false, false),
});

type Fuzzed = typeof request extends fc.Arbitrary<infer Value> ? Value : never;

let bystander: TestSocket;
const tokens = new Map<string, string>();
beforeAll(async () => {
  bystander = await openAs("bystander", "a room of nobody else's", { query: { view: "diff" } });
  await firstFrames(bystander);
  tokens.set("own", await tokenFor("server", { can: ["admin"], rooms: [`${OWN}*`] }));
  tokens.set("user", await tokenFor("ada"));
});

/** Nothing where the platform itself would not send it. */
function requestOf(fuzzed: Fuzzed): Request | null {
  const { operation, name, channel, body: content, contentType, isUpgrade, token } = fuzzed;
  const path = operation.path
    .replaceAll(ANY_SEGMENT, "")
    .replace(":name", () => name)
    .replace(":channel", () => channel);
  const method = fuzzed.method ?? operation.method.toUpperCase();
  const isBodiless = method === "GET" || method === "HEAD" || isUpgrade;
  try {
    return new Request(`${ORIGIN}${path}?${fuzzed.query}`, {
      method: isUpgrade ? "GET" : method,
      headers: {
        ...(token === "none" ? {} : { authorization: `Bearer ${tokens.get(token) ?? token}` }),
        ...(isBodiless ? {} : { "content-type": contentType }),
        ...(isUpgrade ? { upgrade: "websocket" } : {}),
      },
      ...(isBodiless ? {} : { body: content }),
    });
  } catch {
    return null;
  }
}

/** Says goodbye, and waits until the room has told everybody whom it must tell. */
async function leave(ws: WebSocket): Promise<void> {
  const closed = new Promise((resolve) => {
    ws.addEventListener("close", resolve);
  });
  ws.send('{"type":"leave"}');
  await closed;
  await evictAllDurableObjects();
}

/** Whether all that a socket was opened for was to say why it may not stay. One that may leaves again. */
async function isTurnedAway(ws: WebSocket): Promise<boolean> {
  ws.accept();
  const first = await new Promise<string>((resolve) => {
    ws.addEventListener("message", ({ data }) => resolve(String(data)));
  });
  if (first.startsWith('{"type":"error"')) return true;
  await leave(ws);
  return false;
}

const REFUSED = new Set([400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 426]);

/** What is wrong with an answer over HTTP: a refusal has a status of these, a code and words. */
function problemIn(status: number, text: string): string | null {
  if (status < 400) return null;
  if (!REFUSED.has(status)) return "no status of a refusal";
  return /^\{"error":\{"code":"\w+","message":".*\w.*"\}\}$/.test(text) ? null : text;
}

test(
  `${REQUESTS} requests, seed ${SEED}`,
  async () => {
    const statuses = new Map<number, number>();
    await evictAllDurableObjects();
    let turn = 0;
    const one = fc.asyncProperty(request, async (fuzzed) => {
      const asked = requestOf(fuzzed);
      if (!asked) return;
      const before = constructedInAll();
      const response = await exports.default.fetch(asked);
      const { status, webSocket } = response;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const isRefused = webSocket ? await isTurnedAway(webSocket) : status >= 400;
      const text = webSocket ? "" : await response.text();
      expect([status, problemIn(status, text)]).toEqual([status, null]);
      // Whether a channel is anywhere, only an object can know.
      const isFree = isRefused && status !== 404;
      expect([fuzzed, isFree ? constructedInAll() : before]).toEqual([fuzzed, before]);
      turn += 1;
      if (turn % 100 !== 0) return;
      expect(await bystander.heard()).toEqual([]);
      await evictAllDurableObjects();
    });
    await fc.assert(one, { ...parameters, numRuns: REQUESTS });
    // Of every kind there was something, or it was not looked for.
    for (const status of [101, 200, 201, 202, 400, 401, 403, 405, 415, 422]) {
      expect([status, statuses.get(status) ?? 0]).not.toEqual([status, 0]);
    }
  },
  PATIENCE_MS,
);
