/** The inspector, in a real Chromium: what operators see, what they can do, and what they are told when they may not. */

import { randomUUID } from "node:crypto";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openAs, tokenFor } from "../../support/client.ts";
import { DEVELOPMENT, Server } from "../../support/server.ts";
import { launch } from "../../../src/dev/browser.ts";
import { Visitor } from "../../support/visitor.ts";

/** What a browser logs of an answer that says no. */
const REFUSED = /40[13]/;

let server: Server;
let browser: Browser;
beforeAll(async () => {
  [server, browser] = await Promise.all([
    Server.start({ PRESENCE_DEV: "true" }, DEVELOPMENT),
    launch(),
  ]);
});
afterAll(() => Promise.all([browser.close(), server.stop()]));

/** Opens the inspector with a token of these claims, and a room if there is one. */
async function inspect(claims: object, room?: string, allowed?: RegExp): Promise<Visitor> {
  const visitor = await Visitor.open(
    browser,
    `${server.url}/inspector`,
    allowed === undefined ? {} : { allowed },
  );
  await give(visitor, await tokenFor("operator", { ...claims }));
  if (room === undefined) return visitor;
  await visitor.sees("h1", "Rooms");
  await look(visitor, room);
  return visitor;
}

async function give({ page }: Visitor, token: string): Promise<void> {
  await page.getByLabel("A token that can admin").fill(token);
  await page.keyboard.press("Enter");
}

/** Opens a room by its name. */
async function look({ page }: Visitor, room: string): Promise<void> {
  await page.getByLabel("Rooms that begin with").fill(room);
  await page.keyboard.press("Enter");
}

test.each([
  ["one that is none", "nonsense", "The token is not valid, or not any more; get a new one."],
  [
    "one with letters of no token",
    "nonsense…",
    "The server cannot be reached, or this is no token.",
  ],
  ["one that cannot admin", undefined, 'The token does not allow "admin".'],
])("a token is refused in words: %s", async (_, text, words) => {
  await using operator = await Visitor.open(browser, `${server.url}/inspector`, {
    allowed: REFUSED,
  });
  await give(operator, text ?? (await tokenFor("ada")));
  await operator.sees("#gate-problem", words);
  await give(operator, await tokenFor("operator", { can: ["admin"] }));
  await operator.sees("h1", "Rooms");
  expect(await operator.page.locator("#gate").isVisible()).toBe(false);
});

test("the token is kept nowhere but in memory: a reload forgets it", async () => {
  await using operator = await inspect({ can: ["admin"] }, randomUUID());
  await operator.sees("#panel-status", "Live");
  const kept =
    "JSON.stringify([location.href, document.cookie, {...localStorage}, {...sessionStorage}])";
  expect(await operator.page.evaluate(kept)).not.toContain("eyJ");
  expect(await operator.page.content()).not.toContain("eyJ");
  await operator.page.getByRole("button", { name: "Forget the token" }).click();
  expect(await operator.page.locator("#desk").isVisible()).toBe(false);
  await operator.page.reload();
  await operator.sees("h1", "Inspector");
});

test("a room: who is in it and when they were last seen, and what happens there, live", async () => {
  const room = randomUUID();
  await using ada = await Visitor.enter(browser, `${server.url}/#${room}`, "Ada");
  await using operator = await inspect({ can: ["admin"] });
  await operator.page.locator(`[data-room="${room}"]`).click();
  await operator.sees("#panel-status", "Live");
  await operator.sees(".presence", /Ada.*seen (?:just now|\d+ s ago)/s);
  const seconds = async () =>
    Number(/\d+/.exec(await operator.page.locator(".seen").first().innerText())?.[0] ?? 0);
  const before = await seconds();
  await expect.poll(seconds, { timeout: 20_000 }).toBeGreaterThan(before);
  const grace = await openAs(server, "grace", room, { query: { view: "diff" } });
  await operator.sees("#log li", /join.*grace/s);
  await operator.sees(".presence", "grace");
  expect(await operator.page.locator("#number-members").innerText()).toBe("2");
  grace.send({ type: "state", state: { typing: true } });
  await operator.sees("#log li", /state.*grace.*\{"typing":true\}/s);
  grace.send({ type: "message", payload: "hello" });
  await operator.sees("#log li", /message.*grace.*"hello"/s);
  const bars = operator.page.locator("#bars i");
  const highest = () =>
    bars.evaluateAll((all) => Math.max(...all.map(({ clientHeight }) => clientHeight)));
  await expect.poll(highest, { timeout: 10_000 }).toBeGreaterThan(2);
  grace.ws.close();
  await operator.sees("#log li", /leave.*grace.*left/s);
  await operator.seesNo(".presence", "grace");
  // A watcher is nobody: the demo sees none.
  expect(await ada.people()).toEqual(["Ada you"]);
});

test("a room's log, newest first, and a timeline of who was here, as a picture and as a table", async () => {
  const room = randomUUID();
  const grace = await openAs(server, "grace", room, { query: { view: "diff" } });
  await grace.nextOf("sync");
  await using operator = await inspect({ can: ["admin"] }, room);
  const { page } = operator;
  await operator.sees("#history li", /room\.occupied/);
  const ada = await openAs(server, "ada", room, { query: { view: "diff" } });
  await ada.nextOf("sync");
  grace.send({ type: "leave" });
  await operator.sees("#history li", /member\.left\s+grace\s+left/);
  const kinds = await page.locator("#history .kind").allInnerTexts();
  expect(kinds).toEqual([
    "member.left",
    "presence.left",
    "presence.joined",
    "member.joined",
    "presence.joined",
    "member.joined",
    "room.occupied",
  ]);
  const picture = page.getByRole("img", { name: /^Who was here from/ });
  expect(await picture.locator("rect.visit").count()).toBe(2);
  expect(await picture.locator("desc").textContent()).toMatch(/^2 users, .* 1 still here\./);
  await page.getByText("Who was here when, as a table").click();
  const rows = await page.locator("#visit-rows tr").allInnerTexts();
  expect(rows).toEqual([
    expect.stringMatching(/^ada\t\S+, \S+\tstill here\t$/),
    expect.stringMatching(/^grace\t\S+, \S+\t\S+, \S+\tleft$/),
  ]);
  // The picture has no place of its own in another time span: it begins with the first visit.
  await page.getByLabel("In the last").selectOption("hour");
  await operator.sees("#history-note", "7 events.");
  const bars = await picture
    .locator("rect.visit")
    .evaluateAll((all) => all.map((bar) => bar.getBoundingClientRect().width));
  expect(Math.max(...bars)).toBeGreaterThan(20);
});

test("a long log is shown page by page", async () => {
  const room = randomUUID();
  const token = await tokenFor("server", { can: ["admin"] });
  for (let number = 0; number < 30; number += 1) {
    const path = `${server.url}/rooms/${room}/presences/bot-${number}`;
    // One after the other, so that the newest is known.
    // oxlint-disable-next-line no-await-in-loop
    await fetch(path, { method: "PUT", headers: { authorization: `Bearer ${token}` } });
  }
  for (let number = 0; number < 30; number += 1) {
    const path = `${server.url}/rooms/${room}/presences/bot-${number}`;
    // oxlint-disable-next-line no-await-in-loop
    await fetch(path, { method: "DELETE", headers: { authorization: `Bearer ${token}` } });
  }
  await using operator = await inspect({ can: ["admin"] }, room);
  const { page } = operator;
  await operator.sees("#history li", "room.vacated");
  const lines = page.locator("#history li");
  expect(await lines.count()).toBe(50);
  await page.getByRole("button", { name: "Earlier events" }).click();
  await operator.sees("#history li", "room.occupied");
  expect(await lines.count()).toBe(62);
  expect(await page.getByRole("button", { name: "Earlier events" }).isVisible()).toBe(false);
});

test("add, send, remove and prune, each with what came of it in words", async () => {
  const room = randomUUID();
  await using ada = await Visitor.enter(browser, `${server.url}/#${room}`, "Ada");
  await using operator = await inspect({ can: ["admin"] }, room);
  const { page } = operator;
  await page.getByLabel("Channel").fill("a robot/1");
  await page.getByLabel("User id").fill("robot");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await operator.sees("#done", "Added a robot/1.");
  await Promise.all([operator.sees(".presence", "robot"), ada.sees("#people", "robot")]);

  await page.getByLabel("Text, or JSON").fill('{"type":"text","text":"Good evening"}');
  await page.getByRole("button", { name: "Send to everybody" }).click();
  await operator.sees("#done", /Sent to \d connections?\./);
  await ada.sees("#chat-log", /The server.*Good evening/s);

  await page.getByRole("button", { name: "Remove robot, a robot/1" }).click();
  await ada.sees("#people", "robot");
  await page.getByRole("button", { name: "Really remove robot, a robot/1?" }).click();
  await operator.sees("#done", "Removed a robot/1.");
  await Promise.all([operator.seesNo(".presence", "robot"), ada.seesNo("#people", "robot")]);

  await page.getByLabel("Not seen for so many seconds").fill("3600");
  await page.getByRole("button", { name: "Prune" }).click();
  await operator.sees("#done", "Pruned 0 presences not seen for 3,600 seconds.");
  await page.getByRole("button", { name: "Remove Ada" }).click();
  await page.getByRole("button", { name: "Really remove Ada" }).click();
  await ada.sees("#status", "Closed");
  await operator.sees("#presences-note", "Nobody is in this room.");
  expect(await page.locator("#panel-problem").isVisible()).toBe(false);
});

test("a presence is added with a state and a ttl, and expires by itself", async () => {
  const room = randomUUID();
  await using operator = await inspect({ can: ["admin"] }, room);
  const { page } = operator;
  await page.getByLabel("Channel").fill("phone-7");
  await page.getByLabel("User id").fill("carla");
  await page.getByLabel("State").fill('{"call":"on hold"}');
  await page.getByLabel("Seconds that it stays").fill("2");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await operator.sees("#done", "Added phone-7.");
  await operator.sees(".presence", /carla.*\{"call":"on hold"\}/s);
  await operator.sees("#log li", /leave.*carla.*expired/s);
  await operator.seesNo(".presence", "carla");
  expect(await page.locator("#panel-problem").isVisible()).toBe(false);
});

test("a bot that thinks: others see it think, idle, and expire", async () => {
  const room = randomUUID();
  await using ada = await Visitor.enter(browser, `${server.url}/#${room}`, "Ada");
  await using operator = await inspect({ can: ["admin"] }, room);
  await operator.page.getByRole("button", { name: "Add a bot that thinks" }).click();
  await Promise.all([
    operator.sees("#done", /Added bot-\w+, which thinks\./),
    operator.sees("#log li", /join.*A bot/s),
    ada.sees("#people", /A bot.*thinking/s),
  ]);
  await operator.sees("#log li", /state.*A bot.*\{"thinking":false\}/s);
  await operator.sees("#log li", /state.*A bot.*\{"thinking":true\}/s);
  await operator.sees("#done", /has fallen silent, and expires in 6 seconds/);
  await operator.sees("#log li", /leave.*A bot.*expired/s);
  await ada.seesNo("#people", "A bot");
  expect(await operator.page.locator("#panel-problem").isVisible()).toBe(false);
});

test("rooms come page by page, and by what they begin with", async () => {
  const start = randomUUID();
  const authorization = `Bearer ${await tokenFor("server", { can: ["admin"] })}`;
  await Promise.all(
    Array.from({ length: 105 }, (_, index) => {
      const name = `${start}-${String(index).padStart(3, "0")}`;
      const url = `${server.url}/rooms/${name}/presences/robot`;
      const headers = { authorization, "content-type": "application/json" };
      return fetch(url, { method: "PUT", headers, body: "{}" });
    }),
  );
  await using operator = await inspect({ can: ["admin"] });
  await operator.page.getByLabel("Rooms that begin with").fill(`${start}-`);
  await operator.sees("#rooms-note", `The first 100 occupied rooms that begin with “${start}-”`);
  await operator.page.getByRole("button", { name: "More rooms" }).click();
  await operator.sees("#rooms-note", "105 occupied rooms");
  expect(await operator.page.locator(".room-button").count()).toBe(105);
  await operator.page.getByLabel("Rooms that begin with").fill(`${start}-104`);
  await operator.sees("#rooms-note", "1 occupied room that begin");
  await operator.page.getByLabel("Rooms that begin with").fill(`${start}-x`);
  await operator.sees("#rooms-note", "No occupied rooms that begin with");
});

test("a token for some rooms sees these alone, and is told so of the others", async () => {
  const [mine, other] = [`mine-${randomUUID()}`, `other-${randomUUID()}`];
  const clients = await Promise.all(
    [mine, other].map((room) => openAs(server, "ada", room, { query: { view: "diff" } })),
  );
  const claims = { can: ["admin"], rooms: ["mine-*"] };
  await using operator = await inspect(claims, mine, REFUSED);
  await operator.sees(".presence", "ada");
  await operator.page.getByLabel("Rooms that begin with").fill("");
  await operator.sees("#rooms-note", "1 occupied room");
  expect(await operator.page.locator(".room-button").count()).toBe(1);
  await look(operator, other);
  await operator.sees("#panel-problem", 'the token does not allow "admin" in this room');
  await operator.sees("#panel-status", /Closed: .*token/);
  expect(await operator.page.locator(".presence").count()).toBe(0);
  for (const client of clients) client.ws.close();
});

test("names, states and messages of strangers are shown as text", async () => {
  const evil = '<img src=x onerror="globalThis.hacked=1">';
  const room = randomUUID();
  await using operator = await inspect({ can: ["admin"] }, room);
  await operator.sees("#panel-status", "Live");
  const stranger = await openAs(server, evil, room, { query: { view: "diff" } });
  stranger.send({ type: "state", state: evil });
  stranger.send({ type: "message", payload: { [evil]: evil } });
  await operator.sees("#log li", /message.*onerror/s);
  await operator.sees(".presence .name", evil);
  expect(await operator.page.locator("main img").count()).toBe(0);
  expect(await operator.page.evaluate("globalThis.hacked")).toBeUndefined();
  stranger.ws.close();
});
