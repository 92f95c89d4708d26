import { expect, test } from "vitest";
import { welcomeFrame } from "../../src/core/frames.ts";

test.each([
  [86_400, 25],
  [60, 25],
  [59, 24.6],
  [30, 12.5],
  [12, 5],
  [2, 0.8],
  [1, 0.4],
])("with a maximum age of %d s a client is asked for a heartbeat every %d s", (age, seconds) => {
  expect(
    welcomeFrame("lobby", { maxAgeMs: age * 1_000, frameRate: 20 }, { user: null }).heartbeat,
  ).toBe(seconds);
});

test("a client is told how many frames a second the room takes from it", () => {
  const welcome = welcomeFrame("lobby", { maxAgeMs: 60_000, frameRate: 7 }, { user: null });
  expect(welcome.frameRate).toBe(7);
});
