/** What an operator is told of strangers: one line of JSON for each refusal, some of them in a flood, and never a token. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { logError, logRefusal } from "../../src/telemetry/log.ts";
import { after, advance, evict } from "../support/room.ts";
import { firstFrames, newRoom, openAs, tokenFor } from "../support/socket.ts";

const DIFF = { query: { view: "diff" } };
let logged: string[] = [];

beforeEach(() => {
  logged = [];
  for (const level of ["error", "warn", "info"] as const) {
    vi.spyOn(console, level).mockImplementation((line) => logged.push(String(line)));
  }
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** All but what an operator is told once, of the settings. */
function lines(): unknown[] {
  const told = logged.filter((line) => !line.includes('"unsafe settings"'));
  return told.map((line): unknown => JSON.parse(line));
}

test("a frame that is refused is one line, with who and why, and nothing of the frame", async () => {
  const room = newRoom();
  const mallory = await openAs("mallory", room, DIFF);
  const { channel } = (await firstFrames(mallory)).welcome;
  await evict(room);
  mallory.ws.send('{"type":"my secret words"}');
  await mallory.nextOf("error");
  expect(lines()).toEqual([
    { event: "frame refused", room, channel, user: "mallory", code: "bad_frame" },
  ]);
});

test("a connection that is closed for its frames is a line too", async () => {
  const room = newRoom();
  const mallory = await openAs("mallory", room, DIFF);
  await firstFrames(mallory);
  mallory.ws.send("x".repeat(20_000));
  await mallory.closes.next();
  expect(lines()).toMatchObject([{ event: "frame refused", code: "frame_too_large" }]);
});

test("an alarm that did something is a line, one that did nothing is none", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room, DIFF);
  await firstFrames(ada);
  await after(30, room);
  expect(lines()).toEqual([]);
  await after(40, room);
  expect(lines()).toEqual([{ event: "alarm", room, pruned: 1, forgotten: true }]);
});

test("of a flood some lines are written, and the next one counts the others", () => {
  for (let turn = 0; turn < 1_000; turn += 1) logRefusal("a flood of the tests", { code: "bad" });
  const written = logged.length;
  expect(written).toBeGreaterThan(10);
  expect(written).toBeLessThan(100);
  advance(1);
  logRefusal("a flood of the tests", { code: "bad" });
  expect(lines().at(-1)).toEqual({
    event: "a flood of the tests",
    code: "bad",
    skipped: 1_000 - written,
  });
});

test("a token that an error quotes is not in the line, and neither is a part of one", async () => {
  const token = await tokenFor("ada", { info: { secret: "x".repeat(500) } });
  logError("an error of the tests", new Error(`cannot fetch /rooms/a/ws?token=${token}`));
  logError("an error of the tests", new Error(`protocol token.${token}`), { key: token });
  logError("an error of the tests", token.slice(0, 100));
  for (const part of token.split(".")) expect(logged.join("\n")).not.toContain(part.slice(0, 20));
  expect(logged.join("\n").match(/\[token\]/g)).toHaveLength(4);
});

test("a field is cut where it is too long to be of use", () => {
  logError("an error of the tests", new Error("x".repeat(100_000)));
  expect(logged[0]?.length).toBeLessThan(1_000);
});
