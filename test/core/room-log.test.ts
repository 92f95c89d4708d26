/** The log of a room, by property: what its events say is what happened. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PresenceSet } from "../../src/core/presence-set.ts";
import { EVENT_TYPES, type RoomEvent, type RoomEventType } from "../../src/core/room-events.ts";
import {
  decodeRev,
  eventsOf,
  LOG_BEGINNING,
  placed,
  revOf,
  type Selection,
} from "../../src/core/room-log.ts";
import { ADA, BOB, perform, type Step, steps, TIMEOUTS } from "./random-steps.ts";
import { StoredLog } from "./stored-log.ts";

const IDENTITY = { room: "lobby", life: "k3f9Qw" };
const ALL: Selection = new Set(EVENT_TYPES);
const START = 1_000_000;

/** After which steps the set is stored: never, always, or now and then. */
const commits = fc.infiniteStream(fc.boolean());

/** Performs the steps, and stores the set after some of them and at the end. */
function run(
  set: PresenceSet,
  history: readonly Step[],
  commitAfter: Iterator<boolean>,
): StoredLog {
  const log = new StoredLog();
  let now = START;
  for (const step of history) {
    now += step.wait;
    perform(set, step.operation, now);
    if (commitAfter.next().value) log.commit(set, now);
  }
  log.commit(set, now);
  return log;
}

function eventsIn(log: StoredLog, wanted: Selection = ALL): RoomEvent[] {
  return [...placed(log.parts)].flatMap((each) =>
    eventsOf(IDENTITY, each, wanted).map(({ event }) => event),
  );
}

function typesIn(log: StoredLog): string[] {
  return eventsIn(log).map(({ type, user, reason }) =>
    [type, user?.id ?? "-", reason].filter((word) => word !== undefined).join(" "),
  );
}

describe("for every history of a room, however it is stored", () => {
  test("its events, folded from the beginning, give its presences and its members", () => {
    fc.assert(
      fc.property(steps, commits, (history, commitAfter) => {
        const set = new PresenceSet(TIMEOUTS);
        const presences = new Set<string>();
        const members = new Set<string>();
        let isOccupied = false;
        for (const { type, channel, user } of eventsIn(run(set, history, commitAfter))) {
          if (type === "presence.joined") presences.add(channel ?? "");
          if (type === "presence.left") presences.delete(channel ?? "");
          if (type === "member.joined") members.add(user?.id ?? "");
          if (type === "member.left") members.delete(user?.id ?? "");
          if (type === "room.occupied") isOccupied = true;
          if (type === "room.vacated") isOccupied = false;
        }
        const there = [...set.entries()].map(({ presence }) => presence.channel);
        expect([...presences].toSorted()).toEqual(there.toSorted());
        const ids = set.members().map(({ id }) => id);
        expect([...members].toSorted()).toEqual(ids.toSorted());
        expect(isOccupied).toBe(set.size > 0);
      }),
    );
  });

  test("the numbers in the last event are those of the set", () => {
    fc.assert(
      fc.property(steps, commits, (history, commitAfter) => {
        const set = new PresenceSet(TIMEOUTS);
        const last = eventsIn(run(set, history, commitAfter)).at(-1);
        const { members, lurkers, presences } = last ?? LOG_BEGINNING;
        expect({ members, lurkers, presences }).toEqual({
          members: set.memberCount,
          lurkers: set.lurkers,
          presences: set.size,
        });
      }),
    );
  });

  test("whoever leaves has come, and not left since: presences, members and the room", () => {
    const ends: [RoomEventType, RoomEventType][] = [
      ["room.occupied", "room.vacated"],
      ["member.joined", "member.left"],
      ["presence.joined", "presence.left"],
    ];
    fc.assert(
      fc.property(steps, commits, (history, commitAfter) => {
        const events = eventsIn(run(new PresenceSet(TIMEOUTS), history, commitAfter));
        for (const [comes, goes] of ends) {
          const here = new Set<string>();
          for (const { type, user, channel } of events) {
            const who = comes === "member.joined" ? (user?.id ?? "") : (channel ?? "");
            const wasHere = here.has(who);
            if (type === comes) here.add(who);
            if (type === goes) here.delete(who);
            const isMove = type === comes || type === goes;
            expect(isMove).toBe(wasHere !== here.has(who));
          }
        }
      }),
    );
  });

  test("each event of a selection names the one before it", () => {
    const selection = fc.subarray([...EVENT_TYPES], { minLength: 1 });
    fc.assert(
      fc.property(steps, commits, selection, (history, commitAfter, types) => {
        const log = run(new PresenceSet(TIMEOUTS), history, commitAfter);
        const all = eventsIn(log);
        const wanted = new Set(types);
        const events = eventsIn(log, wanted);
        expect(events.map(({ id }) => id)).toEqual(
          all.filter(({ type }) => wanted.has(type)).map(({ id }) => id),
        );
        let before: string | null = null;
        for (const { prev, rev } of events) {
          expect(prev).toBe(before);
          before = rev;
        }
        expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
      }),
    );
  });
});

describe("one commit", () => {
  test("of somebody who came and went is no event", () => {
    const set = new PresenceSet(TIMEOUTS);
    set.join("a", ADA, 1_000);
    set.leave("a", "left");
    const log = new StoredLog();
    expect(log.commit(set, 1_000)).toEqual([]);
  });

  test("in which one tab of a user takes over from the other moves no member", () => {
    const set = new PresenceSet(TIMEOUTS);
    const log = new StoredLog();
    set.join("a", ADA, 1_000);
    log.commit(set, 1_000);
    set.leave("a", "left");
    set.join("b", ADA, 2_000);
    log.commit(set, 2_000);
    expect(typesIn(log).slice(3)).toEqual(["presence.left ada left", "presence.joined ada"]);
  });

  test("in which a channel gets another user moves two members, and no room", () => {
    const set = new PresenceSet(TIMEOUTS);
    const log = new StoredLog();
    set.join("a", ADA, 1_000);
    log.commit(set, 1_000);
    set.join("a", BOB, 2_000);
    log.commit(set, 2_000);
    expect(typesIn(log)).toEqual([
      "room.occupied -",
      "member.joined ada",
      "presence.joined ada",
      "presence.left ada replaced",
      "member.left ada replaced",
      "member.joined bob",
      "presence.joined bob",
    ]);
  });
});

test("who leaves was there since the first of its presences came", () => {
  const set = new PresenceSet(TIMEOUTS);
  const log = new StoredLog();
  set.join("a", ADA, 1_000);
  set.join("b", ADA, 5_000);
  log.commit(set, 5_000);
  set.leave("a", "left");
  log.commit(set, 6_000);
  set.leave("b", "lost");
  log.commit(set, 9_000);
  const [, member, room] = eventsIn(log).slice(-3);
  expect(member).toMatchObject({ type: "member.left", channel: "b", joinedAt: 1_000 });
  expect(member?.presentMs).toBe(8_000);
  expect(room).toMatchObject({ type: "room.vacated", user: null, channel: null, presences: 0 });
});

test("other info is no event, and moves the revision", () => {
  const set = new PresenceSet(TIMEOUTS);
  const log = new StoredLog();
  set.join("a", ADA, 1_000);
  log.commit(set, 1_000);
  const { n } = log.end;
  set.join("a", { ...ADA, name: "Ada Lovelace" }, 2_000);
  log.commit(set, 2_000);
  expect(log.end.n).toBe(n + 1);
  expect(eventsIn(log)).toHaveLength(3);
});

test("a revision is read as it was written, and nothing else is one", () => {
  expect(decodeRev(revOf("k3f9Qw", 408))).toEqual({ life: "k3f9Qw", n: 408 });
  for (const text of [
    "",
    ":",
    "a:",
    ":1",
    "a:-1",
    "a:1.5",
    "a:1:2",
    "a b:1",
    "a:1e9",
    `a:${"9".repeat(16)}`,
  ]) {
    expect(decodeRev(text)).toBeNull();
  }
});
