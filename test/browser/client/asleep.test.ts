/** Tabs that nobody looks at and laptops that are closed, with a maximum age of a tenth of the default. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { joinAs, type Joined, tokenFor } from "../../support/client.ts";
import { Server } from "../../support/server.ts";
import { Site } from "../../support/site.ts";
import { launch } from "../../../src/dev/browser.ts";
import { Tab } from "../../support/tab.ts";

const MAX_AGE_SECONDS = 6;

/**
 * A page that can be hidden as by its browser: it is told so, and its own timers fire once a minute at most,
 * whatever time they were set for. Those of workers are as ever.
 */
const HIDEABLE = `
  let isHidden = false;
  const set = setTimeout;
  globalThis.setTimeout = (then, ms) => set(then, isHidden ? Math.max(ms, 60_000) : ms);
  Object.defineProperty(document, "visibilityState", { get: () => (isHidden ? "hidden" : "visible") });
  globalThis.hide = (hidden) => {
    isHidden = hidden;
    document.dispatchEvent(new Event("visibilitychange"));
  };
`;

let server: Server;
let site: Site;
let browser: Browser;
beforeAll(async () => {
  [server, site, browser] = await Promise.all([
    Server.start({ PRESENCE_MAX_AGE: String(MAX_AGE_SECONDS) }),
    Site.start(),
    launch(),
  ]);
});
afterAll(() => Promise.all([browser.close(), site.stop(), server.stop()]));

/** A bystander whose own heartbeats come in time. */
async function bystand(room: string): Promise<Joined> {
  const bystander = await joinAs(server, "bystander", room);
  bystander.client.beatEvery(1_000);
  return bystander;
}

async function open(room: string, { path = "/" } = {}): Promise<Tab> {
  return Tab.open(browser, site.pageFor(server.url, room, await tokenFor("ada"), path), HIDEABLE);
}

/** Waits for so many heartbeats of the bystander to be answered: that is the time that passes. */
async function pass({ client }: Joined, seconds: number): Promise<void> {
  // Earlier answers count as heard.
  client.frames.skip(client.frames.unread().length);
  for (let second = 0; second < seconds; second += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await client.frames.until((frame) => frame === "heartbeat");
  }
}

function leavesIn({ client }: Joined): string[] {
  return client.frames.all.flatMap((frame) =>
    frame !== "heartbeat" && frame.type === "diff" ? frame.leaves.map(({ reason }) => reason) : [],
  );
}

test.concurrent("a tab that is hidden for twice the maximum age is still present", async () => {
  const bystander = await bystand("hidden");
  const ada = await open("hidden");
  await ada.page.evaluate("hide(true)");
  await pass(bystander, 2 * MAX_AGE_SECONDS);
  expect(leavesIn(bystander)).toEqual([]);
  expect(await ada.page.evaluate("room.status")).toBe("here");
  bystander.client.ws.close();
  await ada.close();
});

test.concurrent("where a page may have no worker, it is gone when its timers are, and back when it is shown", async () => {
  const bystander = await bystand("strict");
  const ada = await open("strict", { path: "/strict" });
  await ada.page.evaluate("hide(true)");
  await pass(bystander, 2 * MAX_AGE_SECONDS);
  expect(leavesIn(bystander)).toEqual(["expired"]);
  await ada.page.evaluate("hide(false)");
  await ada.isHere();
  expect(await ada.ids()).toEqual(["ada", "bystander"]);
  bystander.client.ws.close();
  await ada.close();
});

test.concurrent("a closed lid past the maximum age: gone, and back on waking without a reload", async () => {
  const bystander = await bystand("lid");
  const ada = await open("lid");
  await ada.page.evaluate("room.setState('writing')");
  const lid = await ada.sleep();
  await bystander.client.frames.until(
    (frame) => frame !== "heartbeat" && frame.type === "diff" && frame.leaves.length > 0,
  );
  expect(leavesIn(bystander)).toEqual(["expired"]);
  await lid.wake();
  await bystander.client.frames.until(
    (frame) =>
      frame !== "heartbeat" && frame.type === "diff" && JSON.stringify(frame).includes("writing"),
  );
  await ada.isHere();
  expect(await ada.ids()).toEqual(["ada", "bystander"]);
  // In the view of the one who slept, nobody has left.
  expect(String(await ada.changes())).not.toMatch(/leave/);
  bystander.client.ws.close();
  await ada.close();
});
