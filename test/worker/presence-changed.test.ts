/**
 * `presenceChanged`: an application hears of every change, in the room in which it happens. Rooms of these
 * tests run in the isolate of the test, so a receiver that a test connects is called by them.
 */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type PresenceChange, presenceChanged, rooms } from "../../src/index.ts";
import {
  after,
  advance,
  breakOnce,
  evict,
  inRoom,
  LIVES,
  ring,
  socketsLeft,
  stored,
} from "../support/room.ts";
import { firstFrames, newRoom, openAs as openSocketAs } from "../support/socket.ts";

const DIFF = { query: { view: "diff" } };
const BOT = { id: "bot" };
const TIMES = { joinedAt: expect.any(Number), lastSeen: expect.any(Number) };

const all = rooms(env);

/** Opens a socket, and waits until the room has told receivers of it: it does when it has stored the join. */
const openAs: typeof openSocketAs = async (sub, room, options) => {
  const socket = await openSocketAs(sub, room, options);
  await stored(room);
  return socket;
};

let logged: string[] = [];
const disconnects: (() => void)[] = [];

beforeEach(() => {
  logged = [];
  vi.spyOn(console, "error").mockImplementation((line) => logged.push(String(line)));
});

afterEach(() => {
  for (const disconnect of disconnects.splice(0)) disconnect();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Connects until the end of the test. */
function connect(receiver: (change: PresenceChange) => unknown): () => void {
  const disconnect = presenceChanged.connect(receiver);
  disconnects.push(disconnect);
  return disconnect;
}

/**
 * What receivers leave for the test. It looks for itself: what a receiver resolves would go on inside the
 * event of the room, where the test's sockets cannot be used, and the room could not sleep.
 */
class Notes<T> {
  readonly #notes: T[] = [];

  push(note: T): void {
    this.#notes.push(note);
  }

  /** The next one that was not read yet. */
  async next(): Promise<T> {
    return (await this.take(1))[0] ?? this.next();
  }

  /** The next few. */
  take(count: number): Promise<T[]> {
    return vi.waitFor(
      () => {
        if (this.#notes.length < count) throw new Error(`only ${this.#notes.length} notes came`);
        return this.#notes.splice(0, count);
      },
      { timeout: 10_000, interval: 1 },
    );
  }

  unread(): readonly T[] {
    return this.#notes;
  }
}

/** The changes of one room, to be awaited. */
function changesOf(room: string): Notes<PresenceChange> {
  const changes = new Notes<PresenceChange>();
  connect((change) => {
    if (change.room.name === room) changes.push(change);
  });
  return changes;
}

/** Opens a socket, and says which channel it got. */
async function join(sub: string, room: string, query: Record<string, string> = {}) {
  const socket = await openAs(sub, room, { query: { ...DIFF.query, ...query } });
  const { welcome } = await firstFrames(socket);
  return { socket, channel: welcome.channel ?? "", resume: welcome.resume ?? "" };
}

/** What a receiver is told; the room is told apart by its name. */
function told({ room, ...change }: PresenceChange) {
  return { room: room.name, ...change };
}

/** In one word a change. */
function wordOf({ diff: { joins, updates, leaves } }: PresenceChange): string {
  const words = [
    ...leaves.map(({ channel, reason }) => `-${channel}:${reason}`),
    ...joins.map(({ channel }) => `+${channel}`),
    ...updates.map(({ channel }) => `~${channel}`),
  ];
  return words.join(" ");
}

describe.each(LIVES)("a receiver hears, %s,", (_, between) => {
  test("who came and who went", async () => {
    const room = newRoom();
    const changes = changesOf(room);
    const ada = await join("ada", room);
    const joined = { room, channel: ada.channel, user: { id: "ada" }, ...TIMES };
    expect(told(await changes.next())).toStrictEqual({
      room,
      added: joined,
      removed: null,
      bulkChange: false,
      diff: { joins: [joined], updates: [], leaves: [] },
    });
    await between(room);
    ada.socket.ws.close(1000);
    const left = { ...joined, reason: "left" };
    expect(told(await changes.next())).toStrictEqual({
      room,
      added: null,
      removed: left,
      bulkChange: false,
      diff: { joins: [], updates: [], leaves: [left] },
    });
    await between(room);
    expect(changes.unread()).toEqual([]);
  });

  test("of a state, and not of one that is the same, nor of a message or a heartbeat", async () => {
    const room = newRoom();
    const ada = await join("ada", room);
    const changes = changesOf(room);
    ada.socket.send({ type: "state", state: { typing: true } });
    const updated = { room, channel: ada.channel, user: { id: "ada" }, ...TIMES };
    expect(told(await changes.next())).toStrictEqual({
      room,
      added: null,
      removed: null,
      bulkChange: false,
      diff: { joins: [], updates: [{ ...updated, state: { typing: true } }], leaves: [] },
    });
    await between(room);
    ada.socket.send({ type: "state", state: { typing: true } });
    ada.socket.send({ type: "message", payload: 1 });
    await ada.socket.beat();
    await between(room);
    ada.socket.send({ type: "state", state: null });
    expect((await changes.next()).diff).toStrictEqual({
      joins: [],
      updates: [updated],
      leaves: [],
    });
    await between(room);
    expect(changes.unread()).toEqual([]);
  });

  test("what a server adds and removes", async () => {
    const room = newRoom();
    const changes = changesOf(room);
    await all.add(room, "signal-bot", BOT);
    const added = { room, channel: "signal-bot", user: BOT, ...TIMES };
    expect(told(await changes.next())).toMatchObject({ added, removed: null, bulkChange: false });
    await between(room);
    await all.add(room, "signal-bot", BOT);
    await between(room);
    await all.remove(room, "signal-bot");
    expect(told(await changes.next())).toStrictEqual({
      room,
      added: null,
      removed: { ...added, reason: "removed" },
      bulkChange: false,
      diff: { joins: [], updates: [], leaves: [{ ...added, reason: "removed" }] },
    });
    await all.remove(room, "signal-bot");
    await between(room);
    expect(changes.unread()).toEqual([]);
  });

  test("of a channel that got another user: one went, one came, and it is no bulk", async () => {
    const room = newRoom();
    const ada = await join("ada", room);
    const changes = changesOf(room);
    await between(room);
    await all.add(room, ada.channel, BOT);
    const here = { room, channel: ada.channel, ...TIMES };
    expect(told(await changes.next())).toStrictEqual({
      room,
      added: { ...here, user: BOT },
      removed: { ...here, user: { id: "ada" }, reason: "replaced" },
      bulkChange: false,
      diff: {
        joins: [{ ...here, user: BOT }],
        updates: [],
        leaves: [{ ...here, user: { id: "ada" }, reason: "replaced" }],
      },
    });
  });

  test("everybody who was pruned at once, with a name", async () => {
    const room = newRoom();
    const ada = await join("ada", room);
    await all.add(room, "prune-bot", BOT);
    await all.add(room, "prune-lurker");
    const changes = changesOf(room);
    await between(room);
    await all.get(room).prunePresences(0);
    const change = told(await changes.next());
    expect(change).toMatchObject({ added: null, removed: null, bulkChange: true });
    const byChannel = new Map(change.diff.leaves.map((leave) => [leave.channel, leave]));
    const expired = { room, reason: "expired", ...TIMES };
    expect(Object.fromEntries(byChannel)).toStrictEqual({
      [ada.channel]: { ...expired, channel: ada.channel, user: { id: "ada" } },
      "prune-bot": { ...expired, channel: "prune-bot", user: BOT },
      "prune-lurker": { ...expired, channel: "prune-lurker", user: null },
    });
    await between(room);
    expect(changes.unread()).toEqual([]);
  });

  test("that somebody expired or was lost, and nothing of a line that came back in time", async () => {
    const room = newRoom();
    // A bystander, or the room would look like one that was restarted.
    await firstFrames(await openAs("eve", room, { query: { view: "diff", watch: "1" } }));
    const ada = await join("ada", room);
    const changes = changesOf(room);
    ada.socket.cut();
    await socketsLeft(room, 1);
    await between(room);
    const back = await join("ada", room, { channel: ada.channel, resume: ada.resume });
    expect(back.channel).toBe(ada.channel);
    await between(room);
    expect(changes.unread()).toEqual([]);
    back.socket.cut();
    await socketsLeft(room, 1);
    await between(room);
    await after(11, room);
    expect(wordOf(await changes.next())).toBe(`-${ada.channel}:lost`);
    await all.add(room, "expiring");
    await changes.next();
    await between(room);
    await after(63, room);
    expect(wordOf(await changes.next())).toBe("-expiring:expired");
  });

  test("that a guest left because its socket did, in its host", async () => {
    const [home, other] = [newRoom(), newRoom()];
    const ada = await join("ada", home);
    const [atHome, elsewhere] = [changesOf(home), changesOf(other)];
    await all.add(other, ada.channel, { id: "ada" });
    expect(wordOf(await elsewhere.next())).toBe(`+${ada.channel}`);
    await between(home);
    await between(other);
    ada.socket.ws.close(1000);
    expect(wordOf(await atHome.next())).toBe(`-${ada.channel}:left`);
    const change = await elsewhere.next();
    expect(told(change)).toMatchObject({
      room: other,
      removed: { channel: ada.channel, user: { id: "ada" }, reason: "left" },
    });
  });

  test("changes in the order in which they happened, and so does every receiver", async () => {
    const room = newRoom();
    const heard: string[] = [];
    const names = ["first", "second", "third"];
    for (const name of names) {
      connect((change) => {
        if (change.room.name === room) heard.push(`${name} ${wordOf(change)}`);
      });
    }
    await all.add(room, "order-a");
    await between(room);
    await all.add(room, "order-b");
    await all.remove(room, "order-a");
    await between(room);
    await all.add(room, "order-b", BOT);
    const words = ["+order-a", "+order-b", "-order-a:removed", "-order-b:replaced +order-b"];
    expect(heard).toEqual(words.flatMap((word) => names.map((name) => `${name} ${word}`)));
  });
});

describe("times in a change", () => {
  test("never lie in the future, of those who go neither", async () => {
    const room = newRoom();
    const ada = await join("ada", room);
    const bob = await join("bob", room);
    const seen: number[] = [];
    connect(({ diff: { joins, updates, leaves } }) => {
      for (const { lastSeen } of [...joins, ...updates, ...leaves]) {
        seen.push(lastSeen - Date.now());
      }
    });
    ada.socket.send({ type: "state", state: 1 });
    await bob.socket.nextOf("diff");
    ada.socket.ws.close(1000);
    await bob.socket.nextOf("diff");
    await all.remove(room, bob.channel);
    expect(seen).toHaveLength(3);
    expect(seen.filter((ahead) => ahead > 0)).toEqual([]);
  });
});

describe("a receiver is called after the change is stored", () => {
  test("and finds it in storage, and a change that could not be stored is told to nobody", async () => {
    const room = newRoom();
    const isStored: boolean[] = [];
    const changes = changesOf(room);
    await all.add(room, "stored-1");
    await changes.next();
    await inRoom(room, async (instance, { storage }) => {
      connect((change) => {
        if (change.room.name !== room) return;
        isStored.push(storage.kv.get(`presence:${change.added?.channel}`) !== undefined);
      });
      await instance.add("stored-2", null, { kind: "detached", generation: 1, linkedAt: 1 });
    });
    expect(isStored).toEqual([true]);
    await changes.next();
    await breakOnce(room, "put");
    await inRoom(room, (instance) =>
      expect(
        instance.add("x", null, { kind: "detached", generation: 1, linkedAt: 1 }),
      ).rejects.toThrow("disk is full"),
    );
    expect(isStored).toEqual([true]);
    expect(changes.unread()).toEqual([]);
  });

  test("so that the room, asked by it, knows of the change", async () => {
    const room = newRoom();
    const answers = new Notes<unknown>();
    connect(async (change) => {
      if (change.room.name !== room) return;
      const [users, lurkers, presences] = [
        await change.room.getUsers(),
        await change.room.getAnonymousCount(),
        await change.room.presences(),
      ];
      answers.push([users, lurkers, presences.length]);
    });
    await all.add(room, "asked-1", BOT);
    expect(await answers.next()).toEqual([[BOT], 0, 1]);
    await evict(room);
    await all.add(room, "asked-2");
    expect(await answers.next()).toEqual([[BOT], 1, 2]);
    await all.remove(room, "asked-1");
    expect(await answers.next()).toEqual([[], 1, 1]);
  });
});

describe("a receiver that speaks to its room", () => {
  test.each([
    ["at once", (change: PresenceChange) => void change.room.send("welcome")],
    [
      "after it has asked",
      async (change: PresenceChange) => {
        await change.room.getUsers();
        await change.room.send("welcome");
      },
    ],
  ])("%s is heard after the change, by the one who came too", async (_, receiver) => {
    const room = newRoom();
    const ada = await join("ada", room);
    connect((change) => (change.added && change.room.name === room ? receiver(change) : null));
    const bob = await openAs("bob", room, DIFF);
    const frames = [await ada.socket.next(), await ada.socket.next()];
    expect(frames).toMatchObject([
      { type: "diff", joins: [{ user: { id: "bob" } }] },
      { type: "messages", messages: [{ from: null, payload: "welcome" }] },
    ]);
    const first = [await bob.next(), await bob.next(), await bob.next()];
    expect(first).toMatchObject([{ type: "welcome" }, { type: "sync" }, { type: "messages" }]);
  });

  test("says goodbye for one who left, to those who stay", async () => {
    const room = newRoom();
    const ada = await join("ada", room);
    const bob = await join("bob", room);
    await ada.socket.nextOf("diff");
    connect((change) => {
      if (change.removed && change.room.name === room) {
        void change.room.send(`${change.removed.user?.id} has left`);
      }
    });
    await evict(room);
    bob.socket.send({ type: "leave" });
    expect(await ada.socket.next()).toMatchObject({ type: "diff", leaves: [{ reason: "left" }] });
    expect(await ada.socket.next()).toMatchObject({ messages: [{ payload: "bob has left" }] });
  });
});

describe("a receiver that changes its room", () => {
  test("from inside keeps the order for the next one, and comes to an end", async () => {
    const room = newRoom();
    const changes = new Notes<string>();
    connect((change) => {
      if (change.room.name !== room || !change.added?.channel.startsWith("nested-a")) return;
      void change.room.add("nested-b", BOT);
      void change.room.remove("nested-a");
    });
    connect((change) => {
      if (change.room.name === room) changes.push(wordOf(change));
    });
    await all.add(room, "nested-a");
    expect(await changes.next()).toBe("+nested-a");
    expect((await changes.take(2)).toSorted()).toEqual(["+nested-b", "-nested-a:removed"]);
    expect((await all.get(room).presences()).map(({ channel }) => channel)).toEqual(["nested-b"]);
  });

  test("and awaits that, hears of its own change before it goes on", async () => {
    const room = newRoom();
    const heard = new Notes<string>();
    connect(async (change) => {
      if (change.room.name !== room) return;
      heard.push(wordOf(change));
      if (change.added?.channel !== "nested-c") return;
      const { isNew } = await change.room.add("nested-d");
      heard.push(`added ${isNew}`);
      const pruned = await change.room.prunePresences(0);
      heard.push(`pruned ${pruned.length}`);
    });
    await all.add(room, "nested-c");
    expect(await heard.take(5)).toEqual([
      "+nested-c",
      "+nested-d",
      "added true",
      "-nested-c:expired -nested-d:expired",
      "pruned 2",
    ]);
    expect(await all.get(room).presences()).toEqual([]);
  });

  test("may put out the socket that has just come", async () => {
    const room = newRoom();
    const ada = await join("ada", room);
    connect((change) => {
      if (change.room.name !== room || change.added?.user?.id !== "mallory") return;
      void change.room.remove(change.added.channel);
    });
    const mallory = await openAs("mallory", room, DIFF);
    expect(await mallory.closes.next()).toMatchObject({ code: 4003 });
    await vi.waitFor(async () => expect(await all.get(room).getUsers()).toEqual([{ id: "ada" }]));
    expect(
      (await ada.socket.heard()).filter((frame) => frame !== "heartbeat" && frame.type !== "diff"),
    ).toEqual([]);
  });
});

describe("a receiver that fails", () => {
  const failures: [string, () => unknown][] = [
    [
      "at once",
      () => {
        throw new Error("the receiver broke");
      },
    ],
    ["later", async () => Promise.reject(new Error("the receiver broke"))],
    [
      "with something that is no error",
      () => {
        // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error
        throw "the receiver broke";
      },
    ],
    [
      "with an object like a promise",
      () => ({
        // oxlint-disable-next-line unicorn/no-thenable
        then: (_: unknown, reject: (error: unknown) => void) =>
          reject(new Error("the receiver broke")),
      }),
    ],
    [
      "with an object that cannot even be asked",
      () => ({
        // oxlint-disable-next-line unicorn/no-thenable
        get then(): unknown {
          throw new Error("the receiver broke");
        },
      }),
    ],
  ];

  test.each(failures)(
    "%s is logged with the room; sockets and others notice nothing",
    async (_, fail) => {
      const room = newRoom();
      const heard: string[] = [];
      const ada = await join("ada", room);
      connect((change) => void (change.room.name === room && heard.push("before")));
      connect((change) => (change.room.name === room ? fail() : null));
      connect((change) => void (change.room.name === room && heard.push("after")));
      const bob = await join("bob", room);
      expect(await ada.socket.next()).toMatchObject({ joins: [{ user: { id: "bob" } }] });
      bob.socket.ws.close(1000);
      expect(await ada.socket.next()).toMatchObject({ leaves: [{ reason: "left" }] });
      expect(await all.add(room, "unharmed")).toMatchObject({ isNew: true });
      await vi.waitFor(() => expect(logged).toHaveLength(3));
      expect(heard).toEqual(["before", "after", "before", "after", "before", "after"]);
      for (const line of logged) {
        expect(JSON.parse(line)).toEqual({
          event: "a receiver of presenceChanged failed",
          room,
          error: expect.stringContaining("the receiver broke"),
        });
      }
      expect((await all.get(room).presences()).map(({ channel }) => channel)).toEqual([
        ada.channel,
        "unharmed",
      ]);
    },
  );
});

describe("an async receiver", () => {
  test("is kept alive until it is done, though nobody waits for it", async () => {
    const room = newRoom();
    const done = new Notes<string>();
    connect(async (change) => {
      if (change.room.name !== room) return;
      await scheduler.wait(50);
      done.push(wordOf(change));
    });
    await all.add(room, "slow");
    expect(done.unread()).toEqual([]);
    expect(await done.next()).toBe("+slow");
  });

  test("that never ends holds nobody up", async () => {
    const room = newRoom();
    const { promise, resolve } = Promise.withResolvers<void>();
    connect((change) => (change.room.name === room ? promise : null));
    const ada = await join("ada", room);
    const bob = await join("bob", room);
    expect(await ada.socket.next()).toMatchObject({ joins: [{ user: { id: "bob" } }] });
    bob.socket.ws.close(1000);
    expect(await ada.socket.next()).toMatchObject({ leaves: [{ reason: "left" }] });
    resolve();
  });
});

describe("connect", () => {
  test("returns a function that disconnects, once and for all", async () => {
    const room = newRoom();
    const heard: string[] = [];
    const stay: string[] = [];
    const disconnect = connect((change) => heard.push(wordOf(change)));
    connect((change) => stay.push(wordOf(change)));
    await all.add(room, "gone-1");
    disconnect();
    disconnect();
    await all.add(room, "gone-2");
    expect(heard).toEqual(["+gone-1"]);
    expect(stay).toEqual(["+gone-1", "+gone-2"]);
  });

  test("of the same function twice has it called twice, and each is disconnected by its own", async () => {
    const room = newRoom();
    const receiver = vi.fn<(change: PresenceChange) => void>();
    const first = connect(receiver);
    const second = connect(receiver);
    await all.add(room, "twice-1");
    expect(receiver).toHaveBeenCalledTimes(2);
    first();
    first();
    await all.add(room, "twice-2");
    expect(receiver).toHaveBeenCalledTimes(3);
    second();
    await all.add(room, "twice-3");
    expect(receiver).toHaveBeenCalledTimes(3);
  });

  test("and disconnect from within a receiver count from the next change on", async () => {
    const room = newRoom();
    const heard: string[] = [];
    let isConnected = false;
    const disconnect = connect(() => {
      heard.push("first");
      disconnect();
      if (isConnected) return;
      isConnected = true;
      connect(() => heard.push("late"));
    });
    connect(() => heard.push("second"));
    await all.add(room, "within-1");
    expect(heard).toEqual(["first", "second"]);
    await all.add(room, "within-2");
    expect(heard).toEqual(["first", "second", "second", "late"]);
  });
});

test("a room that nobody has changed tells nothing: not when it is asked, watched, pruned or rings", async () => {
  const room = newRoom();
  const ada = await join("ada", room);
  const changes = changesOf(room);
  const watcher = await openAs("eve", room, { query: { view: "diff", watch: "1" } });
  await firstFrames(watcher);
  ada.socket.send({ type: "sync" });
  await ada.socket.nextOf("sync");
  await all.get(room).presences();
  await all.get(room).prunePresences();
  await all.remove(room, "a stranger");
  watcher.ws.close(1000);
  await watcher.closes.next();
  advance(5);
  await ring(room);
  expect(changes.unread()).toEqual([]);
});
