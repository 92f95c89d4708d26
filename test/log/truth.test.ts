/**
 * A room's past against a record of it: 500 random changes, and after each of them random moments are asked
 * for, while the room sleeps, dies, forgets what is too old, and begins other lives. Where an answer says that
 * it is complete it is what was recorded; and it says so wherever the log must reach.
 */

import { afterEach, expect, test, vi } from "vitest";
import { attendanceOf, roomAt } from "../support/history.ts";
import { call, presencePath } from "../support/http.ts";
import { advance, crash, evict, occupants, ring } from "../support/room.ts";
import { firstFrames, newRoom, openAs } from "../support/socket.ts";
import { Random } from "../faults/random.ts";

const SEED = 20_261_129;
const CHANGES = 500;
const MOMENTS_PER_CHANGE = 2;
const HISTORY_MS = 120_000;
const PATIENCE_MS = 480_000;

const CHANNELS = ["a", "b", "c", "d", "e"];
const USERS = [
  { id: "ada", name: "Ada" },
  { id: "ada", name: "Ada Lovelace" },
  { id: "bob" },
  { id: "__proto__" },
  null,
];

type Occupants = Awaited<ReturnType<typeof occupants>>;
/** Who was in the room from a time on. */
type Look = { readonly at: number; readonly room: Occupants };
type Visit = { readonly from: number; to: number | null };

afterEach(() => {
  vi.useRealTimers();
});

class Truth {
  readonly #looks: Look[] = [];

  async look(room: string): Promise<void> {
    this.#looks.push({ at: Date.now(), room: await occupants(room) });
  }

  at(moment: number): Occupants | undefined {
    return this.#looks.findLast(({ at }) => at <= moment)?.room;
  }

  /** The visits that touch a time. */
  visits(from: number, to: number): Record<string, { presentMs: number; visits: Visit[] }> {
    const visits = new Map<string, Visit[]>();
    for (const { at, room } of this.#looks) {
      const ids = new Set(room.members.map(({ id }) => id));
      for (const [id, known] of visits) {
        const last = known.at(-1);
        if (last?.to === null && !ids.has(id)) last.to = at;
      }
      for (const id of ids) {
        const known = visits.get(id) ?? [];
        visits.set(id, known);
        if (known.at(-1)?.to !== null) known.push({ from: at, to: null });
      }
    }
    const now = Date.now();
    const entries = Array.from(visits, ([id, known]) => {
      const touching = known.filter((visit) => visit.from <= to && (visit.to ?? now) >= from);
      const presentMs = touching
        .map((visit) => Math.min(visit.to ?? now, to) - Math.max(visit.from, from))
        .reduce((sum, length) => sum + Math.max(0, length), 0);
      return [`id ${id}`, { presentMs, visits: touching }] as const;
    });
    return Object.fromEntries(entries.filter(([, user]) => user.visits.length > 0));
  }
}

async function change(room: string, random: Random): Promise<void> {
  const channel = random.pick(CHANNELS);
  const kind = random.below(20);
  if (kind < 9) {
    await call("PUT", presencePath(room, channel), { body: { user: random.pick(USERS) } });
  } else if (kind < 16) await call("DELETE", presencePath(room, channel));
  else if (kind < 18) {
    const socket = await openAs(random.pick(["ada", "eve"]), room, { query: { view: "diff" } });
    await firstFrames(socket);
  } else if (kind === 18) await ring(room);
  else {
    for (const each of CHANNELS) {
      // oxlint-disable-next-line no-await-in-loop
      await call("DELETE", presencePath(room, each));
    }
  }
}

async function expectPast(room: string, truth: Truth, moment: number): Promise<boolean> {
  const { complete, rev: _, ...past } = await roomAt(room, moment);
  const isYoung = moment >= Date.now() - HISTORY_MS;
  expect({ moment, complete: complete || !isYoung }).toEqual({ moment, complete: true });
  const nobody = { channel_name: room, members: [], lurkers: 0 };
  const recorded = truth.at(moment) ?? nobody;
  expect({ moment, past: complete ? past : recorded }).toEqual({ moment, past: recorded });
  return complete;
}

async function expectAttendance(
  room: string,
  truth: Truth,
  from: number,
  to: number,
): Promise<void> {
  const { users, complete } = await attendanceOf(room, { from, to, limit: 1_000 });
  expect(complete || from <= Date.now() - HISTORY_MS).toBe(true);
  if (!complete) return;
  const found = users.map(({ user, presentMs, visits }) => [
    `id ${user.id}`,
    { presentMs, visits: visits.map((visit) => ({ from: visit.from, to: visit.to })) },
  ]);
  expect({ from, to, users: Object.fromEntries(found) }).toEqual({
    from,
    to,
    users: truth.visits(from, to),
  });
}

test(
  `${CHANGES} changes, seed ${SEED}`,
  async () => {
    const random = new Random(SEED);
    const room = newRoom();
    const truth = new Truth();
    advance(0);
    const start = Date.now();
    const answers = { complete: 0, cut: 0 };
    for (let turn = 0; turn < CHANGES; turn += 1) {
      const isLongPause = random.isOnce(40);
      advance(isLongPause ? 130 : random.below(6_000) / 1_000);
      /* oxlint-disable no-await-in-loop -- a history is one thing after the other */
      // What is due now is recorded at its own time, ahead of the change.
      if (isLongPause || random.isOnce(3)) await ring(room);
      await truth.look(room);
      await change(room, random);
      await truth.look(room);
      if (random.isOnce(5)) await evict(room);
      if (random.isOnce(25)) await crash(room);
      await truth.look(room);
      const span = Date.now() - start + 5_000;
      for (let times = 0; times < MOMENTS_PER_CHANGE; times += 1) {
        const reach = random.isOnce(2) ? span : Math.min(span, HISTORY_MS * 1.2);
        const moment = Date.now() - random.below(reach);
        const isComplete = await expectPast(room, truth, moment);
        answers[isComplete ? "complete" : "cut"] += 1;
      }
      const from = Math.max(0, Date.now() - random.below(Math.min(span, HISTORY_MS * 1.2)));
      await expectAttendance(room, truth, from, from + random.below(HISTORY_MS));
      /* oxlint-enable no-await-in-loop */
    }
    // Neither answer is all that was ever given.
    expect(answers.complete).toBeGreaterThan(CHANGES / 2);
    expect(answers.cut).toBeGreaterThan(CHANGES / 20);
  },
  PATIENCE_MS,
);
