/**
 * Who gets to know of a change that is stored: the room's metrics, and the receivers of
 * `presenceChanged`.
 */

import { presenceChanged } from "../../api/presence-changed.ts";
import { RoomHandle } from "../../api/room-handle.ts";
import type { Env } from "../../config/env.ts";
import type { Diff } from "../../core/diff.ts";
import type { Behind, RoomStub } from "../../rpc/stubs.ts";
import type { MetricsReporter } from "./metrics-reporter.ts";
import type { RoomState } from "./state.ts";

export type ChangeObserversOptions = {
  readonly room: string;
  readonly env: Env;
  readonly ctx: DurableObjectState;
  /** For receivers only, which may ask the room in later events. */
  readonly self: Behind<RoomStub>;
  readonly state: RoomState;
  readonly reporter: MetricsReporter;
};

export class ChangeObservers {
  readonly #options: ChangeObserversOptions;

  constructor(options: ChangeObserversOptions) {
    this.#options = options;
  }

  notify(diff: Diff): void {
    const { room, env, ctx, self, state, reporter } = this.#options;
    reporter.count(diff, state.size);
    presenceChanged.emit(diff, () => ({
      room: new RoomHandle(room, env, self),
      lastSeen: (channel) => state.lastSeen(channel),
      waitUntil: (work) => ctx.waitUntil(work),
    }));
  }
}
