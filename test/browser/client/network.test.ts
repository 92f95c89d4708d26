/** Networks that fail and servers that die, under real tabs. A bystander with a good line hears of nobody. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { joinRoom, type RoomClient } from "../../../src/client/index.ts";
import { tokenFor } from "../../support/client.ts";
import { Proxy } from "../../support/proxy.ts";
import { Server } from "../../support/server.ts";
import { Site } from "../../support/site.ts";
import { launch } from "../../../src/dev/browser.ts";
import { Tab } from "../../support/tab.ts";

let server: Server;
let site: Site;
let browser: Browser;
beforeAll(async () => {
  [server, site, browser] = await Promise.all([Server.start(), Site.start(), launch()]);
});
afterAll(() => Promise.all([browser.close(), site.stop(), server.stop()]));

type Bystander = { readonly client: RoomClient; readonly heard: string[] };

/** Somebody who is in the room and notes who comes and who goes. */
async function bystand(service: string, room: string): Promise<Bystander> {
  const client = joinRoom({ url: service, room, token: () => tokenFor("bystander") });
  const heard: string[] = [];
  await new Promise<void>((resolve) => client.on("sync", () => resolve()));
  client.on("join", ({ id }) => heard.push(`join ${id}`));
  client.on("leave", ({ member: { id }, reason }) => heard.push(`leave ${id} ${reason}`));
  client.on("update", ({ member: { id } }) => heard.push(`update ${id}`));
  return { client, heard };
}

/** Waits until the bystander sees so many members. */
function sees({ client }: Bystander, count: number): Promise<void> {
  return new Promise((resolve) => {
    const stop = client.subscribe(check);
    function check(): void {
      if (client.count !== count || client.status !== "here") return;
      stop();
      resolve();
    }
    check();
  });
}

/** A tab whose line to the server goes through a proxy, and which knows when its network is gone. */
async function openBehind(proxy: Proxy, room: string, id: string): Promise<Tab> {
  return Tab.open(browser, site.pageFor(proxy.url, room, await tokenFor(id)));
}

async function cutFor(tab: Tab, proxy: Proxy, ms: number): Promise<void> {
  proxy.lose();
  await tab.page.context().setOffline(true);
  await tab.page.evaluate(`new Promise((resolve) => { setTimeout(resolve, ${ms}); })`);
  proxy.restore();
  await tab.page.context().setOffline(false);
}

test.concurrent("three seconds without a network: nobody sees anything, and the tab keeps its line", async () => {
  const proxy = await Proxy.to(server.port);
  const bystander = await bystand(server.url, "three");
  const ada = await openBehind(proxy, "three", "ada");
  await sees(bystander, 2);
  const channel = await ada.channel();
  await cutFor(ada, proxy, 3_000);
  bystander.client.reconnect();
  await sees(bystander, 2);
  await ada.page.evaluate("room.setState('back')");
  await ada.until("room.members.some(({ state }) => state === 'back')");
  expect(bystander.heard.filter((line) => !line.startsWith("update"))).toEqual(["join ada"]);
  expect(await ada.channel()).toBe(channel);
  expect(await ada.changes()).toEqual(["update ada"]);
  await ada.close();
  bystander.client.leave();
  await proxy.stop();
});

test.concurrent("a minute without a network: the tab says that it is stale, and is back when the network is", async () => {
  const proxy = await Proxy.to(server.port);
  const bystander = await bystand(server.url, "minute");
  const ada = await openBehind(proxy, "minute", "ada");
  await sees(bystander, 2);
  const cut = cutFor(ada, proxy, 60_000);
  // Nobody has closed the connection: only the silence tells.
  await ada.until("room.status === 'reconnecting' && room.stale && room.staleSince < Date.now()");
  expect(await ada.ids()).toEqual(["ada", "bystander"]);
  // While it is away, somebody comes and stays.
  const zoe = joinRoom({ url: server.url, room: "minute", token: () => tokenFor("zoe") });
  await sees(bystander, 3);
  await cut;
  const restoredAt = Date.now();
  await ada.until("room.status === 'here' && !room.stale && room.members.length === 3");
  expect(Date.now() - restoredAt).toBeLessThan(2_000);
  // Only what changed is told: nobody left, and nobody came twice.
  expect(await ada.changes()).toEqual(["join zoe"]);
  expect(bystander.heard).toEqual(["join ada", "join zoe"]);
  await ada.close();
  for (const client of [zoe, bystander.client]) client.leave();
  await proxy.stop();
});

test.concurrent("a connection that breaks is taken up again, and the others hear nothing", async () => {
  const proxy = await Proxy.to(server.port);
  const bystander = await bystand(server.url, "break");
  const ada = await openBehind(proxy, "break", "ada");
  await sees(bystander, 2);
  proxy.cut();
  await ada.until(
    "events.some(({ type, event }) => type === 'status' && event.status === 'reconnecting')",
  );
  await ada.isHere();
  bystander.client.reconnect();
  await sees(bystander, 2);
  expect(bystander.heard).toEqual(["join ada"]);
  expect(await ada.changes()).toEqual([]);
  await ada.close();
  bystander.client.leave();
  await proxy.stop();
});

test.concurrent("the server is killed and restarted: nobody was away, and states are there again", async () => {
  const mortal = await Server.start();
  const [ada, bob] = await Promise.all(
    ["ada", "bob"].map(async (id) =>
      Tab.open(browser, site.pageFor(mortal.url, "killed", await tokenFor(id))),
    ),
  );
  if (!ada || !bob) throw new Error("there are two");
  const bystander = await bystand(mortal.url, "killed");
  await Promise.all([sees(bystander, 3), ada.until("room.members.length === 3")]);
  await bob.page.evaluate("room.setState('typing')");
  await ada.until("room.members.some(({ state }) => state === 'typing')");
  await Promise.all([ada, bob].map((tab) => tab.page.evaluate("{ events.length = 0 }")));
  bystander.heard.length = 0;
  await mortal.kill();
  await ada.until("room.stale && room.members.length === 3");
  await mortal.start();
  await Promise.all([ada.isHere(), bob.isHere(), sees(bystander, 3)]);
  await ada.until("room.members.some(({ state }) => state === 'typing')");
  expect(bystander.heard.filter((line) => !line.startsWith("update"))).toEqual([]);
  expect(await bob.ids()).toEqual(["ada", "bob", "bystander"]);
  expect(String(await ada.changes())).not.toMatch(/join|leave/);
  bystander.client.leave();
  await Promise.all([ada.close(), bob.close()]);
  await mortal.stop();
});
