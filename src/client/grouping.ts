/** Presences grouped by user. Pure; whatever comes out the same as before is the same object as before. */

import { jsonEqual } from "../core/json.ts";
import type { Presence, User } from "../core/presence.ts";
import type { Member, RoomPresence } from "./room-view.ts";

/**
 * The members of `presences`. Those who were members `before` keep their places, since a first join is not
 * undone by closing the tab that made it; the others follow in the order of their presences.
 */
export function groupMembers(
  before: readonly Member[],
  presences: ReadonlyMap<string, Presence>,
): readonly Member[] {
  const groups = new Map<string, RoomPresence[]>();
  // First in line are those who were here before; who has left will have an empty group.
  for (const { id } of before) groups.set(id, []);
  for (const presence of presences.values()) {
    if (!isNamed(presence)) continue;
    const group = groups.get(presence.user.id);
    if (group) group.push(presence);
    else groups.set(presence.user.id, [presence]);
  }
  const known = new Map(before.map((member) => [member.id, member]));
  const after = Array.from(groups, ([id, group]) => memberOf(group, known.get(id))).filter(
    (member) => member !== undefined,
  );
  return isSameList(before, after) ? before : after;
}

function memberOf(presences: RoomPresence[], known: Member | undefined): Member | undefined {
  const [first] = presences;
  const newest = presences.at(-1);
  if (first === undefined || newest === undefined) return undefined;
  if (known && isSameList(known.presences, presences)) return known;
  const user = known && jsonEqual(known.user, newest.user) ? known.user : newest.user;
  const joinedAt = known?.joinedAt ?? first.joinedAt;
  const state = presences.findLast((presence) => presence.state !== undefined)?.state;
  return { id: user.id, user, joinedAt, presences, state };
}

function isNamed(presence: Presence): presence is Presence & { readonly user: User } {
  return presence.user !== null;
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
