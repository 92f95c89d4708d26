/** What axe finds on the pages, in both colour schemes and two widths: nothing. It cannot tell whether they are good. */

import { randomUUID } from "node:crypto";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openAs, tokenFor } from "../../support/client.ts";
import { DEVELOPMENT, Server } from "../../support/server.ts";
import { launch } from "../../../src/dev/browser.ts";
import { Visitor } from "../../support/visitor.ts";

let server: Server;
let browser: Browser;
beforeAll(async () => {
  [server, browser] = await Promise.all([
    Server.start({ PRESENCE_DEV: "true" }, DEVELOPMENT),
    launch(),
  ]);
});
afterAll(() => Promise.all([browser.close(), server.stop()]));

/** What is wrong, as rule and place; and whether anything sticks out of the page's sides. */
async function findings(page: Page): Promise<unknown> {
  // Not as a script of the page, which its policy forbids.
  await page.evaluate(axe.source);
  return page.evaluate(`axe.run().then(({ violations }) => [
    ...violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => [id, html, failureSummary])),
    ...(document.documentElement.scrollWidth > innerWidth ? [["wider than the window"]] : []),
  ])`);
}

const WINDOWS = (["light", "dark"] as const).flatMap((colorScheme) =>
  [360, 1_280].map((width) => ({ colorScheme, width })),
);

test.each(WINDOWS)("/ in $colorScheme, $width wide", async ({ colorScheme, width }) => {
  const opening = {
    colorScheme,
    viewport: { width, height: 800 },
    reducedMotion: "reduce",
  } as const;
  const room = randomUUID();
  await using visitor = await Visitor.open(browser, `${server.url}/#${room}`, opening);
  await visitor.sees("#status", "Here, looking on");
  expect(await findings(visitor.page)).toEqual([]);
  await using ada = await Visitor.enter(browser, `${server.url}/#${room}`, "Ada", opening);
  const other = await openAs(server, "someone with a name that has no end to it at all", room);
  other.send({ type: "state", state: { typing: true } });
  other.send({ type: "message", payload: "W".repeat(300) });
  other.send({ type: "message", payload: { type: "cursor", at: { x: 0.9, y: 0.5 } } });
  await ada.sees("#typing", "typing");
  await ada.sees(".cursor", "someone");
  await ada.sees("#people", "lurker");
  const idle = await openAs(server, "idle", room, { query: { view: "diff" } });
  idle.send({ type: "status", status: "away" });
  await ada.sees("#people", "active just now");
  expect(await findings(ada.page)).toEqual([]);
  idle.ws.close();
  other.ws.close();
});

test.each(WINDOWS)("/inspector in $colorScheme, $width wide", async ({ colorScheme, width }) => {
  const room = `${randomUUID()}-${"x".repeat(100)}`;
  const user = await openAs(server, "ada".repeat(20), room, { query: { view: "diff" } });
  user.send({ type: "state", state: { text: "W".repeat(300) } });
  await using operator = await Visitor.open(browser, `${server.url}/inspector`, {
    colorScheme,
    viewport: { width, height: 800 },
    reducedMotion: "reduce",
    allowed: /401/,
  });
  await operator.page.getByLabel("A token").fill("nonsense");
  await operator.page.keyboard.press("Enter");
  await operator.sees("#gate-problem", "not valid");
  expect(await findings(operator.page)).toEqual([]);
  await operator.page.getByLabel("A token").fill(await tokenFor("ops", { can: ["admin"] }));
  await operator.page.keyboard.press("Enter");
  await operator.page.locator(`[data-room="${room}"]`).click();
  await operator.sees(".presence", "ada");
  await operator.sees("#panel-status", "Live");
  user.send({ type: "message", payload: "W".repeat(300) });
  await operator.sees("#log li", "WWW");
  await operator.sees("#history li", "member.joined");
  await operator.page.locator("#visits summary").click();
  await operator.page.getByRole("button", { name: "Remove ada" }).click();
  expect(await findings(operator.page)).toEqual([]);
  user.ws.close();
});
