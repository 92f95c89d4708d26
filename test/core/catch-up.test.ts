/** What somebody missed, by property: together with what was known it is what there is. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { missedIn } from "../../src/core/catch-up.ts";
import { applyDiff } from "../../src/core/diff.ts";
import type { Presence } from "../../src/core/presence.ts";
import { PresenceSet } from "../../src/core/presence-set.ts";
import { ADA, BOB, perform, presencesOf, steps, TIMEOUTS } from "./random-steps.ts";
import { StoredLog } from "./stored-log.ts";

/** As a client does it: of whoever the diff does not mention, the state is gone. */
function catchUp(known: ReadonlyMap<string, Presence>, diff: ReturnType<typeof missedIn>) {
  const stateless = new Map<string, Presence>();
  for (const [channel, { state: _, ...presence }] of known) stateless.set(channel, presence);
  return applyDiff(stateless, diff);
}

test("a list of any time before, and what was missed since then, are the list of now", () => {
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const set = new PresenceSet(TIMEOUTS);
      const log = new StoredLog();
      let now = 1_000_000;
      const play = (history: typeof steps extends fc.Arbitrary<infer T> ? T : never) => {
        for (const step of history) {
          now += step.wait;
          perform(set, step.operation, now);
          log.commit(set, now);
        }
      };
      play(before);
      const known = new Map(presencesOf(set));
      const { n } = log.end;
      play(after);
      const gap = { parts: log.partsAfter(n), after: n, unlogged: [], former: null };
      const diff = missedIn(gap, set);
      expect(catchUp(known, diff)).toEqual(new Map(presencesOf(set)));
      for (const { channel } of diff.leaves) expect(known.has(channel)).toBe(true);
      const joined = new Set(diff.joins.map(({ channel }) => channel));
      for (const { channel } of diff.updates) expect(joined.has(channel)).toBe(false);
    }),
  );
});

test("a presence that was told of before it was stored is let go by whoever had it", () => {
  const set = new PresenceSet(TIMEOUTS);
  const log = new StoredLog();
  set.join("b", BOB, 1_000);
  log.commit(set, 1_000);
  const after = log.end.n;
  set.join("a", ADA, 2_000);
  log.commit(set, 2_000);
  set.leave("a", "lost");
  log.commit(set, 3_000);
  const gap = { parts: log.parts, after, unlogged: [] };
  expect(missedIn({ ...gap, former: null }, set).leaves).toEqual([]);
  const { leaves } = missedIn({ ...gap, former: { channel: "a", user: ADA } }, set);
  expect(leaves).toMatchObject([{ channel: "a", user: ADA, reason: "lost" }]);
});

test("a presence that is not stored yet is told, too", () => {
  const set = new PresenceSet(TIMEOUTS);
  const { joins } = set.join("a", ADA, 1_000);
  const gap = { parts: [], after: 0, unlogged: joins, former: null };
  expect(missedIn(gap, set)).toMatchObject({ joins, updates: [], leaves: [] });
});
