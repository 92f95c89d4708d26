/** `presences(env)`: all that a server can do with a channel, over all the rooms that it is in. */

import pMap from "p-map";
import { bindingsOf, type Bindings, type Env } from "../config/env.ts";
import { namesRoom } from "../core/claims.ts";
import type { Whereabouts } from "../core/http-shapes.ts";
import { CALLS_AT_ONCE } from "../core/limits.ts";
import { checkChannel, roomOfChannel } from "../core/names.ts";
import { call } from "../rpc/call.ts";
import type { ChannelStub, RoomStub } from "../rpc/stubs.ts";
import { RoomHandle } from "./room-handle.ts";

/** Only rooms that one of the patterns names, as in a token. */
export type ChannelOptions = { readonly rooms?: readonly string[] | undefined };

/**
 * Channels, each over all the rooms that it is in: the presences of one channel. Its name is the
 * one that django-channels-presence has for it. Errors are those of `RoomHandle`.
 */
export class Presences {
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  /**
   * Where a channel is; `null` where it is nowhere. With patterns, as in a token, only the rooms
   * that they name count.
   */
  async get(
    channel: string,
    { rooms: patterns }: ChannelOptions = {},
  ): Promise<Whereabouts | null> {
    const found = await this.#askHome(
      channel,
      (room) => room.where(channel),
      (owner) => owner.where(),
    );
    if (!found || !patterns) return found;
    const named = found.rooms.filter((room) => namesRoom(patterns, room));
    return named.length === 0 ? null : { ...found, rooms: named };
  }

  /**
   * The channel is alive. Returns the rooms that it is in. With patterns, it is so only where they
   * name the room.
   */
  async touch(channel: string, options: ChannelOptions = {}): Promise<readonly string[]> {
    if (options.rooms) return this.#inNamed(channel, options, (room) => room.touch(channel));
    return this.#askHome(
      channel,
      (room) => room.touch(channel),
      (owner) => owner.touch(),
    );
  }

  /**
   * Takes the channel out of all its rooms, and closes its socket with 4003. Returns the rooms that
   * it left. With patterns, it leaves those that they name.
   */
  async leaveAll(channel: string, options: ChannelOptions = {}): Promise<readonly string[]> {
    if (options.rooms) return this.#inNamed(channel, options, (room) => room.remove(channel));
    return this.#askHome(
      channel,
      (room) => room.leaveAll(channel),
      (owner) => owner.leaveAll(),
    );
  }

  /** Asks the room that holds the channel's socket or, where none does, the Channel object. */
  async #askHome<Result>(
    channel: string,
    ofRoom: (room: RoomStub) => Promise<Result | null>,
    ofChannel: (owner: ChannelStub) => Promise<Result>,
  ): Promise<Result> {
    const room = roomOf(channel);
    const answer = room === null ? null : await call(this.#env.PRESENCE_ROOM, room, ofRoom);
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
 * The channels of the Worker with these bindings. Named after the presences of a channel, as in
 * django-channels-presence; for the presences of a room see `rooms(env).get(room).presences()`.
 *
 * @example
 * await presences(env).touch("bot-1");
 */
export function presences(env: Bindings): Presences {
  return new Presences(bindingsOf(env));
}

/** The room that may hold the channel's socket. Throws a ProtocolError `bad_channel`. */
function roomOf(channel: string): string | null {
  checkChannel(channel);
  return roomOfChannel(channel);
}
