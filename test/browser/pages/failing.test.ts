/** The demo where something is missing: a token, the right to one, or trust. And its ten lines, alone. */

import { randomUUID } from "node:crypto";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { open, tokenFor } from "../../support/client.ts";
import { DEVELOPMENT, Server } from "../../support/server.ts";
import { launch } from "../../../src/dev/browser.ts";
import { Visitor } from "../../support/visitor.ts";

/** A page that the test made has no address of this machine, and would have to ask before it may reach one. */
const permissions = ["local-network-access"];
/** What it logs of the token that nobody makes there. */
const NO_TOKENS = /404/;

let local: Server;
let deployed: Server;
let browser: Browser;
beforeAll(async () => {
  [local, deployed, browser] = await Promise.all([
    Server.start({ PRESENCE_DEV: "true" }, DEVELOPMENT),
    Server.start(),
    launch(),
  ]);
});
afterAll(() => Promise.all([browser.close(), local.stop(), deployed.stop()]));

test("where no tokens are made for the asking, the page says how to make one, and takes it", async () => {
  const room = randomUUID();
  await using ada = await Visitor.open(browser, `${deployed.url}/#${room}`, { allowed: NO_TOKENS });
  await ada.page.getByLabel("Come in as").fill("Ada");
  await ada.page.keyboard.press("Enter");
  const box = ada.page.getByLabel("Come in with a token");
  await box.waitFor();
  await ada.sees("#token-help", "npm run -s token");
  await box.fill("nonsense");
  await ada.page.keyboard.press("Enter");
  await ada.sees("#status", /Closed: the token is not valid/);
  await ada.page.getByRole("button", { name: "Look on again" }).click();
  await ada.sees("#status", "Here, looking on");
  await box.fill(await tokenFor("ada", { info: { name: "Ada" } }));
  await ada.page.keyboard.press("Enter");
  await ada.sees("#status", "Here as Ada");
  expect(ada.page.url()).not.toContain("eyJ");
  expect(await ada.page.evaluate("localStorage.length + sessionStorage.length")).toBe(0);
});

test("a presence that a server removes is told why it is closed", async () => {
  const room = randomUUID();
  await using ada = await Visitor.enter(browser, `${local.url}/#${room}`, "Ada");
  const authorization = `Bearer ${await tokenFor("server", { can: ["admin"] })}`;
  const path = `${local.url}/rooms/${room}/presences`;
  const answer = await fetch(path, { headers: { authorization } });
  const body = await answer.text();
  const channel = /"channel":"([^"]+)"/.exec(body)?.[1] ?? "";
  await fetch(`${path}/${encodeURIComponent(channel)}`, {
    method: "DELETE",
    headers: { authorization },
  });
  await ada.sees("#status", /^Closed: a server took this presence out of the room/);
  expect(await ada.page.getByLabel("Message").isDisabled()).toBe(true);
});

test("a room that no address can name is refused in words", async () => {
  await using ada = await Visitor.enter(browser, `${local.url}/#${randomUUID()}`, "Ada");
  await ada.page.getByLabel("Go to another room").fill("..");
  await ada.page.keyboard.press("Enter");
  await ada.sees("#problem", "no URL can have the room");
  expect(ada.complaints).toEqual([]);
});

test("the ten lines that the page shows do what it says", async () => {
  const reader = await browser.newPage();
  await reader.goto(`${local.url}/`);
  const code = await reader.locator("#code").innerText();
  expect(code.split("\n").filter((line) => line.trim() !== "")).toHaveLength(10);
  await reader.close();
  await using ada = await Visitor.open(browser, "about:blank", { permissions });
  await ada.page.route("**/ten-lines", (route) =>
    route.fulfill({
      contentType: "text/html; charset=utf-8",
      body: `<!doctype html><title>ten lines</title><link rel="icon" href="data:,"><ul id="here"></ul>
        <script type="importmap">{"imports": {"durable-presence/client": "/client/index.js"}}</script>
        <script type="module">const fetchToken = undefined;\n${code}</script>`,
    }),
  );
  await ada.page.goto(`${local.url}/ten-lines`);
  const token = await tokenFor("zoe", { info: { name: "Zoe" } });
  const zoe = await open(local, "lobby", { token });
  zoe.send({ type: "state", state: { typing: true } });
  await ada.sees("#here li", "Zoe ×1 is typing");
  zoe.ws.close();
  await ada.seesNo("#here li", "Zoe");
});
