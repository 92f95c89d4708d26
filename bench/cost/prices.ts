/**
 * Cloudflare's published prices in US dollars, as of November 2026.
 * https://developers.cloudflare.com/durable-objects/platform/pricing/
 * https://developers.cloudflare.com/workers/platform/pricing/
 */

export type Price = {
  readonly title: string;
  readonly perMillion: number;
  /** What the paid plan includes in a month, and the free plan allows in a day. */
  readonly includedMonthly: number;
  readonly freeDaily: number;
};

/** What a month of the paid plan costs before anything is used. */
export const PLAN_DOLLARS = 5;

/** Objects are billed as if each had this much memory: 128 MB. */
export const GB_PER_OBJECT = 0.128;

/** So many incoming WebSocket messages are billed as one request. */
export const MESSAGES_PER_REQUEST = 20;

export const PRICES = {
  workerRequests: {
    title: "requests to the Worker",
    perMillion: 0.3,
    includedMonthly: 10e6,
    freeDaily: 100_000,
  },
  workerCpuMs: {
    title: "CPU of the Worker, ms",
    perMillion: 0.02,
    includedMonthly: 30e6,
    // The free plan limits the CPU of each request, not of all together.
    freeDaily: Infinity,
  },
  requests: {
    title: "requests to objects",
    perMillion: 0.15,
    includedMonthly: 1e6,
    freeDaily: 100_000,
  },
  gbSeconds: {
    title: "duration, GB-s",
    perMillion: 12.5,
    includedMonthly: 400_000,
    freeDaily: 13_000,
  },
  rowsRead: {
    title: "rows read",
    perMillion: 0.001,
    includedMonthly: 25e9,
    freeDaily: 5e6,
  },
  rowsWritten: {
    title: "rows written",
    perMillion: 1,
    includedMonthly: 50e6,
    freeDaily: 100_000,
  },
} as const satisfies Record<string, Price>;

export type Item = keyof typeof PRICES;

/** What is used of each. */
export type Usage = Readonly<Record<Item, number>>;

export const ITEMS: readonly Item[] = [
  "workerRequests",
  "workerCpuMs",
  "requests",
  "gbSeconds",
  "rowsRead",
  "rowsWritten",
];

/** Dollars for a month's usage, without what the plan includes. */
export function grossOf(usage: Usage): number {
  return ITEMS.reduce((sum, item) => sum + (usage[item] / 1e6) * PRICES[item].perMillion, 0);
}

/** The invoice: the plan, and what goes beyond it. */
export function invoiceOf(usage: Usage): number {
  return ITEMS.reduce((sum, item) => {
    const beyond = Math.max(0, usage[item] - PRICES[item].includedMonthly);
    return sum + (beyond / 1e6) * PRICES[item].perMillion;
  }, PLAN_DOLLARS);
}
