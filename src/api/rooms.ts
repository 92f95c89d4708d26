/** `rooms(env)` and `presences(env)`: all that a server can do, over one room and over all of them. */

import pMap from "p-map";
import * as v from "valibot";
import type { Json } from "../core/json.ts";
import { namesRoom } from "../core/claims.ts";
import { CALLS_AT_ONCE, LOBBIES, ROOM_PAGE_MAX, SWEEP_STEPS_PER_CALL } from "../core/limits.ts";
import { checkChannel, compareNames, roomOfChannel } from "../core/names.ts";
import type { User } from "../core/presence.ts";
import { encodeCursor, placeOf } from "./cursor.ts";
import { type Bindings, bindingsOf, type Env } from "../config/env.ts";
import { millisecondsOf, RoomHandle } from "./room-handle.ts";
import { call } from "../rpc/call.ts";
import { LOBBY_NAMES } from "../rpc/lobbies.ts";
import type { Added, ChannelStub, ListedRoom, RoomStub, Sweep, Whereabouts } from "../rpc/stubs.ts";

/** What to list: names that begin with `prefix`, `limit` at most (1 to 1,000), from where the cursor of the page before says. */
export type RoomListOptions = {
  readonly prefix?: string;
  readonly limit?: number;
  readonly cursor?: string | undefined;
  /** Only rooms that one of these patterns names, as in a token. */
  readonly rooms?: readonly string[] | undefined;
};

/** Occupied rooms by name. `cursor` is there where there are more. */
export type RoomList = { readonly rooms: readonly ListedRoom[]; readonly cursor?: string };

/** Where to go on, and which rooms to visit: those that one of the patterns names, as in a token. */
export type SweepOptions = {
  readonly cursor?: string | undefined;
  readonly rooms?: readonly string[] | undefined;
};

/** Only rooms that one of the patterns names, as in a token. */
export type ChannelOptions = { readonly rooms?: readonly string[] | undefined };

/** How far a visit of all rooms got. With a `cursor` there are more: call again with it. */
export type SweepResult = {
  readonly rooms: number;
  readonly pruned: number;
  /** Rooms that could not be reached, or failed; missing where there are none. */
  readonly failed?: number;
  readonly cursor?: string;
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

  add(room: string, channel: string, user: User | null = null): Promise<Added> {
    return this.get(room).add(channel, user);
  }

  remove(room: string, channel: string): Promise<void> {
    return this.get(room).remove(channel);
  }

  send(room: string, payload: Json): Promise<number> {
    return this.get(room).send(payload);
  }

  /** Occupied rooms. A room that fills or empties meanwhile may be missing or not; no other is missed or named twice. */
  async list(options: RoomListOptions = {}): Promise<RoomList> {
    const { prefix = "", limit = ROOM_PAGE_MAX, cursor, rooms: patterns } = options;
    if (!(limit >= 1 && limit <= ROOM_PAGE_MAX)) {
      throw new RangeError(`limit is ${limit}; it must be from 1 to ${ROOM_PAGE_MAX}`);
    }
    const after = cursor === undefined ? null : placeOf(ListPlace, cursor)[1];
    const page = (lobby: string) =>
      call(this.#env.PRESENCE_LOBBY, lobby, (stub) =>
        stub.page({ prefix, after, limit: limit + 1, ...only(patterns) }),
      );
    const pages = await pMap(LOBBY_NAMES, page, { concurrency: CALLS_AT_ONCE });
    const found = pages.flat().toSorted((a, b) => compareNames(a.room, b.room));
    const listed = found.slice(0, limit);
    const last = listed.at(-1);
    const isMore = found.length > limit && last !== undefined;
    return { rooms: listed, ...(isMore ? { cursor: encodeCursor(["room", last.room]) } : {}) };
  }

  /**
   * Removes presences that were last seen longer ago than `age` seconds, `PRESENCE_MAX_AGE` if left out, in all
   * rooms: in as many as one event may visit, with a `cursor` for the rest.
   */
  prunePresences(age?: number, options: SweepOptions = {}): Promise<SweepResult> {
    const ages = age === undefined ? {} : { ageMs: millisecondsOf(age) };
    return this.#sweep({ task: "presences", ...ages }, options);
  }

  /** Puts right what a crash may have left: listed rooms that are empty forget themselves. The same about cursors. */
  async pruneRooms(
    options: SweepOptions = {},
  ): Promise<{ removed: number; failed?: number; cursor?: string }> {
    const { rooms: _, pruned: removed, ...rest } = await this.#sweep({ task: "rooms" }, options);
    return { removed, ...rest };
  }

  /** Has every lobby prune its rooms, step by step in events of its own. */
  async upkeep(): Promise<void> {
    const begin = (lobby: string) => call(this.#env.PRESENCE_LOBBY, lobby, (stub) => stub.upkeep());
    await pMap(LOBBY_NAMES, begin, { concurrency: CALLS_AT_ONCE });
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

/** Channels, over all the rooms that they are in. Errors are those of `RoomHandle`. */
export class Presences {
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  /** Where a channel is; `null` where it is nowhere. With patterns, as in a token, only the rooms that they name count. */
  async get(
    channel: string,
    { rooms: patterns }: ChannelOptions = {},
  ): Promise<Whereabouts | null> {
    const found = await this.#askHome(
      channel,
      (room) => room.where(channel),
      (home) => home.where(),
    );
    if (!found || !patterns) return found;
    const named = found.rooms.filter((room) => namesRoom(patterns, room));
    return named.length === 0 ? null : { ...found, rooms: named };
  }

  /** The channel is alive. Returns the rooms that it is in. With patterns, it is so only where they name the room. */
  async touch(channel: string, options: ChannelOptions = {}): Promise<readonly string[]> {
    if (options.rooms) return this.#inNamed(channel, options, (room) => room.touch(channel));
    return this.#askHome(
      channel,
      (room) => room.touch(channel),
      (home) => home.touch(),
    );
  }

  /**
   * Takes the channel out of all its rooms, and closes its socket with 4003. Returns the rooms that it left. With
   * patterns, it leaves those that they name.
   */
  async leaveAll(channel: string, options: ChannelOptions = {}): Promise<readonly string[]> {
    if (options.rooms) return this.#inNamed(channel, options, (room) => room.remove(channel));
    return this.#askHome(
      channel,
      (room) => room.leaveAll(channel),
      (home) => home.leaveAll(),
    );
  }

  /** Asks the room that holds the channel's socket or, where none does, the Channel object. */
  async #askHome<Result>(
    channel: string,
    ofRoom: (room: RoomStub) => Promise<Result | null>,
    ofChannel: (home: ChannelStub) => Promise<Result>,
  ): Promise<Result> {
    const host = hostOf(channel);
    const answer = host === null ? null : await call(this.#env.PRESENCE_ROOM, host, ofRoom);
    return answer ?? call(this.#env.PRESENCE_CHANNEL, channel, ofChannel);
  }

  async #inNamed(
    channel: string,
    options: ChannelOptions,
    act: (room: RoomHandle) => Promise<unknown>,
  ): Promise<readonly string[]> {
    const named = (await this.get(channel, options))?.rooms ?? [];
    const actIn = (room: string) => act(new RoomHandle(room, this.#env));
    await pMap(named, actIn, { concurrency: CALLS_AT_ONCE });
    return named;
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

/**
 * The channels of the Worker with these bindings.
 *
 * @example
 * await presences(env).touch("bot-1");
 */
export function presences(env: Bindings): Presences {
  return new Presences(bindingsOf(env));
}

function only(patterns: readonly string[] | undefined): { rooms?: readonly string[] } {
  return patterns ? { rooms: patterns } : {};
}

/** The room that may hold the channel's socket. */
function hostOf(channel: string): string | null {
  checkChannel(channel);
  return roomOfChannel(channel);
}
