/** How a presence ends: by a goodbye, a closed page, a lost line or silence; and how it is taken up again. */

import { afterEach, describe, expect, test, vi } from "vitest";
import {
  advance,
  after,
  alarmIn,
  evict,
  idsIn,
  LIVES,
  occupants,
  ring,
  socketsLeft,
  stored,
} from "../support/room.ts";
import { firstFrames, newRoom, open, openAs, type TestSocket } from "../support/socket.ts";

const DIFF = { query: { view: "diff" } };

afterEach(() => {
  vi.useRealTimers();
});

/** Bob, who is to leave, and Ada and a watching list, who are to hear of it. All has been heard so far. */
async function threeIn(room: string) {
  const ada = await openAs("ada", room, DIFF);
  await firstFrames(ada);
  const lister = await openAs("eve", room, { query: { watch: "1" } });
  await lister.next();
  const bob = await openAs("bob", room, DIFF);
  const { welcome } = await firstFrames(bob);
  await ada.nextOf("diff");
  await lister.nextOf("presence");
  const { channel = "", resume = "" } = welcome;
  return { ada, lister, bob, channel, resume };
}

function leave(room: string, channel: string, reason: string) {
  return {
    type: "diff",
    room,
    joins: [],
    updates: [],
    leaves: [{ channel, reason }],
    lurkers: 0,
  };
}

function list(room: string, ids: string[]) {
  const members = ids.map((id) => ({ id }));
  return { type: "presence", payload: { channel_name: room, members, lurkers: 0 } };
}

describe.each(LIVES)("%s", (_, between) => {
  test.each([
    ["close 1000", 1000, (bob: TestSocket) => bob.ws.close(1000)],
    ["a close without a code", 1005, (bob: TestSocket) => bob.ws.close()],
    ["the frame leave", 1000, (bob: TestSocket) => bob.send({ type: "leave" })],
  ])("%s is a goodbye: the presence has left at once", async (_name, code, goodbye) => {
    const room = newRoom();
    const { ada, lister, bob, channel } = await threeIn(room);
    await between(room);
    goodbye(bob);
    expect(await ada.next()).toEqual(leave(room, channel, "left"));
    expect(await lister.next()).toEqual(list(room, ["ada"]));
    expect(await bob.closes.next()).toMatchObject({ code });
    await between(room);
    expect(await ada.heard()).toEqual([]);
    expect(await lister.heard()).toEqual([]);
  });

  test("close 1001 is a page that may be loading again: the presence has left after 3 s", async () => {
    const room = newRoom();
    const { ada, lister, bob, channel } = await threeIn(room);
    await between(room);
    bob.ws.close(1001);
    expect(await bob.closes.next()).toMatchObject({ code: 1001 });
    expect(await alarmIn(room)).toBeLessThanOrEqual(3_000);
    await between(room);
    expect(await ada.heard()).toEqual([]);
    expect(await idsIn(room)).toEqual(["ada", "bob"]);
    await between(room);
    await after(3, room);
    expect(await ada.next()).toEqual(leave(room, channel, "left"));
    expect(await lister.next()).toEqual(list(room, ["ada"]));
    expect(await idsIn(room)).toEqual(["ada"]);
    await between(room);
    expect(await ada.heard()).toEqual([]);
  });

  test.each([
    ["a line that is cut", (bob: TestSocket) => bob.cut()],
    ["close 3000", (bob: TestSocket) => bob.ws.close(3000)],
    ["close 4000", (bob: TestSocket) => bob.ws.close(4000, "gone fishing")],
    ["close 4999", (bob: TestSocket) => bob.ws.close(4999)],
  ])("%s is a loss: the presence is lost after 10 s and not before", async (_name, lose) => {
    const room = newRoom();
    const { ada, lister, bob, channel } = await threeIn(room);
    await between(room);
    lose(bob);
    await socketsLeft(room, 2);
    const alarm = await alarmIn(room);
    expect(alarm).toBeLessThanOrEqual(10_000);
    expect(alarm).toBeGreaterThan(8_000);
    await between(room);
    await after(9, room);
    expect(await ada.heard()).toEqual([]);
    expect(await idsIn(room)).toEqual(["ada", "bob"]);
    await between(room);
    await after(1, room);
    expect(await ada.next()).toEqual(leave(room, channel, "lost"));
    expect(await lister.next()).toEqual(list(room, ["ada"]));
    expect(await idsIn(room)).toEqual(["ada"]);
    await between(room);
    expect(await ada.heard()).toEqual([]);
  });

  test.each([
    ["close 1001", 3, "left", (bob: TestSocket) => bob.ws.close(1001)],
    ["a cut line", 10, "lost", (bob: TestSocket) => bob.cut()],
  ])(
    "the only presence leaves as soon after %s as one among many",
    async (_name, seconds, reason, end) => {
      const room = newRoom();
      const watcher = await openAs("eve", room, { query: { view: "diff", watch: "1" } });
      await firstFrames(watcher);
      const bob = await openAs("bob", room, DIFF);
      const { welcome } = await firstFrames(bob);
      await watcher.nextOf("diff");
      await between(room);
      end(bob);
      await socketsLeft(room, 1);
      await between(room);
      await after(seconds, room);
      expect(await watcher.heard()).toEqual([leave(room, welcome.channel ?? "", reason)]);
      expect(await idsIn(room)).toEqual([]);
    },
  );

  test("an anonymous presence that is lost is one lurker less", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    const lurker = await open(room);
    await lurker.next();
    await ada.next();
    await between(room);
    lurker.cut();
    await socketsLeft(room, 1);
    await between(room);
    expect(await ada.heard()).toEqual([]);
    expect(await occupants(room)).toMatchObject({ lurkers: 1 });
    await after(10, room);
    expect(await ada.next()).toEqual(list(room, ["ada"]));
  });

  test("a presence that is resumed in time was never away", async () => {
    const room = newRoom();
    const { ada, lister, bob, channel, resume } = await threeIn(room);
    await between(room);
    bob.cut();
    await socketsLeft(room, 2);
    await between(room);
    advance(9);
    const again = await openAs("bob", room, { query: { view: "diff", channel, resume } });
    const { welcome, sync } = await firstFrames(again);
    expect(welcome).toEqual({
      type: "welcome",
      room,
      channel,
      user: { id: "bob" },
      resume,
      heartbeat: 25,
      frameRate: 20,
    });
    expect(sync.presences.map((presence) => presence.channel)).toContain(channel);
    await between(room);
    await after(5, room);
    expect(await ada.heard()).toEqual([]);
    expect(await lister.heard()).toEqual([]);
    await between(room);
    again.ws.close();
    expect(await ada.next()).toEqual(leave(room, channel, "left"));
  });

  test("a presence can be resumed again and again", async () => {
    const room = newRoom();
    const { ada, bob, channel, resume } = await threeIn(room);
    let current = bob;
    for (let turn = 0; turn < 4; turn += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await between(room);
      current.cut();
      // oxlint-disable-next-line no-await-in-loop
      await socketsLeft(room, 2);
      advance(8);
      // oxlint-disable-next-line no-await-in-loop
      current = await openAs("bob", room, { query: { view: "diff", channel, resume } });
      // oxlint-disable-next-line no-await-in-loop
      expect((await current.nextOf("welcome")).channel).toBe(channel);
    }
    await between(room);
    expect(await ada.heard()).toEqual([]);
  });

  test("a state and the time of joining survive a resume", async () => {
    const room = newRoom();
    const { ada, bob, channel, resume } = await threeIn(room);
    bob.send({ type: "state", state: { cursor: [1, 2] } });
    await ada.nextOf("diff");
    bob.send({ type: "sync" });
    const before = await bob.nextOf("sync");
    await between(room);
    bob.cut();
    await socketsLeft(room, 2);
    await between(room);
    const again = await openAs("bob", room, { query: { view: "diff", channel, resume } });
    const { sync } = await firstFrames(again);
    expect(sync.presences[1]).toMatchObject({ channel, state: { cursor: [1, 2] } });
    expect(sync).toEqual(before);
    await between(room);
    again.send({ type: "sync" });
    expect(await again.nextOf("sync")).toEqual(before);
    expect(await ada.heard()).toEqual([]);
  });

  test("a resume while the old connection is open replaces it, and others hear nothing", async () => {
    const room = newRoom();
    const { ada, lister, bob, channel, resume } = await threeIn(room);
    await between(room);
    const again = await openAs("bob", room, { query: { view: "diff", channel, resume } });
    expect((await again.nextOf("welcome")).channel).toBe(channel);
    expect(await bob.nextOf("error")).toEqual({
      type: "error",
      code: "replaced",
      message: expect.any(String),
    });
    expect(await bob.closes.next()).toMatchObject({ code: 4009 });
    await between(room);
    await after(11, room);
    expect(await ada.heard()).toEqual([]);
    expect(await lister.heard()).toEqual([]);
    again.ws.close();
    expect(await ada.next()).toEqual(leave(room, channel, "left"));
    expect(await lister.next()).toEqual(list(room, ["ada"]));
  });

  test("the late end of a replaced connection changes nothing about the end of its successor", async () => {
    const room = newRoom();
    const { ada, bob, channel, resume } = await threeIn(room);
    const again = await openAs("bob", room, { query: { view: "diff", channel, resume } });
    await firstFrames(again);
    await bob.closes.next();
    await between(room);
    again.ws.close(1001);
    await again.closes.next();
    await between(room);
    await after(3, room);
    expect(await ada.heard()).toEqual([leave(room, channel, "left")]);
  });

  test("the same user with other info is another presence of the same channel", async () => {
    const room = newRoom();
    const { ada, lister, bob, channel, resume } = await threeIn(room);
    bob.cut();
    await socketsLeft(room, 2);
    await between(room);
    const again = await openAs("bob", room, {
      query: { view: "diff", channel, resume },
      claims: { info: { name: "Bob" } },
    });
    const { welcome } = await firstFrames(again);
    expect(welcome).toMatchObject({ channel, user: { id: "bob", name: "Bob" } });
    expect(await ada.next()).toMatchObject({
      joins: [],
      updates: [{ channel, user: { id: "bob", name: "Bob" } }],
      leaves: [],
    });
    expect(await lister.next()).toMatchObject({
      payload: { members: [{ id: "ada" }, { id: "bob", name: "Bob" }] },
    });
    await between(room);
    expect(await ada.heard()).toEqual([]);
  });

  test("whoever gave no sign of life for 60 s is expired, all in one frame, and the others stay", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    const silent = await Promise.all(["bob", "cid", "dan"].map((id) => openAs(id, room, DIFF)));
    const welcomes = await Promise.all(silent.map((socket) => socket.nextOf("welcome")));
    await ada.heard();
    await between(room);
    advance(50);
    await ada.heard();
    await between(room);
    await after(15, room);
    const leaves = welcomes.map(({ channel }) => ({ channel, reason: "expired" }));
    const { leaves: left, ...frame } = await ada.nextOf("diff");
    expect(frame).toEqual({ type: "diff", room, joins: [], updates: [], lurkers: 0 });
    expect(new Set(left)).toEqual(new Set(leaves));
    const errors = await Promise.all(silent.map((socket) => socket.nextOf("error")));
    for (const error of errors) expect(error).toMatchObject({ code: "expired" });
    const closes = await Promise.all(silent.map((socket) => socket.closes.next()));
    for (const close of closes) expect(close.code).toBe(4108);
    await between(room);
    expect(await ada.heard()).toEqual([]);
    expect(await idsIn(room)).toEqual(["ada"]);
  });

  test.each([
    ["a state", '{"type":"state","state":1}'],
    ["a sync", '{"type":"sync"}'],
    ["a message", '{"type":"message","payload":1}'],
    ["a heartbeat with white space around it", ' "heartbeat" '],
    ["a frame that is refused", "hello?"],
    ["a state that is too large", JSON.stringify({ type: "state", state: "x".repeat(3_000) })],
  ])("%s is a sign of life", async (_name, frame) => {
    const room = newRoom();
    const { ada, bob } = await threeIn(room);
    await between(room);
    advance(40);
    bob.ws.send(frame);
    await bob.next();
    await between(room);
    await after(25, room);
    expect(await idsIn(room)).toEqual(["bob"]);
    expect(await ada.closes.next()).toMatchObject({ code: 4108 });
  });

  test("a sign of life counts from its own time, however soon it came after the one before", async () => {
    const room = newRoom();
    const { ada, bob } = await threeIn(room);
    await between(room);
    advance(14);
    bob.send({ type: "sync" });
    await bob.nextOf("sync");
    await between(room);
    advance(40);
    await ada.heard();
    await after(8, room);
    expect(await idsIn(room)).toEqual(["ada", "bob"]);
  });
});

describe.each(LIVES)("a lurker that asked for a welcome, %s", (_, between) => {
  const VIEWS = ["list", "count"] as const;

  test.each(VIEWS)("comes back in view %s and is counted once all the while", async (view) => {
    const room = newRoom();
    const eve = await openAs("eve", room, { query: { view: "count" } });
    await eve.next();
    const query = { view, welcome: "1" };
    const lurker = await open(room, { query });
    const { channel = "", resume = "" } = await lurker.nextOf("welcome");
    await eve.next();
    await between(room);
    lurker.cut();
    await socketsLeft(room, 1);
    await between(room);
    const again = await open(room, { query: { ...query, channel, resume } });
    expect((await again.nextOf("welcome")).channel).toBe(channel);
    expect((await occupants(room)).lurkers).toBe(1);
    expect(await eve.heard()).toEqual([]);
    await after(11, room);
    expect((await occupants(room)).lurkers).toBe(1);
    expect(await eve.heard()).toEqual([]);
  });

  test.each(VIEWS)("goes on in view %s with what changed meanwhile", async (view) => {
    const room = newRoom();
    const query = { view, welcome: "1" };
    const lurker = await open(room, { query });
    const { channel = "", resume = "" } = await lurker.nextOf("welcome");
    await stored(room);
    lurker.cut();
    await socketsLeft(room, 0);
    const ada = await openAs("ada", room, { query: { view: "count" } });
    await ada.next();
    await between(room);
    const again = await open(room, { query: { ...query, channel, resume } });
    await again.nextOf("welcome");
    const members = [{ id: "ada" }];
    const [one, two] = [
      { list: { payload: { members, lurkers: 1 } }, count: { members: 1, lurkers: 1 } },
      {
        list: { payload: { members: [...members, { id: "bob" }], lurkers: 1 } },
        count: { members: 2, lurkers: 1 },
      },
    ];
    expect(await again.next()).toMatchObject(one[view]);
    await between(room);
    await openAs("bob", room);
    expect(await again.next()).toMatchObject(two[view]);
  });
});

describe("a resume that is not one", () => {
  const strange = [
    ["with a wrong secret", "bob", (channel: string) => ({ channel, resume: "x".repeat(22) })],
    ["with an empty secret", "bob", (channel: string) => ({ channel, resume: "" })],
    ["without a secret", "bob", (channel: string): Record<string, string> => ({ channel })],
    ["of another user", "mallory", (channel: string, resume: string) => ({ channel, resume })],
    ["of nobody", null, (channel: string, resume: string) => ({ channel, resume })],
    [
      "of an unknown channel",
      "bob",
      (channel: string, resume: string) => ({ channel: `${channel}x`, resume }),
    ],
    [
      "of an endless channel",
      "bob",
      (_: string, resume: string) => ({ channel: '"'.repeat(4_000), resume }),
    ],
  ] as const;

  test.each(strange)("%s gets a presence of its own, and the old one stays", async (...row) => {
    const [, id, query] = row;
    const room = newRoom();
    const { ada, bob, channel, resume } = await threeIn(room);
    const options = { query: { view: "diff", ...query(channel, resume) } };
    const other = await (id === null ? open(room, options) : openAs(id, room, options));
    const { welcome } = await firstFrames(other);
    expect(welcome.channel).not.toBe(channel);
    expect(welcome.resume).not.toBe(resume);
    expect(welcome.user).toEqual(id === null ? null : { id });
    const heard = await ada.heard();
    expect(heard).toMatchObject([{ type: "diff", leaves: [], lurkers: id === null ? 1 : 0 }]);
    expect(await bob.heard()).toEqual(heard);
  });

  test("in another room gets a presence of its own there", async () => {
    const { bob, channel, resume } = await threeIn(newRoom());
    const elsewhere = newRoom();
    const other = await openAs("bob", elsewhere, { query: { view: "diff", channel, resume } });
    expect((await other.nextOf("welcome")).channel).toMatch(new RegExp(`^${elsewhere}!`));
    expect(await bob.heard()).toEqual([]);
  });

  test("after the grace gets a presence of its own", async () => {
    const room = newRoom();
    const { ada, bob, channel, resume } = await threeIn(room);
    bob.cut();
    await socketsLeft(room, 2);
    await after(10, room);
    expect(await ada.next()).toEqual(leave(room, channel, "lost"));
    await evict(room);
    const again = await openAs("bob", room, { query: { view: "diff", channel, resume } });
    const { welcome } = await firstFrames(again);
    expect(welcome.channel).not.toBe(channel);
    expect(await ada.next()).toMatchObject({ joins: [{ channel: welcome.channel }] });
  });

  test("after a goodbye gets a presence of its own", async () => {
    const room = newRoom();
    const { ada, bob, channel, resume } = await threeIn(room);
    bob.ws.close();
    expect(await ada.next()).toEqual(leave(room, channel, "left"));
    const again = await openAs("bob", room, { query: { view: "diff", channel, resume } });
    expect((await again.nextOf("welcome")).channel).not.toBe(channel);
  });
});

test("an anonymous presence is resumed by its secret", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room);
  await ada.next();
  const lurker = await open(room, DIFF);
  const { welcome } = await firstFrames(lurker);
  await ada.next();
  lurker.cut();
  await socketsLeft(room, 1);
  const { channel = "", resume = "" } = welcome;
  const again = await open(room, { query: { view: "diff", channel, resume } });
  expect((await again.nextOf("welcome")).channel).toBe(channel);
  expect(await ada.heard()).toEqual([]);
});

test("the user of a token cannot take up an anonymous presence", async () => {
  const room = newRoom();
  const lurker = await open(room, DIFF);
  const { channel = "", resume = "" } = (await firstFrames(lurker)).welcome;
  const bob = await openAs("bob", room, { query: { view: "diff", channel, resume } });
  const { welcome, sync } = await firstFrames(bob);
  expect(welcome.channel).not.toBe(channel);
  expect(sync).toMatchObject({ presences: [{ user: { id: "bob" } }], lurkers: 1 });
});

test("a resume may change the view", async () => {
  const room = newRoom();
  const { ada, bob, channel, resume } = await threeIn(room);
  bob.cut();
  await socketsLeft(room, 2);
  const again = await openAs("bob", room, { query: { channel, resume } });
  expect(await again.next()).toEqual(list(room, ["ada", "bob"]));
  expect(await ada.heard()).toEqual([]);
});

test("a member leaves a list when the last of its presences is gone, whatever the way of each", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room);
  await ada.next();
  const tabs = await Promise.all([1, 2, 3].map(() => openAs("bob", room)));
  await Promise.all(tabs.map((tab) => tab.next()));
  expect(await ada.next()).toEqual(list(room, ["ada", "bob"]));
  tabs[0]?.ws.close();
  tabs[1]?.ws.close(1001);
  tabs[2]?.cut();
  await socketsLeft(room, 1);
  await evict(room);
  expect(await ada.heard()).toEqual([]);
  await after(3, room);
  expect(await ada.heard()).toEqual([]);
  await after(7, room);
  expect(await ada.next()).toEqual(list(room, ["ada"]));
});

test("an expiry is at most 5 s late: the alarm is set for it", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room);
  await ada.heard();
  expect(await alarmIn(room)).toBeLessThanOrEqual(65_000);
  advance(55);
  await ada.heard();
  await ring(room);
  await evict(room);
  await ring(room);
  expect(await alarmIn(room)).toBeLessThanOrEqual(65_000);
  expect(await idsIn(room)).toEqual(["ada"]);
});

test("what an expired or replaced client goes on saying is heard by nobody", async () => {
  const room = newRoom();
  const { ada, bob, channel, resume } = await threeIn(room);
  const again = await openAs("bob", room, { query: { view: "diff", channel, resume } });
  await firstFrames(again);
  await bob.nextOf("error");
  try {
    bob.send({ type: "message", payload: "still here" });
    bob.send({ type: "state", state: "ghost" });
  } catch {
    // Its own side may have seen the close already.
  }
  await bob.closes.next();
  expect(await ada.heard()).toEqual([]);
  expect(await again.heard()).toEqual([]);
});
