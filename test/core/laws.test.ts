/** What holds for every history of a room, by property. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyDiff, type Diff, DiffGatherer, isEmpty, NO_CHANGE } from "../../src/core/diff.ts";
import type { Presence } from "../../src/core/presence.ts";
import { PresenceSet } from "../../src/core/presence-set.ts";
import {
  channelOperation,
  TIMEOUTS,
  perform,
  performAll,
  presencesOf,
  serverSet,
  steps,
  wait,
} from "./random-steps.ts";

/** Later than any step can be. */
const START = 1_000_000;

/** All that a set shows to anybody. */
function view(set: PresenceSet) {
  return {
    entries: [...set.entries()].map((entry) => structuredClone(entry)),
    members: set.members(),
    counts: [set.size, set.memberCount, set.lurkers],
  };
}

function sorted(presences: ReadonlyMap<string, Presence>): Presence[] {
  return [...presences.values()].toSorted((a, b) => (a.channel < b.channel ? -1 : 1));
}

/** The presences after a diff of the set, which tells presences whole: one without a state has none. */
function apply(before: ReadonlyMap<string, Presence>, diff: Diff): Map<string, Presence> {
  const updates = diff.updates.map((presence) => ({ state: null, ...presence }));
  return applyDiff(before, { ...diff, updates });
}

function channelsOf(list: readonly { readonly channel: string }[]): string[] {
  return list.map(({ channel }) => channel);
}

/** Performs the steps and gathers what they changed. */
function gather(set: PresenceSet, todo: Parameters<typeof performAll>[1], start: number): Diff {
  const gatherer = new DiffGatherer();
  let now = start;
  for (const step of todo) {
    now += step.wait;
    gatherer.add(perform(set, step.operation, now));
  }
  return gatherer.take();
}

describe("for every history of a room", () => {
  test("joining twice is joining once", () => {
    fc.assert(
      fc.property(steps, channelOperation, (history, { channel }) => {
        const set = new PresenceSet(TIMEOUTS);
        const now = performAll(set, history);
        set.join(channel, { id: "ada" }, now);
        const once = view(set);
        expect(set.join(channel, { id: "ada" }, now)).toEqual(NO_CHANGE);
        expect(view(set)).toEqual(once);
      }),
    );
  });

  test("what a server sets twice it sets once, but for the one row that vouches for it again", () => {
    fc.assert(
      fc.property(steps, serverSet, (history, todo) => {
        const set = new PresenceSet(TIMEOUTS);
        const now = performAll(set, history);
        perform(set, todo, now);
        set.takeUnsaved();
        const once = view(set);
        expect(isEmpty(perform(set, todo, now))).toBe(true);
        expect(view(set)).toEqual(once);
        expect(set.takeUnsaved()).toMatchObject({
          puts: [{ presence: { channel: todo.channel } }],
        });
      }),
    );
  });

  test("what a server leaves out stays as it is", () => {
    fc.assert(
      fc.property(steps, serverSet, (history, todo) => {
        const set = new PresenceSet(TIMEOUTS);
        const now = performAll(set, history);
        const old = structuredClone(set.get(todo.channel));
        perform(set, todo, now);
        const { presence, ttlMs } = structuredClone(set.get(todo.channel)) ?? {};
        const { state, keepsUser, ttlMs: givenTtl } = todo.given;
        expect(presence?.user).toEqual(keepsUser ? (old?.presence.user ?? null) : todo.user);
        const keptState = old?.presence.state ?? null;
        expect(presence?.state ?? null).toEqual(state === undefined ? keptState : state);
        expect(ttlMs).toBe(givenTtl ?? old?.ttlMs);
        expect(set.get(todo.channel)?.lastSeen).toBe(now);
      }),
    );
  });

  test("a leave after a leave is nothing", () => {
    fc.assert(
      fc.property(steps, channelOperation, (history, { channel }) => {
        const set = new PresenceSet(TIMEOUTS);
        performAll(set, history);
        set.leave(channel, "left");
        const once = view(set);
        expect(set.leave(channel, "left")).toEqual(NO_CHANGE);
        expect(view(set)).toEqual(once);
      }),
    );
  });

  test("a diff applied to the list before gives the list after, in its order", () => {
    fc.assert(
      fc.property(steps, (history) => {
        const set = new PresenceSet(TIMEOUTS);
        let now = START;
        for (const step of history) {
          now += step.wait;
          const before = presencesOf(set);
          const diff = perform(set, step.operation, now);
          expect([...apply(before, diff)]).toEqual([...presencesOf(set)]);
        }
      }),
    );
  });

  test("a change that changes nothing has an empty diff, and only such a one", () => {
    fc.assert(
      fc.property(steps, (history) => {
        const set = new PresenceSet(TIMEOUTS);
        let now = START;
        for (const step of history) {
          now += step.wait;
          const before = [...presencesOf(set)];
          const diff = perform(set, step.operation, now);
          const isSame = JSON.stringify(before) === JSON.stringify([...presencesOf(set)]);
          expect(isEmpty(diff)).toBe(isSame);
        }
      }),
    );
  });

  test("a gathered batch has the effect of its parts", () => {
    fc.assert(
      fc.property(steps, steps, (history, batch) => {
        const set = new PresenceSet(TIMEOUTS);
        const now = performAll(set, history);
        const before = presencesOf(set);
        const diff = gather(set, batch, now);
        expect([...apply(before, diff)]).toEqual([...presencesOf(set)]);
      }),
    );
  });

  test("a gathered batch names a channel in two lists only where it left and joined", () => {
    fc.assert(
      fc.property(steps, steps, (history, batch) => {
        const set = new PresenceSet(TIMEOUTS);
        const now = performAll(set, history);
        const before = presencesOf(set);
        const { joins, updates, leaves } = gather(set, batch, now);
        const [joined, updated, left] = [joins, updates, leaves].map(channelsOf);
        const all = [...joins, ...updates, ...leaves].map(({ channel }) => channel);
        const twice = all.filter((channel, index) => all.indexOf(channel) !== index);
        for (const channel of twice) {
          expect(joined).toContain(channel);
          expect(left).toContain(channel);
          expect(updated).not.toContain(channel);
          expect(before.has(channel)).toBe(true);
        }
      }),
    );
  });

  test("what came and went within a batch is in none of its lists", () => {
    fc.assert(
      fc.property(steps, steps, (history, batch) => {
        const set = new PresenceSet(TIMEOUTS);
        const now = performAll(set, history);
        const before = presencesOf(set);
        const { joins, updates, leaves } = gather(set, batch, now);
        for (const channel of channelsOf([...joins, ...updates])) {
          expect(set.get(channel)).toBeDefined();
        }
        for (const channel of channelsOf(leaves)) expect(before.has(channel)).toBe(true);
      }),
    );
  });

  test("diffs of different channels may be applied in any order", () => {
    fc.assert(
      fc.property(steps, channelOperation, channelOperation, (history, one, other) => {
        fc.pre(one.channel !== other.channel);
        const set = new PresenceSet(TIMEOUTS);
        const now = performAll(set, history);
        const before = presencesOf(set);
        const first = perform(set, one, now);
        const second = perform(set, other, now);
        expect(sorted(apply(apply(before, first), second))).toEqual(
          sorted(apply(apply(before, second), first)),
        );
      }),
    );
  });

  test("a prune never touches the fresh", () => {
    fc.assert(
      fc.property(steps, wait, (history, later) => {
        const set = new PresenceSet(TIMEOUTS);
        const now = performAll(set, history) + later;
        const fresh = view(set).entries.filter(({ lastSeen, loss, ttlMs = TIMEOUTS.maxAgeMs }) =>
          loss ? now - loss.at < TIMEOUTS.graceMs[loss.cause] : now - lastSeen < ttlMs,
        );
        set.prune(now);
        expect(view(set).entries).toEqual(fresh);
      }),
    );
  });

  test("pruning twice is pruning once", () => {
    fc.assert(
      fc.property(steps, wait, (history, later) => {
        const set = new PresenceSet(TIMEOUTS);
        const now = performAll(set, history) + later;
        set.prune(now);
        const once = { ...view(set), deadline: set.deadline };
        expect(set.prune(now)).toEqual(NO_CHANGE);
        expect({ ...view(set), deadline: set.deadline }).toEqual(once);
      }),
    );
  });

  test("the deadline is not later than two seconds after the first expiry, nor than the first end of a grace", () => {
    fc.assert(
      fc.property(steps, (history) => {
        const set = new PresenceSet(TIMEOUTS);
        let now = START;
        for (const step of history) {
          now += step.wait;
          perform(set, step.operation, now);
          for (const { lastSeen, loss, ttlMs = TIMEOUTS.maxAgeMs } of set.entries()) {
            const due = loss
              ? loss.at + TIMEOUTS.graceMs[loss.cause]
              : lastSeen + ttlMs + Math.min(2_000, ttlMs / 8);
            expect(set.deadline).toBeLessThanOrEqual(due);
          }
        }
      }),
    );
  });

  test("a prune at the deadline leaves a later deadline, so that an alarm never rings in a circle", () => {
    fc.assert(
      fc.property(steps, (history) => {
        const set = new PresenceSet(TIMEOUTS);
        performAll(set, history);
        fc.pre(set.size > 0);
        const { deadline } = set;
        set.prune(deadline);
        expect(set.deadline).toBeGreaterThan(deadline);
      }),
    );
  });

  test("the counts are those of the presences", () => {
    fc.assert(
      fc.property(steps, (history) => {
        const set = new PresenceSet(TIMEOUTS);
        performAll(set, history);
        const users = [...presencesOf(set).values()].map(({ user }) => user?.id);
        const named = users.filter((id) => id !== undefined);
        expect(set.size).toBe(users.length);
        expect(set.lurkers).toBe(users.length - named.length);
        expect(set.memberCount).toBe(new Set(named).size);
        expect(new Set(set.members().map(({ id }) => id))).toEqual(new Set(named));
        expect(set.members()).toHaveLength(set.memberCount);
      }),
    );
  });
});
