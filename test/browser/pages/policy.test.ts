/**
 * The rules that pages are served with, as `wrangler dev` reads them from dist/pages: that each page runs under them
 * without a complaint of the browser, that they hold, and that no address of a page passes a token on.
 */

import { randomUUID } from "node:crypto";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tokenFor } from "../../support/client.ts";
import { DEVELOPMENT, Server } from "../../support/server.ts";
import { launch } from "../../../src/dev/browser.ts";
import { Visitor } from "../../support/visitor.ts";

const DIRECTIVES = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
];

let server: Server;
let browser: Browser;
beforeAll(async () => {
  [server, browser] = await Promise.all([
    Server.start({ PRESENCE_DEV: "true" }, DEVELOPMENT),
    launch(),
  ]);
});
afterAll(() => Promise.all([browser.close(), server.stop()]));

/** What a page's policy says. */
async function policyOf(path: string): Promise<string[]> {
  const { headers } = await fetch(server.url + path);
  return (headers.get("content-security-policy") ?? "").split("; ");
}

describe.each([
  "/",
  "/inspector",
  "/docs",
  "/demo/main.js",
  "/shared/page.css",
  "/index.html",
  "/docs.html",
])("%s", (path) => {
  test("is served with the rules", async () => {
    const { headers } = await fetch(server.url + path);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("permissions-policy")).toContain("camera=()");
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(await policyOf(path)).toEqual(expect.arrayContaining(DIRECTIVES));
  });
});

test("only the viewer of the API may have inline styles, and nobody inline scripts", async () => {
  expect(await policyOf("/")).toEqual(
    expect.arrayContaining(["style-src 'self'", "img-src 'self'", "worker-src blob:"]),
  );
  expect(await policyOf("/inspector")).toEqual(await policyOf("/"));
  expect(await policyOf("/docs")).toEqual(
    expect.arrayContaining(["style-src 'self' 'unsafe-inline'", "img-src 'self' data:"]),
  );
});

test("the demo runs under them: in, messages, pointers, and its timers while it is hidden", async () => {
  const url = `${server.url}/#${randomUUID()}`;
  await using ada = await Visitor.enter(browser, url, "Ada");
  await using grace = await Visitor.enter(browser, url, "Grace");
  await ada.pointAt(0.5, 0.5);
  await ada.page.getByLabel("Message").fill("hello");
  await ada.page.getByRole("button", { name: "Send" }).click();
  await grace.sees("#chat-log", "hello");
  // A worker of the same kind as the client's own: made from a blob.
  const said = await ada.page.evaluate(`new Promise((resolve, reject) => {
    const worker = new Worker(URL.createObjectURL(new Blob(["postMessage('ticks')"])));
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = () => reject(new Error("no worker"));
  })`);
  expect(said).toBe("ticks");
});

test("the inspector runs under them: rooms, a room, its frames live", async () => {
  const room = randomUUID();
  await using ada = await Visitor.enter(browser, `${server.url}/#${room}`, "Ada");
  await using ops = await Visitor.open(browser, `${server.url}/inspector`);
  await ops.page.getByLabel("A token").fill(await tokenFor("ops", { can: ["admin"] }));
  await ops.page.keyboard.press("Enter");
  await ops.sees("h1", "Rooms");
  await ops.page.getByText(room).first().click();
  await ops.sees("main", "Ada");
  expect(ada.complaints).toEqual([]);
});

test("the viewer of the API runs under them, and calls", async () => {
  await using reader = await Visitor.open(browser, `${server.url}/docs`);
  const health = reader.page.locator("#operations-service-getHealth");
  await health.locator("button.opblock-summary-control").click();
  await health.getByRole("button", { name: "Execute" }).click();
  await reader.sees("#operations-service-getHealth .live-responses-table", '"ok": true');
  expect(reader.complaints).toEqual([]);
});

test.each(["/", "/inspector", "/docs"])("%s lets no script of a stranger run", async (path) => {
  await using victim = await Visitor.open(browser, server.url + path, {
    allowed: /Content Security Policy|Refused|violates/,
  });
  const violated = await victim.page.evaluate(`new Promise((resolve) => {
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => resolve(effectiveDirective));
    const script = document.createElement("script");
    script.textContent = "globalThis.hurt = true";
    document.body.append(script);
  })`);
  expect(violated).toBe("script-src-elem");
  expect(await victim.page.evaluate("globalThis.hurt")).toBeUndefined();
});

test("no page of another origin may show one in a frame", async () => {
  const page = await browser.newPage();
  await page.setContent(`<iframe src="${server.url}/inspector"></iframe>`);
  await page.waitForFunction("window.frames.length === 1");
  const frame = await page.locator("iframe").elementHandle();
  const shown = await (await frame?.contentFrame())?.locator("body").innerText();
  expect(shown ?? "").not.toContain("token");
  await page.close();
});

describe("an address of a page with a token", () => {
  const spellings = ["", "index", "docs", "inspector"].flatMap((name) =>
    ["", ".html", "/", "/index", "/index.html"].map((rest) => `/${name}${rest}`),
  );

  test.each(spellings.filter((path) => !/^\/(?:\.html|\/)/.test(path)))(
    "%s sends nobody on with it",
    async (path) => {
      const response = await fetch(`${server.url}${path}?token=abc.def.ghi&x=y`, {
        redirect: "manual",
      });
      expect([200, 302, 404]).toContain(response.status);
      expect(JSON.stringify(Array.from(response.headers))).not.toContain("abc");
      const end = await fetch(server.url + path);
      expect(response.status === 404 ? 404 : end.status).toBe(end.status);
    },
  );

  test("is the page itself where it is spelt with .html", async () => {
    const [plain, other] = await Promise.all(
      ["/inspector", "/inspector.html?token=abc"].map((path) => fetch(server.url + path)),
    );
    expect(await other?.text()).toBe(await plain?.text());
  });
});
