/** The webhooks of rooms whose runtime is killed: between commit and delivery, and between delivery and the note of it. */

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { hang, ok, Receiver, status, webhookSecret } from "../support/receiver.ts";
import type { Server } from "../support/server.ts";
import {
  ask,
  come,
  expectLinked,
  expectSameBodies,
  forgotten,
  PATIENCE,
  startServer,
  told,
  toldOfTheEnd,
  webhookStatus,
  wordsOf,
} from "../support/webhooks.ts";

const TEST_MS_MAX = 120_000;

let receiver: Receiver;
let server: Server;
beforeAll(async () => {
  receiver = await Receiver.start();
  server = await startServer(receiver);
});
afterAll(async () => {
  await server.stop();
  await receiver.stop();
});

/** Whoever was connected is lost with it. The room wakes at once, as it would when they come back. */
async function killAndWake(room: string, vars = {}): Promise<void> {
  await server.kill();
  await server.start(vars);
  await ask(server, "GET", `/rooms/${room}/stats`);
}

test(
  "between commit and delivery every event arrives, and what may have arrived comes as it was",
  async () => {
    const { calls } = receiver.of("lobby");
    receiver.of("lobby").answers = [hang, hang, ok];
    await come(server, "ada", "lobby");
    const first = await calls.next();
    await come(server, "bob", "lobby");
    await killAndWake("lobby");
    const second = await calls.next();
    expect([second.id, second.text]).toEqual([first.id, first.text]);
    await killAndWake("lobby");
    await toldOfTheEnd(receiver, "lobby");
    const { events } = receiver.of("lobby");
    expect(wordsOf(events).slice(0, 3)).toEqual([
      "room.occupied",
      "member.joined ada",
      "member.joined bob",
    ]);
    expectLinked(events);
    expectSameBodies(calls.all);
    await forgotten(server);
  },
  TEST_MS_MAX,
);

test(
  "between delivery and the note of it, what comes again is the same",
  async () => {
    await come(server, "ada", "hall");
    await told(receiver, "hall", ["room.occupied", "member.joined ada"]);
    const { calls } = receiver.of("hall");
    const [first, ...others] = calls.all;
    await killAndWake("hall");
    await toldOfTheEnd(receiver, "hall");
    expect(calls.all[others.length + 1]?.id).toBe(first?.id);
    expectLinked(receiver.of("hall").events);
    expectSameBodies(calls.all);
    await forgotten(server);
  },
  TEST_MS_MAX,
);

test(
  "a receiver that answers 410 hears nothing more, until a secret changes",
  async () => {
    const gone = receiver.of("gone");
    gone.answers = [status(410)];
    await come(server, "ada", "gone");
    await gone.calls.next();
    await come(server, "bob", "gone");
    await vi.waitFor(async () => {
      expect(await webhookStatus(server, "gone")).toEqual({
        pending: 3,
        failures: 1,
        lastError: "the receiver answered 410",
      });
    }, PATIENCE);
    await killAndWake("gone");
    expect(await webhookStatus(server, "gone")).toMatchObject({ failures: 1 });
    expect(gone.calls.unread()).toEqual([]);
    gone.answers = [ok];
    await killAndWake("gone", {
      PRESENCE_WEBHOOK_SECRET: `${webhookSecret(2)} ${receiver.secret}`,
    });
    await toldOfTheEnd(receiver, "gone");
    expectLinked(receiver.of("gone").events);
  },
  TEST_MS_MAX,
);
