/** Channels that are present in this room and owned elsewhere: what their owners say of them. */

import type { Broadcaster } from "./broadcaster.ts";
import type { Changes } from "./changes.ts";
import { NO_CHANGE } from "../../core/diff.ts";
import type { LeaveReason, User } from "../../core/presence.ts";
import type { View } from "../../core/protocol.ts";
import type { Sockets } from "./sockets.ts";

export class ElsewhereChannels {
  readonly #changes: Changes;
  readonly #broadcaster: Broadcaster;
  readonly #sockets: Sockets;

  constructor(changes: Changes, broadcaster: Broadcaster, sockets: Sockets) {
    this.#changes = changes;
    this.#broadcaster = broadcaster;
    this.#sockets = sockets;
  }

  /**
   * The channel ended, and so it leaves this room: the presence that its owner linked in that
   * generation, not one that was added since. Waits for nobody: two rooms that drop channels of
   * each other at the same time would wait for ever.
   */
  drop(channel: string, reason: LeaveReason, generation: number): void {
    const now = Date.now();
    const set = this.#changes.hydrate(now);
    const owner = set.get(channel)?.owner;
    if (!owner || owner.kind === "local" || owner.generation > generation) return;
    this.#changes.apply(set.leave(channel, reason), now);
  }

  /** The channel is alive. Whether it is in this room. */
  touch(channel: string): boolean {
    const now = Date.now();
    const set = this.#changes.hydrate(now);
    for (const ws of this.#sockets.ofChannel(channel)) this.#sockets.touch(ws, now);
    set.touch(channel, now);
    this.#changes.apply(NO_CHANGE, now);
    return set.get(channel) !== undefined;
  }

  /**
   * The socket of a remote channel must get a snapshot in this view, and from now on frames of this
   * view. `renewed` is its user where the info is another one: a server may have named another user here.
   */
  resync(channel: string, view: View, renewed?: User): void {
    const now = Date.now();
    const set = this.#changes.hydrate(now);
    const entry = set.get(channel);
    if (entry?.owner.kind !== "remote") return;
    const known = entry.presence.user;
    const user = renewed && renewed.id === known?.id ? renewed : known;
    const diff = set.join(channel, user, now, { ...entry.owner, view });
    this.#broadcaster.outbox.resync(channel);
    this.#changes.apply(diff, now);
  }
}
