/** How connections end, seen from both ends: by the one that ends and by somebody who stays. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DiffFrame } from "../../src/core/protocol.ts";
import { type Client, connect, joinAs, open, openAs, resumption } from "../support/client.ts";
import { Server } from "../support/server.ts";

/** An end that is not waited for: a busy machine may take this long, a missing answer takes 10 s or more. */
const AT_ONCE_MS = 1_500;
const GRACE_MS = 1_000;
/** Of `strict`: so long that a busy machine does not let those expire who beat twice a second. */
const MAX_AGE_MS = 5_000;

let server: Server;
/** Limits so low that a test can reach them. Its watchers must send heartbeats. */
let strict: Server;
beforeAll(async () => {
  [server, strict] = await Promise.all([
    Server.start({ PRESENCE_GRACE: "1" }),
    Server.start({
      PRESENCE_GRACE: "1",
      PRESENCE_MAX_AGE: String(MAX_AGE_MS / 1_000),
      PRESENCE_ROOM_MAX: "3",
      PRESENCE_FRAME_MAX: "512",
      PRESENCE_FRAME_RATE: "5",
    }),
  ]);
});
afterAll(() => Promise.all([server.stop(), strict.stop()]));

/** The one leave that `client` hears of, and how many milliseconds after `since` it came. */
async function heard(
  client: Client,
  since: number,
): Promise<{ leaves: DiffFrame["leaves"]; after: number }> {
  const { leaves } = await client.nextOf("diff");
  return { leaves, after: performance.now() - since };
}

async function within<T>(ms: number, wanted: Promise<T>): Promise<T> {
  const since = performance.now();
  const result = await wanted;
  expect(performance.now() - since).toBeLessThan(ms);
  return result;
}

/** A bystander and somebody who is about to go; each knows of the other. */
async function two(on: Server, room: string, query: Record<string, string> = {}) {
  const bystander = await joinAs(on, "bystander", room);
  if (on === strict) bystander.client.beatEvery(500);
  const goer = await joinAs(on, "goer", room, query);
  await bystander.client.nextOf("diff");
  return { bystander: bystander.client, goer: goer.client, welcome: goer.welcome };
}

describe("a close from the client", () => {
  const closes = [
    { code: 1000, answer: 1000, reason: "left", from: 0, to: AT_ONCE_MS },
    { code: undefined, answer: 1005, reason: "left", from: 0, to: AT_ONCE_MS },
    { code: 1001, answer: 1001, reason: "left", from: 0, to: 3_000 },
    { code: 3000, answer: 3000, reason: "lost", from: GRACE_MS, to: GRACE_MS + AT_ONCE_MS },
    { code: 4321, answer: 4321, reason: "lost", from: GRACE_MS, to: GRACE_MS + AT_ONCE_MS },
    { code: 4999, answer: 4999, reason: "lost", from: GRACE_MS, to: GRACE_MS + AT_ONCE_MS },
  ];

  for (const { code, answer, reason, from, to } of closes) {
    for (const isSilent of [true, false]) {
      const who = isSilent ? "one that never said a word" : "one that had sent a frame";
      test.concurrent(`with ${code ?? "no code"} by ${who} is answered, and the leave is heard`, async () => {
        const { bystander, goer, welcome } = await two(server, `close-${code}-${isSilent}`);
        if (!isSilent) await goer.beat();
        const since = performance.now();
        goer.ws.close(code);
        const leave = heard(bystander, since);
        expect(await within(AT_ONCE_MS, goer.closes.next())).toMatchObject({ code: answer });
        const { leaves, after } = await leave;
        expect(leaves).toEqual([{ channel: welcome.channel, reason }]);
        expect(after).toBeGreaterThan(from - 50);
        expect(after).toBeLessThan(to);
      });
    }
  }

  test.concurrent("that is a cut line is heard after the grace", async () => {
    const { bystander, goer, welcome } = await two(server, "cut");
    const since = performance.now();
    goer.cut();
    const { leaves, after } = await heard(bystander, since);
    expect(leaves).toEqual([{ channel: welcome.channel, reason: "lost" }]);
    expect(after).toBeGreaterThan(GRACE_MS - 50);
    expect(after).toBeLessThan(GRACE_MS + AT_ONCE_MS);
    // The room closed a line that was gone: what the runtime thinks of it would come later, and be told of here.
    expect(server.output).not.toMatch(/uncaught|unhandled|rejection/i);
  });

  test.concurrent("that is half a cut line frees the other half at once, and is no goodbye", async () => {
    const { bystander, goer, welcome } = await two(server, "half-cut");
    // A room that sleeps would cut it in any case; this one is kept awake.
    const awake = setInterval(() => bystander.send({ type: "state", state: null }), 500);
    goer.endLine();
    expect(await within(AT_ONCE_MS, goer.closes.next())).toMatchObject({ code: 1002 });
    const { leaves } = await heard(bystander, performance.now());
    clearInterval(awake);
    expect(leaves).toEqual([{ channel: welcome.channel, reason: "lost" }]);
  });

  test.concurrent("by a leave frame is a close with 1000, heard at once", async () => {
    const { bystander, goer, welcome } = await two(server, "goodbye");
    const since = performance.now();
    goer.send({ type: "leave" });
    const leave = heard(bystander, since);
    expect(await within(AT_ONCE_MS, goer.closes.next())).toMatchObject({ code: 1000 });
    const { leaves, after } = await leave;
    expect(leaves).toEqual([{ channel: welcome.channel, reason: "left" }]);
    expect(after).toBeLessThan(AT_ONCE_MS);
    expect(await bystander.settled()).toEqual([]);
  });
});

describe("a close from the server", () => {
  test.concurrent("of a silent one says that it is expired", async () => {
    const before = performance.now();
    const { bystander, goer, welcome } = await two(strict, "expired");
    expect(welcome.heartbeat).toBeLessThan(MAX_AGE_MS / 1_000 / 2);
    const since = performance.now();
    expect(await goer.nextOf("error")).toMatchObject({ code: "expired" });
    expect(await within(AT_ONCE_MS, goer.closeFrames.next())).toEqual({
      code: 4108,
      reason: "expired",
    });
    const { leaves, after } = await heard(bystander, since);
    expect(leaves).toEqual([{ channel: welcome.channel, reason: "expired" }]);
    // The maximum age from the join on, and at most 5 s on an idle machine.
    expect(after + since - before).toBeGreaterThan(MAX_AGE_MS);
    expect(after).toBeLessThan(MAX_AGE_MS + 5_000);
    expect(await bystander.settled()).toEqual([]);
    goer.cut();
  });

  test.concurrent("of one that once said something ends its connection at once", async () => {
    const { goer } = await two(strict, "expired-later");
    await goer.beat();
    expect(await goer.nextOf("error")).toMatchObject({ code: "expired" });
    expect(await within(AT_ONCE_MS, goer.closes.next())).toMatchObject({ code: 4108 });
  });

  test.concurrent("of the old connection says that a new one replaced it", async () => {
    const { bystander, goer, welcome } = await two(server, "replaced");
    await goer.beat();
    const again = await joinAs(server, "goer", "replaced", resumption(welcome));
    expect(again.welcome.channel).toBe(welcome.channel);
    expect(await goer.nextOf("error")).toMatchObject({ code: "replaced" });
    expect(await within(AT_ONCE_MS, goer.closes.next())).toMatchObject({ code: 4009 });
    // The presence is the new connection's: its goodbye counts, the old one's end did not.
    again.client.ws.close(1000);
    expect((await bystander.nextOf("diff")).leaves).toEqual([
      { channel: welcome.channel, reason: "left" },
    ]);
  });

  test.concurrent("of a silent old connection tells it at once, too", async () => {
    const { goer, welcome } = await two(server, "replaced-silent");
    const again = await joinAs(server, "goer", "replaced-silent", resumption(welcome));
    expect(again.welcome.channel).toBe(welcome.channel);
    expect(await goer.nextOf("error")).toMatchObject({ code: "replaced" });
    expect(await within(AT_ONCE_MS, goer.closeFrames.next())).toMatchObject({ code: 4009 });
    // Its connection ends when the runtime puts the room to sleep: too late to wait for.
    goer.cut();
    expect(await again.client.settled()).toEqual([]);
  });

  test.concurrent("for a frame that is too large says so, and the leave is heard", async () => {
    const { bystander, goer, welcome } = await two(strict, "too-large");
    goer.send({ type: "message", payload: "x".repeat(512) });
    expect(await goer.nextOf("error")).toMatchObject({ code: "frame_too_large" });
    expect(await within(AT_ONCE_MS, goer.closes.next())).toMatchObject({ code: 1009 });
    expect((await bystander.nextOf("diff")).leaves).toMatchObject([{ channel: welcome.channel }]);
  });

  test.concurrent("for a flood comes after a warning, and the leave is heard", async () => {
    const { bystander, goer, welcome } = await two(strict, "flood");
    // As long as it goes on: each turn waits until the runtime has answered the one before.
    const closed = goer.closeFrames.next();
    while (goer.ws.readyState === goer.ws.OPEN) {
      for (let count = 0; count < 10; count += 1) goer.send({ type: "sync" });
      // oxlint-disable-next-line no-await-in-loop
      await Promise.race([goer.beat(), closed]);
    }
    const codes = goer.frames.all.flatMap((frame) =>
      frame !== "heartbeat" && frame.type === "error" ? [frame.code] : [],
    );
    expect(codes[0]).toBe("throttled");
    expect(codes.at(-1)).toBe("rate_limited");
    expect(codes.length).toBeLessThan(10);
    expect(await within(AT_ONCE_MS, goer.closes.next())).toMatchObject({ code: 4129 });
    expect((await bystander.nextOf("diff")).leaves).toMatchObject([{ channel: welcome.channel }]);
  });

  test.concurrent("for a full room tells to come later, and those inside hear nothing", async () => {
    const { bystander, goer } = await two(strict, "full");
    goer.beatEvery(500);
    const third = await openAs(strict, "third", "full", { query: { watch: "1" } });
    await third.next();
    const late = await openAs(strict, "late", "full");
    expect(await late.nextOf("error")).toMatchObject({ code: "room_full" });
    expect(await within(AT_ONCE_MS, late.closeFrames.next())).toMatchObject({ code: 4100 });
    expect(await within(AT_ONCE_MS, late.closes.next())).toMatchObject({ code: 4100 });
    expect((await bystander.settled()).filter((frame) => frame !== "heartbeat")).toEqual([]);
    // A place that becomes free can be had.
    third.ws.close();
    await third.closes.next();
    const next = await openAs(strict, "next", "full");
    expect(await next.next()).toMatchObject({ type: "presence" });
  });

  test.concurrent("for a token that is not valid says unauthorized", async () => {
    const { client: bystander } = await joinAs(server, "bystander", "unauthorized");
    const stranger = await open(server, "unauthorized", { token: "not.a.token" });
    expect(await stranger.next()).toMatchObject({ type: "error", code: "unauthorized" });
    expect(await within(AT_ONCE_MS, stranger.closeFrames.next())).toMatchObject({ code: 4001 });
    expect(await within(AT_ONCE_MS, stranger.closes.next())).toMatchObject({ code: 4001 });
    expect(await bystander.settled()).toEqual([]);
  });

  test.concurrent("for what is no room name says bad_room", async () => {
    const lost = connect(server, "a\nb");
    expect(await lost.next()).toMatchObject({ type: "error", code: "bad_room" });
    expect(await within(AT_ONCE_MS, lost.closeFrames.next())).toMatchObject({ code: 4004 });
    expect(await within(AT_ONCE_MS, lost.closes.next())).toMatchObject({ code: 4004 });
  });
});
