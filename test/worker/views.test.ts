/** What each view hears, frame by frame: of itself, of others who come, change and go. */

import { describe, expect, test } from "vitest";
import { evict, LIVES, socketsLeft } from "../support/room.ts";
import { firstFrames, newRoom, open, openAs } from "../support/socket.ts";

const DIFF = { query: { view: "diff" } };
const COUNT = { query: { view: "count" } };

function list(room: string, ids: string[], lurkers = 0) {
  const members = ids.map((id) => ({ id }));
  return { type: "presence", payload: { channel_name: room, members, lurkers } };
}

function diff(room: string, parts: object) {
  return { type: "diff", room, joins: [], updates: [], leaves: [], lurkers: 0, ...parts };
}

describe("the first frames", () => {
  test("a list names the newcomer itself, with the info of its token", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, { claims: { info: { name: "Ada", age: 36 } } });
    expect(await ada.heard()).toEqual([
      {
        type: "presence",
        payload: {
          channel_name: room,
          members: [{ id: "ada", name: "Ada", age: 36 }],
          lurkers: 0,
        },
      },
    ]);
  });

  test("a diff is a welcome and a sync that holds the newcomer itself", async () => {
    const room = newRoom();
    const before = Date.now();
    const ada = await openAs("ada", room, { ...DIFF, claims: { info: { name: "Ada" } } });
    const frames = await ada.heard();
    const user = { id: "ada", name: "Ada" };
    const channel = expect.stringMatching(/^room-\d+![\w-]{12}$/);
    expect(frames).toEqual([
      {
        type: "welcome",
        room,
        channel,
        user,
        resume: expect.stringMatching(/^[\w-]{22}$/),
        heartbeat: 25,
        frameRate: 20,
      },
      {
        type: "sync",
        room,
        presences: [{ channel, user, joinedAt: expect.any(Number) }],
        lurkers: 0,
      },
    ]);
    const [welcome, sync] = frames;
    expect(sync).toMatchObject({
      presences: [{ channel: Reflect.get(Object(welcome), "channel") }],
    });
    const joinedAt = Number(JSON.stringify(sync).match(/"joinedAt":(\d+)/)?.[1]);
    expect(joinedAt).toBeGreaterThanOrEqual(before);
    expect(joinedAt).toBeLessThanOrEqual(Date.now());
  });

  test("a count counts the newcomer itself", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, COUNT);
    expect(await ada.heard()).toEqual([
      { type: "count", room, members: 1, presences: 1, lurkers: 0 },
    ]);
  });

  test("an anonymous newcomer is a lurker in a list", async () => {
    const room = newRoom();
    const lurker = await open(room);
    expect(await lurker.next()).toEqual(list(room, [], 1));
  });

  test("an anonymous newcomer in a diff has a channel and no user, and is counted only", async () => {
    const room = newRoom();
    const { welcome, sync } = await firstFrames(await open(room, DIFF));
    expect(welcome).toMatchObject({ user: null, channel: expect.any(String) });
    expect(welcome.resume).toEqual(expect.any(String));
    expect(sync).toEqual({ type: "sync", room, presences: [], lurkers: 1 });
  });

  test("an anonymous newcomer in a count is a presence and no member", async () => {
    const room = newRoom();
    const lurker = await open(room, COUNT);
    expect(await lurker.next()).toEqual({
      type: "count",
      room,
      members: 0,
      presences: 1,
      lurkers: 1,
    });
  });

  test("info cannot overwrite the user's id", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, { claims: { info: { id: "root", name: "Ada" } } });
    expect(await ada.next()).toMatchObject({ payload: { members: [{ id: "ada", name: "Ada" }] } });
  });

  test("a view that does not exist is a list", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, { query: { view: "constructor" } });
    expect(await ada.heard()).toEqual([list(room, ["ada"])]);
  });
});

describe("with welcome=1", () => {
  const NEWS = {
    list: (room: string) => list(room, ["ada"]),
    count: (room: string) => ({ type: "count", room, members: 1, presences: 1, lurkers: 0 }),
  };

  test.each(["list", "count"] as const)(
    "view %s is greeted with a welcome, then with what it is without",
    async (view) => {
      const room = newRoom();
      const ada = await openAs("ada", room, {
        query: { view, welcome: "1" },
        claims: { info: { name: "Ada" } },
      });
      const [welcome, ...rest] = await ada.heard();
      expect(welcome).toEqual({
        type: "welcome",
        room,
        channel: expect.stringMatching(/^room-\d+![\w-]{12}$/),
        user: { id: "ada", name: "Ada" },
        resume: expect.stringMatching(/^[\w-]{22}$/),
        heartbeat: 25,
        frameRate: 20,
      });
      expect(rest).toHaveLength(1);
      expect(rest).toMatchObject([NEWS[view](room)]);
    },
  );

  test.each(["list", "count"] as const)(
    "a watcher of view %s has nothing to resume",
    async (view) => {
      const room = newRoom();
      const ada = await openAs("ada", room, { query: { view, welcome: "1", watch: "1" } });
      expect((await ada.heard())[0]).toEqual({
        type: "welcome",
        room,
        user: { id: "ada" },
        heartbeat: 25,
        frameRate: 20,
      });
    },
  );

  test("view diff is greeted as ever: with one welcome", async () => {
    const ada = await openAs("ada", newRoom(), { query: { view: "diff", welcome: "1" } });
    expect(await ada.heard()).toMatchObject([{ type: "welcome" }, { type: "sync" }]);
  });

  test.each(["0", "", "true", "11"])("welcome=%s is none", async (welcome) => {
    const room = newRoom();
    const ada = await openAs("ada", room, { query: { welcome } });
    expect(await ada.heard()).toEqual([list(room, ["ada"])]);
  });
});

describe.each(LIVES)("%s", (_, between) => {
  test("a list is told whole at each join and leave", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    await between(room);
    const bob = await openAs("bob", room);
    expect(await bob.next()).toEqual(list(room, ["ada", "bob"]));
    expect(await ada.next()).toEqual(list(room, ["ada", "bob"]));
    await between(room);
    const lurker = await open(room);
    expect(await lurker.next()).toEqual(list(room, ["ada", "bob"], 1));
    expect(await ada.next()).toEqual(list(room, ["ada", "bob"], 1));
    await between(room);
    bob.ws.close();
    expect(await ada.next()).toEqual(list(room, ["ada"], 1));
    await between(room);
    lurker.ws.close();
    expect(await ada.next()).toEqual(list(room, ["ada"]));
    await between(room);
    expect(await ada.heard()).toEqual([]);
  });

  test("a diff tells each join and leave, and lurkers as a number", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    await between(room);
    const bob = await openAs("bob", room, { ...DIFF, claims: { info: { name: "Bob" } } });
    const { welcome } = await firstFrames(bob);
    const { channel } = welcome;
    const user = { id: "bob", name: "Bob" };
    const joinedAt = expect.any(Number);
    expect(await ada.next()).toEqual(diff(room, { joins: [{ channel, user, joinedAt }] }));
    await between(room);
    const lurker = await open(room);
    expect(await ada.next()).toEqual(diff(room, { lurkers: 1 }));
    await between(room);
    bob.ws.close(1000);
    expect(await ada.next()).toEqual(
      diff(room, { leaves: [{ channel, reason: "left" }], lurkers: 1 }),
    );
    await between(room);
    lurker.ws.close(1000);
    expect(await ada.next()).toEqual(diff(room, {}));
    await between(room);
    expect(await ada.heard()).toEqual([]);
  });

  test("a count tells numbers at each join and leave", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, COUNT);
    await ada.next();
    const count = (members: number, presences: number, lurkers: number) => ({
      type: "count",
      room,
      members,
      presences,
      lurkers,
    });
    await between(room);
    const tab = await openAs("ada", room);
    expect(await ada.next()).toEqual(count(1, 2, 0));
    await between(room);
    await open(room);
    expect(await ada.next()).toEqual(count(1, 3, 1));
    await between(room);
    tab.ws.close();
    expect(await ada.next()).toEqual(count(1, 2, 1));
    await between(room);
    expect(await ada.heard()).toEqual([]);
  });

  test("two tabs of one user are one member; a list hears nothing of the second, a diff hears of both", async () => {
    const room = newRoom();
    const lister = await openAs("ada", room);
    await lister.next();
    const differ = await openAs("bob", room, DIFF);
    await firstFrames(differ);
    await lister.next();
    await between(room);
    const first = await openAs("eve", room);
    expect(await lister.next()).toEqual(list(room, ["ada", "bob", "eve"]));
    await differ.next();
    await between(room);
    const second = await openAs("eve", room);
    expect(await second.next()).toEqual(list(room, ["ada", "bob", "eve"]));
    expect(await differ.next()).toMatchObject({ joins: [{ user: { id: "eve" } }], leaves: [] });
    await between(room);
    first.ws.close();
    expect(await differ.next()).toMatchObject({ joins: [], leaves: [{ reason: "left" }] });
    await between(room);
    expect(await lister.heard()).toEqual([]);
    second.ws.close();
    expect(await differ.next()).toMatchObject({ joins: [], leaves: [{ reason: "left" }] });
    expect(await lister.next()).toEqual(list(room, ["ada", "bob"]));
  });

  test("members stay in the order of their first join when the first tab of one leaves", async () => {
    const room = newRoom();
    const first = await openAs("ada", room);
    await first.next();
    await between(room);
    const bob = await openAs("bob", room);
    await bob.next();
    await between(room);
    const second = await openAs("ada", room);
    await second.next();
    await between(room);
    first.ws.close();
    await first.closes.next();
    await between(room);
    const eve = await openAs("eve", room);
    expect(await eve.next()).toEqual(list(room, ["ada", "bob", "eve"]));
    expect(await bob.next()).toEqual(list(room, ["ada", "bob", "eve"]));
  });

  test("a member that comes back after its last tab has left is the last in the order", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    const bob = await openAs("bob", room);
    await bob.next();
    await between(room);
    ada.ws.close();
    expect(await bob.next()).toEqual(list(room, ["bob"]));
    await between(room);
    await openAs("ada", room);
    expect(await bob.next()).toEqual(list(room, ["bob", "ada"]));
  });

  test("a sync asks for everything again, in each view", async () => {
    const room = newRoom();
    const lister = await openAs("ada", room);
    await lister.next();
    const differ = await openAs("bob", room, DIFF);
    const { sync } = await firstFrames(differ);
    await lister.next();
    const counter = await openAs("eve", room, { query: { view: "count", watch: "1" } });
    await counter.next();
    await between(room);
    for (const socket of [lister, differ, counter]) socket.send({ type: "sync" });
    expect(await lister.next()).toEqual(list(room, ["ada", "bob"]));
    expect(await differ.next()).toEqual(sync);
    expect(await counter.next()).toEqual({
      type: "count",
      room,
      members: 2,
      presences: 2,
      lurkers: 0,
    });
    const more = await Promise.all([lister, differ, counter].map((socket) => socket.heard()));
    expect(more).toEqual([[], [], []]);
  });

  test("a state is told to diffs alone, and stands in the sync", async () => {
    const room = newRoom();
    const lister = await openAs("ada", room);
    await lister.next();
    const counter = await openAs("cid", room, { query: { view: "count", watch: "1" } });
    await counter.next();
    const differ = await openAs("bob", room, DIFF);
    const { welcome } = await firstFrames(differ);
    const { channel } = welcome;
    await lister.next();
    await counter.next();
    await between(room);
    differ.send({ type: "state", state: { typing: true } });
    expect(await differ.next()).toEqual(
      diff(room, { updates: [{ channel, state: { typing: true } }] }),
    );
    await between(room);
    const { sync } = await firstFrames(
      await openAs("eve", room, { query: { view: "diff", watch: "1" } }),
    );
    expect(sync.presences).toEqual([
      { channel: expect.any(String), user: { id: "ada" }, joinedAt: expect.any(Number) },
      { channel, user: { id: "bob" }, joinedAt: expect.any(Number), state: { typing: true } },
    ]);
    expect(await lister.heard()).toEqual([]);
    expect(await counter.heard()).toEqual([]);
  });

  test("a state that equals the one before says nothing, whatever the order of its keys", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    ada.send({ type: "state", state: { x: 1, y: [{ a: 1, b: 2 }] } });
    await ada.nextOf("diff");
    await between(room);
    ada.send({ type: "state", state: { y: [{ b: 2, a: 1 }], x: 1 } });
    expect(await ada.heard()).toEqual([]);
  });

  test("a null takes the state away: null in the update, nothing in the sync", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    const { welcome } = await firstFrames(ada);
    const { channel } = welcome;
    ada.send({ type: "state", state: "busy" });
    await ada.nextOf("diff");
    await between(room);
    ada.send({ type: "state", state: null });
    expect(await ada.next()).toEqual(diff(room, { updates: [{ channel, state: null }] }));
    await between(room);
    ada.send({ type: "state", state: null });
    ada.send({ type: "sync" });
    expect(await ada.next()).toEqual({
      type: "sync",
      room,
      presences: [{ channel, user: { id: "ada" }, joinedAt: expect.any(Number) }],
      lurkers: 0,
    });
  });

  test("the state of an anonymous presence is told to nobody", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, DIFF);
    await firstFrames(ada);
    const lurker = await open(room, DIFF);
    await firstFrames(lurker);
    await ada.nextOf("diff");
    await between(room);
    lurker.send({ type: "state", state: "here I am" });
    expect(await lurker.settled()).toEqual([]);
    await between(room);
    expect(await ada.heard()).toEqual([]);
  });

  test.each([1001, 1006])(
    "a reload (%i, then a new connection of the same user) is nothing to a list",
    async (code) => {
      const room = newRoom();
      const ada = await openAs("ada", room);
      await ada.next();
      const old = await openAs("bob", room);
      await old.next();
      await ada.next();
      await between(room);
      if (code === 1006) old.cut();
      else old.ws.close(code);
      await socketsLeft(room, 1);
      await between(room);
      const fresh = await openAs("bob", room);
      expect(await fresh.next()).toEqual(list(room, ["ada", "bob"]));
      await between(room);
      expect(await ada.heard()).toEqual([]);
    },
  );

  test("a reload that resumes is nothing to anybody", async () => {
    const room = newRoom();
    const lister = await openAs("ada", room);
    await lister.next();
    const differ = await openAs("eve", room, DIFF);
    await firstFrames(differ);
    await lister.next();
    const old = await openAs("bob", room, DIFF);
    const { welcome } = await firstFrames(old);
    await lister.next();
    await differ.next();
    await between(room);
    old.ws.close(1001);
    await old.closes.next();
    await between(room);
    const { channel = "", resume = "" } = welcome;
    const fresh = await openAs("bob", room, { query: { view: "diff", channel, resume } });
    expect((await fresh.nextOf("welcome")).channel).toBe(channel);
    await between(room);
    expect(await lister.heard()).toEqual([]);
    expect(await differ.heard()).toEqual([]);
  });
});

describe("users with strange names", () => {
  test.each(["__proto__", "constructor", "toString", "a b/c?d#e", "👩‍🚀", "x".repeat(128)])(
    "%s comes, is told and goes like anyone",
    async (id) => {
      const room = newRoom();
      const ada = await openAs("ada", room);
      await ada.next();
      const stranger = await openAs(id, room, DIFF);
      const { sync } = await firstFrames(stranger);
      expect(sync.presences.map(({ user }) => user?.id)).toEqual(["ada", id]);
      expect(await ada.next()).toEqual(list(room, ["ada", id]));
      await evict(room);
      stranger.ws.close();
      expect(await ada.next()).toEqual(list(room, ["ada"]));
    },
  );

  test("info named __proto__ is one more key", async () => {
    const room = newRoom();
    const info: unknown = JSON.parse('{"__proto__": {"admin": true}, "name": "Eve"}');
    const eve = await openAs("eve", room, { claims: { info } });
    expect(JSON.stringify(await eve.next())).toContain('"name":"Eve"');
    expect(Reflect.get({}, "admin")).toBeUndefined();
  });
});

describe("a watcher", () => {
  test.each([
    ["list", (room: string) => [list(room, ["ada"])]],
    [
      "diff",
      (room: string) => [
        { type: "welcome", room, user: { id: "eve" }, heartbeat: 25, frameRate: 20 },
        {
          type: "sync",
          room,
          presences: [
            { channel: expect.any(String), user: { id: "ada" }, joinedAt: expect.any(Number) },
          ],
          lurkers: 0,
        },
      ],
    ],
    ["count", (room: string) => [{ type: "count", room, members: 1, presences: 1, lurkers: 0 }]],
  ])("in view %s sees everybody and is not counted", async (view, frames) => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    const eve = await openAs("eve", room, { query: { view, watch: "1" } });
    expect(await eve.heard()).toEqual(frames(room));
    await evict(room);
    eve.ws.close();
    await eve.closes.next();
    expect(await ada.heard()).toEqual([]);
  });

  test("without a token has a welcome with no user", async () => {
    const room = newRoom();
    const eve = await open(room, { query: { view: "diff", watch: "1" } });
    expect(await eve.next()).toEqual({
      type: "welcome",
      room,
      user: null,
      heartbeat: 25,
      frameRate: 20,
    });
  });

  test("hears who comes and goes", async () => {
    const room = newRoom();
    const eve = await open(room, { query: { watch: "1" } });
    expect(await eve.next()).toEqual(list(room, []));
    const ada = await openAs("ada", room);
    expect(await eve.next()).toEqual(list(room, ["ada"]));
    await evict(room);
    ada.ws.close();
    expect(await eve.next()).toEqual(list(room, []));
  });

  test("has no state to set", async () => {
    const room = newRoom();
    const eve = await openAs("eve", room, { query: { view: "diff", watch: "1" } });
    await firstFrames(eve);
    eve.send({ type: "state", state: 1 });
    expect(await eve.next()).toMatchObject({ type: "error", code: "forbidden" });
  });

  test("that asks for anything but watch=1 is in the room", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, { query: { watch: "0" } });
    expect(await ada.next()).toEqual(list(room, ["ada"]));
  });
});
