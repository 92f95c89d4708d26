/**
 * `presenceChanged`: code of an application that hears of every change, in the room in which it
 * happens.
 */

import { type Diff, isQuiet } from "../core/diff.ts";
import type { LeaveReason, ListedPresence } from "../core/presence.ts";
import { withoutStatus } from "../core/status.ts";
import { logError } from "../telemetry/log.ts";
import type { RoomHandle } from "./room-handle.ts";

/** A presence as it was when it left, and why. */
export type ListedLeave = ListedPresence & { readonly reason: LeaveReason };

export type PresenceChange = {
  /** The room, to ask and to speak to. Its own calls run after the change has been told. */
  readonly room: RoomHandle;
  /** The presence that came, where exactly one did. */
  readonly added: ListedPresence | null;
  /** The presence that went, where exactly one did. */
  readonly removed: ListedPresence | null;
  /** Whether several came or several went at once: then they are in `diff` only. */
  readonly bulkChange: boolean;
  /** All that changed, states too; a change of states alone has `added` and `removed` empty. Not statuses. */
  readonly diff: {
    readonly joins: readonly ListedPresence[];
    readonly updates: readonly ListedPresence[];
    readonly leaves: readonly ListedLeave[];
  };
};

/**
 * Called in the room, once the change is stored. May be async: the room stays awake until it is
 * done.
 */
export type Receiver = (change: PresenceChange) => unknown;

/** What the room that sends knows of itself. */
export type Sender = {
  readonly room: RoomHandle;
  /** The last sign of life of a channel that is in the room, in milliseconds since the epoch. */
  readonly lastSeen: (channel: string) => number;
  readonly waitUntil: (work: Promise<unknown>) => void;
};

/** What `presenceChanged` is. */
export class PresenceChanged {
  readonly #receivers = new Set<{ readonly receiver: Receiver }>();

  /**
   * Has `receiver` called at each change in every room of this Worker, in the order of the changes.
   * Returns a function that disconnects it. What a receiver throws is logged with the name of the
   * room and stops nobody else. Connect at the top of a module: rooms live in isolates of their
   * own.
   *
   * @example presenceChanged.connect(({ room, added }) => { if (added?.user) void
   * room.send(`welcome, ${added.user.id}`); });
   */
  connect(receiver: Receiver): () => void {
    // Wrapped, so that one that is connected twice is called twice.
    const connection = { receiver };
    this.#receivers.add(connection);
    return () => {
      this.#receivers.delete(connection);
    };
  }

  /**
   * For rooms only, which say who they are if anybody listens.
   * @internal
   */
  emit(diff: Diff, from: () => Sender): void {
    if (this.#receivers.size === 0 || isQuiet(diff)) return;
    const sender = from();
    const change = changeOf(diff, sender);
    for (const { receiver } of Array.from(this.#receivers)) {
      try {
        const work = receiver(change);
        if (!isPromise(work)) continue;
        const settled = Promise.resolve(work);
        sender.waitUntil(settled.catch((error: unknown) => log(sender.room.name, error)));
      } catch (error) {
        log(sender.room.name, error);
      }
    }
  }
}

/** The signal of django-channels-presence, with the people in it. */
export const presenceChanged = new PresenceChanged();

function changeOf(diff: Diff, { room, lastSeen }: Sender): PresenceChange {
  const here = { room: room.name };
  const joins = diff.joins.map((join) => ({
    ...withoutStatus(join),
    ...here,
    lastSeen: lastSeen(join.channel),
  }));
  const updates = diff.updates.map((one) => ({
    ...withoutStatus(one),
    ...here,
    lastSeen: lastSeen(one.channel),
  }));
  const now = Date.now();
  const leaves = diff.leaves.map((leave) => ({
    ...withoutStatus(leave),
    ...here,
    lastSeen: Math.min(leave.lastSeen, now),
  }));
  return {
    room,
    added: (joins.length === 1 && joins[0]) || null,
    removed: (leaves.length === 1 && leaves[0]) || null,
    bulkChange: joins.length > 1 || leaves.length > 1,
    diff: { joins, updates, leaves },
  };
}

/** Not by its class: what a call of an object returns is a promise of another kind. */
function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value;
}

function log(room: string, error: unknown): void {
  logError("a receiver of presenceChanged failed", error, { room });
}
