/**
 * Webhooks over days, with a clock that the tests move; what they cost each commit; and that nobody is told where
 * they go. The service sends `room.*` to a receiver that is a Worker of its own.
 */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { rooms } from "../../src/api/rooms.ts";
import { call, roomPath } from "../support/http.ts";
import { bindings, NOTHING } from "../support/objects.ts";
import { planReceiver, takeCalls } from "../support/remote-receiver.ts";
import { advance, inRoom, ring, storageOf } from "../support/room.ts";
import { newRoom, openAs } from "../support/socket.ts";

const HOUR = 3_600;

/** For what is under way, on a busy machine. */
const PATIENCE = { timeout: 10_000, interval: 10 };

beforeEach(async () => {
  await planReceiver({ answer: 204 });
  await takeCalls();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Somebody who stays for so many seconds without a sign of life. */
async function comes(room: string, channel: string, ttl: number): Promise<void> {
  await rooms(bindings).add(room, channel, { id: channel }, { ttl });
}

async function webhookOf(room: string) {
  return (await rooms(bindings).get(room).stats()).webhook;
}

/** Waits until an attempt failed: how many did so far. */
function failed(room: string, failures: number): Promise<void> {
  return vi.waitFor(
    async () => expect(await webhookOf(room)).toMatchObject({ failures }),
    PATIENCE,
  );
}

function delivered(room: string): Promise<void> {
  return vi.waitFor(async () => {
    expect(await webhookOf(room)).toEqual({ pending: 0, failures: 0 });
  }, PATIENCE);
}

/** The types that came since the last time, call by call. */
async function typesTold(): Promise<string[][]> {
  return (await takeCalls()).map(({ body }) => body.data.events.map(({ type }) => type));
}

/** Waits for the next calls. */
async function nextTold(): Promise<string[][]> {
  const told: string[][] = [];
  await vi.waitFor(async () => {
    told.push(...(await typesTold()));
    expect(told).not.toEqual([]);
  }, PATIENCE);
  return told;
}

function forgotten(room: string): Promise<void> {
  return vi.waitFor(async () => {
    await ring(room);
    expect(await storageOf(room)).toEqual(NOTHING);
  }, PATIENCE);
}

describe("an event that does not arrive", () => {
  test("is tried for 72 hours and no longer, and the events behind it are sent", async () => {
    const room = newRoom();
    advance(HOUR);
    await planReceiver({ answer: 500 });
    await comes(room, "bot", 24 * HOUR);
    await failed(room, 1);
    advance(25 * HOUR);
    await ring(room);
    await failed(room, 2);
    advance(46 * HOUR);
    await ring(room);
    await failed(room, 3);
    expect(await typesTold()).toEqual([["room.occupied"], ["room.occupied"], ["room.occupied"]]);

    await planReceiver({ answer: 204 });
    advance(HOUR + 60);
    await ring(room);
    expect(await nextTold()).toEqual([["room.vacated"]]);
    await forgotten(room);
  });

  test("is kept for 72 hours, though the log is kept for two minutes and nobody is there", async () => {
    const room = newRoom();
    advance(HOUR);
    await planReceiver({ answer: 500 });
    await comes(room, "bot", 60);
    await failed(room, 1);
    advance(HOUR);
    await ring(room);
    await failed(room, 2);
    advance(70 * HOUR);
    await ring(room);
    await failed(room, 3);
    await planReceiver({ answer: 204 });
    await takeCalls();
    advance(HOUR / 2);
    await ring(room);
    // In batches that end where the first attempt ended.
    await delivered(room);
    expect(await typesTold()).toEqual([["room.occupied"], ["room.vacated"]]);
    await forgotten(room);
  });

  test("leaves nothing behind when it is too old", async () => {
    const room = newRoom();
    advance(HOUR);
    await planReceiver({ answer: 500 });
    await comes(room, "bot", 60);
    await failed(room, 1);
    advance(HOUR);
    await ring(room);
    await failed(room, 2);
    advance(73 * HOUR);
    await takeCalls();
    await forgotten(room);
    expect(await takeCalls()).toEqual([]);
  });
});

/** Rows that a room reads from now on: its own rows, whoever asks for them. */
async function readsOf(room: string): Promise<{ rows: number }> {
  const counted = { rows: 0 };
  await inRoom(room, (_, { storage: { kv } }) => {
    const list = kv.list.bind(kv);
    Object.defineProperty(kv, "list", {
      configurable: true,
      value: function* count(options: SyncKvListOptions) {
        for (const row of list(options)) {
          counted.rows += 1;
          yield row;
        }
      },
    });
  });
  return counted;
}

/** The most rows that one commit reads, in so many comings and goings. */
async function rowsOfVisits(room: string, visits: number): Promise<number> {
  const reads = await readsOf(room);
  let most = 0;
  for (let visit = 0; visit < visits; visit += 1) {
    for (const step of ["add", "remove"] as const) {
      const before = reads.rows;
      // oxlint-disable-next-line no-await-in-loop
      await rooms(bindings)[step](room, `visitor-${visit}`);
      most = Math.max(most, reads.rows - before);
    }
  }
  return most;
}

describe("in a long log of which few events are sent", () => {
  /** Each is two records of more than 100 characters: altogether many rows. */
  const VISITS = 250;
  const ROWS_MAX = 8;

  test.each([
    ["arrives", 204],
    ["fails", 500],
    ["is not wanted", 410],
  ])(
    "a commit reads no more than what is new, where what was sent %s",
    { timeout: 120_000 },
    async (_, answer) => {
      const room = newRoom();
      await planReceiver({ answer });
      await comes(room, "bot", HOUR);
      await (answer === 204 ? delivered(room) : failed(room, 1));
      expect(await rowsOfVisits(room, VISITS)).toBeLessThanOrEqual(ROWS_MAX);
      const parts = await inRoom(room, (__, { storage }) => [
        ...storage.kv.list({ prefix: "log:" }),
      ]);
      expect(parts.length).toBeGreaterThan(ROWS_MAX);
    },
  );
});

test("whoever is there hears of a change, though its webhook cannot be read from storage", async () => {
  const room = newRoom();
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  const ada = await openAs("ada", room, { query: { view: "diff" } });
  await comes(room, "bot", HOUR);
  await ada.frames.until((frame) => JSON.stringify(frame).includes('"joins":[{"channel":"bot"'));
  await delivered(room);
  let hasFailed = false;
  await inRoom(room, (_, { storage: { kv } }) => {
    const list = kv.list.bind(kv);
    const fail = () => {
      Object.defineProperty(kv, "list", { configurable: true, value: list });
      hasFailed = true;
      throw new Error("the disk is full");
    };
    Object.defineProperty(kv, "list", { configurable: true, value: fail });
  });
  await rooms(bindings).remove(room, "bot");
  await ada.frames.until((frame) => JSON.stringify(frame).includes('"leaves":[{"channel":"bot"'));
  expect(hasFailed).toBe(true);
  expect(String(error.mock.calls)).toContain("webhooks could not be sent");
  ada.ws.close(1000);
  await vi.waitFor(async () => {
    await ring(room);
    expect((await typesTold()).flat()).toContain("room.vacated");
  }, PATIENCE);
});

describe("where webhooks go, and what signs them", () => {
  const SECRETS = [
    "a-private-path",
    "receiver.test",
    (env.PRESENCE_WEBHOOK_SECRET ?? "").slice("whsec_".length),
  ];

  function expectNoneIn(text: string): void {
    for (const secret of SECRETS) expect(text).not.toContain(secret);
  }

  test.each([500, 302, 410, 429, undefined])(
    "is in no line, no error and no answer, whatever the receiver does: %s",
    async (answer) => {
      const lines: string[] = [];
      for (const level of ["log", "info", "warn", "error", "debug"] as const) {
        vi.spyOn(console, level).mockImplementation((...args) => {
          lines.push(args.map((arg) => (arg instanceof Error ? arg.stack : String(arg))).join(" "));
        });
      }
      const room = newRoom();
      // Without an answer: it cuts the line each time, or answers something else that is no success.
      await planReceiver(answer === undefined ? { failing: 1, seed: 11 } : { answer });
      const ada = await openAs("ada", room, { query: { view: "diff" } });
      await failed(room, 1);
      const answers = await Promise.all([
        call("POST", "/webhooks/test"),
        call("GET", `${roomPath(room)}/stats`),
        call("POST", `${roomPath(room)}/webhooks/replay`, { body: { after: "other:1" } }),
        call("POST", `${roomPath(room)}/webhooks/replay`, { body: { from: -1 } }),
        call("POST", `${roomPath(room)}/webhooks/replay`, { body: {} }),
        call("POST", "/webhooks/test", { claims: null }),
        call("POST", "/webhooks/test", { claims: { rooms: ["other"] } }),
        call("GET", "/openapi.json"),
        call("GET", "/healthz"),
      ]);
      for (const { body, headers } of answers) {
        expectNoneIn(JSON.stringify([body, [...headers]]));
      }
      expectNoneIn(JSON.stringify(ada.frames.all));
      expect(lines.join("\n")).toContain("webhook not delivered");
      expectNoneIn(lines.join("\n"));
    },
  );

  test.each([
    ["an address that is none", { PRESENCE_WEBHOOK_URL: "a-private-path" }],
    ["one without TLS", { PRESENCE_WEBHOOK_URL: "http://receiver.test/a-private-path" }],
    ["one with a user", { PRESENCE_WEBHOOK_URL: "https://a-private-path:x@receiver.test/" }],
    ["a secret that is none", { PRESENCE_WEBHOOK_SECRET: "a-private-path" }],
    ["one that is too short", { PRESENCE_WEBHOOK_SECRET: "whsec_cmVjZWl2ZXIudGVzdA==" }],
    ["no log", { PRESENCE_HISTORY: "0" }],
  ])("is not in the refusal of %s", async (_, variables) => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    const { status, body } = await call("GET", "/rooms", { variables });
    expect(status).toBe(503);
    const words = JSON.stringify([body, error.mock.calls]);
    expect(words).toContain(Object.keys(variables)[0]);
    expectNoneIn(words);
    expect(words).not.toContain("cmVjZWl2ZXIudGVzdA");
  });
});
