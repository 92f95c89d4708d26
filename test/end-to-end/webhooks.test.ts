/**
 * The webhooks of rooms, from a service as it runs to a server of its own: what arrives, in which
 * order, and what a receiver that fails changes about it.
 */

import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Answer, hang, lost, ok, Receiver, status } from "../support/receiver.ts";
import type { Server } from "../support/server.ts";
import {
  ask,
  come,
  expectLinked,
  expectSameBodies,
  forgotten,
  goodbye,
  PATIENCE,
  roomStats,
  startServer,
  told,
  webhookStatus,
  wordsOf,
} from "../support/webhooks.ts";

/** The last of the rooms may wait for an answer still, and for the next attempt. */
const TEST_MS_MAX = 120_000;

/** The runtime takes an object out of memory after 10 s without work. */
const ASLEEP_AFTER_MS = 12_000;

let receiver: Receiver;
let server: Server;
/** Tells of some rooms and types only, and keeps them longer. */
let choosy: Server;

beforeAll(async () => {
  receiver = await Receiver.start();
  [server, choosy] = await Promise.all([
    startServer(receiver),
    startServer(receiver, {
      PRESENCE_HISTORY: "600",
      PRESENCE_MAX_AGE: "600",
      PRESENCE_WEBHOOK_EVENTS: "presence.*",
      PRESENCE_WEBHOOK_ROOMS: "game-*",
    }),
  ]);
});
afterAll(async () => {
  await Promise.all([server.stop(), choosy.stop()]);
  await receiver.stop();
});

const COMINGS_AND_GOINGS = [
  "room.occupied",
  "member.joined ada",
  "member.joined bob",
  "member.left ada",
  "member.left bob",
  "room.vacated",
];

test("who comes and goes is told in order", async () => {
  const ada = await come(server, "ada", "lobby");
  await told(receiver, "lobby", COMINGS_AND_GOINGS.slice(0, 2));
  const bob = await come(server, "bob", "lobby");
  await goodbye(ada);
  await goodbye(bob);
  await told(receiver, "lobby", COMINGS_AND_GOINGS);
  const { events, calls } = receiver.of("lobby");
  expectLinked(events);
  expectSameBodies(calls.all);
  expect(events.map(({ members }) => members)).toEqual([1, 1, 2, 1, 0, 0]);
  expect(events[3]).toMatchObject({ reason: "left", presentMs: expect.any(Number) });
});

describe("a receiver that", () => {
  test.concurrent.each<[string, Answer]>([
    ["answers-500", status(500)],
    ["redirects", status(302, { location: "/elsewhere" })],
    ["loses-its-answer", lost],
    ["says-when", status(429, { "retry-after": "1" })],
    ["hangs", hang],
  ])("%s gets the same call again, and then what came meanwhile", async (room, answer) => {
    const { calls } = receiver.of(room);
    receiver.of(room).answers = [answer, ok];
    const ada = await come(server, "ada", room);
    await calls.next();
    const bob = await come(server, "bob", room);
    await goodbye(ada);
    await goodbye(bob);
    await told(receiver, room, COMINGS_AND_GOINGS);
    const [first, second] = calls.all;
    expect([second?.id, second?.text]).toEqual([first?.id, first?.text]);
    expectLinked(receiver.of(room).events);
    expectSameBodies(calls.all);
  });

  test.concurrent("fails is named in the stats, and not where it is", async () => {
    receiver.of("failing").answers = [status(503)];
    const ada = await come(server, "ada", "failing");
    await receiver.of("failing").calls.next();
    await vi.waitFor(async () => {
      expect(await webhookStatus(server, "failing")).toEqual({
        pending: 2,
        failures: 1,
        lastError: "the receiver answered 503",
        nextAttemptAt: expect.any(Number),
      });
    }, PATIENCE);
    expect(server.output).toContain("webhook not delivered");
    expect(server.output).not.toContain("a-private-path");
    receiver.of("failing").answers = [ok];
    await vi.waitFor(async () => {
      expect(await webhookStatus(server, "failing")).toEqual({ pending: 0, failures: 0 });
    }, PATIENCE);
    await goodbye(ada);
  });
});

test("undelivered events outlive the log and the room's emptiness", async () => {
  // The first wait alone is longer than either is kept.
  receiver.of("empty").answers = [status(500), ok];
  await goodbye(await come(server, "ada", "empty"));
  await told(receiver, "empty", [
    "room.occupied",
    "member.joined ada",
    "member.left ada",
    "room.vacated",
  ]);
  expectLinked(receiver.of("empty").events);
  expect(receiver.of("empty").calls.all.length).toBeGreaterThan(1);
});

test("only rooms and types that are selected are told", async () => {
  await come(choosy, "ada", "hall");
  const eve = await come(choosy, "eve", "game-1");
  await told(receiver, "game-1", ["presence.joined eve"]);
  await goodbye(eve);
  await told(receiver, "game-1", ["presence.joined eve", "presence.left eve"]);
  expectLinked(receiver.of("game-1").events);
  expect(receiver.of("hall").calls.all).toEqual([]);
  expect(await webhookStatus(choosy, "hall")).toBeUndefined();
  expect(await ask(choosy, "POST", "/rooms/hall/webhooks/replay")).toMatchObject({
    error: { code: "no_webhook" },
  });
});

test("a replay sends what is kept once more, with other ids of calls", async () => {
  const path = "/rooms/game-2/webhooks/replay";
  await come(choosy, "ada", "game-2");
  await come(choosy, "bob", "game-2");
  const words = ["presence.joined ada", "presence.joined bob"];
  await told(receiver, "game-2", words);
  const { calls, events } = receiver.of("game-2");
  const before = calls.all.map(({ id }) => id);

  expect(await ask(choosy, "POST", path)).toEqual({ events: 2 });
  const all = await calls.until(({ id }) => id.endsWith("_r1"));
  expect(wordsOf(all.body.data.events)).toEqual(words);
  expect(all.body.data.events).toEqual(events);
  expect(before).not.toContain(all.id);

  const after = events[0]?.rev;
  expect(await ask(choosy, "POST", path, { after })).toEqual({ events: 1 });
  const rest = await calls.until(({ id }) => id.endsWith("_r2"));
  expect(wordsOf(rest.body.data.events)).toEqual(["presence.joined bob"]);

  const from = Date.now() + 60_000;
  expect(await ask(choosy, "POST", path, { from })).toEqual({ events: 0 });
  expect(await ask(choosy, "POST", path, { after: "other:1" })).toMatchObject({
    error: { code: "history_gone" },
  });
});

test("webhooks that arrive cost no row", async () => {
  // The same happens in two rooms of one service, of which one sends webhooks.
  for (const [index, id] of ["ada", "bob", "eve"].entries()) {
    // One after the other: each is a row of the log by itself.
    // oxlint-disable-next-line no-await-in-loop
    await Promise.all([come(choosy, id, "game-rows"), come(choosy, id, "hall-rows")]);
    // oxlint-disable-next-line no-await-in-loop
    await vi.waitFor(() => {
      expect(receiver.of("game-rows").events.length).toBe(index + 1);
    }, PATIENCE);
  }
  await goodbye(await come(choosy, "zoe", "game-rows"));
  await goodbye(await come(choosy, "zoe", "hall-rows"));
  await vi.waitFor(() => expect(receiver.of("game-rows").events.length).toBe(5), PATIENCE);
  await vi.waitFor(async () => {
    expect(await webhookStatus(choosy, "game-rows")).toEqual({ pending: 0, failures: 0 });
  }, PATIENCE);
  const sent = await roomStats(choosy, "game-rows");
  const silent = await roomStats(choosy, "hall-rows");
  expect(sent.rowsWritten).toBe(silent.rowsWritten);
  expect(receiver.of("game-rows").calls.all.length).toBeGreaterThanOrEqual(4);
});

test(
  "a room that slept goes on where it was, and repeats nothing",
  async () => {
    const ada = await come(choosy, "ada", "game-asleep");
    await told(receiver, "game-asleep", ["presence.joined ada"]);
    const { calls } = receiver.of("game-asleep");
    await vi.waitFor(async () => {
      expect(await webhookStatus(choosy, "game-asleep")).toEqual({ pending: 0, failures: 0 });
    }, PATIENCE);
    const before = calls.all.length;
    // It is the passing of time that puts the room to sleep.
    await delay(ASLEEP_AFTER_MS);
    await come(choosy, "bob", "game-asleep");
    await told(receiver, "game-asleep", ["presence.joined ada", "presence.joined bob"]);
    expect(calls.all.length).toBe(before + 1);
    await goodbye(ada);
  },
  TEST_MS_MAX,
);

test(
  "in the end nothing of a room is stored, once its log has run out",
  async () => {
    await forgotten(server);
    expect(await server.tables()).toEqual([]);
  },
  TEST_MS_MAX,
);
