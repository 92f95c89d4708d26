/** What the model says that rooms and their people must look like from outside. */

import type { View } from "../../src/core/protocol.ts";
import type { Model } from "./model.ts";
import type { Sight, Witness } from "./witness.ts";

/** Above it a room tells counts. A setting of both runtimes; see vitest.config.ts for the one inside. */
export const ANNOUNCE_MAX = 8;
const NAMES_AGAIN = ANNOUNCE_MAX * 0.8;

/** Somebody with a connection. */
type Somebody = {
  readonly name: string;
  readonly home: string;
  readonly view: View;
  readonly channel: string | null;
  readonly isWatching: boolean;
  readonly witness: Witness | null;
};

/** A room as the HTTP API has it. */
export function roomExpected(model: Model, room: string) {
  const places = [...model.in(room)];
  const users = places.flatMap(([, { user }]) => (user === null ? [] : [user]));
  return {
    members: [...new Set(users)].toSorted(),
    lurkers: places.length - users.length,
    presences: Object.fromEntries(
      places.map(([channel, { user, state }]) => [channel, { user, state }]),
    ),
  };
}

/** A room as somebody in it sees it. Around the limit it may tell counts or names. */
export function sightExpected(model: Model, room: string, { view, witness }: Somebody) {
  const { members, lurkers, presences } = roomExpected(model, room);
  const size = model.in(room).size;
  const mayCount = view === "count" || size >= NAMES_AGAIN;
  const mayName = view !== "count" && size <= ANNOUNCE_MAX;
  const isCounting = witness?.sights.get(room)?.kind === "counts";
  if (mayCount && (isCounting || !mayName)) return { members: members.length, lurkers };
  if (view === "list") return { members, lurkers };
  const named = Object.entries(presences).filter(([, { user }]) => user !== null);
  return { presences: Object.fromEntries(named), lurkers };
}

/** What somebody sees, to be compared with that. */
export function plain(sight: Sight): unknown {
  const { kind, lurkers } = sight;
  if (kind === "counts") return { members: sight.members, lurkers };
  if (kind === "list") return { members: sight.members.toSorted(), lurkers };
  return { presences: Object.fromEntries(sight.presences), lurkers };
}

/** The rooms that somebody is told of. */
export function roomsOf(model: Model, { home, channel, isWatching }: Somebody): string[] {
  return isWatching || channel === null ? [home] : model.roomsOf(channel);
}

/** Nobody heard of anybody's coming or going who did not come or go: not of those who came back in time. */
export function checkNews(model: Model, { name, witness }: Somebody): void {
  for (const [room, { came, left }] of witness?.news ?? []) {
    const changes = model.changes.get(room);
    for (const channel of came) {
      if (!changes?.came.has(channel))
        throw new Error(`${name} heard in ${room} that ${channel} came`);
    }
    for (const channel of left) {
      if (!changes?.left.has(channel))
        throw new Error(`${name} heard in ${room} that ${channel} left`);
    }
  }
}

/** A room as a mirror has it that is told of it by webhooks: without states. */
export function reflectionExpected(model: Model, room: string) {
  const { members, lurkers } = roomExpected(model, room);
  const places = [...model.in(room)];
  const presences = Object.fromEntries(places.map(([channel, { user }]) => [channel, user]));
  return { members, lurkers, presences, isOccupied: places.length > 0 };
}
