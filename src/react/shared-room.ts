/**
 * One connection for all components that are in the same room. It is made when the first of them
 * has mounted, and ends 300 ms after the last one has unmounted: StrictMode and routers unmount
 * components to mount them again.
 */

import { joinRoom, type RoomClient, type RoomOptions } from "../client/index.ts";
import { LINGER_MS, RETRY_LATER_MS_MAX, RETRY_MS_FIRST } from "../core/limits.ts";

type Token = RoomOptions["token"];

type Timer = ReturnType<typeof setTimeout>;

type SharedRoom = {
  readonly client: RoomClient<unknown>;
  /** With the newest token that a component has given. */
  readonly options: { token?: Token };
  users: number;
  leaving: Timer | undefined;
  /** Set from when a closed room was revived until it may be again, if another function came meanwhile. */
  pausing: Timer | undefined;
  pauseMs: number;
  isDue: boolean;
};

const rooms = new Map<string, SharedRoom>();

/**
 * Components with the same key share a connection. The token is not part of it: it may change by
 * the hour.
 */
export function keyOf({ url, room, watch = false }: RoomOptions<unknown>): string {
  return JSON.stringify([url, room, watch]);
}

/** The client of a room, if any component is in it. */
export function peek(key: string): RoomClient<unknown> | undefined {
  return rooms.get(key)?.client;
}

/**
 * Uses a room; to be followed by as many calls of `release`. A room that nobody uses any more, but that
 * has not ended yet, takes over the token.
 */
export function acquire(options: RoomOptions<unknown>): RoomClient<unknown> {
  const key = keyOf(options);
  const shared = rooms.get(key) ?? open(key, options);
  clearTimeout(shared.leaving);
  shared.users += 1;
  if (shared.users === 1) renew(key, options.token);
  return shared.client;
}

/** The same for a component that was mounted: its token, if it has one, is the newest. */
export function enter(options: RoomOptions<unknown>): RoomClient<unknown> {
  const client = acquire(options);
  if (options.token != null) renew(keyOf(options), options.token);
  return client;
}

export function release(key: string): void {
  const shared = rooms.get(key);
  if (!shared) return;
  shared.users -= 1;
  if (shared.users > 0) return;
  shared.leaving = setTimeout(() => {
    rooms.delete(key);
    clearTimeout(shared.pausing);
    shared.client.leave();
  }, LINGER_MS);
}

/**
 * A component has another token. A function that replaces another one is asked from now on, and now where
 * the last one was refused for good; anything else makes another connection, whatever became of the last.
 */
export function renew(key: string, token: Token): void {
  const shared = rooms.get(key);
  if (!shared || shared.options.token === token) return;
  const isSilent = typeof token === "function" && typeof shared.options.token === "function";
  shared.options.token = token;
  if (isSilent) revive(shared);
  else shared.client.reconnect();
}

/**
 * Connects where the room is closed. That renders components again, which may make a new function each
 * time: so not again before a pause, which doubles as long as the room stays closed.
 */
function revive(shared: SharedRoom): void {
  const { client } = shared;
  if (client.status === "here") shared.pauseMs = RETRY_MS_FIRST;
  shared.isDue = client.status === "closed";
  if (!shared.isDue || shared.pausing !== undefined) return;
  shared.isDue = false;
  client.reconnect();
  shared.pausing = setTimeout(() => {
    shared.pausing = undefined;
    if (shared.isDue) revive(shared);
  }, shared.pauseMs);
  shared.pauseMs = Math.min(shared.pauseMs * 2, RETRY_LATER_MS_MAX);
}

function open(key: string, options: RoomOptions<unknown>): SharedRoom {
  // The client reads the token of its options again for each connection.
  const own = { ...options };
  const shared: SharedRoom = {
    client: joinRoom(own),
    options: own,
    users: 0,
    leaving: undefined,
    pausing: undefined,
    pauseMs: RETRY_MS_FIRST,
    isDue: false,
  };
  rooms.set(key, shared);
  return shared;
}
