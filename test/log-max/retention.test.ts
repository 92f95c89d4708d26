/** With PRESENCE_HISTORY_MAX at 100: no more than the newest 100 events are told, and what is told is true. */

import { expect, test } from "vitest";
import { NO_LINK } from "../../src/core/owner.ts";
import { askPast, attendanceOf, eventsOf, roomAt } from "../support/history.ts";
import { errorOf } from "../support/http.ts";
import { advance, inRoom, ring } from "../support/room.ts";
import { newRoom } from "../support/socket.ts";

const EVENTS_MAX = 100;
const TURNS = 200;
const BOT = { id: "bot" };

/** A bot that stays, and others that come and go, a millisecond apart. Returns the time of each turn. */
async function fill(room: string): Promise<number[]> {
  const times: number[] = [];
  await inRoom(room, async (instance) => {
    await instance.add("bot", BOT, NO_LINK);
    for (let turn = 0; turn < TURNS; turn += 1) {
      advance(0.001);
      times.push(Date.now());
      // oxlint-disable-next-line no-await-in-loop
      await instance.add(`c${turn}`, { id: `u${turn}` }, NO_LINK);
      // oxlint-disable-next-line no-await-in-loop
      await instance.remove(`c${turn}`);
    }
  });
  return times;
}

test("the newest are told, and complete is what they are since they begin", async () => {
  const room = newRoom();
  const times = await fill(room);
  const { events, rev, complete } = await eventsOf(room, { limit: 1_000 });
  expect(complete).toBe(false);
  expect(events).toHaveLength(EVENTS_MAX);
  expect(events.at(-1)?.rev).toBe(rev);
  // Four events in each turn: the first turn that is told whole, and the last one that is not.
  const first = TURNS - EVENTS_MAX / 4;
  expect(events[0]).toMatchObject({ type: "member.joined", user: { id: `u${first}` } });
  const cut = times[first - 1] ?? 0;
  const begin = times[first] ?? 0;
  expect((await eventsOf(room, { from: cut })).complete).toBe(false);
  expect((await eventsOf(room, { from: begin })).complete).toBe(true);
  expect((await roomAt(room, cut - 1)).complete).toBe(false);
  expect(await roomAt(room, cut)).toMatchObject({ members: [BOT], complete: true });
  expect(await roomAt(room, times[0] ?? 0)).toMatchObject({ members: [BOT], complete: false });
  expect((await attendanceOf(room, { from: cut - 1 })).complete).toBe(false);
  const { users, complete: isWhole } = await attendanceOf(room, { from: begin, limit: 1_000 });
  expect(isWhole).toBe(true);
  expect(users).toHaveLength(1 + EVENTS_MAX / 4);
  expect(users[0]).toMatchObject({ user: BOT, visits: [{ to: null }] });
});

test("what is behind a revision that is not kept is gone, and nothing is told of it", async () => {
  const room = newRoom();
  await fill(room);
  const { events } = await eventsOf(room, { limit: 1_000 });
  const [life = "", number = ""] = (events[0]?.rev ?? "").split(":");
  const before = Number(number) - 1;
  expect((await eventsOf(room, { after: `${life}:${before}`, limit: 1_000 })).events).toEqual(
    events,
  );
  const answer = await askPast(room, "/events", { after: `${life}:${before - 1}` });
  expect(errorOf(answer)).toMatchObject({ status: 410, code: "history_gone" });
});

test("the alarm deletes the parts that are too many", async () => {
  const room = newRoom();
  await fill(room);
  const kept = () =>
    inRoom(room, (_, { storage }) => [...storage.kv.list({ prefix: "log:" })].length);
  const parts = await kept();
  const { events } = await eventsOf(room, { limit: 1_000 });
  await ring(room);
  expect(await kept()).toBeLessThan(parts);
  expect((await eventsOf(room, { limit: 1_000 })).events).toEqual(events);
});
