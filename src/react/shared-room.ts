/**
 * One connection for all components that are in the same room. It is made when the first of them
 * has mounted, and ends 300 ms after the last one has unmounted: StrictMode and routers unmount
 * components to mount them again.
 */

import { joinRoom, type RoomClient, type RoomOptions } from "../client/index.ts";
import { LINGER_MS } from "../core/limits.ts";

type Token = RoomOptions["token"];

type SharedRoom = {
  readonly client: RoomClient<unknown>;
  /** The newest that a component has given. */
  token: Token;
  users: number;
  leaving: ReturnType<typeof setTimeout> | undefined;
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

/** Uses a room; to be followed by as many calls of `release`. */
export function acquire(options: RoomOptions<unknown>): RoomClient<unknown> {
  const key = keyOf(options);
  const shared = rooms.get(key) ?? open(key, options);
  clearTimeout(shared.leaving);
  shared.users += 1;
  return shared.client;
}

export function release(key: string): void {
  const shared = rooms.get(key);
  if (!shared) return;
  shared.users -= 1;
  if (shared.users > 0) return;
  shared.leaving = setTimeout(() => {
    rooms.delete(key);
    shared.client.leave();
  }, LINGER_MS);
}

/**
 * A component has another token: a function is asked from now on; a text makes another connection.
 */
export function renew(key: string, token: Token): void {
  const shared = rooms.get(key);
  if (!shared || shared.token === token) return;
  shared.token = token;
  if (typeof token !== "function") shared.client.reconnect();
}

function open(key: string, options: RoomOptions<unknown>): SharedRoom {
  const newestToken = () => (typeof shared.token === "function" ? shared.token() : shared.token);
  const shared: SharedRoom = {
    client: joinRoom({ ...options, token: newestToken }),
    token: options.token,
    users: 0,
    leaving: undefined,
  };
  rooms.set(key, shared);
  return shared;
}
