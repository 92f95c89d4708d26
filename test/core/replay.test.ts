/** The room at an earlier moment, by property: what is undone gives what was there. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { User } from "../../src/core/presence.ts";
import { PresenceSet } from "../../src/core/presence-set.ts";
import { roomAt } from "../../src/core/replay.ts";
import { ADA, BOB, perform, steps, TIMEOUTS } from "./random-steps.ts";
import { StoredLog } from "./stored-log.ts";

const START = 1_000_000;

type Known = {
  readonly at: number;
  readonly members: readonly User[];
  readonly lurkers: number;
  readonly n: number;
};

function look(set: PresenceSet, log: StoredLog, at: number): Known {
  return { at, members: set.members(), lurkers: set.lurkers, n: log.end.n };
}

function replay(set: PresenceSet, log: StoredLog, moment: number) {
  return roomAt(moment, set.entries(), log.parts.toReversed(), log.end);
}

test("for every history, any earlier moment is what the room was then", () => {
  const commits = fc.infiniteStream(fc.boolean());
  fc.assert(
    fc.property(steps, commits, (history, commitAfter) => {
      const set = new PresenceSet(TIMEOUTS);
      const log = new StoredLog();
      const known = [look(set, log, 0)];
      let now = START;
      for (const step of history) {
        now += step.wait;
        perform(set, step.operation, now);
        if (!commitAfter.next().value) continue;
        log.commit(set, now);
        known.push(look(set, log, now));
      }
      log.commit(set, now);
      // What was stored last counts, where two commits have the same time.
      known.push(look(set, log, now));
      for (const [index, { at, ...room }] of known.entries()) {
        const until = known[index + 1]?.at ?? at + 1;
        const moments = [at, Math.floor((at + until) / 2), until - 1];
        // Another one was stored at the same time.
        const rooms = until > at ? moments.map((moment) => replay(set, log, moment)) : [];
        expect(rooms).toEqual(rooms.map(() => room));
      }
    }),
    { numRuns: 500 },
  );
});

describe("a room at an earlier moment", () => {
  test("shows a user as they were then", () => {
    const set = new PresenceSet(TIMEOUTS);
    const log = new StoredLog();
    set.join("a", ADA, 1_000);
    log.commit(set, 1_000);
    set.join("a", { ...ADA, name: "Ada Lovelace" }, 2_000);
    log.commit(set, 2_000);
    set.leave("a", "left");
    log.commit(set, 3_000);
    expect(replay(set, log, 1_999).members).toEqual([ADA]);
    expect(replay(set, log, 2_000).members).toEqual([{ ...ADA, name: "Ada Lovelace" }]);
    expect(replay(set, log, 3_000).members).toEqual([]);
  });

  test("has the number of its last event", () => {
    const set = new PresenceSet(TIMEOUTS);
    const log = new StoredLog();
    set.join("a", ADA, 1_000);
    log.commit(set, 1_000);
    set.join("b", BOB, 2_000);
    log.commit(set, 2_000);
    expect([999, 1_000, 2_000].map((moment) => replay(set, log, moment).n)).toEqual([0, 3, 5]);
  });

  test("is as early as the log reaches, where that is too late", () => {
    const set = new PresenceSet(TIMEOUTS);
    const log = new StoredLog();
    for (const [index, channel] of ["a", "b", "c", "d"].entries()) {
      set.join(channel, ADA, 1_000 + index);
      log.commit(set, 1_000 + index);
    }
    log.parts.shift();
    expect(replay(set, log, 0)).toMatchObject({ members: [ADA], n: 5 });
  });
});
