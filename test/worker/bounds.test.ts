/** What waits for somebody who is slow has a bound, whoever it is: beyond it, they are told everything anew. */

import { afterEach, expect, test, vi } from "vitest";
import { DELIVERY_LENGTH_MAX, DELIVERIES_LENGTH_MAX } from "../../src/core/limits.ts";
import { RemoteDelivery } from "../../src/objects/room/remote-delivery.ts";
import type { DeliveryAck } from "../../src/rpc/stubs.ts";
import { bindings } from "../support/objects.ts";
import { newRoom } from "../support/socket.ts";
import { Room } from "../support/worker.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

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
