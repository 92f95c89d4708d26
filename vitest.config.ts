/**
 * One project for each combination of runtime and settings. Hostile input is all in test/hostile, which three
 * projects share: inside/ runs in the Worker with the throttle out of the way, defaults/ in the Worker with the
 * default settings, outside/ in Node against a runtime over TCP.
 */

import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** The Worker of the tests: the product's, with counters around its storage. */
const worker = { main: "./test/support/worker.ts", wrangler: { configPath: "./wrangler.toml" } };
/** Which faults, and how many: what `npm test` runs, unless the environment says otherwise. */
const { FAULTS_SEED = "20261128", FAULTS_STEPS = "500" } = process.env;

/** Rooms small enough to reach the counts, and a frame rate that does not throttle while the clock stands still. */
const faultSettings = {
  FAULTS_SEED,
  FAULTS_STEPS,
  PRESENCE_ANNOUNCE_MAX: "8",
  PRESENCE_FRAME_RATE: "10000",
  PRESENCE_WEBHOOK_EVENTS: "*",
};

const secret = { PRESENCE_SECRET: "a secret of the tests, 32 bytes or more" };

/**
 * Without the log: what the tests say of rows and of rooms that forget themselves was so before there was one, and
 * must be so where it is switched off. Those of test/log run with it, and so does all that runs outside.
 */
const withoutLog = { ...secret, PRESENCE_HISTORY: "0" };

/** The objects of an application of one's own, in test/support/application.ts. */
const durableObjects = {
  GAME: { className: "Game", useSQLite: true },
  ASYNC_GAME: { className: "AsyncGame", useSQLite: true },
};

/** Limits so low that a test can reach them. */
const lowLimits = {
  PRESENCE_ANNOUNCE_MAX: "10",
  PRESENCE_ANNOUNCE_RATE: "200",
  PRESENCE_ROOM_MAX: "30",
  PRESENCE_USER_MAX: "5",
  PRESENCE_FRAME_MAX: "512",
  PRESENCE_STATE_MAX: "64",
  PRESENCE_GRACE: "0",
};

/** Limits of the platform's rate limiters, in requests a minute: from one address, and by one user. */
const ratelimits = {
  ADDRESS_LIMITER: { namespace_id: "1", simple: { limit: 40, period: 60 as const } },
  USER_LIMITER: { namespace_id: "2", simple: { limit: 40, period: 60 as const } },
};

/** A queue of events, and a Worker that answers with the messages that it has consumed. */
const queue = {
  queueProducers: { PRESENCE_EVENTS: { queueName: "presence-events" } },
  serviceBindings: { CONSUMER: "consumer" },
  workers: [
    {
      name: "consumer",
      modules: true,
      compatibilityDate: "2026-10-20",
      queueConsumers: { "presence-events": { maxBatchTimeout: 0 } },
      script: `const bodies = [];
        export default {
          queue: ({ messages }) => void bodies.push(...messages.map(({ body }) => body)),
          fetch: () => Response.json(bodies),
        };`,
    },
  ],
};

/** A receiver of webhooks that is a Worker of its own, in test/support/remote-receiver.js; a test can ask it. */
const receiver = {
  outboundService: "receiver",
  serviceBindings: { RECEIVER: "receiver" },
  workers: [
    {
      name: "receiver",
      modules: true,
      scriptPath: "./test/support/remote-receiver.js",
      compatibilityDate: "2026-10-20",
    },
  ],
};

/** What posts all that happens to that receiver. */
const webhook = {
  PRESENCE_WEBHOOK_URL: "https://receiver.test/hooks/a-private-path",
  PRESENCE_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
};

/**
 * Two files at a time, whatever the project, so that a file that waits and a file that computes share the cores.
 * With more, a reload in a browser takes longer than the 2.5 s that a room waits for it.
 */
const maxWorkers = 2;

export default defineConfig({
  test: {
    maxWorkers,
    projects: [
      { test: { name: "core", maxWorkers, include: ["test/{core,bench}/**/*.test.ts"] } },
      {
        test: {
          name: "client",
          maxWorkers,
          include: ["test/client/**/*.test.ts", "test/client/**/*.test.tsx"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [
          cloudflareTest({
            ...worker,
            miniflare: { bindings: { ...withoutLog, ROOMS: "1000" }, durableObjects },
          }),
        ],
        test: {
          name: "worker",
          maxWorkers,
          include: ["test/{worker,scale,hostile/defaults}/**/*.test.ts"],
        },
      },
      {
        // With the default settings: rooms keep a log.
        plugins: [cloudflareTest({ ...worker, miniflare: { bindings: secret, durableObjects } })],
        test: { name: "log", maxWorkers, include: ["test/log/**/*.test.ts"] },
      },
      {
        // With a log that is short enough for a test to fill.
        plugins: [
          cloudflareTest({
            ...worker,
            miniflare: { bindings: { ...secret, PRESENCE_HISTORY_MAX: "100" }, durableObjects },
          }),
        ],
        test: { name: "log-max", maxWorkers, include: ["test/log-max/**/*.test.ts"] },
      },
      {
        // With a queue instead of a receiver of webhooks.
        plugins: [
          cloudflareTest({ ...worker, miniflare: { bindings: secret, durableObjects, ...queue } }),
        ],
        test: { name: "queue", maxWorkers, include: ["test/queue/**/*.test.ts"] },
      },
      {
        // With a receiver of webhooks that is told when rooms fill and empty.
        plugins: [
          cloudflareTest({
            ...worker,
            miniflare: {
              bindings: { ...secret, ...webhook, PRESENCE_WEBHOOK_EVENTS: "room.*" },
              durableObjects,
              ...receiver,
            },
          }),
        ],
        test: { name: "webhooks", maxWorkers, include: ["test/webhooks/**/*.test.ts"] },
      },
      {
        // The same on a scale that takes minutes: npm run test:scale.
        plugins: [
          cloudflareTest({
            ...worker,
            miniflare: { bindings: { ...withoutLog, ROOMS: "10000" }, durableObjects },
          }),
        ],
        test: { name: "scale", maxWorkers, include: ["test/scale/**/*.test.ts"] },
      },
      {
        plugins: [
          cloudflareTest({
            ...worker,
            miniflare: { bindings: { ...withoutLog, ...lowLimits }, ratelimits },
          }),
        ],
        test: { name: "limits", maxWorkers, include: ["test/limits/**/*.test.ts"] },
      },
      {
        // So many frames a second that the throttle answers none of them.
        plugins: [
          cloudflareTest({
            ...worker,
            miniflare: { bindings: { ...withoutLog, PRESENCE_FRAME_RATE: "10000" } },
          }),
        ],
        test: { name: "hostile", maxWorkers, include: ["test/hostile/inside/**/*.test.ts"] },
      },
      {
        plugins: [
          cloudflareTest({
            ...worker,
            miniflare: {
              bindings: { ...secret, ...webhook, ...faultSettings },
              durableObjects,
              ...receiver,
            },
          }),
        ],
        test: { name: "faults", maxWorkers, include: ["test/faults/inside/**/*.test.ts"] },
      },
      {
        test: {
          name: "kills",
          maxWorkers,
          include: ["test/faults/outside/**/*.test.ts"],
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "end-to-end",
          maxWorkers,
          include: ["test/{end-to-end,hostile/outside}/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "docs",
          maxWorkers,
          include: ["test/docs/**/*.test.ts"],
          globalSetup: "test/docs/setup.ts",
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        // What much traffic does to the runtime. One file at a time: they measure.
        test: {
          name: "load",
          maxWorkers: 1,
          include: ["test/load/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "browser",
          maxWorkers,
          include: ["test/browser/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
