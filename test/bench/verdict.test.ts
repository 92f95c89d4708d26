/** Whether a goal is met: what is divided by what, and when nothing is said. */

import { expect, test } from "vitest";
import type { Figure } from "../../bench/figures.ts";
import type { Measured } from "../../bench/measure.ts";
import type { TargetName } from "../../bench/targets.ts";
import { verdicts } from "../../bench/verdict.ts";
import { atMost, atMostTimes, type Goal, timesLess, type Workload } from "../../bench/workload.ts";

type Values = Partial<Record<TargetName, Partial<Record<Figure, number>>>>;

function measured(goal: Goal, values: Values, more: Partial<Measured> = {}): Measured {
  const targets: TargetName[] = ["ours", "bare", "party"];
  const figures = targets.map((target) => {
    const spreads = Object.entries(values[target] ?? {}).map(([name, median]) => {
      // SAFETY: the keys are figures.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return [name as Figure, { median, min: median, max: median }] as const;
    });
    return [target, new Map(spreads)] as const;
  });
  const workload: Workload = {
    name: "test",
    title: "",
    targets,
    n: 5_000,
    quickN: 1,
    runs: 1,
    goals: [goal],
    run: () => Promise.resolve({ figures: {}, problems: [] }),
  };
  const nothing = { n: 5_000, runs: 1, isJudged: true, problems: [] };
  return { workload, figures: new Map(figures), ...nothing, ...more };
}

function verdictOf(goal: Goal, values: Values, more: Partial<Measured> = {}) {
  const [verdict] = verdicts(measured(goal, values, more));
  return { value: verdict?.value, isMet: verdict?.isMet };
}

const NAMES = atMostTimes(1.5, "bare", {
  text: "",
  figure: "diff99Ms",
  than: "handshake99Ms",
  perThousand: 1,
});

test("a goal with an allowance takes it off ours, by the number of clients", () => {
  const values = { ours: { diff99Ms: 20 }, bare: { handshake99Ms: 10 } };
  expect(verdictOf(NAMES, values)).toEqual({ value: 1.5, isMet: true });
  expect(verdictOf(NAMES, values, { n: 4_999 })).toMatchObject({ isMet: false });
  expect(verdictOf(NAMES, { ...values, ours: { diff99Ms: 20.1 } })).toMatchObject({ isMet: false });
});

test("a goal without one divides ours by the other's", () => {
  const goal = atMostTimes(2, "party", { text: "", figure: "cpuMs" });
  expect(verdictOf(goal, { ours: { cpuMs: 10 }, party: { cpuMs: 5 } })).toEqual({
    value: 2,
    isMet: true,
  });
});

test("a goal of so many times less divides the other's by ours", () => {
  const goal = timesLess(5, "party", { text: "", figure: "cpuMs" });
  expect(verdictOf(goal, { ours: { cpuMs: 10 }, party: { cpuMs: 49 } })).toEqual({
    value: 4.9,
    isMet: false,
  });
});

test("what was not measured, not to be judged or not clean is neither met nor missed", () => {
  const goal = atMost(100, { text: "", figure: "mb" });
  const values = { ours: { mb: 50 } };
  expect(verdictOf(goal, values)).toMatchObject({ isMet: true });
  expect(verdictOf(goal, {})).toMatchObject({ isMet: null });
  expect(verdictOf(goal, values, { isJudged: false })).toMatchObject({ isMet: null });
  expect(verdictOf(goal, values, { problems: ["a socket was dropped"] })).toMatchObject({
    isMet: null,
  });
});
