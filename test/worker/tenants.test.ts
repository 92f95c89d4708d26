/**
 * Two tenants with one service: the tokens of one are for rooms `a-*`, those of the other for `b-*`. Whatever the
 * one does, by whichever call, socket or frame, it sees and changes nothing of the other. Generated from the
 * operations, so that a new call is tested before anybody thinks of it.
 */

import { beforeEach, describe, expect, test } from "vitest";
import { ACTIONS } from "../../src/core/claims.ts";
import { type Operation, OPERATIONS } from "../../src/http/operations.ts";
import {
  call,
  type CallOptions,
  channelPath,
  pathOf,
  presencePath,
  roomPath,
} from "../support/http.ts";
import { roomOf } from "../support/objects.ts";
import { evict } from "../support/room.ts";
import { firstFrames, newRoom, open, openAs, type TestSocket } from "../support/socket.ts";

const DIFF = { query: { view: "diff" } };
const A = { rooms: ["a-*"] };
const B = { rooms: ["b-*"] };

const operations = Object.entries<Operation>(OPERATIONS).filter(([, { needs }]) => needs !== null);
/** What a call needs to do all that it can: the others need nothing. */
const BODIES: Partial<Record<string, object>> = {
  sendMessage: { payload: "from the other tenant" },
  addPresence: { user: { id: "mallory" } },
  pruneRoom: { age: 0 },
  prunePresences: { age: 0 },
  pruneRooms: {},
};

/** All subsets of what a token can. */
const POWERS = Array.from({ length: 2 ** ACTIONS.length }, (_, bits) =>
  ACTIONS.filter((_action, index) => (bits & (2 ** index)) !== 0),
);

let turn = 0;
let aRoom: string;
let bRoom: string;
/** Bob of tenant B, in view `diff`. */
let bob: TestSocket;
let bobs: { channel: string; resume: string };
let bot: string;
let kept: unknown;

beforeEach(async () => {
  turn += 1;
  [aRoom, bRoom, bot] = [`a-${turn}`, `b-${turn}`, `bot of b-${turn}`];
  bob = await openAs("bob", bRoom, { ...DIFF, claims: B });
  const { channel = "", resume = "" } = (await firstFrames(bob)).welcome;
  bobs = { channel, resume };
  await call("PUT", presencePath(bRoom, bot), { claims: B, body: { user: { id: "bot" } } });
  await bob.heard();
  kept = await allOfB();
});

/** All that a server of tenant B can see of its rooms; times go on by themselves. */
async function allOfB(): Promise<unknown> {
  const { body } = await call("GET", `${roomPath(bRoom)}/presences`, { claims: B });
  const rooms = await call("GET", `/rooms?prefix=${bRoom}`, { claims: B });
  return JSON.stringify([body, rooms.body]).replaceAll(/"lastSeen":\d+/g, "");
}

/** Tenant B has noticed nothing in its room, and is as it was. */
async function expectNothingInB(): Promise<void> {
  expect((await bob.heard()).filter((frame) => roomOf(frame) !== aRoom)).toEqual([]);
  expect(bob.closes.all).toEqual([]);
  expect(await allOfB()).toEqual(kept);
}

function ask(id: string, operation: Operation, channel: string, options: CallOptions) {
  const path = pathOf(operation, encodeURIComponent(bRoom), encodeURIComponent(channel));
  const body = BODIES[id];
  return call(operation.method.toUpperCase(), path, { ...(body ? { body } : {}), ...options });
}

describe.each(operations)("%s", (id, operation) => {
  test.each(["bob's channel", "bob's bot", "the name of a channel that nobody has"])(
    "by tenant A on %s reaches nothing of tenant B, whatever its token can",
    async (which) => {
      const names: Record<string, string> = {
        "bob's channel": bobs.channel,
        "bob's bot": bot,
      };
      const channel = names[which] ?? `${bRoom}!AAAAAAAAAAAA`;
      for (const can of POWERS) {
        // oxlint-disable-next-line no-await-in-loop
        const { status, body } = await ask(id, operation, channel, { claims: { ...A, can } });
        const text = JSON.stringify(body);
        const isForSome = !operation.path.includes(":name") && !operation.needsAllRooms;
        const mayAsk = isForSome && can.includes("admin");
        const isAsItMustBe = mayAsk ? status === 200 || status === 404 : status === 403;
        expect([can, status, isAsItMustBe]).toEqual([can, status, true]);
        expect(text).not.toContain(`"${bRoom}"`);
        expect(text).not.toContain('"bob"');
      }
      await expectNothingInB();
    },
  );
});

describe("rooms of a token", () => {
  const foreign: readonly (readonly string[])[] = [
    [],
    [""],
    ["a-*"],
    ["a-"],
    ["a"],
    ["b"],
    ["b-"],
    ["*b-{n}"],
    ["*-{n}"],
    ["b*{n}"],
    ["b-*{n}"],
    ["**"],
    ["?-{n}"],
    ["b-{n} "],
    [" b-{n}"],
    ["B-{n}"],
    ["b-{n}*x"],
    ["b-{n}x*"],
    ["b-{n}/"],
    ["b-%*"],
    [".*"],
    ["b-[0-9]*"],
    ["a-*", "*a", "c*"],
  ];

  test.each(foreign)("that do not name it: %j", async (...patterns) => {
    const rooms = patterns.map((pattern) => pattern.replace("{n}", String(turn)));
    const claims = { rooms, can: ["admin"] };
    expect((await call("GET", roomPath(bRoom), { claims })).status).toBe(403);
    const list = JSON.stringify((await call("GET", "/rooms?limit=1000", { claims })).body);
    expect(list).not.toContain(`"${bRoom}"`);
    const body = { age: 0 };
    expect(await call("POST", "/prune/presences", { claims, body })).toMatchObject({ status: 200 });
    expect((await call("DELETE", channelPath(bobs.channel), { claims })).body).toEqual({
      rooms: [],
    });
    const socket = await openAs("mallory", bRoom, { ...DIFF, claims: { rooms } });
    expect(await socket.closes.next()).toMatchObject({ code: 4001 });
    await expectNothingInB();
  });

  test.each([["*"], ["b-*"], ["b*"], ["a-*", "b-{n}"], ["b-{n}*"], ["b-{n}"]])(
    "that name it: %j",
    async (...patterns) => {
      const rooms = patterns.map((pattern) => pattern.replace("{n}", String(turn)));
      const claims = { rooms, can: ["admin"] };
      expect((await call("GET", roomPath(bRoom), { claims })).status).toBe(200);
      const list = await call("GET", `/rooms?limit=1000&prefix=${bRoom}`, { claims });
      expect(JSON.stringify(list.body)).toContain(`"${bRoom}"`);
    },
  );
});

describe("a socket of tenant A", () => {
  test.each<Record<string, string>>([
    {},
    { view: "diff" },
    { view: "count" },
    { watch: "1" },
    { view: "diff", watch: "1" },
    { resume: "x", channel: "x" },
  ])("does not get into a room of tenant B: %j", async (query) => {
    for (const can of POWERS) {
      // oxlint-disable-next-line no-await-in-loop
      const socket = await openAs("mallory", bRoom, { query, claims: { ...A, can } });
      // oxlint-disable-next-line no-await-in-loop
      expect(await socket.closes.next()).toMatchObject({ code: 4001 });
      expect(socket.frames.all).toMatchObject([{ type: "error", code: "unauthorized" }]);
    }
    await expectNothingInB();
  });

  test("that knows bob's secret does not take his presence, in no room", async () => {
    const query = { view: "diff", ...bobs };
    const there = await openAs("bob", bRoom, { query, claims: A });
    expect(await there.closes.next()).toMatchObject({ code: 4001 });
    const here = await openAs("bob", aRoom, { query, claims: A });
    const { welcome, sync } = await firstFrames(here);
    expect(welcome.channel).not.toBe(bobs.channel);
    expect(sync.presences).toMatchObject([{ channel: welcome.channel }]);
    await expectNothingInB();
  });

  test("is not taken for bob's by those who have no token or another name", async () => {
    const query = { view: "diff", watch: "0", ...bobs };
    const nobody = await open(bRoom, { query });
    expect((await firstFrames(nobody)).welcome.channel).not.toBe(bobs.channel);
    const carl = await openAs("carl", bRoom, { query, claims: B });
    expect((await firstFrames(carl)).welcome.channel).not.toBe(bobs.channel);
    expect(bob.closes.all).toEqual([]);
  });

  test("says nothing to rooms that its frames name", async () => {
    const mallory = await openAs("mallory", aRoom, { ...DIFF, claims: A });
    await firstFrames(mallory);
    const forged = { room: bRoom, channel: bobs.channel, from: bobs };
    for (const frame of [
      { type: "state", state: "x", ...forged },
      { type: "message", payload: "x", ...forged },
      { type: "sync", ...forged },
      { type: "leave", ...forged },
    ]) {
      mallory.send(frame);
    }
    expect(await mallory.closes.next()).toMatchObject({ code: 1000 });
    expect(mallory.frames.all.map((one) => JSON.stringify(one)).join()).not.toContain('"bob"');
    await expectNothingInB();
  });
});

describe("cursors of tenant B", () => {
  test("show tenant A no room of its", async () => {
    const further = await openAs("bob", `${bRoom}-further`, { ...DIFF, claims: B });
    await firstFrames(further);
    // The lobby hears of a room when it has stored who came in.
    await further.heard();
    const list = await call("GET", `/rooms?limit=1&prefix=${bRoom}`, { claims: B });
    const { cursor } = { cursor: "", ...Object(list.body) };
    expect(cursor).not.toBe("");
    for (const path of [`/rooms?cursor=${cursor}`, `/rooms?prefix=b-&cursor=${cursor}`]) {
      // oxlint-disable-next-line no-await-in-loop
      const { status, body } = await call("GET", path, { claims: A });
      expect(status).toBe(200);
      expect(JSON.stringify(body)).not.toContain('"b-');
    }
  });

  test("let tenant A sweep none of its rooms", async () => {
    const cursor = btoa(JSON.stringify([0, ""])).replaceAll("=", "");
    for (const path of ["/prune/presences", "/prune/rooms"]) {
      const age = path.endsWith("presences") ? { age: 0 } : {};
      // oxlint-disable-next-line no-await-in-loop
      const { status } = await call("POST", path, { claims: A, body: { cursor, ...age } });
      expect(status).toBe(200);
    }
    await expectNothingInB();
  });

  test("show no presence of its in a room of tenant A", async () => {
    await call("PUT", presencePath(aRoom, "a bot"), { claims: A, body: {} });
    const page = await call("GET", `${roomPath(bRoom)}/presences?limit=1`, { claims: B });
    const { cursor } = { cursor: "", ...Object(page.body) };
    const answer = await call("GET", `${roomPath(aRoom)}/presences?cursor=${cursor}`, {
      claims: A,
    });
    expect(answer.status).toBe(200);
    expect(JSON.stringify(answer.body)).not.toContain(bRoom);
  });
});

describe("a channel", () => {
  test.each(["{b}!AAAAAAAAAAAA", "{bob}", "{b}x!AAAAAAAAAAAA", "b-!AAAAAAAAAAAA"])(
    "of tenant B is not added to a room of tenant A: %s",
    async (name) => {
      const channel = name.replace("{bob}", bobs.channel).replace("{b}", bRoom);
      const answer = await call("PUT", presencePath(aRoom, channel), { claims: A, body: {} });
      expect(answer.status).toBe(403);
      await expectNothingInB();
    },
  );

  test.each(["{b}!AAAAAAAAAAA", "{b}", "{b}!", "!AAAAAAAAAAAA", "{b}!AAAAAAAAAAAAA"])(
    "whose name only looks like it is one without a socket: %s",
    async (name) => {
      const channel = name.replace("{b}", bRoom);
      const answer = await call("PUT", presencePath(aRoom, channel), { claims: A, body: {} });
      expect(answer.status).toBe(201);
      expect(await call("DELETE", channelPath(channel), { claims: A })).toMatchObject({
        body: { rooms: [aRoom] },
      });
      await expectNothingInB();
    },
  );

  test("of one name in rooms of both is two, to either tenant", async () => {
    await call("PUT", presencePath(aRoom, bot), { claims: A, body: { user: { id: "a's" } } });
    expect((await call("GET", channelPath(bot), { claims: A })).body).toMatchObject({
      rooms: [aRoom],
    });
    expect((await call("POST", `${channelPath(bot)}/touch`, { claims: A })).body).toEqual({
      rooms: [aRoom],
    });
    expect((await call("DELETE", channelPath(bot), { claims: A })).body).toEqual({
      rooms: [aRoom],
    });
    await expectNothingInB();
  });

  test.each([
    ["awake", () => Promise.resolve()],
    ["asleep", evict],
  ])(
    "of bob that somebody for all rooms has made a guest of tenant A's stays bob's: %s",
    async (_, between) => {
      await call("PUT", presencePath(aRoom, bobs.channel), { body: { user: { id: "bob" } } });
      await bob.frames.until((frame) => frame !== "heartbeat" && frame.type === "sync");
      await between(bRoom);
      await between(aRoom);
      expect((await call("GET", channelPath(bobs.channel), { claims: A })).body).toMatchObject({
        rooms: [aRoom],
      });
      expect((await call("DELETE", channelPath(bobs.channel), { claims: A })).body).toEqual({
        rooms: [aRoom],
      });
      await expectNothingInB();
    },
  );
});

test("counters of tenant B are not tenant A's to read, and its lobby's list is not", async () => {
  const { status } = await call("GET", `${roomPath(bRoom)}/stats`, { claims: A });
  expect(status).toBe(403);
  await call("PUT", presencePath(`${aRoom}-${newRoom()}`, "a bot"), { claims: A, body: {} });
  const { body } = await call("GET", "/rooms?limit=1000", { claims: A });
  const { rooms }: { rooms: { room: string }[] } = { rooms: [], ...Object(body) };
  expect(rooms.length).toBeGreaterThan(0);
  expect(rooms.filter(({ room }) => !room.startsWith("a-"))).toEqual([]);
});
