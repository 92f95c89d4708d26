/** What somebody missed, by property: together with what was known it is what there is. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { missedIn } from "../../src/core/catch-up.ts";
import { applyDiff, type DiffLike } from "../../src/core/diff.ts";
import { diffFrames, syncFrame } from "../../src/core/frames.ts";
import type { Presence } from "../../src/core/presence.ts";
import { PresenceSet } from "../../src/core/presence-set.ts";
import { withoutStatus } from "../../src/core/status.ts";
import { ADA, BOB, perform, presencesOf, steps, TIMEOUTS } from "./random-steps.ts";
import { StoredLog } from "./stored-log.ts";

/** As a client does it: of whoever the diff does not mention, the state is gone, and nobody else is away. */
function catchUp(known: ReadonlyMap<string, Presence>, diff: DiffLike) {
  const stateless = new Map<string, Presence>();
  for (const [channel, { state: _, ...presence }] of known) {
    stateless.set(channel, withoutStatus(presence));
  }
  return applyDiff(stateless, diff);
}

type Steps = typeof steps extends fc.Arbitrary<infer T> ? T : never;

/** What a room was before some steps, what it is after further ones, and what was missed in between. */
function missed(before: Steps, after: Steps) {
  const set = new PresenceSet(TIMEOUTS);
  const log = new StoredLog();
  let now = 1_000_000;
  const play = (history: Steps) => {
    for (const step of history) {
      now += step.wait;
      perform(set, step.operation, now);
      log.commit(set, now);
    }
  };
  play(before);
  const known = new Map(presencesOf(set));
  const named = namedIn(set);
  const { n } = log.end;
  play(after);
  const gap = { parts: log.partsAfter(n), after: n, unlogged: [], former: null };
  return { set, known, named, diff: missedIn(gap, set) };
}

/** Whom frames name. */
function namedIn(set: PresenceSet): Map<string, Presence> {
  const { presences } = syncFrame("room", set);
  return new Map(presences.map((presence) => [presence.channel, presence]));
}

test("a list of any time before, and what was missed since then, are the list of now", () => {
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const { set, known, diff } = missed(before, after);
      expect(catchUp(known, diff)).toEqual(new Map(presencesOf(set)));
      for (const { channel } of diff.leaves) expect(known.has(channel)).toBe(true);
      const joined = new Set(diff.joins.map(({ channel }) => channel));
      for (const { channel } of diff.updates) expect(joined.has(channel)).toBe(false);
    }),
  );
});

test("so are the names alone, of a channel too that has lost its name meanwhile", () => {
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const { set, named, diff } = missed(before, after);
      const [frame, ...more] = diffFrames("room", set, diff);
      expect(more).toEqual([]);
      expect(catchUp(named, frame ?? diff)).toEqual(namedIn(set));
      for (const { channel } of frame?.leaves ?? []) expect(named.has(channel)).toBe(true);
    }),
  );
});

test.each([
  ["comes back without a name", [null]],
  ["comes back without a name, and goes again", [null, undefined]],
  ["comes without a name at last", [BOB, undefined, null]],
])("a channel that is known with a name, leaves and %s has left", (_, users) => {
  const set = new PresenceSet(TIMEOUTS);
  const log = new StoredLog();
  set.join("a", ADA, 1_000);
  log.commit(set, 1_000);
  const after = log.end.n;
  for (const user of [undefined, ...users]) {
    if (user === undefined) set.leave("a", "expired");
    else set.join("a", user, 2_000);
    log.commit(set, 2_000);
  }
  const diff = missedIn({ parts: log.parts, after, unlogged: [], former: null }, set);
  expect(diffFrames("room", set, diff)).toMatchObject([
    { joins: [], leaves: [{ channel: "a", reason: "expired" }] },
  ]);
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
