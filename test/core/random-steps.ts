/**
 * Random operations on a set of presences, for the laws and the model. Few channels and few users, so that
 * they meet, and waits around every limit of the timeouts.
 */

import * as fc from "fast-check";
import type { Diff } from "../../src/core/diff.ts";
import { NO_CHANGE } from "../../src/core/diff.ts";
import type { Json } from "../../src/core/json.ts";
import type { Presence, User } from "../../src/core/presence.ts";
import type { Entry, LossCause, Timeouts, PresenceSet } from "../../src/core/presence-set.ts";
import { type Given, setPresence } from "../../src/core/given-presence.ts";
import { type LocalOwner, NO_LINK } from "../../src/core/owner.ts";
import type { Live } from "../../src/core/recovery.ts";
import { type PresenceStatus, STATUSES } from "../../src/core/status.ts";

export const TIMEOUTS: Timeouts = {
  maxAgeMs: 60_000,
  graceMs: { reload: 2_500, cut: 10_000, restart: 10_000 },
};

export const ADA: User = { id: "ada", name: "Ada" };
export const BOB: User = { id: "bob", name: "Bob" };
export const EVE: User = { id: "eve", name: "Eve" };

export type Operation =
  | { readonly type: "join"; readonly channel: string; readonly user: User | null }
  | { readonly type: "resume"; readonly channel: string }
  | { readonly type: "set"; readonly channel: string; readonly user: User | null; given: Given }
  | { readonly type: "leave"; readonly channel: string; readonly reason: "left" | "removed" }
  | { readonly type: "lose"; readonly channel: string; readonly cause: LossCause }
  | { readonly type: "update"; readonly channel: string; readonly state: Json }
  | { readonly type: "status"; readonly channel: string; readonly status: PresenceStatus }
  | { readonly type: "demote" }
  | { readonly type: "touch"; readonly channel: string }
  | { readonly type: "prune" };

/** An operation and the milliseconds that pass before it. */
export type Step = { readonly wait: number; readonly operation: Operation };

const channel = fc.constantFrom("a", "b", "c", "d", "__proto__");

/** Without a socket: servers set them. */
const bot = fc.constantFrom("bot", "droid");

const user = fc.constantFrom<User | null>(
  ADA,
  { id: "ada", name: "Ada Lovelace" },
  BOB,
  { id: "__proto__" },
  { id: "constructor" },
  null,
);

const state = fc.constantFrom<Json>(null, { typing: true }, { typing: false }, [], 0, "");

const join = fc.record({ type: fc.constant("join" as const), channel, user });
const update = fc.record({ type: fc.constant("update" as const), channel, state });
const status = fc.record({
  type: fc.constant("status" as const),
  channel,
  status: fc.constantFrom(...STATUSES),
});
/** What a server leaves out is missing. */
export const serverSet = fc.record({
  type: fc.constant("set" as const),
  channel: bot,
  user,
  given: fc.record(
    {
      state,
      ttlMs: fc.constantFrom(2_000, 35_000, 120_000),
      keepsUser: fc.constant(true as const),
    },
    { requiredKeys: [] },
  ),
});
const leave = fc.record({
  type: fc.constant("leave" as const),
  channel: fc.oneof({ arbitrary: channel, weight: 3 }, bot),
  reason: fc.constantFrom("left" as const, "removed" as const),
});

/** Operations that touch one channel and answer with its diff. */
export const channelOperation: fc.Arbitrary<Operation & { readonly channel: string }> = fc.oneof(
  join,
  serverSet,
  update,
  status,
  leave,
);

export const operation: fc.Arbitrary<Operation> = fc.oneof(
  { arbitrary: join, weight: 5 },
  { arbitrary: serverSet, weight: 3 },
  { arbitrary: update, weight: 2 },
  { arbitrary: status, weight: 3 },
  fc.record({ type: fc.constant("demote" as const) }),
  leave,
  { arbitrary: fc.record({ type: fc.constant("resume" as const), channel }), weight: 2 },
  {
    arbitrary: fc.record({
      type: fc.constant("lose" as const),
      channel,
      cause: fc.constantFrom<LossCause>("reload", "cut", "restart"),
    }),
    weight: 2,
  },
  fc.record({ type: fc.constant("touch" as const), channel: fc.oneof(channel, bot) }),
  fc.record({ type: fc.constant("prune" as const) }),
);

export const wait = fc.constantFrom(
  1,
  400,
  1_999,
  2_000,
  2_499,
  2_500,
  9_999,
  10_000,
  35_000,
  60_000,
  62_000,
  359_999,
  360_000,
);

export const steps: fc.Arbitrary<Step[]> = fc.array(fc.record({ wait, operation }), {
  maxLength: 40,
});

/** A socket in this room, with a secret of its own. */
export function ownerOf(name: string): LocalOwner {
  return { kind: "local", secret: `secret of ${name}` };
}

/** A channel that joins has a socket, whose secret tells it from one that a server sets. */
export function perform(set: PresenceSet, todo: Operation, now: number): Diff {
  switch (todo.type) {
    case "join":
      return set.join(todo.channel, todo.user, now, ownerOf(todo.channel));
    case "resume": {
      const entry = set.get(todo.channel);
      return entry
        ? set.join(todo.channel, entry.presence.user, now, ownerOf(todo.channel))
        : NO_CHANGE;
    }
    case "set":
      return setPresence(set, todo, { now, owner: { ...NO_LINK, generation: now } }).diff;
    case "leave":
      return set.leave(todo.channel, todo.reason);
    case "lose":
      return set.lose(todo.channel, todo.cause, now);
    case "update":
      return isConnected(set, todo.channel) ? set.update(todo.channel, todo.state) : NO_CHANGE;
    case "status":
      return isConnected(set, todo.channel)
        ? set.setStatus(todo.channel, todo.status, now)
        : NO_CHANGE;
    case "demote":
      return set.demote(now);
    case "touch":
      if (isConnected(set, todo.channel)) set.touch(todo.channel, now);
      return NO_CHANGE;
    case "prune":
      return set.prune(now);
  }
}

/** States and signs of life come over sockets: while a connection is lost there are none. */
function isConnected(set: PresenceSet, channelName: string): boolean {
  return set.get(channelName)?.loss === null;
}

/** Performs all of them and returns the time at the end. */
export function performAll(set: PresenceSet, todo: readonly Step[], start = 1_000_000): number {
  let now = start;
  for (const step of todo) {
    now += step.wait;
    perform(set, step.operation, now);
  }
  return now;
}

/** The presences as they are now, by channel, in their order. */
export function presencesOf(set: PresenceSet): Map<string, Presence> {
  return new Map(Array.from(set.entries(), ({ presence }) => [presence.channel, presence]));
}

/** What the sockets of all who are connected know. */
export function liveOf(set: PresenceSet): Map<string, Live> {
  const connected = [...set.entries()].filter(({ loss, owner }) => !loss && owner.kind === "local");
  return new Map(
    connected.map(({ presence, lastSeen, told }) => [
      presence.channel,
      { lastSeen, state: presence.state, told },
    ]),
  );
}

/** A stand-in for the store: copies of rows, read in the order in which the real one reads them. */
export class Rows {
  readonly #rows = new Map<string, Entry>();

  /** How many rows were written. */
  save(set: PresenceSet): number {
    const { puts, deletes } = set.takeUnsaved();
    for (const entry of puts) this.#rows.set(entry.presence.channel, structuredClone(entry));
    for (const gone of deletes) this.#rows.delete(gone);
    return puts.length + deletes.length;
  }

  load(): Entry[] {
    return structuredClone([...this.#rows.values()]).toSorted(
      (a, b) => a.presence.joinedAt - b.presence.joinedAt || a.rank - b.rank,
    );
  }
}
