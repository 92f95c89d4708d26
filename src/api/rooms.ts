/** `rooms(env)`: all that a server can do with rooms, one of them or all. */

import pMap from "p-map";
import * as v from "valibot";
import type { PruneRoomsResult, RoomList, SweepResult } from "../core/http-shapes.ts";
import type { Json } from "../core/json.ts";
import { CALLS_AT_ONCE, LOBBIES, ROOM_PAGE_MAX, SWEEP_STEPS_PER_CALL } from "../core/limits.ts";
import { compareNames } from "../core/names.ts";
import type { User } from "../core/presence.ts";
import { encodeCursor, placeOf } from "./cursor.ts";
import { type Bindings, bindingsOf, type Env } from "../config/env.ts";
import { type AddOptions, millisecondsOf, RoomHandle } from "./room-handle.ts";
import { call } from "../rpc/call.ts";
import { LOBBY_NAMES } from "../rpc/lobbies.ts";
import type { Added, Sweep } from "../rpc/stubs.ts";

/** What to list. */
export type RoomListOptions = {
  /** What the names begin with. Default: "", all of them. */
  readonly prefix?: string;
  /** How many at most, 1 to 1,000. Default: 1,000. */
  readonly limit?: number;
  /** The `cursor` of the list before, to go on behind it. */
  readonly cursor?: string | undefined;
  /** Only rooms that one of these patterns names, as in a token. */
  readonly rooms?: readonly string[] | undefined;
};

/**
 * Where to go on, and which rooms to visit: those that one of the patterns names, as in a token.
 */
export type SweepOptions = {
  readonly cursor?: string | undefined;
  readonly rooms?: readonly string[] | undefined;
};

/** Where a sweep goes on: the lobby's number, and the last room there that was visited. */
const SweepPlace = v.strictTuple([
  v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(LOBBIES - 1)),
  v.string(),
]);
const ListPlace = v.strictTuple([v.literal("room"), v.string()]);

/** The rooms of this Worker. Errors are those of `RoomHandle`. */
export class Rooms {
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  /** A room, whether anybody is in it or not. Asks nobody yet. */
  get(room: string): RoomHandle {
    return new RoomHandle(room, this.#env);
  }

  add(room: string, channel: string, user?: User | null, options: AddOptions = {}): Promise<Added> {
    return this.get(room).add(channel, user, options);
  }

  remove(room: string, channel: string): Promise<void> {
    return this.get(room).remove(channel);
  }

  send(room: string, payload: Json): Promise<number> {
    return this.get(room).send(payload);
  }

  /**
   * Occupied rooms. A room that fills or empties meanwhile may be missing or not; no other is
   * missed or named twice.
   */
  async list(options: RoomListOptions = {}): Promise<RoomList> {
    const { prefix = "", limit = ROOM_PAGE_MAX, cursor, rooms: patterns } = options;
    if (!(limit >= 1 && limit <= ROOM_PAGE_MAX)) {
      throw new RangeError(`limit is ${limit}; it must be from 1 to ${ROOM_PAGE_MAX}`);
    }
    const after = cursor === undefined ? null : placeOf(ListPlace, cursor)[1];
    const listing = (lobby: string) =>
      call(this.#env.PRESENCE_LOBBY, lobby, (stub) =>
        stub.page({ prefix, after, limit: limit + 1, ...only(patterns) }),
      );
    const listings = await pMap(LOBBY_NAMES, listing, { concurrency: CALLS_AT_ONCE });
    const found = listings.flat().toSorted((a, b) => compareNames(a.room, b.room));
    const listed = found.slice(0, limit);
    const last = listed.at(-1);
    const isMore = found.length > limit && last !== undefined;
    return { rooms: listed, ...(isMore ? { cursor: encodeCursor(["room", last.room]) } : {}) };
  }

  /**
   * Removes presences that were last seen longer ago than `age` seconds, `PRESENCE_MAX_AGE` if left
   * out, in all rooms: in as many as one event may visit, with a `cursor` for the rest.
   */
  prunePresences(age?: number, options: SweepOptions = {}): Promise<SweepResult> {
    const ages = age === undefined ? {} : { ageMs: millisecondsOf(age) };
    return this.#sweep({ task: "presences", ...ages }, options);
  }

  /**
   * Puts right what a crash may have left: listed rooms that are empty forget themselves. The same
   * about cursors.
   */
  async pruneRooms(options: SweepOptions = {}): Promise<PruneRoomsResult> {
    const { rooms: _, pruned: removed, ...rest } = await this.#sweep({ task: "rooms" }, options);
    return { removed, ...rest };
  }

  /**
   * Has every lobby prune its rooms, a page in each event of its own, so that no number of rooms is
   * too many. Returns once all have begun. It is what the hourly cron trigger calls.
   */
  async startPruning(): Promise<void> {
    const start = (lobby: string) =>
      call(this.#env.PRESENCE_LOBBY, lobby, (stub) => stub.startPruning());
    await pMap(LOBBY_NAMES, start, { concurrency: CALLS_AT_ONCE });
  }

  async #sweep(sweep: Sweep, { cursor, rooms: patterns }: SweepOptions): Promise<SweepResult> {
    const visited = { ...sweep, ...only(patterns) };
    let place: readonly [number, string | null] =
      cursor === undefined ? [0, null] : placeOf(SweepPlace, cursor);
    let [count, pruned, failed] = [0, 0, 0];
    for (let step = 0; step < SWEEP_STEPS_PER_CALL; step += 1) {
      const [index, after] = place;
      const lobby = LOBBY_NAMES[index];
      if (lobby === undefined) break;
      // One lobby at a time: each visits several rooms at once.
      // oxlint-disable-next-line no-await-in-loop
      const swept = await call(this.#env.PRESENCE_LOBBY, lobby, (stub) =>
        stub.sweep(visited, after),
      );
      count += swept.rooms;
      pruned += swept.pruned;
      failed += swept.failed;
      place = swept.after === null ? [index + 1, null] : [index, swept.after];
    }
    const [index, after] = place;
    const isMore = index < LOBBIES;
    const rest = isMore ? { cursor: encodeCursor([index, after ?? ""]) } : {};
    return { rooms: count, pruned, ...(failed > 0 ? { failed } : {}), ...rest };
  }
}

/**
 * The rooms of the Worker with these bindings.
 *
 * @example
 * await rooms(env).add("lobby", "bot-1", { id: "bot", name: "The bot" });
 * await rooms(env).get("lobby").send("hello");
 */
export function rooms(env: Bindings): Rooms {
  return new Rooms(bindingsOf(env));
}

function only(patterns: readonly string[] | undefined): { rooms?: readonly string[] } {
  return patterns ? { rooms: patterns } : {};
}
