/** What waits for somebody who is slow has a bound, whoever it is: beyond it, they are told everything anew. */

import { afterEach, expect, test, vi } from "vitest";
import {
  DELIVERY_LENGTH_MAX,
  DELIVERIES_LENGTH_MAX,
  PASSED_LENGTH_MAX,
} from "../../src/core/limits.ts";
import { RemoteDelivery } from "../../src/objects/room/remote-delivery.ts";
import type { DeliveryAck } from "../../src/rpc/stubs.ts";
import { bindings } from "../support/objects.ts";
import { flush, holdTimers, inRoom } from "../support/room.ts";
import { firstFrames, newRoom, openAs } from "../support/socket.ts";
import { Room } from "../support/worker.ts";

const DIFF = { query: { view: "diff" } };

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A frame of another room, of that many characters. */
function frameOf(length: number): string {
  const text = JSON.stringify({ type: "count", room: "", members: 0, presences: 0, lurkers: 0 });
  return text.replace('""', `"${"x".repeat(length - text.length)}"`);
}

test("frames of other rooms wait for the first frames of this one, up to a limit", async () => {
  const room = newRoom();
  await firstFrames(await openAs("ada", room, DIFF));
  holdTimers();
  // The pause after the first is not over, so these are yet to be greeted.
  const bob = await openAs("bob", room, DIFF);
  const cid = await openAs("cid", room, DIFF);
  const forward = (user: string, length: number) =>
    inRoom(room, async (instance) => {
      const { presences } = await instance.page(null, 10);
      const channel = presences.find((one) => one.user?.id === user)?.channel ?? "";
      const frames = [{ kind: "snapshot" as const, text: frameOf(length) }];
      const items = [{ channels: [channel], frames }];
      return instance.deliver({ from: "another room", items, gone: [] }).away.length;
    });
  expect(await forward("bob", PASSED_LENGTH_MAX - 100)).toBe(0);
  expect(await forward("bob", 101)).toBe(1);
  expect(await forward("cid", 101)).toBe(1);
  expect(await forward("cid", 100)).toBe(0);
  await flush(room);
  vi.useRealTimers();
  expect((await bob.heard()).map(typeOf)).toEqual(["welcome", "sync", "count"]);
  expect((await cid.heard()).map(typeOf)).toEqual(["welcome", "sync", "count"]);
  // What waited has gone, and there is room again.
  expect(await forward("bob", PASSED_LENGTH_MAX * 2)).toBe(0);
});

function typeOf(frame: unknown): unknown {
  return Object(frame).type;
}

test("a room keeps so much for one host that does not listen, and so much for all of them", async () => {
  const host = newRoom();
  const asleep = Promise.withResolvers<DeliveryAck>();
  // SAFETY: whoever calls an object waits for its answer, whatever the method itself returns.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const answer = asleep.promise as unknown as DeliveryAck;
  vi.spyOn(Room.prototype, "deliver").mockImplementation(() => answer);
  const missed: string[] = [];
  const delivery = new RemoteDelivery(newRoom(), bindings.PRESENCE_ROOM);
  const deliver = async (room: string) => {
    for await (const outcome of delivery.deliver(room)) missed.push(...outcome.missed);
  };
  const add = (number: number, length: number) => {
    const frames = [{ kind: "messages" as const, text: "x".repeat(length) }];
    const room = `${host} ${number}`;
    missed.push(...delivery.add(room, [{ channels: [`channel ${number}`], frames }]));
    void deliver(room);
  };
  const hosts = Array.from(
    { length: DELIVERIES_LENGTH_MAX / DELIVERY_LENGTH_MAX + 1 },
    (_, number) => number,
  );
  // The first delivery is under way at once, and waits no more.
  for (const number of hosts) add(number, 1);
  add(0, DELIVERY_LENGTH_MAX + 1);
  expect(missed).toEqual(["channel 0"]);
  for (const number of hosts.slice(0, -1)) add(number, DELIVERY_LENGTH_MAX);
  expect(missed).toEqual(["channel 0"]);
  add(hosts.length - 1, 1);
  expect(missed).toEqual(["channel 0", `channel ${hosts.length - 1}`]);
  asleep.resolve({ unknown: [], away: [] });
  // When they have listened there is room for all again.
  await vi.waitFor(() => {
    missed.length = 0;
    add(hosts.length - 1, DELIVERY_LENGTH_MAX);
    expect(missed).toEqual([]);
  });
});
