/** The pace of a room, and whether it names names. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Flushed, Pacer, tellsCounts } from "../../src/core/pacer.ts";

const RATE = 10_000;
const QUARTER = RATE / 4;
const START = 1_000_000;

type Sent = { readonly at: number; readonly frames: number; readonly framesPerClient: number };
type Told = Sent & { readonly since: number; readonly changes: number };

/** Changes, each after a pause in milliseconds, in a room of `clients`. */
const plan = fc.record({
  clients: fc.integer({ min: 1, max: 30_000 }),
  framesPerClient: fc.integer({ min: 1, max: 4 }),
  pauses: fc.array(fc.constantFrom(0, 0, 1, 3, 10, 40, 100, 400, 5_000), {
    minLength: 1,
    maxLength: 80,
  }),
});
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

/** A room that does what the pacer says: it flushes when the delay of the first waiting change has passed. */
function run({ clients, framesPerClient, pauses }: Plan): Told[] {
  const pacer = new Pacer(RATE);
  const frames = clients * framesPerClient;
  const told: Told[] = [];
  let waiting: { since: number; due: number; changes: number } | undefined;
  const flush = (at: number) => {
    if (!waiting) return;
    const { since, changes } = waiting;
    pacer.flushed(at, { frames, framesPerClient, since });
    told.push({ at, frames, framesPerClient, since, changes });
    waiting = undefined;
  };
  let now = START;
  for (const pause of pauses) {
    now += pause;
    if (waiting && waiting.due <= now) flush(waiting.due);
    if (waiting) waiting.changes += 1;
    else waiting = { since: now, due: now + pacer.delay(now, frames), changes: 1 };
    if (waiting.due <= now) flush(now);
  }
  if (waiting) flush(waiting.due);
  return told;
}

/** By how much the frames of some window exceed what a rate a second allows, at the most. */
function excess(sent: readonly Sent[], perSecond: number, count: (sent: Sent) => number): number {
  let most = 0;
  for (const [index, { at: from }] of sent.entries()) {
    let sum = 0;
    for (const one of sent.slice(index)) {
      sum += count(one);
      most = Math.max(most, sum - ((one.at - from) / 1_000) * perSecond);
    }
  }
  return most;
}

function flushed(frames: number, framesPerClient = 1, since = START): Flushed {
  return { frames, framesPerClient, since };
}

describe("the pace", () => {
  test("the first change goes out at once", () => {
    expect(new Pacer(RATE).delay(START, 1_000)).toBe(0);
  });

  test("a change right behind another one goes out at once, while the bucket can pay", () => {
    const pacer = new Pacer(RATE);
    for (let change = 0; change < 5; change += 1) {
      expect(pacer.delay(START, QUARTER / 5)).toBe(0);
      pacer.flushed(START, flushed(QUARTER / 5));
    }
    expect(pacer.delay(START, QUARTER / 5)).toBeGreaterThan(0);
  });

  test("a room that cannot pay gathers for twice the time of a flush", () => {
    const pacer = new Pacer(RATE);
    pacer.flushed(START, flushed(QUARTER));
    expect(pacer.delay(START, 500)).toBe(100);
    expect(pacer.delay(START + 60, 500)).toBe(40);
  });

  test("it goes on gathering as long as changes keep coming, though the bucket fills up", () => {
    const pacer = new Pacer(RATE);
    pacer.flushed(START, flushed(QUARTER));
    let now = START;
    for (let flush = 0; flush < 20; flush += 1) {
      const since = now + 10;
      const delay = pacer.delay(since, 500, since);
      expect(delay).toBe(90);
      now = since + delay;
      pacer.flushed(now, flushed(500, 1, since));
    }
  });

  test("after a quiet spell a change goes out at once, and so does the one behind it", () => {
    const pacer = new Pacer(RATE);
    pacer.flushed(START, flushed(QUARTER));
    const later = START + 1_000;
    expect(pacer.delay(later, 500)).toBe(0);
    pacer.flushed(later, flushed(500, 1, later));
    expect(pacer.delay(later, 500)).toBe(0);
  });

  test("a client gets eight frames in one go, and then thirty a second", () => {
    const pacer = new Pacer(RATE);
    for (let flush = 0; flush < 8; flush += 1) {
      expect(pacer.delay(START, 10)).toBe(0);
      pacer.flushed(START, flushed(10));
    }
    expect(pacer.delay(START, 10)).toBe(34);
  });

  test("a room that flushed to nobody does not wait", () => {
    const pacer = new Pacer(RATE);
    pacer.flushed(START, flushed(0, 0));
    expect(pacer.delay(START, 0)).toBe(0);
  });

  test("frames that wait for nobody delay the next flush", () => {
    const pacer = new Pacer(RATE);
    pacer.sent(START, QUARTER);
    expect(pacer.delay(START, 100)).toBe(10);
  });

  test("the largest room waits two seconds, counted from its first change", () => {
    const pacer = new Pacer(RATE);
    pacer.flushed(START, flushed(1_000_000));
    expect(pacer.delay(START, 1_000_000)).toBe(2_000);
    expect(pacer.delay(START + 500, 1_000_000, START)).toBe(1_500);
    expect(pacer.delay(START + 3_000, 1_000_000, START)).toBe(0);
  });

  test("a clock that was set back keeps nobody waiting for more than two seconds", () => {
    const pacer = new Pacer(RATE);
    pacer.flushed(START, flushed(QUARTER));
    expect(pacer.delay(0, 10)).toBeLessThanOrEqual(2_000);
    pacer.flushed(2_000, flushed(10, 1, 0));
    expect(pacer.delay(3_000, 10)).toBe(0);
  });

  test("no change ever waits for more than two seconds", () => {
    fc.assert(
      fc.property(plan, (given) => {
        for (const { at, since } of run(given)) {
          expect(at).toBeGreaterThanOrEqual(since);
          expect(at - since).toBeLessThanOrEqual(2_000);
        }
      }),
    );
  });

  test("every change is told once, and those that come within one wait are one flush", () => {
    fc.assert(
      fc.property(plan, (given) => {
        const told = run(given);
        const changes = told.reduce((sum, one) => sum + one.changes, 0);
        expect(changes).toBe(given.pauses.length);
        for (const [index, { since }] of told.entries()) {
          expect(since).toBeGreaterThanOrEqual(told[index - 1]?.at ?? 0);
        }
      }),
    );
  });

  test("a lone change is told at once, in every room of up to a quarter of the rate", () => {
    fc.assert(
      fc.property(
        plan,
        fc.integer({ min: 1_000, max: 100_000 }),
        ({ clients, framesPerClient, pauses }, quiet) => {
          const pacer = new Pacer(RATE);
          const frames = Math.min(clients * framesPerClient, QUARTER);
          let now = START;
          for (const pause of pauses) {
            now += pause;
            const since = now;
            now += pacer.delay(now, frames);
            pacer.flushed(now, { frames, framesPerClient, since });
          }
          now += quiet;
          expect(pacer.delay(now, frames)).toBe(0);
        },
      ),
    );
  });

  test("over any window a room's frames stay within its rate and a quarter of it", () => {
    fc.assert(
      fc.property(plan, (given) => {
        // Beyond two seconds' worth of frames the promise that nothing waits longer comes first.
        const clients = Math.min(given.clients, QUARTER / given.framesPerClient);
        const told = run({ ...given, clients: Math.floor(clients) });
        expect(excess(told, RATE, ({ frames }) => frames)).toBeLessThanOrEqual(QUARTER + 0.001);
      }),
    );
  });

  test("in larger rooms they stay within the rate and one flush", () => {
    fc.assert(
      fc.property(plan, (given) => {
        const clients = Math.min(
          given.clients,
          Math.floor((2 * RATE - QUARTER) / given.framesPerClient),
        );
        const most = Math.max(QUARTER, clients * given.framesPerClient);
        const told = run({ ...given, clients });
        expect(excess(told, RATE, ({ frames }) => frames)).toBeLessThanOrEqual(most + 0.001);
      }),
    );
  });

  test("over any window a client's frames stay within thirty a second and eight", () => {
    fc.assert(
      fc.property(plan, (given) => {
        const told = run({ ...given, clients: Math.min(given.clients, 5_000) });
        // A flush of several frames may go into debt by all but one of them.
        const most = 8 + given.framesPerClient - 1;
        const over = excess(told, 30, ({ framesPerClient }) => framesPerClient);
        expect(over).toBeLessThanOrEqual(most + 0.001);
      }),
    );
  });
});

describe("names or counts", () => {
  test.each([
    ["names", "at the limit", false, 1_000, false],
    ["counts", "one above it", false, 1_001, true],
    ["counts", "back at the limit", true, 1_000, true],
    ["counts", "at four fifths of it", true, 800, true],
    ["names", "one below four fifths", true, 799, false],
    ["names", "when everybody left", true, 0, false],
  ])("a room tells %s %s", (_, __, wasCounting, presences, isCounting) => {
    expect(tellsCounts(wasCounting, presences, 1_000)).toBe(isCounting);
  });

  test("one who comes and goes at the limit does not make the room change its mind", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 10_000 }), (max) => {
        const isCounting = tellsCounts(false, max + 1, max);
        expect(isCounting).toBe(true);
        expect(tellsCounts(isCounting, max, max)).toBe(true);
      }),
    );
  });

  test("asking again without a change gives the same answer", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.nat(3_000), fc.nat(3_000), (was, presences, max) => {
        const once = tellsCounts(was, presences, max);
        expect(tellsCounts(once, presences, max)).toBe(once);
      }),
    );
  });
});
