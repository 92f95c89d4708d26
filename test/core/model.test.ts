/**
 * The set against a model so simple that it can be seen to be right: an array of presences and an array of
 * user ids. Every few operations the set is thrown away and made again, from its rows and its live sockets.
 */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { LeaveReason, Presence, User } from "../../src/core/presence.ts";
import { type LossCause, PresenceSet } from "../../src/core/presence-set.ts";
import { recover } from "../../src/core/recovery.ts";
import {
  liveOf,
  type Operation,
  operation,
  TIMEOUTS,
  perform,
  Rows,
  wait,
} from "./random-steps.ts";

type Seat = {
  presence: Presence;
  seenAt: number;
  lost: { at: number; cause: LossCause } | null;
  ttlMs?: number;
  told?: { status: "active" | "away"; activeAt: number };
};

/** The naive room. Slow, and sharing nothing with the set but the types. */
class Model {
  seats: Seat[] = [];
  /** Ids of the users who are present, in the order in which they came. */
  order: string[] = [];
  /** Who left, and why: `channel reason`. */
  left: string[] = [];

  members(): User[] {
    return this.order.flatMap((id) =>
      this.seats.flatMap(({ presence: { user } }) => (user?.id === id ? [user] : [])).slice(-1),
    );
  }

  lurkers(): number {
    return this.seats.filter(({ presence }) => presence.user === null).length;
  }

  perform(todo: Operation, now: number): void {
    if (todo.type === "prune") {
      this.prune(now);
      return;
    }
    if (todo.type === "demote") {
      for (const seat of this.seats) {
        const isOld = seat.told && now - seat.told.activeAt >= 360_000;
        if (isOld && !seat.lost) this.#tell(seat, "away", now);
      }
      return;
    }
    const seat = this.seats.find(({ presence }) => presence.channel === todo.channel);
    if (todo.type === "join") this.#join(todo.channel, todo.user, seat, now);
    if (todo.type === "set") this.#set(todo, seat, now);
    if (!seat) return;
    if (todo.type === "resume") this.#join(todo.channel, seat.presence.user, seat, now);
    if (todo.type === "leave") this.#leave(seat, todo.reason);
    if (todo.type === "lose") seat.lost ??= { at: now, cause: todo.cause };
    if (todo.type === "touch" && !seat.lost) seat.seenAt = now;
    if (todo.type === "status" && !seat.lost) this.#tell(seat, todo.status, now);
    if (todo.type === "update" && !seat.lost) {
      const { state: _, ...rest } = seat.presence;
      seat.presence = todo.state === null ? rest : { ...rest, state: todo.state };
    }
  }

  prune(now: number): void {
    for (const seat of this.seats) {
      const graceMs = seat.lost?.cause === "reload" ? 2_500 : 10_000;
      if (!seat.lost && now - seat.seenAt >= (seat.ttlMs ?? 60_000)) this.#leave(seat, "expired");
      if (seat.lost && now - seat.lost.at >= graceMs) {
        this.#leave(seat, seat.lost.cause === "reload" ? "left" : "lost");
      }
    }
  }

  /** The presence shows that it is away, and since when at the latest nobody was there. */
  #tell(seat: Seat, status: "active" | "away", now: number): void {
    if (!seat.presence.user) return;
    const activeAt = status === "active" ? now : (seat.told?.activeAt ?? now);
    seat.told = { status, activeAt };
    const { status: _, activeAt: __, ...rest } = seat.presence;
    seat.presence = status === "active" ? rest : { ...rest, status, activeAt };
  }

  #join(channel: string, user: User | null, seat: Seat | undefined, now: number): void {
    const isSame = seat && user?.id === seat.presence.user?.id;
    if (isSame) {
      seat.presence = { ...seat.presence, user };
      seat.lost = null;
      seat.seenAt = now;
      return;
    }
    if (user && !this.order.includes(user.id)) this.order.push(user.id);
    const presence = { channel, user, joinedAt: now };
    this.seats = [...this.seats, { presence, seenAt: now, lost: null }];
    if (seat) this.#leave(seat, "replaced");
  }

  #set({ channel, user, given }: Operation & { type: "set" }, old: Seat | undefined, now: number) {
    this.#join(channel, given.keepsUser ? (old?.presence.user ?? null) : user, old, now);
    const seat = this.seats.find(({ presence }) => presence.channel === channel);
    if (!seat) throw new Error(`${channel} did not join`);
    const { state: _, ...rest } = seat.presence;
    const state = given.state === undefined ? old?.presence.state : given.state;
    seat.presence = state === undefined || state === null ? rest : { ...rest, state };
    const ttlMs = given.ttlMs ?? old?.ttlMs;
    if (ttlMs !== undefined) seat.ttlMs = ttlMs;
  }

  #leave(seat: Seat, reason: LeaveReason): void {
    this.left.push(`${seat.presence.channel} ${reason}`);
    this.seats = this.seats.filter((other) => other !== seat);
    const ids = new Set(this.seats.map(({ presence }) => presence.user?.id));
    this.order = this.order.filter((id) => ids.has(id));
  }
}

const history = fc.array(
  fc.record({
    wait,
    operation: fc.oneof(
      { arbitrary: operation, weight: 8 },
      { arbitrary: fc.constant({ type: "sleep" as const }), weight: 1 },
    ),
  }),
  { maxLength: 60 },
);

/** The room is evicted and wakes up: all it has is its rows and its sockets. */
function wake(set: PresenceSet, rows: Rows, now: number): PresenceSet {
  const entries = rows.load();
  // A watcher is there too: without any socket the room would look as if it had been restarted.
  const recovery = recover(entries, liveOf(set), { restartedAt: null, hasSockets: true, now });
  expect(recovery).toEqual({ restartedAt: null, unheard: [] });
  return new PresenceSet(TIMEOUTS, entries);
}

test("the set does what a naive array of presences does, however often it sleeps", () => {
  fc.assert(
    fc.property(history, (todo) => {
      let set = new PresenceSet(TIMEOUTS);
      const model = new Model();
      const rows = new Rows();
      const left: string[] = [];
      let now = 1_000_000;
      for (const step of todo) {
        now += step.wait;
        // A room that slept past a deadline was woken by its alarm first.
        const next = step.operation.type === "sleep" ? { type: "prune" as const } : step.operation;
        const { leaves } = perform(set, next, now);
        left.push(...leaves.map(({ channel, reason }) => `${channel} ${reason}`));
        rows.save(set);
        model.perform(next, now);
        if (step.operation.type === "sleep") set = wake(set, rows, now);
        expect(Array.from(set.entries(), ({ presence }) => presence)).toEqual(
          model.seats.map(({ presence }) => presence),
        );
        expect(set.members()).toEqual(model.members());
        expect(set.lurkers).toBe(model.lurkers());
        expect(left).toEqual(model.left);
      }
    }),
    { numRuns: 1_000 },
  );
});
