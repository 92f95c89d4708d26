/** The demo while its server is down, and after. */

import { randomUUID } from "node:crypto";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DEVELOPMENT, Server } from "../../support/server.ts";
import { launch } from "../../../src/dev/browser.ts";
import { Visitor } from "../../support/visitor.ts";

/** What a browser logs of a server that is down. */
const DOWN = /ERR_CONNECTION|WebSocket connection to .* failed|ERR_EMPTY_RESPONSE/;

let server: Server;
let browser: Browser;
beforeAll(async () => {
  [server, browser] = await Promise.all([
    Server.start({ PRESENCE_DEV: "true" }, DEVELOPMENT),
    launch(),
  ]);
});
afterAll(() => Promise.all([browser.close(), server.stop()]));

test("a server that is killed: last known, in words; and all are back when it is", async () => {
  const url = `${server.url}/#${randomUUID()}`;
  await using ada = await Visitor.enter(browser, url, "Ada", { allowed: DOWN });
  await using grace = await Visitor.enter(browser, url, "Grace", { allowed: DOWN });
  await ada.sees("#people", "Grace");
  await server.kill();
  await ada.sees("#status", /Reconnecting… last known at \d\d:\d\d:\d\d/);
  expect(await ada.people()).toEqual(["Ada you", "Grace"]);
  expect(await ada.page.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
  await ada.page.getByLabel("Message").fill("kept");
  await server.start();
  await Promise.all([ada.sees("#status", "Here as Ada"), grace.sees("#status", "Here as Grace")]);
  await ada.page.getByRole("button", { name: "Send" }).click();
  await grace.sees("#chat-log", "kept");
  expect(await ada.people()).toEqual(["Ada you", "Grace"]);
  await ada.seesNo("#chat-log", "Grace left");
});
