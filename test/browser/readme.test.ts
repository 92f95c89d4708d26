/** What a reader of the README sees: its ten lines in a real browser. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { blocks } from "../docs/blocks.ts";
import type { PresenceFrame } from "../../src/core/protocol.ts";
import { launch } from "../../src/dev/browser.ts";
import { joinAs, openAs, tokenFor } from "../support/client.ts";
import { complaintsOf } from "../support/complaints.ts";
import type { Frame } from "../support/listener.ts";
import { Server } from "../support/server.ts";

let server: Server;
let browser: Browser;
beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});
afterAll(() => Promise.all([browser.close(), server.stop()]));

/** The page in the README, which speaks to the server of the test. */
function pageOfReadme(): string {
  const [html, ...others] = blocks().filter(({ language }) => language === "html");
  if (html?.page !== "README.md" || others.length > 0) throw new Error("HTML elsewhere is not run");
  return `<!doctype html>\n${html.text.replaceAll("localhost:8787", server.host)}`;
}

/** Serves one page, at any address, until it is disposed of. */
async function serve(html: string): Promise<AsyncDisposable & { url: string }> {
  const site = createServer((_, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8").end(html);
  });
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  const address = site.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      site.closeAllConnections();
      site.close();
      await once(site, "close");
    },
  };
}

/** Waits until the page shows all of `present` and none of `absent`. */
async function shows(page: Page, present: string[], absent: string[] = []): Promise<void> {
  let body = page.locator("body");
  for (const hasText of present) body = body.filter({ hasText });
  for (const hasNotText of absent) body = body.filter({ hasNotText });
  await body.waitFor({ state: "attached" });
}

test("the ten lines of the README show who comes and who goes", async () => {
  await using site = await serve(pageOfReadme());
  const [first, second] = await Promise.all([browser.newPage(), browser.newPage()]);
  const complaints = complaintsOf(first);
  const tokens = await Promise.all(
    ["Ada", "Bob"].map((name) => tokenFor(name.toLowerCase(), { info: { name } })),
  );
  await first.goto(`${site.url}?token=${tokens[0]}`);
  await shows(first, ["Ada"], ["Bob"]);
  await second.goto(`${site.url}?token=${tokens[1]}`);
  await Promise.all([shows(first, ["Ada", "Bob"]), shows(second, ["Ada", "Bob"])]);
  await second.close();
  await shows(first, ["Ada"], ["Bob"]);
  expect(complaints).toEqual([]);
  await first.close();
});

test("a reload is no absence to the others", async () => {
  await using site = await serve(pageOfReadme());
  const [lister, differ] = await Promise.all([
    openAs(server, "lister", "lobby"),
    joinAs(server, "differ", "lobby"),
  ]);
  const page = await browser.newPage();
  await page.goto(`${site.url}?token=${await tokenFor("zoe")}`);
  await lister.frames.until(hasZoe);
  const joined = await differ.client.frames.until((frame) => JSON.stringify(frame).includes("zoe"));
  const before = lister.frames.all.length;
  await page.reload();
  // The page is back as another presence of the same member; later the one of before the reload leaves.
  await differ.client.frames.until(
    (frame) =>
      frame !== "heartbeat" &&
      frame.type === "diff" &&
      frame.leaves.some(({ channel }) => JSON.stringify(joined).includes(channel)),
  );
  await lister.settled();
  const since = lister.frames.all.slice(before);
  expect(since.filter((frame) => isList(frame) && !hasZoe(frame))).toEqual([]);
  await page.close();
  for (const client of [lister, differ.client]) client.ws.close();
});

function isList(frame: Frame): frame is PresenceFrame {
  return frame !== "heartbeat" && frame.type === "presence";
}

function hasZoe(frame: Frame): boolean {
  return isList(frame) && frame.payload.members.some(({ id }) => id === "zoe");
}
