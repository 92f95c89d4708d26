/** The inspector of a service with webhooks, in a real Chromium: how those of a room go. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "../../../src/dev/browser.ts";
import { openAs, tokenFor } from "../../support/client.ts";
import { hang, ok, Receiver, status } from "../../support/receiver.ts";
import { DEVELOPMENT, Server } from "../../support/server.ts";
import { Visitor } from "../../support/visitor.ts";

let receiver: Receiver;
let server: Server;
let browser: Browser;
beforeAll(async () => {
  receiver = await Receiver.start();
  [server, browser] = await Promise.all([
    Server.start({ PRESENCE_DEV: "true", ...receiver.vars }, DEVELOPMENT),
    launch(),
  ]);
});
afterAll(async () => {
  await Promise.all([browser.close(), server.stop()]);
  await receiver.stop();
});

async function inspect(room: string): Promise<Visitor> {
  const visitor = await Visitor.open(browser, `${server.url}/inspector`);
  const { page } = visitor;
  await page
    .getByLabel("A token that can admin")
    .fill(await tokenFor("operator", { can: ["admin"] }));
  await page.keyboard.press("Enter");
  await visitor.sees("h1", "Rooms");
  await page.getByLabel("Rooms that begin with").fill(room);
  await page.keyboard.press("Enter");
  return visitor;
}

test("a room says what waits, what failed, why, and when it tries again", async () => {
  receiver.of("failing").answers = [status(503, { "retry-after": "6" })];
  await openAs(server, "ada", "failing", { query: { view: "diff" } });
  await receiver.of("failing").calls.next();
  await using operator = await inspect("failing");
  await operator.sees(
    "#webhooks",
    /Webhooks: 2 events waiting; .* failed \(the receiver answered 503\); next attempt: \d\d:\d\d:\d\d\./,
  );
  expect(await operator.page.content()).not.toContain("a-private-path");
  receiver.of("failing").answers = [ok];
  await operator.sees("#webhooks", "Webhooks: all events delivered.");
});

test("a room whose receiver wants nothing more tries no more", async () => {
  receiver.of("gone").answers = [status(410)];
  await openAs(server, "ada", "gone", { query: { view: "diff" } });
  await receiver.of("gone").calls.next();
  await using operator = await inspect("gone");
  await operator.sees("#webhooks", /failed \(the receiver answered 410\); next attempt: none\./);
  expect(await operator.page.locator("#webhooks").isVisible()).toBe(true);
});

test("what is on its way is said to be", async () => {
  receiver.of("slow").answers = [hang];
  await openAs(server, "ada", "slow", { query: { view: "diff" } });
  await receiver.of("slow").calls.next();
  await using operator = await inspect("slow");
  await operator.sees("#webhooks", "Webhooks: 2 events on the way.");
  expect(await operator.page.locator("#webhooks").isVisible()).toBe(true);
});
