/** A server that is killed with everybody connected, and started again on what it had stored. */

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { LeaveReason } from "../../src/core/presence.ts";
import type { DiffFrame } from "../../src/core/protocol.ts";
import {
  type Client,
  idsOf,
  joinAs,
  type Joined,
  look,
  openAs,
  resumption,
} from "../support/client.ts";
import type { Frame } from "../support/listener.ts";
import { Server } from "../support/server.ts";

/** So long that a busy machine takes up fifty presences again within it. */
const GRACE_MS = 8_000;
/** A presence may be expired or lost this much late: the alarm's own promise is 5 s for expiry. */
const LATE_MS_MAX = 5_000;

let server: Server;
beforeAll(async () => {
  server = await Server.start({ PRESENCE_GRACE: String(GRACE_MS / 1_000) });
});
afterAll(() => server.stop());

const ids = Array.from({ length: 50 }, (_, index) => `user-${index}`);

/** Joins the room as each of the users, one after the other told of all. */
async function fill(room: string, users: readonly string[]): Promise<Joined[]> {
  return Promise.all(users.map((id) => joinAs(server, id, room)));
}

/** Everybody is cut off. */
async function killUnder(clients: readonly Client[]): Promise<void> {
  const cuts = Promise.all(clients.map(({ closes }) => closes.next()));
  await server.kill();
  for (const { code } of await cuts) expect(code).toBe(1006);
  await server.start();
}

/** Takes presences up again, in as many connections at once. */
function comeBack(room: string, lost: readonly Joined[]): Promise<Joined[]> {
  return Promise.all(
    lost.map(({ welcome }) => joinAs(server, welcome.user?.id ?? "", room, resumption(welcome))),
  );
}

function channelsOf(joined: readonly Joined[]): string[] {
  return joined.map(({ welcome }) => welcome.channel ?? "").toSorted();
}

/** Everything has come that the room has said so far to each of them. */
function settled(joined: readonly Joined[]): Promise<Frame[][]> {
  return Promise.all(joined.map(({ client }) => client.settled()));
}

/** All leaves that a client heard of, by channel. A channel that left twice is there twice. */
function leavesOf({ frames }: Client): { channel: string; reason: LeaveReason }[] {
  return frames.all
    .filter((frame): frame is DiffFrame => frame !== "heartbeat" && frame.type === "diff")
    .flatMap(({ leaves }) => leaves)
    .toSorted((a, b) => a.channel.localeCompare(b.channel));
}

test("who resumes in time was never away, and who does not leaves once, as lost", async () => {
  const room = "fifty";
  const joined = await fill(room, ids);
  const lister = await openAs(server, "lister", room);
  const everybody = [...ids, "lister"].toSorted();
  await lister.frames.until((frame) => membersIn(frame) === 51);
  expect(idsOf(await look(server, room))).toEqual(everybody);

  await killUnder([...joined.map(({ client }) => client), lister]);
  const restartedAt = Date.now();
  const presences = await look(server, room);
  expect(idsOf(presences)).toEqual(everybody);

  const [back, gone] = [joined.slice(0, 40), joined.slice(40)];
  const first = await comeBack(room, back.slice(0, 1));
  const rest = await comeBack(room, back.slice(1));
  const backAgain = [...first, ...rest];
  expect(channelsOf(backAgain)).toEqual(channelsOf(back));
  for (const { sync } of backAgain) expect(idsOf(sync.presences)).toEqual(everybody);
  // Each has had its own first frames, and not one about those that came back after it.
  for (const frames of await settled(backAgain)) expect(frames).toEqual([]);
  expect(idsOf(await look(server, room))).toEqual(everybody);
  expect(Date.now() - restartedAt).toBeLessThan(GRACE_MS);

  const listerChannel = presences.find(({ user }) => user?.id === "lister")?.channel ?? "";
  const lost = [...channelsOf(gone), listerChannel]
    .toSorted((a, b) => a.localeCompare(b))
    .map((channel) => ({ channel, reason: "lost" }));
  await Promise.all(backAgain.map(({ client }) => client.nextOf("diff")));
  const waited = Date.now() - restartedAt;
  expect(waited).toBeGreaterThan(GRACE_MS - 500);
  expect(waited).toBeLessThan(GRACE_MS + LATE_MS_MAX);
  await settled(backAgain);
  for (const { client } of backAgain) expect(leavesOf(client)).toEqual(lost);
  expect(idsOf(await look(server, room))).toEqual(ids.slice(0, 40).toSorted());
});

test("a view of the list that comes back sees nobody flicker", async () => {
  const room = "listed";
  const joined = await fill(room, ids.slice(0, 10));
  const lister = await openAs(server, "lister", room);
  await lister.frames.until((frame) => membersIn(frame) === 11);
  await killUnder([...joined.map(({ client }) => client), lister]);

  // It has no welcome to resume from: it comes as a further presence of the same member.
  const listerAgain = await openAs(server, "lister", room);
  expect(membersIn(await listerAgain.next())).toBe(11);
  const backAgain = await comeBack(room, joined.slice(1));
  await settled(backAgain);
  expect(await listerAgain.settled()).toEqual([]);
  // The one who stays away is missed at last, and with it nobody but the old presence of the lister.
  const frame = await listerAgain.nextOf("presence");
  expect(frame.payload.members.map(({ id }) => id).toSorted()).toEqual(
    [...ids.slice(1, 10), "lister"].toSorted(),
  );
});

test("a second kill within the grace loses nobody who had come back", async () => {
  const room = "twice";
  const joined = await fill(room, ids.slice(0, 20));
  await killUnder(joined.map(({ client }) => client));
  const second = await comeBack(room, joined.slice(0, 10));
  await killUnder(second.map(({ client }) => client));

  const third = await comeBack(room, second.slice(1));
  const bystander = third[0];
  for (const { sync } of third) expect(idsOf(sync.presences)).toEqual(ids.slice(0, 20).toSorted());
  // Those who stayed away leave; that is the end of the grace for all.
  const away = channelsOf([...second.slice(0, 1), ...joined.slice(10)]).toSorted((a, b) =>
    a.localeCompare(b),
  );
  await Promise.all(third.map(({ client }) => client.nextOf("diff")));
  await settled(third);
  for (const { client } of third) {
    expect(leavesOf(client)).toEqual(away.map((channel) => ({ channel, reason: "lost" })));
  }
  expect(channelsOf(await comeBack(room, third))).toEqual(channelsOf(second.slice(1)));
  expect(await bystander?.client.closeFrames.next()).toMatchObject({ code: 4009 });
  expect(idsOf(await look(server, room))).toEqual(ids.slice(1, 10).toSorted());
});

test("a room to which nobody returns forgets itself, with nobody there to wake it", async () => {
  const soon = { PRESENCE_GRACE: "1", PRESENCE_MAX_AGE: "3", PRESENCE_HISTORY: "1" };
  const lonely = await Server.start(soon);
  await Promise.all(ids.slice(0, 3).map((id) => joinAs(lonely, id, "deserted")));
  expect(await lonely.tables()).toContain("_cf_KV");
  await lonely.kill();
  await lonely.start();
  // The disk tells nobody when it changes. To ask the room would wake it.
  await vi.waitFor(async () => expect(await lonely.tables()).toEqual([]), { timeout: 15_000 });
  await lonely.stop();
});

/** How many members a frame of view `list` names, or `undefined` for another frame. */
function membersIn(frame: Frame): number | undefined {
  if (frame === "heartbeat" || frame.type !== "presence") return undefined;
  return frame.payload.members.length;
}
