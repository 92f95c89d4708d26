/**
 * What is true when a room wakes up: rows remember who is present, sockets which of them are connected.
 * After hibernation both are there. After a restart no socket is, and everybody gets the grace anew.
 */

import { type Leave, withState } from "./diff.ts";
import type { Json } from "./json.ts";
import type { Entry } from "./presence-set.ts";
import { type ToldStatus, withStatus } from "./status.ts";

/** What a live socket knows better than its row. */
export type Live = {
  readonly lastSeen: number;
  readonly state: Json | undefined;
  readonly told?: ToldStatus | undefined;
};

export type Circumstances = {
  /** As the last recovery had it. */
  readonly restartedAt: number | null;
  /** Whether the room has any socket, a watcher's too. A restart leaves none. */
  readonly hasSockets: boolean;
  readonly now: number;
};

export type Recovery = {
  /** When the room last lost all its sockets at once, or `null`. To be kept by the store. */
  readonly restartedAt: number | null;
  /** Channels that lost their socket without anybody having heard of it; the room must take the loss down. */
  readonly unheard: readonly string[];
};

/**
 * Mends `entries`, as the store has them, by what the live sockets say.
 *
 * A row that has a socket's secret but no live socket was lost. Either its loss is in the row, or an earlier
 * restart explains it (nothing was heard of it since), or this very wake comes after a restart: then no
 * socket is left at all. Then a recorded loss counts for nothing, for a resumption after it is not written.
 * The grace of a restart runs from the wake; states and statuses are gone, sockets kept them.
 */
export function recover(
  entries: readonly Entry[],
  live: ReadonlyMap<string, Live>,
  { restartedAt, hasSockets, now }: Circumstances,
): Recovery {
  const away = entries.filter(
    (entry) => entry.owner.kind === "local" && !live.has(entry.presence.channel),
  );
  for (const entry of entries) {
    const socket = live.get(entry.presence.channel);
    if (socket) revive(entry, socket);
  }
  const isRestart = !hasSockets && away.some((entry) => !isFrom(entry, restartedAt));
  // A millisecond early: whoever comes back in this very event must count as seen after the restart.
  const restart = isRestart ? now - 1 : restartedAt;
  const unheard: string[] = [];
  for (const entry of away) {
    if (restart !== null && (isRestart || isFrom(entry, restart))) markRestarted(entry, restart);
    else if (entry.loss === null) {
      // Its socket was alive until now, for all that is known; its row is as old as its join.
      entry.lastSeen = Math.max(entry.lastSeen, now);
      unheard.push(entry.presence.channel);
    }
  }
  return { restartedAt: restart, unheard };
}

/**
 * Who was connected just before a change that could not be stored. That includes those whose loss or
 * goodbye was the change.
 */
export function connectedBefore(
  entries: Iterable<Entry>,
  leaves: readonly Leave[],
  now: number,
): ReadonlySet<string> {
  const goodbyes = leaves.filter(({ reason }) => reason === "left");
  const channels = new Set(goodbyes.map(({ channel }) => channel));
  for (const { presence, loss } of entries) {
    if (loss === null || loss.at === now) channels.add(presence.channel);
  }
  return channels;
}

/** A resumption is not written, so a row may tell of a loss that was over before memory was thrown away. */
export function clearOldLosses(entries: readonly Entry[], connected: ReadonlySet<string>): void {
  for (const entry of entries) if (connected.has(entry.presence.channel)) entry.loss = null;
}

/** Whether nothing was heard of the entry since the restart, so that the restart explains its absence. */
function isFrom(entry: Entry, restartedAt: number | null): boolean {
  return restartedAt !== null && entry.lastSeen <= restartedAt;
}

function revive(entry: Entry, socket: Live): void {
  entry.loss = null;
  entry.lastSeen = Math.max(entry.lastSeen, socket.lastSeen);
  entry.presence = withState(entry.presence, socket.state);
  setTold(entry, socket.told);
}

function markRestarted(entry: Entry, restartedAt: number): void {
  entry.loss = { at: restartedAt, cause: "restart" };
  entry.lastSeen = Math.max(entry.lastSeen, restartedAt);
  entry.presence = withState(entry.presence, null);
  setTold(entry, undefined);
}

function setTold(entry: Entry, told: ToldStatus | undefined): void {
  entry.presence = withStatus(entry.presence, told);
  if (told) entry.told = told;
  else delete entry.told;
}
