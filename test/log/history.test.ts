/** What servers read of a room's log: events, the room at a moment, attendance. */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { NO_LINK } from "../../src/core/owner.ts";
import { rooms } from "../../src/index.ts";
import { askPast, attendanceOf, eventsOf, type Query, roomAt } from "../support/history.ts";
import { call, errorOf, presencePath } from "../support/http.ts";
import { advance, crash, inRoom, LIVES, occupants, ring, storageOf } from "../support/room.ts";
import { firstFrames, newRoom, openAs } from "../support/socket.ts";

const ADA = { id: "ada", name: "Ada" };
const BOB = { id: "bob" };
const HISTORY_SECONDS = 120;

/** A time that stands still: what happens in one step has one time. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});

afterEach(() => {
  vi.useRealTimers();
});

function add(room: string, channel: string, user: object | null) {
  return call("PUT", presencePath(room, channel), { body: { user } });
}

function remove(room: string, channel: string) {
  return call("DELETE", presencePath(room, channel));
}

async function typesOf(room: string, query: Query = {}): Promise<string[]> {
  return (await eventsOf(room, query)).events.map(({ type, user }) =>
    user ? `${type} ${user.id}` : type,
  );
}

describe.each(LIVES)("%s", (_, live) => {
  test("events are told, with who, when, why and how many", async () => {
    const room = newRoom();
    const start = Date.now();
    await add(room, "a", ADA);
    await live(room);
    advance(5);
    await add(room, "b", null);
    await live(room);
    advance(5);
    await remove(room, "a");
    await live(room);
    const { events, rev, complete, cursor } = await eventsOf(room);
    expect({ complete, cursor, rev: events.at(-1)?.rev }).toEqual({ complete: true, rev });
    const counts = { members: 1, lurkers: 0, presences: 1 };
    expect(events.map(({ id: _id, rev: _rev, prev: _prev, ...event }) => event)).toEqual([
      { at: start, type: "room.occupied", room, user: null, channel: null, ...counts },
      {
        at: start,
        type: "member.joined",
        room,
        user: ADA,
        channel: "a",
        joinedAt: start,
        ...counts,
      },
      {
        at: start,
        type: "presence.joined",
        room,
        user: ADA,
        channel: "a",
        joinedAt: start,
        ...counts,
      },
      {
        at: start + 5_000,
        type: "presence.joined",
        room,
        user: null,
        channel: "b",
        joinedAt: start + 5_000,
        members: 1,
        lurkers: 1,
        presences: 2,
      },
      ...(["presence.left", "member.left"] as const).map((type) => ({
        at: start + 10_000,
        type,
        room,
        user: ADA,
        channel: "a",
        reason: "removed",
        joinedAt: start,
        presentMs: 10_000,
        members: 0,
        lurkers: 1,
        presences: 1,
      })),
    ]);
  });

  test("what came after a revision is told, page by page, and nothing twice", async () => {
    const room = newRoom();
    await add(room, "a", ADA);
    const { rev } = await eventsOf(room);
    await live(room);
    for (const channel of ["b", "c", "d", "e"]) {
      // One after the other, so that their order is known.
      // oxlint-disable-next-line no-await-in-loop
      await add(room, channel, { id: channel });
      // oxlint-disable-next-line no-await-in-loop
      await live(room);
    }
    const all = await eventsOf(room, { after: rev });
    expect(all.events.map(({ type, channel }) => `${type} ${channel}`)).toEqual(
      ["b", "c", "d", "e"].flatMap((channel) => [
        `member.joined ${channel}`,
        `presence.joined ${channel}`,
      ]),
    );
    const paged: string[] = [];
    let page = await eventsOf(room, { after: rev, limit: 3 });
    while (page.cursor !== undefined) {
      expect(page).toMatchObject({ complete: true, rev: all.rev });
      paged.push(...page.events.map(({ id }) => id));
      // oxlint-disable-next-line no-await-in-loop
      await live(room);
      // oxlint-disable-next-line no-await-in-loop
      page = await eventsOf(room, { after: rev, limit: 3, cursor: page.cursor });
    }
    paged.push(...page.events.map(({ id }) => id));
    expect(paged).toEqual(all.events.map(({ id }) => id));
    expect((await eventsOf(room, { after: all.rev })).events).toEqual([]);
  });

  test("the room at a moment is what it was, with its revision", async () => {
    const room = newRoom();
    const start = Date.now();
    advance(1);
    await add(room, "a", ADA);
    const first = { ...(await occupants(room)), rev: (await eventsOf(room)).rev };
    await live(room);
    advance(1);
    await add(room, "b", BOB);
    await add(room, "c", null);
    await add(room, "a", { ...ADA, name: "Ada Lovelace" });
    const second = { ...(await occupants(room)), rev: (await eventsOf(room)).rev };
    await live(room);
    advance(1);
    for (const channel of ["a", "b", "c"]) {
      // oxlint-disable-next-line no-await-in-loop
      await remove(room, channel);
    }
    await live(room);
    expect(await roomAt(room, start + 999)).toMatchObject({ members: [], complete: true });
    expect(await roomAt(room, start + 1_000)).toEqual({ ...first, complete: true });
    expect(await roomAt(room, start + 1_999)).toEqual({ ...first, complete: true });
    expect(await roomAt(room, start + 2_999)).toEqual({ ...second, complete: true });
    expect(await roomAt(room, start + 3_000)).toMatchObject({ members: [], lurkers: 0 });
    expect(await roomAt(room, start + 99_000)).toMatchObject({ members: [], complete: true });
  });

  test("attendance counts tabs that overlap as one visit, and whoever is there until now", async () => {
    const room = newRoom();
    const start = Date.now();
    await add(room, "b", BOB);
    await add(room, "a1", ADA);
    advance(10);
    await add(room, "a2", ADA);
    await live(room);
    advance(10);
    await remove(room, "a1");
    advance(10);
    await remove(room, "a2");
    await live(room);
    advance(10);
    expect(await attendanceOf(room)).toEqual({
      users: [
        {
          user: ADA,
          presentMs: 30_000,
          visits: [{ from: start, to: start + 30_000, reason: "removed" }],
        },
        { user: BOB, presentMs: 40_000, visits: [{ from: start, to: null, reason: null }] },
      ],
      complete: true,
    });
    const span = { from: start + 25_000, to: start + 35_000 };
    const { users } = await attendanceOf(room, span);
    expect(users.map(({ presentMs }) => presentMs)).toEqual([5_000, 10_000]);
    const { users: page, cursor = "" } = await attendanceOf(room, { limit: 1 });
    expect(page.map(({ user }) => user.id)).toEqual(["ada"]);
    expect((await attendanceOf(room, { limit: 1, cursor })).users).toMatchObject([{ user: BOB }]);
  });
});

describe("events are chosen", () => {
  let room: string;
  let start: number;

  beforeEach(async () => {
    room = newRoom();
    start = Date.now();
    await add(room, "a", ADA);
    advance(1);
    await add(room, "b", BOB);
    advance(1);
    await remove(room, "a");
  });

  test("by type, each with the one before it among these", async () => {
    const { events } = await eventsOf(room, { types: "member.*, room.vacated" });
    expect(events.map(({ type }) => type)).toEqual([
      "member.joined",
      "member.joined",
      "member.left",
    ]);
    expect(events.map(({ prev }) => prev)).toEqual([null, events[0]?.rev, events[1]?.rev]);
  });

  test("by user, which changes nothing of what each follows", async () => {
    const query = { types: "member.*" };
    const all = await eventsOf(room, query);
    const { events } = await eventsOf(room, { ...query, user: "ada" });
    expect(events).toEqual(all.events.filter(({ user }) => user?.id === "ada"));
    expect(events).toHaveLength(2);
    expect((await eventsOf(room, { user: "nobody" })).events).toEqual([]);
  });

  test("by time, with both ends included", async () => {
    const types = "presence.*";
    expect(await typesOf(room, { types, from: start + 1 })).toEqual([
      "presence.joined bob",
      "presence.left ada",
    ]);
    expect(await typesOf(room, { types, from: start + 1_000, to: start + 1_000 })).toEqual([
      "presence.joined bob",
    ]);
    expect(await typesOf(room, { types, to: start + 999 })).toEqual(["presence.joined ada"]);
    expect(await typesOf(room, { types, from: start + 2_001 })).toEqual([]);
  });
});

async function refusal(room: string, query: Query): Promise<unknown> {
  const { status, code } = errorOf(await askPast(room, "/events", query));
  return { status, code };
}

describe("410 history_gone", () => {
  const gone = { status: 410, code: "history_gone" };

  test("is for a revision of another room, of a room to come, and of the future", async () => {
    const [room, other] = [newRoom(), newRoom()];
    await add(room, "a", ADA);
    await add(other, "a", ADA);
    const { rev } = await eventsOf(other);
    expect(await refusal(room, { after: rev })).toEqual(gone);
    expect(await refusal(newRoom(), { after: rev })).toEqual(gone);
    expect(await refusal(room, { after: rev.replace(/:.*/, ":999") })).toEqual(gone);
  });

  test("is not for the revision of a room that nobody was ever in", async () => {
    const room = newRoom();
    const { rev, events, complete } = await eventsOf(room);
    expect({ rev, events, complete }).toEqual({ rev: "0:0", events: [], complete: true });
    await add(room, "a", ADA);
    expect((await eventsOf(room, { after: rev })).events).toHaveLength(3);
  });

  test("is for what is older than the room keeps, and for a cursor of that", async () => {
    const room = newRoom();
    await add(room, "a", ADA);
    const { events, cursor = "" } = await eventsOf(room, { limit: 1 });
    advance(HISTORY_SECONDS + 1);
    await add(room, "b", BOB);
    expect(await refusal(room, { after: events[0]?.rev ?? "" })).toEqual(gone);
    expect(await refusal(room, { cursor })).toEqual(gone);
    expect(await eventsOf(room)).toMatchObject({ complete: false });
    expect(await typesOf(room)).toEqual(["member.joined bob", "presence.joined bob"]);
    expect(await eventsOf(room, { from: Date.now() })).toMatchObject({ complete: true });
  });
});

describe("a room that is empty", () => {
  test("keeps its log until that has run out, and then nothing", async () => {
    const room = newRoom();
    await add(room, "a", ADA);
    advance(1);
    await remove(room, "a");
    await ring(room);
    advance(HISTORY_SECONDS - 1);
    await ring(room);
    expect(await typesOf(room, { types: "room.*" })).toEqual(["room.occupied", "room.vacated"]);
    expect((await storageOf(room)).alarm).not.toBeNull();
    advance(1);
    await ring(room);
    expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
    expect(await eventsOf(room)).toEqual({ events: [], rev: "0:0", complete: true });
    expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
  });

  test("does not claim to know what was before its log had run out", async () => {
    const room = newRoom();
    const start = Date.now();
    await add(room, "a", ADA);
    await remove(room, "a");
    advance(HISTORY_SECONDS + 1);
    await ring(room);
    await add(room, "b", BOB);
    expect(await roomAt(room, start)).toMatchObject({ members: [], complete: false });
    expect(await roomAt(room, start + 1_000)).toMatchObject({ members: [], complete: true });
    expect(await attendanceOf(room, { from: start })).toMatchObject({ complete: false });
    expect(await attendanceOf(room, { from: start + 1_000 })).toMatchObject({ complete: true });
  });
});

test("sockets that came, went and were cut are in the log", async () => {
  vi.useRealTimers();
  const room = newRoom();
  const ada = await openAs("ada", room, { query: { view: "diff" } });
  const { welcome } = await firstFrames(ada);
  expect(await typesOf(room, { types: "presence.*" })).toEqual(["presence.joined ada"]);
  await crash(room);
  // The room wakes, and waits for whoever it has lost.
  expect(await occupants(room)).toMatchObject({ members: [{ id: "ada" }] });
  advance(11);
  await ring(room);
  const { events } = await eventsOf(room, { types: "presence.left" });
  expect(events).toMatchObject([{ channel: welcome.channel, reason: "lost" }]);
});

describe("in TypeScript", () => {
  test("a room tells the same", async () => {
    const room = newRoom();
    await add(room, "a", ADA);
    await add(room, "b", BOB);
    const handle = rooms(env).get(room);
    const options = { types: ["member.*"], limit: 1 };
    const first = await handle.events(options);
    const second = await handle.events({ ...options, cursor: first.cursor });
    expect([...first.events, ...second.events].map(({ user }) => user)).toEqual([ADA, BOB]);
    expect(second.cursor).toBeUndefined();
    expect(await handle.at(Date.now())).toEqual(await roomAt(room, Date.now()));
    expect(await handle.attendance()).toEqual(await attendanceOf(room));
  });

  test("what cannot be is refused with words", async () => {
    const handle = rooms(env).get(newRoom());
    await expect(handle.events({ after: "k3f9Qw:1" })).rejects.toMatchObject({
      code: "history_gone",
    });
    await expect(handle.events({ after: "x" })).rejects.toMatchObject({ code: "bad_query" });
    await expect(handle.events({ types: ["x"] })).rejects.toMatchObject({ code: "bad_query" });
    await expect(handle.events({ from: 2, to: 1 })).rejects.toMatchObject({ code: "bad_query" });
    await expect(handle.events({ limit: 1_001 })).rejects.toThrow(RangeError);
    await expect(handle.attendance({ limit: 0.5 })).rejects.toThrow(RangeError);
    await expect(handle.attendance({ from: -1 })).rejects.toThrow(RangeError);
    await expect(handle.attendance({ cursor: "x" })).rejects.toMatchObject({ code: "bad_cursor" });
    await expect(handle.at(Number.NaN)).rejects.toThrow(RangeError);
  });
});

test("without a log the calls say which setting to set, and reach no room", async () => {
  const room = newRoom();
  const options = { variables: { PRESENCE_HISTORY: "0" } };
  for (const [what, query] of [
    ["/events", {}],
    ["/attendance", {}],
    ["", { at: 1 }],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    const { status, code, message } = errorOf(await askPast(room, what, query, options));
    expect({ status, code }).toEqual({ status: 404, code: "no_history" });
    expect(message).toContain("PRESENCE_HISTORY");
  }
});

test.each([
  ["no token", null, 401],
  ["a token for another room", { rooms: ["another"] }, 403],
  ["a token that can only watch", { can: ["watch"] }, 403],
])("with %s nothing is told", async (_what, claims, status) => {
  const room = newRoom();
  await add(room, "a", ADA);
  for (const [what, query] of [
    ["/events", {}],
    ["/attendance", {}],
    ["", { at: Date.now() }],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    const answer = await askPast(room, what, query, { claims });
    expect(errorOf(answer).status).toBe(status);
    expect(JSON.stringify(answer.body)).not.toContain("ada");
  }
});

test("pages of 10,000 events are all of them, in their order", async () => {
  const room = newRoom();
  const start = Date.now();
  await add(room, "first", ADA);
  await inRoom(room, async (instance) => {
    for (let turn = 0; turn < 2_000; turn += 1) {
      if (turn === 1_000) advance(1);
      // oxlint-disable-next-line no-await-in-loop
      await instance.add(`c${turn}`, { id: `u${turn}` }, NO_LINK);
      // oxlint-disable-next-line no-await-in-loop
      await instance.remove(`c${turn}`);
    }
  });
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    // oxlint-disable-next-line no-await-in-loop
    const page = await eventsOf(room, { limit: 1_000, ...(cursor !== undefined && { cursor }) });
    ids.push(...page.events.map(({ id }) => id));
    cursor = page.cursor;
  } while (cursor !== undefined);
  const numbers = ids.map((id) => Number(id.split(":")[1]));
  expect(numbers).toEqual(Array.from({ length: 8_003 }, (_, index) => index + 1));
  const late = await eventsOf(room, { from: start + 1, limit: 1 });
  expect(late.events).toMatchObject([{ user: { id: "u1000" }, type: "member.joined" }]);
}, 60_000);
