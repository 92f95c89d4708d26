/** The bucket of frames of one connection. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ProtocolError } from "../../src/core/protocol.ts";
import { Throttle } from "../../src/core/throttle.ts";

const RATE = 20;
const BURST = 40;
const START = 1_000_000;

const THROTTLED = new ProtocolError(
  "throttled",
  "a frame was dropped; the limit is 20 frames a second; send fewer",
  1,
);
const RATE_LIMITED = new ProtocolError(
  "rate_limited",
  "far too many frames; the limit is 20 frames a second; come back later",
);

type Outcome = "admitted" | "dropped" | ProtocolError["code"];

function send(throttle: Throttle, now: number): Outcome {
  try {
    return throttle.admits(now) ? "admitted" : "dropped";
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
}

function sendMany(throttle: Throttle, count: number, now: number): Outcome[] {
  return Array.from({ length: count }, () => send(throttle, now));
}

/** A throttle whose bucket is empty and whose owner has been told. */
function emptied(): Throttle {
  const throttle = new Throttle(RATE, START);
  sendMany(throttle, BURST + 1, START);
  return throttle;
}

describe("a throttle", () => {
  test("admits two seconds' worth of frames at once", () => {
    const throttle = new Throttle(RATE, START);
    expect(new Set(sendMany(throttle, BURST, START))).toEqual(new Set(["admitted"]));
  });

  test("says of the first frame that it drops what the limit is", () => {
    const throttle = new Throttle(RATE, START);
    sendMany(throttle, BURST, START);
    expect(() => throttle.admits(START)).toThrow(THROTTLED);
    expect(send(emptied(), START + 2_000)).toBe("admitted");
  });

  test("says how many frames it has dropped since it last said so, also with one that it takes", () => {
    const throttle = new Throttle(RATE, START);
    sendMany(throttle, BURST, START);
    expect(() => throttle.admits(START)).toThrow(expect.objectContaining({ frames: 1 }));
    sendMany(throttle, 1_500, START);
    expect(throttle.notice(START + 999)).toBeNull();
    expect(throttle.admits(START + 1_000)).toBe(true);
    expect(throttle.notice(START + 1_000)?.toFrame()).toEqual({
      type: "error",
      code: "throttled",
      message: "1,500 frames were dropped; the limit is 20 frames a second; send fewer",
      frames: 1_500,
    });
    expect(throttle.notice(START + 5_000)).toBeNull();
  });

  test("knows whether it owes its client a word about dropped frames", () => {
    const throttle = emptied();
    expect(throttle.owesNotice).toBe(false);
    sendMany(throttle, 3, START);
    expect(throttle.owesNotice).toBe(true);
    expect(throttle.notice(START + 1_000)).toMatchObject({ frames: 3 });
    expect(throttle.owesNotice).toBe(false);
  });

  test("does not forget in its sleep how many that are", () => {
    const before = emptied();
    sendMany(before, 3, START);
    const after = new Throttle(RATE, START + 1_000, before.saved);
    expect(after.notice(START + 1_000)).toMatchObject({ frames: 3 });
  });

  test("drops the next ones without a word", () => {
    expect(sendMany(emptied(), 3, START + 1)).toEqual(["dropped", "dropped", "dropped"]);
  });

  test("says it again after a second", () => {
    const throttle = emptied();
    sendMany(throttle, 20, START + 999);
    expect(send(throttle, START + 999)).toBe("dropped");
    expect(sendMany(throttle, 2, START + 1_000)).toEqual(["admitted", "throttled"]);
  });

  test("admits frames again as time passes", () => {
    const throttle = emptied();
    expect(send(throttle, START + 49)).toBe("dropped");
    expect(send(throttle, START + 50)).toBe("admitted");
    expect(send(throttle, START + 50)).toBe("dropped");
  });

  test("saves up no more than two seconds' worth", () => {
    const throttle = emptied();
    const later = sendMany(throttle, BURST + 1, START + 1_000_000);
    expect(later.filter((outcome) => outcome === "admitted")).toHaveLength(BURST);
  });

  test("lets a connection at the rate go on for ever", () => {
    const throttle = new Throttle(RATE, START);
    const outcomes = Array.from({ length: 2_000 }, (_, index) =>
      send(throttle, START + index * 50),
    );
    expect(new Set(outcomes)).toEqual(new Set(["admitted"]));
  });

  test("bears ten seconds' worth of dropped frames", () => {
    const throttle = new Throttle(RATE, START);
    const outcomes = sendMany(throttle, BURST + 200, START);
    expect(outcomes).not.toContain("rate_limited");
  });

  test("bears any burst, as of a client that sends at once what it has saved up", () => {
    const throttle = new Throttle(RATE, START);
    expect(sendMany(throttle, 5_000, START)).not.toContain("rate_limited");
    expect(sendMany(throttle, 5_000, START + 2_999)).not.toContain("rate_limited");
  });

  test("ends the connection that owes more than that for three seconds", () => {
    const throttle = new Throttle(RATE, START);
    sendMany(throttle, BURST + 200 + 3 * RATE, START);
    expect(sendMany(throttle, BURST, START + 3_000)).not.toContain("rate_limited");
    expect(() => throttle.admits(START + 3_000)).toThrow(RATE_LIMITED);
  });

  test("forgives dropped frames as time passes", () => {
    const throttle = new Throttle(RATE, START);
    sendMany(throttle, BURST + 200, START);
    expect(sendMany(throttle, BURST + 1_000, START + 10_000)).not.toContain("rate_limited");
    expect(sendMany(throttle, 1_000, START + 12_999)).not.toContain("rate_limited");
    expect(sendMany(throttle, 1_000, START + 13_000)).toContain("rate_limited");
  });

  test("takes a dear frame only where there is enough for it", () => {
    const throttle = new Throttle(RATE, START);
    expect(throttle.admits(START, 30)).toBe(true);
    expect(() => throttle.admits(START, 11)).toThrow(THROTTLED);
    expect(throttle.admits(START, 10)).toBe(true);
  });

  test("ends a connection that is far over the rate for long, although it pauses", () => {
    const throttle = new Throttle(RATE, START);
    const outcomes = Array.from({ length: 10 }, (_, second) =>
      sendMany(throttle, 100, START + second * 1_000),
    ).flat();
    expect(outcomes).toContain("rate_limited");
  });

  test("does not refill when the clock is set back", () => {
    expect(sendMany(emptied(), 2, START - 1_000_000)).not.toContain("admitted");
  });

  test("goes on telling of dropped frames after the clock was set back", () => {
    expect(sendMany(emptied(), 2, START - 1_000_000)).toContain("throttled");
  });

  test("never admits more than its bucket and its rate, whatever the pattern", () => {
    const gaps = fc.array(fc.constantFrom(0, 0, 0, 0, 1, 10, 49, 50, 400, 3_000), {
      maxLength: 400,
    });
    fc.assert(
      fc.property(gaps, (waits) => {
        const throttle = new Throttle(RATE, START);
        let now = START;
        let admitted = 0;
        for (const wait of waits) {
          now += wait;
          if (send(throttle, now) === "admitted") admitted += 1;
          expect(admitted).toBeLessThanOrEqual(BURST + (RATE * (now - START)) / 1_000 + 1e-6);
        }
      }),
    );
  });

  test("tells a connection of its dropped frames at most once a second", () => {
    const gaps = fc.array(fc.constantFrom(0, 0, 0, 1, 10, 100), { maxLength: 400 });
    fc.assert(
      fc.property(gaps, (waits) => {
        const throttle = new Throttle(RATE, START);
        let now = START;
        let toldAt = -Infinity;
        for (const wait of waits) {
          now += wait;
          if (send(throttle, now) !== "throttled") continue;
          expect(now - toldAt).toBeGreaterThanOrEqual(1_000);
          toldAt = now;
        }
      }),
    );
  });
});
