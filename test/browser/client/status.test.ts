/** Whether somebody is at a tab, in a real browser, with times that are a fraction of the default ones. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { joinAs, type Joined, tokenFor } from "../../support/client.ts";
import { Server } from "../../support/server.ts";
import { Site } from "../../support/site.ts";
import { launch } from "../../../src/dev/browser.ts";
import { Tab } from "../../support/tab.ts";

/** A page that can be hidden as by its browser: it is told so, and its own timers fire once a minute at most. */
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
  [server, site, browser] = await Promise.all([Server.start(), Site.start(), launch()]);
});
afterAll(() => Promise.all([browser.close(), site.stop(), server.stop()]));

async function open(room: string, times: Record<string, number>): Promise<Tab> {
  const query = new URLSearchParams(
    Object.entries(times).map(([name, ms]) => [name, String(ms)]),
  ).toString();
  const address = site.pageFor(server.url, room, await tokenFor("ada"));
  return Tab.open(browser, `${address}&${query}`, HIDEABLE);
}

/** Waits for the next change of a status, and for nothing that came before. */
async function nextStatus({ client }: Joined): Promise<string> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop
    const frame = await client.frames.next();
    if (frame !== "heartbeat" && frame.type === "diff") {
      const [change] = frame.statuses ?? [];
      if (change) return change.status;
    }
  }
}

test.concurrent("a tab that is hidden is away in time, though its timers are slow, and back when it is shown", async () => {
  const bystander = await joinAs(server, "bystander", "hidden");
  const ada = await open("hidden", { hiddenAfter: 2_000 });
  const startedAt = Date.now();
  await ada.page.evaluate("hide(true)");
  expect(await nextStatus(bystander)).toBe("away");
  const tookMs = Date.now() - startedAt;
  expect(tookMs).toBeGreaterThanOrEqual(1_900);
  expect(tookMs).toBeLessThan(30_000);
  expect(await ada.page.evaluate("room.self.status")).toBe("away");
  await ada.page.evaluate("hide(false)");
  expect(await nextStatus(bystander)).toBe("active");
  bystander.client.ws.close();
  await ada.close();
});

test.concurrent("a tab without input is away, and back with the first key, or the first move", async () => {
  const bystander = await joinAs(server, "bystander", "idle");
  const ada = await open("idle", { idleAfter: 1_000 });
  // Whatever a page does with its keys.
  await ada.page.evaluate(
    "addEventListener('keydown', (event) => event.stopImmediatePropagation(), { capture: true })",
  );
  expect(await nextStatus(bystander)).toBe("away");
  await ada.page.keyboard.press("a");
  expect(await nextStatus(bystander)).toBe("active");
  expect(await nextStatus(bystander)).toBe("away");
  await ada.page.mouse.move(10, 10);
  expect(await nextStatus(bystander)).toBe("active");
  await ada.page.evaluate("room.leave()");
  await bystander.client.frames.until(
    (frame) => frame !== "heartbeat" && frame.type === "diff" && frame.leaves.length > 0,
  );
  await ada.page.keyboard.press("a");
  expect(await ada.page.evaluate("room.status")).toBe("closed");
  bystander.client.ws.close();
  await ada.close();
});
