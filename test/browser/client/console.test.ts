/** The console of a page stays clean: under StrictMode, on fast navigation, and where an attempt is given up. */

import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "../../../src/dev/browser.ts";
import { look, tokenFor } from "../../support/client.ts";
import { complaintsOf } from "../../support/complaints.ts";
import { Proxy } from "../../support/proxy.ts";
import { Server, until } from "../../support/server.ts";
import { Site } from "../../support/site.ts";

/** A network so slow that whatever is given up is still connecting. */
const DELAY_MS = 150;

let server: Server;
let site: Site;
let browser: Browser;
let proxy: Proxy;
beforeAll(async () => {
  [server, site, browser] = await Promise.all([Server.start(), Site.start(), launch()]);
  proxy = await Proxy.to(server.port);
  proxy.delay(DELAY_MS);
});
afterAll(() => Promise.all([browser.close(), site.stop(), proxy.stop(), server.stop()]));

/** A page of components, and everything that its console ever says. */
async function open(): Promise<{ page: Page; said: string[] }> {
  const page = await browser.newPage();
  const said = complaintsOf(page, /favicon|React DevTools/);
  const token = await tokenFor("ada");
  await page.goto(site.pageFor(proxy.url, "any", token, "/components"));
  await page.waitForFunction("globalThis.isReady === true");
  return { page, said };
}

/** Waits until nobody is in a room any more: whatever was given up has come to its end. */
function isEmpty(room: string): Promise<void> {
  return until(async () => (await look(server, room)).length === 0, 100);
}

test("StrictMode mounts twice, and the console is empty", async () => {
  const { page, said } = await open();
  await page.evaluate("show(['strict'])");
  await page.waitForFunction("document.getElementById('strict')?.textContent === 'here'");
  expect(await look(server, "strict")).toHaveLength(1);
  await page.evaluate("show([])");
  await isEmpty("strict");
  expect(said).toEqual([]);
  await page.close();
});

test("rooms that are left while they connect leave nothing in the console, and nobody behind", async () => {
  const { page, said } = await open();
  await page.evaluate(`(async () => {
    const shown = () => new Promise((resolve) => requestAnimationFrame(resolve));
    for (let step = 0; step < 8; step += 1) {
      show(["fast-" + step]);
      await shown();
      await new Promise((resolve) => setTimeout(resolve, 400 * (step % 2)));
    }
    show(["fast-last"]);
  })()`);
  await page.waitForFunction("document.getElementById('fast-last')?.textContent === 'here'");
  await Promise.all(Array.from({ length: 8 }, (_, step) => isEmpty(`fast-${step}`)));
  expect(said).toEqual([]);
  await page.close();
});

test("leave() and reconnect() while connecting leave nothing in the console", async () => {
  const { page, said } = await open();
  await page.evaluate(`(async () => {
    const { url, token } = Object.fromEntries(new URLSearchParams(location.search));
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const left = client.joinRoom({ url, room: "given-up", token });
    globalThis.room = client.joinRoom({ url, room: "again", token });
    await wait(50);
    left.leave();
    room.reconnect();
  })()`);
  await page.waitForFunction("room.status === 'here'");
  await isEmpty("given-up");
  await until(async () => (await look(server, "again")).length === 1, 100);
  expect(said).toEqual([]);
  await page.evaluate("room.leave()");
  await isEmpty("again");
  expect(said).toEqual([]);
  await page.close();
});

test("an attempt that takes too long is closed, for browsers make the next one wait for it", async () => {
  const { page } = await open();
  // Nothing comes of the first connection, and the server's port is the same for the next ones.
  const silent = createServer();
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  const sockets: Socket[] = [];
  silent.on("connection", (socket) => sockets.push(socket));
  const address = silent.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const made = (count: number) => until(() => sockets.length === count, 20);
  await page.evaluate(`(() => {
    globalThis.first = new WebSocket("ws://127.0.0.1:${port}");
    globalThis.second = new WebSocket("ws://127.0.0.1:${port}");
  })()`);
  await made(1);
  // Both are connecting, and one of them is not even on its way, until the other one is closed.
  await page.evaluate("new Promise((resolve) => setTimeout(resolve, 1_000))");
  expect(sockets).toHaveLength(1);
  await page.evaluate("first.close()");
  await made(2);
  for (const socket of sockets) socket.destroy();
  silent.close();
  await page.close();
});
