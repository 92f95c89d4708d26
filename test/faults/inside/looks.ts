/** How a test of faults looks at what tells nobody, in objects that may be dying. */

import { vi } from "vitest";
import { inRoom } from "../../support/room.ts";
import { spared, survive } from "./mishaps.ts";

/** Waits for what tells nobody when it happens. */
export function eventually(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 8_000, interval: 10 });
}

/** Whether the channel is in the room, as the room itself has it. */
export function isIn(room: string, channel: string): Promise<boolean> {
  return survive(() => inRoom(room, (instance) => spared(() => instance.look(channel) !== null)));
}
