/** A queue that is bound as PRESENCE_EVENTS gets the bodies of webhooks, in the real runtime's own queue. */

import { env } from "cloudflare:workers";
import * as v from "valibot";
import { expect, test, vi } from "vitest";
import { rooms } from "../../src/api/rooms.ts";
import { webhooks } from "../../src/api/webhooks.ts";
import { WebhookBody } from "../../src/core/webhook-body.ts";
import { newRoom, openAs } from "../support/socket.ts";

const Consumer = v.object({ CONSUMER: v.custom<Fetcher>((value) => value !== undefined) });

async function consumed(): Promise<WebhookBody[]> {
  const { CONSUMER: consumer } = v.parse(Consumer, env);
  const response = await consumer.fetch("http://consumer");
  return v.parse(v.array(WebhookBody), await response.json());
}

/** Waits until the events of a room have been consumed, which are of these types. */
function told(room: string, types: readonly string[]): Promise<void> {
  return vi.waitFor(
    async () => {
      const events = (await consumed()).flatMap(({ data }) => data.events);
      const ofRoom = events.filter((event) => event.room === room);
      expect(ofRoom.map(({ type }) => type)).toEqual(types);
    },
    { timeout: 4_000 },
  );
}

test("who comes and goes is put into the queue, in order", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room, { query: { view: "diff" } });
  await told(room, ["room.occupied", "member.joined"]);
  ada.send({ type: "leave" });
  await told(room, ["room.occupied", "member.joined", "member.left", "room.vacated"]);
  await vi.waitFor(async () => {
    expect((await rooms(env).get(room).stats()).webhook).toEqual({ pending: 0, failures: 0 });
  });
});

test("a test is a message, too", async () => {
  expect(await webhooks(env).test()).toEqual({ status: 202 });
  await vi.waitFor(
    async () => {
      expect((await consumed()).map(({ type }) => type)).toContain("webhook.test");
    },
    { timeout: 10_000 },
  );
});
