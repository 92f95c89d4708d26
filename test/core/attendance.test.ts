/** Attendance, by property: what the log gives is what somebody who watched all the time wrote down. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { attendanceOf, type AttendanceSlice } from "../../src/core/attendance.ts";
import type { Attendance } from "../../src/core/http-shapes.ts";
import { PresenceSet } from "../../src/core/presence-set.ts";
import { ADA, BOB, EVE, perform, steps, TIMEOUTS } from "./random-steps.ts";
import { StoredLog } from "./stored-log.ts";

const START = 1_000_000;
const ALL = { after: null, limit: 1_000, visitsMax: 10_000 };

/** Who was there in each interval between two looks. */
type Look = { readonly from: number; readonly to: number; readonly ids: readonly string[] };

function idsOf(set: PresenceSet): string[] {
  return set.members().map(({ id }) => id);
}

function attendanceIn(
  set: PresenceSet,
  log: StoredLog,
  span: { from?: number; to?: number; now: number },
  slice: AttendanceSlice = ALL,
) {
  const { from = 0, to = span.now, now } = span;
  return attendanceOf(set.entries(), log.parts.toReversed(), { from, to, now }, slice);
}

/** How long each was there between two moments, and in how many visits. */
function recorded(looks: readonly Look[], from: number, to: number) {
  const users = new Map<string, { presentMs: number; visits: number }>();
  let before: readonly string[] = [];
  for (const look of looks) {
    for (const id of look.ids) {
      const user = users.get(id) ?? { presentMs: 0, visits: 0 };
      const touches = look.from <= to && look.to >= from;
      const isNew = !before.includes(id);
      user.presentMs += Math.max(0, Math.min(look.to, to) - Math.max(look.from, from));
      if (touches && (isNew || user.visits === 0)) user.visits += 1;
      users.set(id, user);
    }
    before = look.ids;
  }
  return users;
}

function seenIn(users: readonly Attendance[]) {
  return Object.fromEntries(
    users.map(({ user, presentMs, visits }) => [
      `id ${user.id}`,
      { presentMs, visits: visits.length },
    ]),
  );
}

test("for every history that is stored as it happens, presence and visits are as recorded", () => {
  fc.assert(
    fc.property(steps, fc.nat(1_000_000), fc.nat(1_000_000), (history, first, length) => {
      const set = new PresenceSet(TIMEOUTS);
      const log = new StoredLog();
      const looks: Look[] = [];
      let now = START;
      for (const step of history) {
        looks.push({ from: now, to: now + step.wait, ids: idsOf(set) });
        now += step.wait;
        perform(set, step.operation, now);
        log.commit(set, now);
      }
      looks.push({ from: now, to: now, ids: idsOf(set) });
      const from = Math.min(now, START + first);
      const to = Math.min(now, from + length);
      const truth = [...recorded(looks, from, to)].filter(([, { visits }]) => visits > 0);
      const { users } = attendanceIn(set, log, { from, to, now });
      expect(seenIn(users)).toEqual(
        Object.fromEntries(truth.map(([id, user]) => [`id ${id}`, user])),
      );
    }),
    { numRuns: 500 },
  );
});

test("pages of any size, put together, are the whole, in the order of the ids", () => {
  const slices = fc.record({ limit: fc.integer({ min: 1, max: 3 }), visitsMax: fc.nat(4) });
  fc.assert(
    fc.property(steps, slices, (history, slice) => {
      const set = new PresenceSet(TIMEOUTS);
      const log = new StoredLog();
      let now = START;
      for (const step of history) {
        now += step.wait;
        perform(set, step.operation, now);
        log.commit(set, now);
      }
      const { users: all } = attendanceIn(set, log, { now });
      const paged: Attendance[] = [];
      let after: string | null = null;
      do {
        const page = attendanceIn(set, log, { now }, { ...slice, after });
        expect(page.users.length).toBeLessThanOrEqual(slice.limit);
        paged.push(...page.users);
        after = page.next;
      } while (after !== null);
      expect(paged).toEqual(all);
      const ids = all.map(({ user }) => user.id);
      expect(ids).toEqual(ids.toSorted());
    }),
  );
});

describe("a visit", () => {
  test("lasts from the first tab in to the last tab out, whose reason it has", () => {
    const set = new PresenceSet(TIMEOUTS);
    const log = new StoredLog();
    set.join("a", ADA, 1_000);
    log.commit(set, 1_000);
    set.join("b", ADA, 2_000);
    log.commit(set, 2_000);
    set.leave("a", "left");
    log.commit(set, 3_000);
    set.leave("b", "expired");
    log.commit(set, 5_000);
    set.join("c", ADA, 8_000);
    log.commit(set, 8_000);
    expect(attendanceIn(set, log, { now: 9_000 }).users).toEqual([
      {
        user: ADA,
        presentMs: 5_000,
        visits: [
          { from: 1_000, to: 5_000, reason: "expired" },
          { from: 8_000, to: null, reason: null },
        ],
      },
    ]);
  });

  test("of which the log has only the end began when the user came", () => {
    const set = new PresenceSet(TIMEOUTS);
    const log = new StoredLog();
    for (const [at, channel, user] of [
      [1_000, "a", ADA],
      [2_000, "b", BOB],
      [3_000, "c", EVE],
    ] as const) {
      set.join(channel, user, at);
      log.commit(set, at);
    }
    set.leave("a", "left");
    log.commit(set, 4_000);
    log.parts.shift();
    expect(attendanceIn(set, log, { now: 5_000 }).users).toEqual([
      { user: ADA, presentMs: 3_000, visits: [{ from: 1_000, to: 4_000, reason: "left" }] },
      { user: BOB, presentMs: 3_000, visits: [{ from: 2_000, to: null, reason: null }] },
      { user: EVE, presentMs: 2_000, visits: [{ from: 3_000, to: null, reason: null }] },
    ]);
  });

  test("goes on while presences of one user take turns in one commit", () => {
    const set = new PresenceSet(TIMEOUTS);
    const log = new StoredLog();
    set.join("a", ADA, 1_000);
    log.commit(set, 1_000);
    set.leave("a", "left");
    set.join("b", ADA, 2_000);
    log.commit(set, 2_000);
    expect(attendanceIn(set, log, { now: 5_000 }).users).toEqual([
      { user: ADA, presentMs: 4_000, visits: [{ from: 1_000, to: null, reason: null }] },
    ]);
  });

  test("is shown whole, and counts only within the time that was asked for", () => {
    const set = new PresenceSet(TIMEOUTS);
    const log = new StoredLog();
    set.join("a", ADA, 1_000);
    log.commit(set, 1_000);
    set.leave("a", "left");
    log.commit(set, 9_000);
    const { users } = attendanceIn(set, log, { from: 4_000, to: 6_000, now: 10_000 });
    expect(users).toEqual([
      { user: ADA, presentMs: 2_000, visits: [{ from: 1_000, to: 9_000, reason: "left" }] },
    ]);
  });
});
