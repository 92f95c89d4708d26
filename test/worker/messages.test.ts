/** Messages: to every connection, in order, whole, and in few frames however many are sent. */

import { afterEach, describe, expect, test, vi } from "vitest";
import type { Message } from "../../src/core/protocol.ts";
import { evict, flush, holdTimers, LIVES } from "../support/room.ts";
import { firstFrames, newRoom, open, openAs, type TestSocket } from "../support/socket.ts";

const DIFF = { query: { view: "diff" } };

afterEach(() => {
  vi.useRealTimers();
});

/** Messages until one has the payload `last`, and the number of frames that brought them. */
async function messagesUntil(
  socket: TestSocket,
  last: unknown,
): Promise<{ messages: Message[]; frames: number }> {
  const messages: Message[] = [];
  let frames = 0;
  while (messages.at(-1)?.payload !== last) {
    // oxlint-disable-next-line no-await-in-loop
    messages.push(...(await socket.nextOf("messages")).messages);
    frames += 1;
  }
  return { messages, frames };
}

describe.each(LIVES)("%s", (_, between) => {
  test("a message goes to every view, to watchers, to the anonymous and to its sender", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room, { ...DIFF, claims: { info: { name: "Ada" } } });
    const { channel } = (await firstFrames(ada)).welcome;
    const others = [
      await openAs("bob", room),
      await openAs("cid", room, DIFF),
      await openAs("dan", room, { query: { view: "count" } }),
      await openAs("eve", room, { query: { view: "list", watch: "1" } }),
      await open(room),
    ];
    await Promise.all(others.map((socket) => socket.next()));
    await between(room);
    ada.send({ type: "message", payload: { text: "hello" } });
    const frames = await Promise.all([ada, ...others].map((socket) => socket.nextOf("messages")));
    for (const frame of frames) {
      expect(frame).toEqual({
        type: "messages",
        room,
        messages: [
          { from: { channel, user: { id: "ada", name: "Ada" } }, payload: { text: "hello" } },
        ],
      });
    }
  });

  test.each([
    "text",
    "",
    0,
    false,
    null,
    [],
    {},
    { __proto__: null, deep: [[{ a: [1, 2.5, "ü👩‍🚀\u2028"] }]] },
  ])("any JSON is a payload: %j", async (payload) => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await between(room);
    ada.send({ type: "message", payload });
    expect((await ada.nextOf("messages")).messages[0]?.payload).toEqual(payload);
  });

  test("messages of one sender stay in order", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    const bob = await openAs("bob", room);
    await ada.heard();
    await between(room);
    const payloads = Array.from({ length: 30 }, (_item, index) => index);
    for (const payload of payloads) bob.send({ type: "message", payload });
    for (const socket of [ada, bob]) {
      // oxlint-disable-next-line no-await-in-loop
      const { messages } = await messagesUntil(socket, 29);
      expect(messages.map(({ payload }) => payload)).toEqual(payloads);
    }
  });

  test("messages of several senders are in the same order for everyone", async () => {
    const room = newRoom();
    const sockets = await Promise.all(["ada", "bob", "cid"].map((id) => openAs(id, room)));
    const watcher = await openAs("eve", room, { query: { watch: "1" } });
    await watcher.heard();
    await between(room);
    for (let turn = 0; turn < 10; turn += 1) {
      for (const socket of sockets) socket.send({ type: "message", payload: turn });
    }
    await Promise.all(sockets.map((socket) => socket.handled()));
    watcher.send({ type: "message", payload: "end" });
    const all = await Promise.all(
      [...sockets, watcher].map((socket) => messagesUntil(socket, "end")),
    );
    const [first] = all;
    expect(first?.messages).toHaveLength(31);
    for (const { messages } of all) expect(messages).toEqual(first?.messages);
  });

  test("without a token nobody may send, and nobody hears it", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    const lurker = await open(room);
    await lurker.next();
    await ada.heard();
    await between(room);
    lurker.send({ type: "message", payload: "spam" });
    expect(await lurker.next()).toEqual({
      type: "error",
      code: "forbidden",
      message: expect.stringContaining("send"),
    });
    expect(await ada.heard()).toEqual([]);
  });

  test("a token that cannot send may not", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    const bob = await openAs("bob", room, { claims: { can: ["join"] } });
    await bob.next();
    await ada.heard();
    await between(room);
    bob.send({ type: "message", payload: "spam" });
    expect(await bob.next()).toMatchObject({ type: "error", code: "forbidden" });
    expect(await ada.heard()).toEqual([]);
  });

  test.each([[["watch", "send"]], [["admin"]]])(
    "a watcher whose token can %j may send",
    async (can) => {
      const room = newRoom();
      const ada = await openAs("ada", room);
      const eve = await openAs("eve", room, { query: { watch: "1" }, claims: { can } });
      await eve.next();
      await between(room);
      eve.send({ type: "message", payload: "from outside" });
      const { messages } = await ada.nextOf("messages");
      expect(messages).toEqual([
        { from: { channel: expect.any(String), user: { id: "eve" } }, payload: "from outside" },
      ]);
    },
  );

  test("a newcomer gets no message that was sent before it came", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.next();
    ada.send({ type: "message", payload: "long ago" });
    await ada.nextOf("messages");
    await between(room);
    const bob = await openAs("bob", room);
    expect(await bob.heard()).toMatchObject([{ type: "presence" }]);
  });
});

describe("gathered", () => {
  test("of fifty messages in a burst the first is sent at once, and those that wait come together", async () => {
    const room = newRoom();
    const names = ["ada", "bob", "cid", "dan", "eve"];
    const sockets = await Promise.all(names.map((id) => openAs(id, room)));
    await Promise.all(sockets.map((socket) => socket.heard()));
    await evict(room);
    holdTimers();
    sockets[0]?.send({ type: "message", payload: 0 });
    const first = await sockets[0]?.nextOf("messages");
    expect(first?.messages).toHaveLength(1);
    await sockets[0]?.spendBurst();
    for (let payload = 1; payload < 50; payload += 1) {
      sockets[payload % 5]?.send({ type: "message", payload });
    }
    await Promise.all(sockets.map((socket) => socket.handled()));
    await flush(room);
    const second = await sockets[0]?.nextOf("messages");
    expect(second?.messages).toHaveLength(49);
    const payloads = [...(first?.messages ?? []), ...(second?.messages ?? [])].map(({ payload }) =>
      Number(payload),
    );
    expect(new Set(payloads)).toEqual(new Set(Array.from({ length: 50 }, (_, index) => index)));
  });

  test("a newcomer between two messages of a batch gets the second alone", async () => {
    const room = newRoom();
    const ada = await openAs("ada", room);
    await ada.heard();
    await evict(room);
    holdTimers();
    ada.send({ type: "message", payload: "at once" });
    await ada.spendBurst();
    ada.send({ type: "message", payload: "before" });
    await ada.handled();
    const bob = await openAs("bob", room, DIFF);
    ada.send({ type: "message", payload: "after" });
    await ada.handled();
    await flush(room);
    await firstFrames(bob);
    expect((await bob.nextOf("messages")).messages.map(({ payload }) => payload)).toEqual([
      "after",
    ]);
    expect((await messagesUntil(ada, "after")).messages.map(({ payload }) => payload)).toEqual([
      "at once",
      "before",
      "after",
    ]);
  });

  test("more than a mebibyte that waits in a room is throttled, and what was taken is not lost", async () => {
    const room = newRoom();
    const sockets = await Promise.all(["ada", "bob", "cid", "dan"].map((id) => openAs(id, room)));
    await Promise.all(sockets.map((socket) => socket.heard()));
    await evict(room);
    holdTimers();
    const payload = "x".repeat(16_000);
    for (const socket of sockets) {
      for (let turn = 0; turn < 20; turn += 1) socket.send({ type: "message", payload });
    }
    const throttled = await Promise.race(sockets.map((socket) => socket.nextOf("error")));
    expect(throttled).toMatchObject({ code: "throttled", frames: 1 });
    await Promise.all(sockets.map((socket) => socket.handled()));
    await flush(room);
    const eve = await openAs("eve", room);
    eve.send({ type: "message", payload: "end" });
    await eve.handled();
    await flush(room);
    const [first] = sockets;
    const { messages } = await messagesUntil(first ?? eve, "end");
    expect(messages.length).toBeGreaterThan(60);
    expect(messages.length).toBeLessThan(70);
    expect(sockets.flatMap((socket) => socket.closes.all)).toEqual([]);
  });
});
