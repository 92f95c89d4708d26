/** The arithmetic of the cost model, by sums that can be done in one's head. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Costs, type Scenario, usageOf } from "../../bench/cost/model.ts";
import { grossOf, invoiceOf } from "../../bench/cost/prices.ts";

const nothing = { requests: 0, messages: 0, rowsWritten: 0, rowsRead: 0, ms: 0 };

/** A heartbeat that is handled and stored, and nothing else. */
const storing: Costs = {
  observed: {
    join: nothing,
    leave: nothing,
    message: nothing,
    heartbeat: { requests: 0, messages: 1, rowsWritten: 1, rowsRead: 0, ms: 1 },
    alarm: nothing,
    occupation: nothing,
    alarmsPerHour: 0,
    people: 50,
    problems: [],
  },
  sendMs: 0,
  pause: () => 0,
  areAnswersBilled: false,
};

/** 100 × 50 people for 8 h on 30 days: 1.2 million hours, at 144 heartbeats each. */
const scenario: Scenario = {
  name: "",
  rooms: 100,
  people: 50,
  hoursPerDay: 8,
  visitsPerDay: 1,
  framesPerHour: 0,
};
const HEARTBEATS = 172_800_000;

test("each stored heartbeat is a row, and each twentieth a request", () => {
  const usage = usageOf(scenario, storing);
  expect(usage.rowsWritten).toBe(HEARTBEATS);
  expect(usage.requests).toBe(HEARTBEATS / 20);
  // A millisecond each, at 128 MB.
  expect(usage.gbSeconds).toBeCloseTo((HEARTBEATS / 1_000) * 0.128, 3);
});

test("answered heartbeats cost nothing, or a twentieth of a request each", () => {
  const observed = { ...storing.observed, heartbeat: nothing };
  const answered = { ...storing, observed };
  expect(usageOf(scenario, answered).requests).toBe(0);
  expect(usageOf(scenario, { ...answered, areAnswersBilled: true }).requests).toBe(HEARTBEATS / 20);
});

test("a room in which always something waits is billed all of the time, and no more", () => {
  const usage = usageOf({ ...scenario, framesPerHour: 36_000 }, { ...storing, pause: () => 1 });
  expect(usage.gbSeconds).toBeCloseTo(100 * 8 * 3_600 * 30 * 0.128, 3);
});

test("a timer holds a room only where something happens within a pause", () => {
  const observed = { ...storing.observed, heartbeat: nothing };
  const one = { ...scenario, rooms: 1, people: 1, visitsPerDay: 0, framesPerHour: 3_600 };
  const usage = usageOf(one, { ...storing, observed, pause: () => 0.1 });
  // Once a second at random, a pause of 0.1 s: some half of the pauses' tenth part, squared.
  const part = usage.gbSeconds / (8 * 3_600 * 30 * 0.128);
  expect(part).toBeGreaterThan(0.004);
  expect(part).toBeLessThan(0.005);
});

test("a webhook keeps its room for as long as its answer takes, after each join and each leave", () => {
  const one = { ...scenario, rooms: 1, people: 1, visitsPerDay: 8 };
  const observed = { ...storing.observed, heartbeat: nothing };
  const usage = usageOf(one, { ...storing, observed, webhookMs: 100 });
  // 16 calls a day of a tenth of a second.
  expect(usage.gbSeconds).toBeCloseTo(16 * 0.1 * 30 * 0.128, 6);
});

/** By how much more than without the log, in percent, as measured last. */
test("log and webhooks make a million people in rooms of ten at most 12 % dearer", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/cost.md"), "utf8");
  const [, section = ""] = page.split("<!-- measured: log -->");
  const row = section.split("\n").find((line) => line.includes("a million people")) ?? "";
  const percents = Array.from(row.matchAll(/\(\+([\d.]+) %\)/g), ([, percent]) => Number(percent));
  expect(percents).toHaveLength(2);
  expect(Math.max(...percents)).toBeLessThanOrEqual(12);
});

test("the invoice is the plan and what goes beyond it", () => {
  const none = {
    workerRequests: 0,
    workerCpuMs: 0,
    requests: 0,
    gbSeconds: 0,
    rowsRead: 0,
    rowsWritten: 0,
  };
  expect(invoiceOf(none)).toBe(5);
  expect(invoiceOf({ ...none, rowsWritten: 51e6, requests: 2e6 })).toBeCloseTo(5 + 1 + 0.15, 6);
  expect(grossOf({ ...none, rowsWritten: 51e6 })).toBeCloseTo(51, 6);
});
