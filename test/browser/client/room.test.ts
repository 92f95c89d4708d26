/** The client in real tabs: what one sees of the other, and what a bystander hears. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { joinAs, type Joined, tokenFor } from "../../support/client.ts";
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

async function open(room: string, id: string): Promise<Tab> {
  return Tab.open(browser, site.pageFor(server.url, room, await tokenFor(id)));
}

/** Everything that a bystander was told after its first frames. */
async function heardBy({ client }: Joined): Promise<unknown[]> {
  await client.settled();
  return client.frames.all.filter(
    (frame) => frame !== "heartbeat" && !["welcome", "sync", "error"].includes(frame.type),
  );
}

test("two windows: one comes, says something, moves, and goes", async () => {
  const ada = await open("two", "ada");
  const bob = await open("two", "bob");
  await ada.until("room.members.length === 2");
  expect(await bob.ids()).toEqual(["ada", "bob"]);
  await bob.page.evaluate("room.setState({ typing: true })");
  await ada.until("room.members[1].state?.typing === true");
  // As a cursor moves: far more often than states may be sent. The last one counts.
  await bob.page.evaluate(`new Promise((resolve) => {
    let x = 0;
    const move = () => { room.setState({ x }); x += 1; x > 60 ? resolve() : requestAnimationFrame(move); };
    move();
  })`);
  await ada.until("room.members[1].state?.x === 60");
  await bob.page.evaluate("room.send({ hello: 'all' })");
  await ada.until(
    "events.some(({ type, event }) => type === 'message' && event.payload.hello === 'all')",
  );
  await bob.close();
  await ada.until("room.members.length === 1");
  expect(
    await ada.page.evaluate("events.findLast(({ type }) => type === 'leave').event.reason"),
  ).toBe("left");
  expect(await ada.page.evaluate("events.filter(({ type }) => type === 'error')")).toEqual([]);
  await ada.close();
});

test("a reload is nothing to the others: not one frame", async () => {
  const bystander = await joinAs(server, "bystander", "reload");
  const ada = await open("reload", "ada");
  await ada.page.evaluate("room.setState({ typing: true })");
  await bystander.client.frames.until((frame) => JSON.stringify(frame).includes("typing"));
  const before = await heardBy(bystander);
  const channel = await ada.channel();
  for (let times = 0; times < 3; times += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await ada.page.reload();
    // oxlint-disable-next-line no-await-in-loop
    await ada.isHere();
  }
  expect(await ada.channel()).toBe(channel);
  // The page has said nothing, so it stands by what it said before.
  expect(await ada.page.evaluate("room.self.state")).toEqual({ typing: true });
  expect(await ada.page.evaluate("sessionStorage.length")).toBe(0);
  // Longer than the room waits for a page that was closed: a marker that comes after any leave of hers.
  const passer = await open("reload", "passer");
  await passer.close();
  await bystander.client.frames.until((frame) => JSON.stringify(frame).includes('"leaves":[{'));
  const since = (await heardBy(bystander)).slice(before.length);
  expect(JSON.stringify(since)).not.toContain(String(channel));
  await ada.close();
});

test("a duplicated tab is a tab of its own, and does not steal the presence of the first", async () => {
  const bystander = await joinAs(server, "bystander", "duplicate");
  const ada = await open("duplicate", "ada");
  const channel = await ada.channel();
  const [page] = await Promise.all([
    ada.page.waitForEvent("popup"),
    // An opened window gets a copy of the session's storage, as a duplicated tab does.
    ada.page.evaluate("open(location.href)"),
  ]);
  const twin = new Tab(page);
  await twin.isHere();
  const twinChannel = await twin.channel();
  expect(twinChannel).not.toBe(channel);
  await ada.until("room.members.find(({ id }) => id === 'ada').presences.length === 2");
  expect(await ada.channel()).toBe(channel);
  // Each finds its own again.
  await Promise.all([ada.page.reload(), twin.page.reload()]);
  await Promise.all([ada.isHere(), twin.isHere()]);
  expect([await ada.channel(), await twin.channel()]).toEqual([channel, twinChannel]);
  const joins = JSON.stringify(await heardBy(bystander)).match(/"joins":\[\{/g) ?? [];
  expect(joins).toHaveLength(2);
  await ada.close();
});

test("a laptop that slept for some seconds was never away", async () => {
  const bystander = await joinAs(server, "bystander", "slept");
  const ada = await open("slept", "ada");
  const before = await heardBy(bystander);
  const lid = await ada.sleep();
  const passer = await open("slept", "passer");
  await passer.close();
  await bystander.client.frames.until((frame) => JSON.stringify(frame).includes('"leaves":[{'));
  await lid.wake();
  await ada.until("room.status === 'here' && room.members.length === 2");
  const since = JSON.stringify((await heardBy(bystander)).slice(before.length));
  expect(since).not.toContain("ada");
  await ada.close();
});
