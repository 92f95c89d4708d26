/**
 * What changed: the one currency of the project, from the set to the store, to the wire, to the client.
 * The three lists hold presences whole; the wire sends what the reader does not know already.
 */

import type { Json } from "./json.ts";
import type { LeaveReason, Presence, User } from "./presence.ts";
import { type StatusChange, withStatus } from "./status.ts";

/** A presence as it was when it left, with its last sign of life in milliseconds since the epoch. */
export type Leave = Presence & { readonly lastSeen: number; readonly reason: LeaveReason };

/**
 * Leaves come first, then joins, then updates. A channel may be in `leaves` and `joins` at once where it
 * was given another user: the old presence left, the new one joined.
 */
export type Diff = {
  readonly joins: readonly Presence[];
  readonly updates: readonly Presence[];
  readonly leaves: readonly Leave[];
  /** Channels among `updates` whose user shows other info than before. Missing where there are none. */
  readonly newInfo?: readonly string[];
  /**
   * Users' presences whose status is another one than before; those in `joins` carry theirs. A change of status is
   * in `updates` never: it says nothing new of who is here. Missing where there are none.
   */
  readonly statuses?: readonly StatusChange[];
};

/** A change of a presence as the wire tells it: what is left out is as before; a state of `null` is none. */
export type Update = {
  readonly channel: string;
  readonly state?: Json;
  readonly user?: User | null;
};

/** The least of a diff from the wire that `applyDiff` must know. */
export type DiffLike = {
  readonly joins: readonly Presence[];
  readonly updates: readonly Update[];
  readonly leaves: readonly { readonly channel: string }[];
  readonly statuses?: readonly StatusChange[];
};

export const NO_CHANGE: Diff = { joins: [], updates: [], leaves: [] };

export function isEmpty(diff: Diff): boolean {
  return isQuiet(diff) && !diff.statuses?.length;
}

/** Whether nobody came, went or is another than before: statuses may have changed. */
export function isQuiet({ joins, updates, leaves }: Diff): boolean {
  return joins.length + updates.length + leaves.length === 0;
}

/** The same presence with another state; `null` or nothing removes it. */
export function withState(presence: Presence, state: Json | undefined): Presence {
  const { state: _, ...rest } = presence;
  return state === undefined || state === null ? rest : { ...rest, state };
}

/**
 * The presences after `diff`, by channel. The given map is not changed. An update or a status of a stranger is
 * nothing.
 */
export function applyDiff(
  presences: ReadonlyMap<string, Presence>,
  diff: DiffLike,
): Map<string, Presence> {
  const after = new Map(presences);
  for (const { channel } of diff.leaves) after.delete(channel);
  for (const presence of diff.joins) after.set(presence.channel, presence);
  for (const update of diff.updates) {
    const presence = after.get(update.channel);
    if (presence) after.set(update.channel, updated(presence, update));
  }
  for (const change of diff.statuses ?? []) {
    const presence = after.get(change.channel);
    if (presence) after.set(change.channel, withStatus(presence, change));
  }
  return after;
}

/** The presence after an update of its channel. */
export function updated(
  presence: Presence,
  { state = presence.state, user = presence.user }: Update,
): Presence {
  return withState({ ...presence, user }, state);
}

/**
 * Gathers diffs that follow each other into one with the same effect. What came and went in between is in
 * none of its lists, and a channel is in one list only, but for the case that `Diff` tells of.
 */
export class DiffGatherer {
  readonly #joins = new Map<string, Presence>();
  readonly #updates = new Map<string, Presence>();
  readonly #leaves = new Map<string, Leave>();
  readonly #newInfo = new Set<string>();
  readonly #statuses = new Map<string, StatusChange>();

  get isEmpty(): boolean {
    const lists = [this.#joins, this.#updates, this.#leaves, this.#statuses];
    return lists.every(({ size }) => size === 0);
  }

  add(diff: Diff): void {
    for (const leave of diff.leaves) {
      const wasNews = this.#joins.delete(leave.channel);
      if (wasNews) {
        // Of a presence that was replaced and then left, the others hear that it left.
        const replaced = this.#leaves.get(leave.channel);
        if (replaced?.reason === "replaced") {
          this.#leaves.set(leave.channel, { ...replaced, reason: leave.reason });
        }
        continue;
      }
      this.#updates.delete(leave.channel);
      this.#newInfo.delete(leave.channel);
      this.#statuses.delete(leave.channel);
      this.#leaves.set(leave.channel, leave);
    }
    for (const presence of diff.joins) this.#joins.set(presence.channel, presence);
    for (const presence of diff.updates) {
      const list = this.#joins.has(presence.channel) ? this.#joins : this.#updates;
      list.set(presence.channel, presence);
    }
    for (const channel of diff.newInfo ?? []) {
      if (!this.#joins.has(channel)) this.#newInfo.add(channel);
    }
    for (const change of diff.statuses ?? []) {
      const { channel } = change;
      const join = this.#joins.get(channel);
      if (join) this.#joins.set(channel, withStatus(join, change));
      else this.#statuses.set(channel, change);
    }
  }

  /** All that was added since the last call, as one diff. */
  take(): Diff {
    const diff = {
      joins: [...this.#joins.values()],
      updates: [...this.#updates.values()],
      leaves: [...this.#leaves.values()],
      ...(this.#newInfo.size > 0 && { newInfo: [...this.#newInfo] }),
      ...(this.#statuses.size > 0 && { statuses: [...this.#statuses.values()] }),
    };
    this.#joins.clear();
    this.#updates.clear();
    this.#leaves.clear();
    this.#newInfo.clear();
    this.#statuses.clear();
    return diff;
  }
}
