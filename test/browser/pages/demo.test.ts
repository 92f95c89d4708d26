/** The demo at /, in windows of a real Chromium, against the service as `npm start` runs it. */

import { randomUUID } from "node:crypto";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { open, openAs, tokenFor } from "../../support/client.ts";
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

function demo(room: string = randomUUID()): string {
  return `${server.url}/#${encodeURIComponent(room)}`;
}

test("two windows see each other come, type, move, talk and go", async () => {
  const url = demo();
  await using ada = await Visitor.enter(browser, url, "Ada");
  const grace = await Visitor.enter(browser, url, "Grace");
  await Promise.all([ada.sees("#people", "Grace"), grace.sees("#people", "Ada")]);
  expect(await ada.people()).toEqual(["Ada you", "Grace"]);
  await ada.sees("#people-title", "2 people are here");
  await ada.sees("#chat-log", "Grace came");

  await grace.page.getByLabel("Message").pressSequentially("Hello");
  await ada.sees("#typing", "Grace is typing");
  expect(await ada.people()).toEqual(["Ada you", "Grace typing"]);
  await grace.page.keyboard.press("Enter");
  await ada.sees("#chat-log .line", /Grace.*Hello/s);
  await grace.sees("#chat-log .own", "Hello");
  await ada.seesNo("#typing", "typing");

  await grace.pointAt(0.25, 0.75);
  await ada.sees(".cursor", "Grace");
  const place = () => ada.page.locator(".cursor").evaluate((cursor) => cursor.style.transform);
  await expect.poll(place).toMatch(/^translate\(2[45]\.?\d*%, 7[45]\.?\d*%\)$/);
  await grace.page.mouse.down();
  await ada.page.locator(".ripple").waitFor({ state: "attached" });
  expect(await grace.page.locator(".cursor").count()).toBe(0);

  await grace[Symbol.asyncDispose]();
  await ada.seesNo("#people", "Grace");
  await ada.sees("#chat-log", "Grace left");
  expect(await ada.page.locator(".cursor").count()).toBe(0);
});

test("who is away is dimmed and says since when, until they are back", async () => {
  const room = randomUUID();
  await using ada = await Visitor.enter(browser, demo(room), "Ada");
  await ada.page.clock.install();
  const bob = await openAs(server, "Bob", room, { query: { view: "diff" } });
  await ada.sees("#people", "Bob");
  const opacity = () =>
    ada.page.evaluate(
      "getComputedStyle(document.querySelector('.person:last-child .face')).opacity",
    );
  expect(await opacity()).toBe("1");
  bob.send({ type: "status", status: "away" });
  await ada.sees("#people", "active just now");
  await expect.poll(opacity).toBe("0.5");
  await ada.page.clock.fastForward(4 * 60_000 + 30_000);
  await ada.sees("#people", "active 4 minutes ago");
  bob.send({ type: "status", status: "active" });
  await ada.seesNo("#people", "active");
  await expect.poll(opacity).toBe("1");
  bob.ws.close();
});

test("a pointer moves at most 15 times a second, however fast the mouse is", async () => {
  const room = randomUUID();
  await using ada = await Visitor.enter(browser, demo(room), "Ada");
  const bystander = await openAs(server, "bystander", room);
  await ada.pointAt(0.1, 0.1);
  const before = bystander.frames.all.length;
  const startedAt = Date.now();
  for (let step = 0; step < 60; step += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await ada.pointAt(step / 100, 0.5);
  }
  const seconds = (Date.now() - startedAt) / 1_000;
  await bystander.frames.until((frame) => JSON.stringify(frame).includes('"x":0.59'));
  const moves = bystander.frames.all
    .slice(before)
    .flatMap((frame) => (frame !== "heartbeat" && frame.type === "messages" ? frame.messages : []));
  expect(moves.length).toBeGreaterThan(1);
  expect(moves.length).toBeLessThan(seconds * 16 + 3);
  bystander.ws.close();
});

test("by keyboard: arrow keys move a pointer that others see, and Enter makes a ring", async () => {
  const url = demo();
  await using ada = await Visitor.enter(browser, url, "Ada");
  await using grace = await Visitor.enter(browser, url, "Grace");
  await grace.page.locator("#area").focus();
  await grace.page.keyboard.press("ArrowLeft");
  await Promise.all([ada.sees(".cursor", "Grace"), grace.sees(".cursor", "Grace")]);
  await grace.page.keyboard.press("Enter");
  await ada.page.locator(".ripple").waitFor({ state: "attached" });
  await grace.page.keyboard.press("Tab");
  await ada.seesNo(".cursor", "Grace");
  expect(await ada.people()).toEqual(["Ada you", "Grace"]);
});

test("one click: this window is in, and beside it another one with somebody else", async () => {
  await using ada = await Visitor.open(browser, demo());
  await ada.sees("#status", "Here, looking on");
  await ada.page.getByLabel("Come in as").fill("Ada");
  const [popup] = await Promise.all([
    ada.page.waitForEvent("popup"),
    ada.page.getByRole("button", { name: "Open a second window" }).click(),
  ]);
  const other = new Visitor(popup);
  await Promise.all([ada.sees("#status", "Here as Ada"), other.sees("#status", "Here as Grace")]);
  await Promise.all([ada.sees("#people", "Grace"), other.sees("#people", "Ada")]);
  expect(other.complaints).toEqual([]);
});

test("a second window of the same name is a tab, not another member; a reload comes in again", async () => {
  const url = demo();
  await using ada = await Visitor.enter(browser, url, "Ada");
  await using other = await Visitor.enter(browser, url, "ada");
  await Promise.all([ada.sees("#people", "2 tabs"), other.sees("#people", "2 tabs")]);
  await ada.sees("#people-title", "One person is here");
  await other.page.reload();
  await other.sees("#status", "Here as ada");
  await other.page.getByRole("button", { name: "Leave" }).click();
  await ada.seesNo("#people", "2 tabs");
  await ada.sees("#people", "1 lurker");
  await other.sees("#status", "Here, looking on");
  expect(await ada.people()).toEqual(["Ada you", "1 lurker without a name"]);
});

test("a lurker sees the room, is counted, and cannot write", async () => {
  const url = demo();
  await using ada = await Visitor.enter(browser, url, "Ada");
  await using lurker = await Visitor.open(browser, url);
  await lurker.sees("#people", "Ada");
  await ada.sees("#people", "1 lurker");
  expect(await ada.people()).toEqual(["Ada you", "1 lurker without a name"]);
  expect(await lurker.page.getByLabel("Message").isDisabled()).toBe(true);
  await lurker.pointAt(0.5, 0.5);
  await ada.page.getByLabel("Message").fill("Somebody looks on");
  await ada.page.keyboard.press("Enter");
  await lurker.sees("#chat-log", "Somebody looks on");
  expect(await ada.page.locator(".cursor").count()).toBe(0);
});

test("another room is another page, and back is back", async () => {
  const [first, second] = [randomUUID(), `${randomUUID()} / 50%`];
  await using ada = await Visitor.enter(browser, demo(first), "Ada");
  await ada.page.getByLabel("Go to another room").fill(second);
  await ada.page.getByRole("button", { name: "Go" }).click();
  await ada.sees("#room-name", second);
  await ada.sees("#status", "Here as Ada");
  await using grace = await Visitor.enter(browser, demo(second), "Grace");
  await ada.sees("#people", "Grace");
  await ada.page.goBack();
  await ada.sees("#room-name", first);
  await ada.sees("#people-title", "One person is here");
  await grace.seesNo("#people", "Ada");
  expect(await grace.people()).toEqual(["Grace you"]);
});

test("what strangers call themselves, and say, is shown as text", async () => {
  const evil = '<img src=x onerror="globalThis.hacked=1"><b>bold</b>';
  const room = `${randomUUID()}<img src=x onerror="globalThis.hacked=1">`;
  await using ada = await Visitor.enter(browser, demo(room), "Ada");
  const stranger = await openAs(server, evil, room, { query: { view: "diff" } });
  const other = await open(server, room, {
    token: await tokenFor("u\u202Etxet", { info: { name: { toString: 1 } } }),
  });
  await ada.sees("#people", evil);
  await ada.sees("#people", "u\u202Etxet");
  stranger.send({ type: "state", state: { typing: true, x: evil } });
  await ada.sees("#typing", evil);
  for (const payload of [
    { type: "text", text: evil },
    evil,
    { type: "cursor", at: { x: 0.5, y: 0.5 } },
  ]) {
    stranger.send({ type: "message", payload });
  }
  for (const payload of [null, 1, [], { type: "cursor", at: { x: 7, y: "a" } }, { type: "text" }]) {
    stranger.send({ type: "message", payload });
  }
  stranger.send({ type: "message", payload: "the last one" });
  await ada.sees("#chat-log", "the last one");
  expect(await ada.page.locator("#chat-log .line").count()).toBe(3);
  expect(await ada.page.locator("main img, main b").count()).toBe(0);
  expect(await ada.page.evaluate("globalThis.hacked")).toBeUndefined();
  for (const client of [stranger, other]) client.ws.close();
});
