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
  // First in line are those who were here before; the group of who has left stays empty.
  const groups = new Map<string, { known?: Member; presences: RoomPresence[] }>(
    before.map((known) => [known.id, { known, presences: [] }]),
  );
  for (const presence of presences.values()) {
    if (!isNamed(presence)) continue;
    const group = groups.get(presence.user.id);
    if (group) group.presences.push(presence);
    else groups.set(presence.user.id, { presences: [presence] });
  }
  const after = [...groups.values()].flatMap((group) => memberOf(group.presences, group.known));
  return isSameList(before, after) ? before : after;
}

/** One member, or nobody. */
function memberOf(presences: RoomPresence[], known?: Member): Member[] {
  const [first] = presences;
  const newest = presences.at(-1);
  if (!first || !newest) return [];
  if (known && isSameList(known.presences, presences)) return [known];
  const user = known && jsonEqual(known.user, newest.user) ? known.user : newest.user;
  const { joinedAt } = known ?? first;
  const state = presences.findLast((presence) => presence.state !== undefined)?.state;
  return [{ id: user.id, user, joinedAt, presences, state }];
}

function isNamed(presence: Presence): presence is Presence & { readonly user: User } {
  return presence.user !== null;
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
