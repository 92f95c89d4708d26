/** What a room says to each view after a batch of changes, and when it holds its tongue. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Diff, DiffGatherer, NO_CHANGE } from "../../src/core/diff.ts";
import { PresenceSet } from "../../src/core/presence-set.ts";
import { VIEWS } from "../../src/core/protocol.ts";
import { ViewRenderer, type RenderedBatch } from "../../src/core/view-renderer.ts";
import { ADA, BOB, TIMEOUTS, perform, steps } from "./random-steps.ts";

/** A room with a speaker. What `start` does in it has been said already. */
function newRoom(start: (set: PresenceSet) => void = () => undefined, announceMax = 1_000) {
  const set = new PresenceSet(TIMEOUTS);
  start(set);
  const renderer = new ViewRenderer("lobby", set, { announceMax, isCounting: false });
  const speech = {
    /** To listeners that know all that was sent before. */
    render: (now: PresenceSet, diff: Diff) => renderer.render(now, () => diff),
    get isCounting() {
      return renderer.isCounting;
    },
  };
  return { set, speech };
}

/** The frames for sockets of each view that know what was said before. */
function newsOf(telling: RenderedBatch) {
  const [list, diff, count] = VIEWS.map((view) =>
    telling.news(view).map((text): unknown => JSON.parse(text)),
  );
  return { list, diff, count };
}

function everythingOf(telling: RenderedBatch) {
  const [list, diff, count] = VIEWS.map((view) =>
    telling.snapshot(view).map((text): unknown => JSON.parse(text)),
  );
  return { list, diff, count };
}

function gathered(...diffs: readonly Diff[]): Diff {
  const gatherer = new DiffGatherer();
  for (const diff of diffs) gatherer.add(diff);
  return gatherer.take();
}

function withAda(set: PresenceSet): void {
  set.join("a", ADA, 1_000);
}

/** `count` users, each in one tab. */
function crowd(count: number): (set: PresenceSet) => void {
  return (set) => {
    for (let index = 0; index < count; index += 1) {
      set.join(`tab ${index}`, { id: `user ${index}` }, 1_000);
    }
  };
}

const SILENCE = { list: [], diff: [], count: [] };

describe("news of a join", () => {
  const { set, speech } = newRoom(withAda);
  const news = newsOf(speech.render(set, set.join("b", BOB, 2_000)));

  test("in view `list` are the whole list", () => {
    expect(news.list).toEqual([
      {
        type: "presence",
        payload: { channel_name: "lobby", members: [ADA, BOB], lurkers: 0 },
      },
    ]);
  });

  test("in view `diff` are who joined", () => {
    expect(news.diff).toEqual([
      {
        type: "diff",
        room: "lobby",
        joins: [{ channel: "b", user: BOB, joinedAt: 2_000 }],
        updates: [],
        leaves: [],
        lurkers: 0,
      },
    ]);
  });

  test("in view `count` are numbers", () => {
    expect(news.count).toEqual([
      { type: "count", room: "lobby", members: 2, presences: 2, lurkers: 0 },
    ]);
  });
});

describe("everything", () => {
  const { set, speech } = newRoom((room) => {
    withAda(room);
    room.join("b", null, 1_500);
    room.update("a", { typing: true });
  });
  const everything = everythingOf(speech.render(set, NO_CHANGE));

  test("in view `list` is the whole list", () => {
    expect(everything.list).toEqual([
      { type: "presence", payload: { channel_name: "lobby", members: [ADA], lurkers: 1 } },
    ]);
  });

  test("in view `diff` is a snapshot with states, in which anonymous ones are counted", () => {
    expect(everything.diff).toEqual([
      {
        type: "sync",
        room: "lobby",
        presences: [{ channel: "a", user: ADA, joinedAt: 1_000, state: { typing: true } }],
        lurkers: 1,
      },
    ]);
  });

  test("in view `count` is the numbers", () => {
    expect(everything.count).toEqual([
      { type: "count", room: "lobby", members: 1, presences: 2, lurkers: 1 },
    ]);
  });

  test("of an empty room says that it is empty", () => {
    const empty = newRoom();
    expect(everythingOf(empty.speech.render(empty.set, NO_CHANGE)).list).toEqual([
      { type: "presence", payload: { channel_name: "lobby", members: [], lurkers: 0 } },
    ]);
  });
});

describe("nothing is said", () => {
  test("where nothing changed", () => {
    const { set, speech } = newRoom(withAda);
    expect(newsOf(speech.render(set, NO_CHANGE))).toEqual(SILENCE);
  });

  test("to anyone after a wake, for it was said before the room slept", () => {
    const { set, speech } = newRoom(withAda);
    speech.render(set, set.join("b", BOB, 2_000));
    const awake = new ViewRenderer("lobby", set, { announceMax: 1_000, isCounting: false });
    expect(newsOf(awake.render(set, () => NO_CHANGE))).toEqual(SILENCE);
  });

  test("of those who came and went within the batch", () => {
    const { set, speech } = newRoom(withAda);
    const diff = gathered(set.join("b", BOB, 2_000), set.leave("b", "left"));
    expect(newsOf(speech.render(set, diff))).toEqual(SILENCE);
  });

  test("of a lurker who came in the place of another, for both are but numbers", () => {
    const { set, speech } = newRoom((room) => room.join("a", null, 1_000));
    const diff = gathered(set.join("b", null, 2_000), set.leave("a", "left"));
    expect(newsOf(speech.render(set, diff))).toEqual(SILENCE);
  });

  test("in view `list` of a second tab of the same user", () => {
    const { set, speech } = newRoom(withAda);
    const news = newsOf(speech.render(set, set.join("b", ADA, 2_000)));
    expect(news.list).toEqual([]);
    expect(news.diff).toHaveLength(1);
    expect(news.count).toEqual([
      { type: "count", room: "lobby", members: 1, presences: 2, lurkers: 0 },
    ]);
  });

  test("in view `list` of a tab that closes while another one stays", () => {
    const { set, speech } = newRoom((room) => {
      withAda(room);
      room.join("b", ADA, 1_500);
    });
    expect(newsOf(speech.render(set, set.leave("a", "left"))).list).toEqual([]);
  });

  test("in view `list` of a second tab after a state, which made nobody forget what was said", () => {
    const { set, speech } = newRoom(withAda);
    newsOf(speech.render(set, set.update("a", { typing: true })));
    expect(newsOf(speech.render(set, set.join("b", ADA, 2_000))).list).toEqual([]);
  });

  test("in views `list` and `count` of a state", () => {
    const { set, speech } = newRoom(withAda);
    const news = newsOf(speech.render(set, set.update("a", { typing: true })));
    expect(news.list).toEqual([]);
    expect(news.count).toEqual([]);
    expect(news.diff).toEqual([
      {
        type: "diff",
        room: "lobby",
        joins: [],
        updates: [{ channel: "a", state: { typing: true } }],
        leaves: [],
        lurkers: 0,
      },
    ]);
  });

  test("in any view of a lurker's state", () => {
    const { set, speech } = newRoom((room) => room.join("a", null, 1_000));
    expect(newsOf(speech.render(set, set.update("a", { typing: true })))).toEqual(SILENCE);
  });

  test("to anyone of a connection that was lost and came back", () => {
    const { set, speech } = newRoom(withAda);
    const diff = gathered(set.lose("a", "cut", 2_000), set.join("a", ADA, 3_000));
    expect(newsOf(speech.render(set, diff))).toEqual(SILENCE);
  });

  test("twice", () => {
    const { set, speech } = newRoom(withAda);
    newsOf(speech.render(set, set.join("b", BOB, 2_000)));
    expect(newsOf(speech.render(set, NO_CHANGE))).toEqual(SILENCE);
  });
});

describe("view `diff`", () => {
  test("hears of a lurker as a number", () => {
    const { set, speech } = newRoom(withAda);
    expect(newsOf(speech.render(set, set.join("b", null, 2_000))).diff).toEqual([
      { type: "diff", room: "lobby", joins: [], updates: [], leaves: [], lurkers: 1 },
    ]);
  });

  test("hears null for a state that was removed", () => {
    const { set, speech } = newRoom((room) => {
      withAda(room);
      room.update("a", { typing: true });
    });
    expect(newsOf(speech.render(set, set.update("a", null))).diff).toMatchObject([
      { updates: [{ channel: "a", state: null }] },
    ]);
  });

  test("hears who left and why, and no more of them", () => {
    const { set, speech } = newRoom(withAda);
    expect(newsOf(speech.render(set, set.leave("a", "removed"))).diff).toMatchObject([
      { joins: [], leaves: [{ channel: "a", reason: "removed" }] },
    ]);
  });

  test("hears of a replaced user in two frames, first who left and then who came", () => {
    const { set, speech } = newRoom(withAda);
    const frame = { type: "diff", room: "lobby", updates: [], lurkers: 0 };
    expect(newsOf(speech.render(set, set.join("a", BOB, 2_000))).diff).toEqual([
      { ...frame, joins: [], leaves: [{ channel: "a", reason: "replaced" }] },
      { ...frame, joins: [{ channel: "a", user: BOB, joinedAt: 2_000 }], leaves: [] },
    ]);
  });

  test("hears of a lurker that was given a user as of a join", () => {
    const { set, speech } = newRoom((room) => room.join("a", null, 1_000));
    expect(newsOf(speech.render(set, set.join("a", ADA, 2_000))).diff).toMatchObject([
      { joins: [{ channel: "a", user: ADA }], leaves: [], lurkers: 0 },
    ]);
  });

  test("hears of a user who became a lurker as of a leave", () => {
    const { set, speech } = newRoom(withAda);
    expect(newsOf(speech.render(set, set.join("a", null, 2_000))).diff).toMatchObject([
      { joins: [], leaves: [{ channel: "a", reason: "replaced" }], lurkers: 1 },
    ]);
  });

  test("hears of no channel in two lists of one frame, whatever happened", () => {
    fc.assert(
      fc.property(steps, (batch) => {
        const { set, speech } = newRoom(withAda);
        const gatherer = new DiffGatherer();
        let now = 1_000;
        for (const { wait, operation } of batch) {
          now += wait;
          gatherer.add(perform(set, operation, now));
        }
        for (const text of speech.render(set, gatherer.take()).news("diff")) {
          const frame: Pick<Diff, "joins" | "updates" | "leaves"> = JSON.parse(text);
          const channels = [...frame.joins, ...frame.updates, ...frame.leaves].map(
            ({ channel }) => channel,
          );
          expect(new Set(channels).size).toBe(channels.length);
        }
      }),
    );
  });
});

describe("view `list`", () => {
  test("hears of a lurker as a number", () => {
    const { set, speech } = newRoom(withAda);
    expect(newsOf(speech.render(set, set.join("b", null, 2_000))).list).toMatchObject([
      { payload: { members: [ADA], lurkers: 1 } },
    ]);
  });

  test("hears when the last tab of a user goes", () => {
    const { set, speech } = newRoom(withAda);
    expect(newsOf(speech.render(set, set.leave("a", "left"))).list).toMatchObject([
      { payload: { members: [] } },
    ]);
  });

  test("hears of a user whose name changed", () => {
    const { set, speech } = newRoom(withAda);
    const renamed = { id: "ada", name: "Ada Lovelace" };
    expect(newsOf(speech.render(set, set.join("a", renamed, 2_000))).list).toMatchObject([
      { payload: { members: [renamed] } },
    ]);
  });

  test("hears a change although nobody of this view heard the one before", () => {
    const { set, speech } = newRoom(withAda);
    speech.render(set, set.join("b", BOB, 2_000));
    expect(newsOf(speech.render(set, set.leave("b", "left"))).list).toMatchObject([
      { payload: { members: [ADA] } },
    ]);
  });
});

describe("above the limit", () => {
  test("a room at the limit still names names", () => {
    const { set, speech } = newRoom(crowd(9), 10);
    const news = newsOf(speech.render(set, set.join("a", ADA, 2_000)));
    expect(news.diff).toMatchObject([{ type: "diff" }]);
    expect(speech.isCounting).toBe(false);
  });

  test("every view hears counts instead of names", () => {
    const { set, speech } = newRoom(crowd(10), 10);
    const count = { type: "count", room: "lobby", members: 11, presences: 11, lurkers: 0 };
    expect(newsOf(speech.render(set, set.join("a", ADA, 2_000)))).toEqual({
      list: [
        {
          type: "presence",
          payload: { channel_name: "lobby", members: [], lurkers: 0, count: 11 },
        },
      ],
      diff: [count],
      count: [count],
    });
    expect(speech.isCounting).toBe(true);
  });

  test("a newcomer hears counts too", () => {
    const { set, speech } = newRoom(crowd(10), 10);
    expect(everythingOf(speech.render(set, set.join("a", ADA, 2_000)))).toMatchObject({
      list: [{ payload: { members: [], count: 11 } }],
      diff: [{ type: "count" }],
      count: [{ type: "count" }],
    });
  });

  test("a state is told to nobody", () => {
    const { set, speech } = newRoom(crowd(10), 10);
    newsOf(speech.render(set, set.join("a", ADA, 2_000)));
    expect(newsOf(speech.render(set, set.update("a", { typing: true })))).toEqual(SILENCE);
  });

  test("counting members that stayed the same is told in view `list` to nobody", () => {
    const { set, speech } = newRoom(crowd(10), 10);
    newsOf(speech.render(set, set.join("a", ADA, 2_000)));
    const news = newsOf(speech.render(set, set.join("b", ADA, 2_000)));
    expect(news.list).toEqual([]);
    expect(news.diff).toMatchObject([{ members: 11, presences: 12 }]);
  });

  test("a room just below the limit goes on counting", () => {
    const { set, speech } = newRoom(crowd(10), 10);
    newsOf(speech.render(set, set.join("a", ADA, 2_000)));
    const news = newsOf(speech.render(set, set.leave("a", "left")));
    expect(news.diff).toMatchObject([{ type: "count", presences: 10 }]);
    expect(speech.isCounting).toBe(true);
  });

  test("a room well below it goes back to names, with a snapshot in view `diff`", () => {
    const { set, speech } = newRoom(crowd(10), 10);
    newsOf(speech.render(set, set.join("a", ADA, 2_000)));
    const leaves = [0, 1, 2, 3].map((index) => set.leave(`tab ${index}`, "left"));
    const news = newsOf(speech.render(set, gathered(...leaves)));
    expect(news.diff).toMatchObject([{ type: "sync", lurkers: 0 }]);
    expect(news.diff).toHaveProperty("0.presences.length", 7);
    expect(news.list).toHaveProperty("0.payload.members.length", 7);
    expect(news.list).not.toHaveProperty("0.payload.count");
    expect(speech.isCounting).toBe(false);
  });

  test("after the snapshot come diffs again", () => {
    const { set, speech } = newRoom(crowd(10), 10);
    speech.render(set, set.join("a", ADA, 2_000));
    const leaves = [0, 1, 2, 3].map((index) => set.leave(`tab ${index}`, "left"));
    speech.render(set, gathered(...leaves));
    expect(newsOf(speech.render(set, set.leave("a", "left"))).diff).toMatchObject([
      { type: "diff", leaves: [{ channel: "a", reason: "left" }] },
    ]);
  });

  test("a room that slept counting wakes up counting", () => {
    const { set } = newRoom(crowd(9));
    const awake = new ViewRenderer("lobby", set, { announceMax: 10, isCounting: true });
    expect(newsOf(awake.render(set, () => NO_CHANGE))).toEqual(SILENCE);
    expect(awake.isCounting).toBe(true);
  });

  test("lurkers count for the limit, and stay apart in the numbers", () => {
    const { set, speech } = newRoom(crowd(10), 10);
    expect(newsOf(speech.render(set, set.join("a", null, 2_000))).count).toEqual([
      { type: "count", room: "lobby", members: 10, presences: 11, lurkers: 1 },
    ]);
  });
});

test("the text of a view is made once for all its sockets", () => {
  const { set, speech } = newRoom(withAda);
  const telling = speech.render(set, set.join("b", BOB, 2_000));
  const before = telling.news("list");
  set.leave("b", "left");
  expect(telling.snapshot("list")).toEqual(before);
});

describe("a room that wakes with another limit of names than it slept with", () => {
  test.each([
    ["a lower one", false, 3, "count"],
    ["a higher one", true, 1_000, "sync"],
  ])("tells by %s at once", (_, isCounting, announceMax, type) => {
    const set = new PresenceSet(TIMEOUTS);
    crowd(5)(set);
    const renderer = new ViewRenderer("lobby", set, { announceMax, isCounting });
    const [text = ""] = renderer.snapshot(set, "diff").texts;
    expect(JSON.parse(text)).toMatchObject({ type });
    const telling = renderer.render(set, () => NO_CHANGE);
    const { diff, list } = newsOf(telling);
    expect(diff).toMatchObject([{ type }]);
    expect(list).toHaveLength(1);
    expect(renderer.isCounting).toBe(type === "count");
  });
});

test("whoever had names hears that the room tells counts, be the numbers the same", () => {
  const { set, speech } = newRoom(crowd(10), 10);
  const join = set.join("new", { id: "new" }, 2_000);
  const renderer = new ViewRenderer("lobby", set, { announceMax: 10, isCounting: false });
  expect(renderer.snapshot(set, "count").texts).toHaveLength(1);
  const leave = set.leave("tab 0", "left");
  expect(newsOf(speech.render(set, gathered(join, leave))).diff).toHaveLength(1);
  expect(newsOf(renderer.render(set, () => gathered(join, leave))).diff).toMatchObject([
    { type: "count", presences: 10 },
  ]);
});
