/** Who was in a room, when, and for how long. A user's presences that overlap are one visit. Pure. */

import type { Attendance, Visit } from "./http-shapes.ts";
import type { User } from "./presence.ts";
import type { Entry } from "./presence-set.ts";
import type { LogPart, LogRecord } from "./room-log.ts";

/** Times are in milliseconds since the epoch; visits that touch them are counted. */
export type AttendanceSpan = {
  readonly from: number;
  readonly to: number;
  /** Visits of those who are there count until then. */
  readonly now: number;
};

/** Users in the order of their ids: those behind `after`, so many of them, with so many visits in all. */
export type AttendanceSlice = {
  readonly after: string | null;
  readonly limit: number;
  readonly visitsMax: number;
};

export type AttendancePage = {
  readonly users: readonly Attendance[];
  /** The last id that was looked at, where there are more. */
  readonly next: string | null;
};

type Draft = { readonly user: User; readonly visits: MutableVisit[] };
type MutableVisit = { -readonly [Key in keyof Visit]: Visit[Key] };

/**
 * The attendance of one page of users.
 *
 * @param parts the log, from the newest part back
 */
export function attendanceOf(
  present: Iterable<Entry>,
  parts: Iterable<LogPart>,
  span: AttendanceSpan,
  slice: AttendanceSlice,
): AttendancePage {
  const drafts = new Drafts(slice);
  for (const entry of present) drafts.addPresent(entry);
  for (const { records } of parts) {
    for (const record of records.toReversed()) if (record.at >= span.from) drafts.add(record);
    if ((records[0]?.at ?? span.from) < span.from) break;
  }
  const { kept, next } = drafts.end();
  const users = kept.flatMap((draft) => countedIn(span, draft) ?? []);
  return { users, next };
}

/** What is known so far, from the present back. What is outside the page is forgotten as it goes. */
class Drafts {
  readonly #slice: AttendanceSlice;
  readonly #users = new Map<string, Draft>();
  #visits = 0;
  /** No user behind this one is in the page. */
  #last: string | null = null;

  constructor(slice: AttendanceSlice) {
    this.#slice = slice;
  }

  /** To be called in the order of the joins: the newest presence shows the user. */
  addPresent({ presence: { user }, memberSince }: Entry): void {
    if (!user) return;
    const known = this.#users.get(user.id);
    const visit = known?.visits[0];
    if (visit) this.#users.set(user.id, { user, visits: [visit] });
    else this.#addVisit(user, { from: memberSince, to: null, reason: null });
  }

  add({ user, kind, isMemberEvent, memberSince, at, reason }: LogRecord): void {
    if (!user) return;
    if (kind === "left" && isMemberEvent) {
      // A clock may have been set back.
      this.#addVisit(user, { from: Math.min(memberSince, at), to: at, reason: reason ?? null });
      return;
    }
    // Presences of a user that took turns have each their own beginning.
    const visit = this.#users.get(user.id)?.visits.at(-1);
    if (visit) visit.from = Math.min(visit.from, memberSince);
  }

  end(): { readonly kept: readonly Draft[]; readonly next: string | null } {
    this.#cut();
    const kept = this.#sorted().map(([, draft]) => draft);
    return { kept, next: this.#last };
  }

  #addVisit(user: User, visit: MutableVisit): void {
    const { after, limit, visitsMax } = this.#slice;
    const { id } = user;
    if ((after !== null && id <= after) || (this.#last !== null && id > this.#last)) return;
    const known = this.#users.get(id);
    if (known) known.visits.push(visit);
    else this.#users.set(id, { user, visits: [visit] });
    this.#visits += 1;
    // Not at each one, for that would sort for each.
    if (this.#users.size >= limit * 2 || this.#visits >= visitsMax * 2) this.#cut();
  }

  /** Forgets the users that are too many, or have too many visits together. The first one stays. */
  #cut(): void {
    const { limit, visitsMax } = this.#slice;
    const sorted = this.#sorted();
    let visits = 0;
    let kept = 0;
    for (const [, draft] of sorted) {
      const sum = visits + draft.visits.length;
      if (kept === limit || (kept > 0 && sum > visitsMax)) break;
      visits = sum;
      kept += 1;
    }
    this.#visits = visits;
    if (kept === sorted.length) return;
    for (const [id] of sorted.slice(kept)) this.#users.delete(id);
    this.#last = sorted[kept - 1]?.[0] ?? this.#last;
  }

  #sorted(): [string, Draft][] {
    return [...this.#users].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }
}

/** Nothing where no visit touches the time that was asked for. */
function countedIn({ from, to, now }: AttendanceSpan, { user, visits }: Draft): Attendance | null {
  const touching = visits
    .filter((visit) => visit.from <= to && (visit.to ?? now) >= from)
    .toReversed();
  if (touching.length === 0) return null;
  const lengths = touching.map(
    (visit) => Math.min(visit.to ?? now, to) - Math.max(visit.from, from),
  );
  const presentMs = lengths.reduce((sum, length) => sum + Math.max(0, length), 0);
  return { user, presentMs, visits: touching };
}
