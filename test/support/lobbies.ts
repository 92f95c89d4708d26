/** What a test does to lobbies behind the backs of their rooms: a look into their lists, a wrong entry, sleep, alarm. */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { lobbyOf } from "../../src/rpc/lobbies.ts";

const ROW = "room:";

function stubOf(lobby: string) {
  return env.PRESENCE_LOBBY.getByName(lobby);
}

/** The names on the list of the lobby that is `room`'s. */
export function listedIn(room: string): Promise<string[]> {
  return runInDurableObject(stubOf(lobbyOf(room)), (_, { storage }) =>
    Array.from(storage.kv.list({ prefix: ROW }), ([key]) => key.slice(ROW.length)),
  );
}

/** Puts a room on its lobby's list, as a crash could have left it there. */
export function listWrongly(room: string): Promise<void> {
  return runInDurableObject(stubOf(lobbyOf(room)), (_, { storage }) => {
    storage.kv.put(ROW + room, 1);
  });
}

/** Takes a room off its lobby's list behind everybody's back. */
export function unlistWrongly(room: string): Promise<void> {
  return runInDurableObject(stubOf(lobbyOf(room)), (_, { storage }) => {
    storage.kv.delete(ROW + room);
  });
}

/** The room's lobby is put to sleep. One that sleeps already may. */
export async function evictLobbyOf(room: string): Promise<void> {
  try {
    await evictDurableObject(stubOf(lobbyOf(room)));
  } catch (error) {
    if (!String(error).includes("not currently running")) throw error;
  }
}

/** Runs a lobby's alarm now. Whether there was one. */
export function ringLobby(lobby: string): Promise<boolean> {
  return runDurableObjectAlarm(stubOf(lobby));
}

/** All rows of a lobby, whatever they are, by key. */
export function rowsOfLobby(lobby: string): Promise<string[]> {
  return runInDurableObject(stubOf(lobby), (_, { storage }) =>
    Array.from(storage.kv.list(), ([key]) => key),
  );
}
