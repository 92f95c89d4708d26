/**
 * A Lobby object: lists the occupied rooms among a sixteenth of all rooms. Rooms notify it when
 * they fill and when they empty. No connection and no message passes through it.
 */

import { DurableObject } from "cloudflare:workers";
import pMap from "p-map";
import * as v from "valibot";
import { namesRoom } from "../core/claims.ts";
import { ALARM_RETRY_MS, CALLS_AT_ONCE, ROOMS_PER_SWEEP_STEP } from "../core/limits.ts";
import { compareNames } from "../core/names.ts";
import type { Env } from "../config/env.ts";
import { logError } from "../telemetry/log.ts";
import { call } from "../rpc/call.ts";
import type { Behind, ListedRoom, LobbyStub, RoomQuery, Sweep, Swept } from "../rpc/stubs.ts";

const ROOM = "room:";
/** The last room that the sweep under way has visited. */
const VISITED = "visited";

export class Lobby extends DurableObject<Env> implements Behind<LobbyStub> {
  /** The room is occupied. One that is listed already keeps its time. */
  fill(room: string): void {
    const { kv } = this.ctx.storage;
    if (kv.get(ROOM + room) === undefined) kv.put(ROOM + room, Date.now());
  }

  empty(room: string): void {
    this.ctx.storage.kv.delete(ROOM + room);
  }

  /** Rooms in the order of their names. */
  page({ prefix, after, limit, rooms: patterns = ["*"] }: RoomQuery): readonly ListedRoom[] {
    const found = new Map<string, ListedRoom>();
    for (const range of rangesOf(patterns, prefix)) {
      for (const listed of this.#range(range, after, limit)) {
        if (namesRoom(patterns, listed.room)) found.set(listed.room, listed);
      }
    }
    return [...found.values()].toSorted((a, b) => compareNames(a.room, b.room)).slice(0, limit);
  }

  /**
   * Visits the next few rooms behind `after`. One that fails is logged and counted; the others go
   * on.
   */
  async sweep({ task, ageMs, rooms: patterns }: Sweep, after: string | null): Promise<Swept> {
    const only = patterns ? { rooms: patterns } : {};
    const page = this.page({ prefix: "", after, limit: ROOMS_PER_SWEEP_STEP, ...only });
    const visit = async ({ room }: ListedRoom) => {
      try {
        if (task === "rooms")
          return (await call(this.env.PRESENCE_ROOM, room, (stub) => stub.vacate())) ? 1 : 0;
        return await call(this.env.PRESENCE_ROOM, room, (stub) => stub.pruneCount(ageMs));
      } catch (error) {
        logError("a room could not be pruned", error, { room });
        return null;
      }
    };
    const results = await pMap(page, visit, { concurrency: CALLS_AT_ONCE });
    const done = results.filter((pruned) => pruned !== null);
    return {
      rooms: done.length,
      failed: results.length - done.length,
      pruned: done.reduce((sum, pruned) => sum + pruned, 0),
      after: page.length < ROOMS_PER_SWEEP_STEP ? null : (page.at(-1)?.room ?? null),
    };
  }

  /** Starts a sweep of all rooms, one alarm for each step. Does nothing if one is under way. */
  async startPruning(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now());
  }

  override async alarm(): Promise<void> {
    const { kv } = this.ctx.storage;
    try {
      const visited = v.parse(v.optional(v.string()), kv.get(VISITED)) ?? null;
      const { after } = await this.sweep({ task: "rooms" }, visited);
      if (after === null) {
        if (visited !== null) kv.delete(VISITED);
        return;
      }
      kv.put(VISITED, after);
      await this.ctx.storage.setAlarm(Date.now());
    } catch (error) {
      logError("pruning of a lobby failed", error);
      await this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_MS);
    }
  }

  *#range(prefix: string, after: string | null, limit: number): Iterable<ListedRoom> {
    const start = after === null ? {} : { startAfter: ROOM + after };
    const rows = this.ctx.storage.kv.list({ prefix: ROOM + prefix, limit, ...start });
    for (const [key, since] of Array.from(rows)) {
      yield { room: key.slice(ROOM.length), since: v.parse(v.number(), since) };
    }
  }
}

/**
 * The prefixes of all names that match a pattern and begin with `prefix`, so that no other row is
 * read.
 */
function rangesOf(patterns: readonly string[], prefix: string): readonly string[] {
  const starts = patterns.map((pattern) => pattern.replace(/\*$/, ""));
  return starts.flatMap((start) => {
    if (start.startsWith(prefix)) return [start];
    return prefix.startsWith(start) ? [prefix] : [];
  });
}
