/**
 * A room that sleeps: the runtime takes an object out of memory that had nothing to do for 10 s and keeps
 * its sockets. Nobody notices, but for one: a silent socket that the room has closed, whose line the runtime
 * cuts only then. Its end shows that the room did sleep, unless that delay is cured some day.
 */

import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Client,
  idsOf,
  joinAs,
  look,
  openAs,
  resumption,
  tokenFor,
} from "../support/client.ts";
import type { Frame } from "../support/listener.ts";
import { Server } from "../support/server.ts";

/** The runtime's own 10 s, and one more. */
const ASLEEP_AFTER_MS = 11_000;
const BEAT_MS = 2_000;

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

/** Nobody does anything but to send heartbeats, all of which are answered. */
async function sleep(clients: readonly Client[]): Promise<void> {
  const wakeAt = performance.now() + ASLEEP_AFTER_MS;
  while (performance.now() < wakeAt) {
    // It is the passing of time that puts the room to sleep.
    // oxlint-disable-next-line no-await-in-loop
    await Promise.all([...clients.map((client) => client.beat()), delay(BEAT_MS)]);
  }
}

async function occupants(room: string): Promise<unknown> {
  const token = await tokenFor("server", { can: ["admin"] });
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${server.url}/rooms/${room}`, { headers });
  return response.json();
}

test.concurrent("a room that slept goes on as if it had not", async () => {
  const room = "asleep";
  const ada = await joinAs(server, "ada", room);
  const closed = await joinAs(server, "bob", room);
  const bob = await joinAs(server, "bob", room, resumption(closed.welcome));
  expect(await closed.client.closeFrames.next()).toMatchObject({ code: 4009 });
  const eve = await openAs(server, "eve", room);
  await Promise.all([bob.client.nextOf("diff"), eve.nextOf("presence")]);
  ada.client.send({ type: "state", state: { typing: true } });
  expect((await bob.client.nextOf("diff")).updates).toEqual([
    { channel: ada.welcome.channel, state: { typing: true } },
  ]);
  await sleep([bob.client, eve]);
  expect(closed.client.closes.all).toMatchObject([{ code: 4009 }]);

  const zoe = await joinAs(server, "zoe", room);
  expect(idsOf(zoe.sync.presences)).toEqual(["ada", "bob", "eve", "zoe"]);
  expect(zoe.sync.presences.find(({ user }) => user?.id === "ada")).toMatchObject({
    channel: ada.welcome.channel,
    state: { typing: true },
  });
  await Promise.all([ada, bob].map(({ client }) => client.frames.until(isJoinOfZoe)));
  const list = await eve.nextOf("presence");
  expect(list.payload.members.map(({ id }) => id)).toEqual(["ada", "bob", "eve", "zoe"]);

  // It knows the state: to say the same again is no news, to take it back is.
  ada.client.send({ type: "state", state: { typing: true } });
  ada.client.send({ type: "state", state: null });
  expect((await zoe.client.nextOf("diff")).updates).toEqual([
    { channel: ada.welcome.channel, state: null },
  ]);
});

/** Whether a frame says that Zoe came, and nothing else. */
function isJoinOfZoe(frame: Frame): boolean {
  if (frame === "heartbeat" || frame.type !== "diff") return false;
  const { joins, updates, leaves } = frame;
  return idsOf(joins).join() === "zoe" && updates.length + leaves.length === 0;
}

test.concurrent("one that closes while the room sleeps is heard to leave", async () => {
  const room = "asleep-at-the-end";
  const ada = await joinAs(server, "ada", room);
  const bob = await joinAs(server, "bob", room);
  await ada.client.nextOf("diff");
  await sleep([bob.client]);
  bob.client.ws.close(1000);
  expect(await bob.client.closes.next()).toMatchObject({ code: 1000 });
  expect((await ada.client.nextOf("diff")).leaves).toEqual([
    { channel: bob.welcome.channel, reason: "left" },
  ]);

  // The last one out: nobody is left, and nothing of before comes back.
  ada.client.ws.close(1000);
  await ada.client.closes.next();
  const nobody = { channel_name: room, members: [], lurkers: 0 };
  expect(await occupants(room)).toEqual(nobody);
  expect(await look(server, room)).toEqual([]);
});
