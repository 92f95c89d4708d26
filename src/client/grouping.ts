/** Presences grouped by user. Pure. What is equal to what was there before is the same object. */

import { jsonEqual } from "../core/json.ts";
import type { Presence, User } from "../core/presence.ts";
import type { Member, RoomPresence } from "./room-view.ts";

/**
 * The members of `presences`. Those who were members `before` keep their places, even where the tab
 * of their first join was closed; the others follow in the order of their presences.
 */
export function groupMembers(
  before: readonly Member[],
  presences: ReadonlyMap<string, Presence>,
): readonly Member[] {
  // Those who were here before come first; the group of a user who has left stays empty.
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

/** One member, or none where there are no presences. */
function memberOf(presences: RoomPresence[], known?: Member): Member[] {
  const [first] = presences;
  const newest = presences.at(-1);
  if (!first || !newest) return [];
  if (known && isSameList(known.presences, presences)) return [known];
  const user = known && jsonEqual(known.user, newest.user) ? known.user : newest.user;
  const { joinedAt } = known ?? first;
  const state = presences.findLast((presence) => presence.state !== undefined)?.state;
  // A status of a newer server that is not known here is no `away`.
  const isAway = presences.every((tab) => tab.status === "away");
  const activeAt = isAway ? Math.max(...presences.map((tab) => tab.activeAt ?? 0)) : undefined;
  const status = isAway ? "away" : "active";
  return [{ id: user.id, user, joinedAt, presences, state, status, activeAt }];
}

function isNamed(presence: Presence): presence is Presence & { readonly user: User } {
  return presence.user !== null;
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
