/** What a mirror that is built from the webhooks alone knows of a world, whose receiver fails as often as the rest. */

import { expect } from "vitest";
import { rooms } from "../../../src/index.ts";
import { bindings } from "../../support/objects.ts";
import { planReceiver, takeCalls } from "../../support/remote-receiver.ts";
import { reflectionExpected } from "../expectation.ts";
import { eventually } from "./looks.ts";
import type { World } from "./world.ts";

/** The longest wait after as many failures in a row as the receiver has: 144 s, in ticks. */
const TICKS_MAX = 25;

/** The mirror equals every room of which nothing waits to be delivered. To be called when nothing else is under way. */
export async function compareMirror(world: World): Promise<void> {
  const quiet = await quietRooms(world);
  await hear(world);
  for (const room of quiet) {
    const expected = reflectionExpected(world.model, room);
    expect(world.mirror.room(room), `the mirror of ${room}`).toEqual(expected);
  }
  world.reflected += quiet.length;
}

/** The receiver fails no more, and the clock goes on until everything has arrived. */
export async function deliverAll(world: World): Promise<void> {
  await planReceiver({ failing: 0 });
  for (let turn = 0; turn < TICKS_MAX; turn += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const quiet = await quietRooms(world);
    if (quiet.length === world.names.length) return;
    // oxlint-disable-next-line no-await-in-loop
    await world.tick();
  }
  throw new Error("some webhooks never arrive");
}

/** The mirror was told something, and compared with it. */
export function expectReflected({ mirror, reflected, names }: World): void {
  expect(mirror.calls).toBeGreaterThan(0);
  expect(reflected).toBeGreaterThanOrEqual(names.length);
}

/** Waits until nothing is under way. The rooms of which nothing waits for a later attempt either. */
async function quietRooms({ names }: World): Promise<string[]> {
  const quiet = new Set<string>();
  await eventually(async () => {
    quiet.clear();
    for (const room of names) {
      // oxlint-disable-next-line no-await-in-loop
      const { webhook } = await rooms(bindings).get(room).stats();
      const { pending, nextAttemptAt = 0 } = webhook ?? { pending: Number.NaN };
      if (pending === 0) quiet.add(room);
      else expect(nextAttemptAt, `${room}, ${pending} pending`).toBeGreaterThan(Date.now());
    }
  });
  return [...quiet];
}

async function hear({ mirror, tally }: World): Promise<void> {
  for (const { id, text, body, status, isTaken } of await takeCalls()) {
    const told = { id, text, events: body.data.events };
    if (status !== 204) tally.fault(failureOf(status, isTaken), id);
    if (isTaken) mirror.take(told);
    else mirror.hear(told);
  }
}

function failureOf(status: number | null, isTaken: boolean): string {
  return `a receiver ${isTaken ? "that has it " : ""}${status === null ? "cuts the line" : `says ${status}`}`;
}
