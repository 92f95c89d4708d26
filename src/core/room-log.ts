/**
 * The log of a room: its comings and goings, numbered. A record is what one presence did; the events
 * that servers are told are made of records when somebody asks. Pure: the room stores the records.
 */

import type { LeaveReason, User } from "./presence.ts";
import { EVENT_TYPES, type RoomEvent, type RoomEventType } from "./room-events.ts";

/** What one presence did: it came, it left, or its user shows other info. */
export type Movement = {
  readonly kind: "joined" | "left" | "changed";
  readonly channel: string;
  /** As it came; as it was until then, where the presence left or its user changed. */
  readonly user: User | null;
  readonly joinedAt: number;
  /** When the first of its user's presences came; the presence itself, where it is anonymous. */
  readonly memberSince: number;
  /** Orders members by their first joins. */
  readonly rank: number;
  /** Why it left. */
  readonly reason?: LeaveReason;
};

/** A movement that is stored. */
export type LogRecord = Movement & {
  /** When it was stored, in milliseconds since the epoch. */
  readonly at: number;
  /** The first presence of its user came, or the last one left. */
  readonly isMemberEvent?: true;
  /** The room filled, or emptied. */
  readonly isRoomEvent?: true;
};

/** A place in the log: after `n` events, and what the room was then. */
export type LogPosition = {
  readonly n: number;
  readonly at: number;
  readonly members: number;
  readonly lurkers: number;
  readonly presences: number;
  /** The number of the last event of each type, in the order of `EVENT_TYPES`; 0 for none. */
  readonly last: readonly number[];
};

/** A part of the log: records that follow each other, and the place where they begin. */
export type LogPart = { readonly start: LogPosition; readonly records: readonly LogRecord[] };

export const LOG_BEGINNING: LogPosition = {
  n: 0,
  at: 0,
  members: 0,
  lurkers: 0,
  presences: 0,
  last: EVENT_TYPES.map(() => 0),
};

/** The least that must be known of the presences: how many there are, altogether and of one user. */
export type PresenceCounts = { readonly size: number; presencesOf(id: string | null): number };

/**
 * The records of movements that are stored at once. What came and went in between is in none of them,
 * and a user whose presences took turns neither came nor went.
 *
 * @param after the presences after the movements
 */
export function recordsOf(
  movements: readonly Movement[],
  after: PresenceCounts,
  at: number,
): readonly LogRecord[] {
  const net = netOf(movements);
  const room = { first: undefined, last: undefined, change: 0 };
  const users = new Map<string, Turnover>();
  for (const movement of net) {
    note(room, movement);
    const id = movement.user?.id;
    if (id === undefined) continue;
    const user = users.get(id) ?? { first: undefined, last: undefined, change: 0 };
    users.set(id, user);
    note(user, movement);
  }
  const records: LogRecord[] = [];
  for (const movement of net) {
    const id = movement.user?.id;
    const user = id === undefined ? undefined : users.get(id);
    const isMemberEvent = user && isEdge(user, movement, after.presencesOf(id ?? null));
    const isRoomEvent = isEdge(room, movement, after.size);
    records.push({
      ...movement,
      at,
      ...(isMemberEvent && { isMemberEvent }),
      ...(isRoomEvent && { isRoomEvent }),
    });
  }
  return records;
}

/** The number of the last event that a record is, and the room after it. */
export function positionAfter(before: LogPosition, record: LogRecord): LogPosition {
  const { kind, at, user } = record;
  if (kind === "changed") return { ...before, n: before.n + 1, at };
  const change = kind === "joined" ? 1 : -1;
  const types = typesOf(record);
  const last = [...before.last];
  for (const [index, type] of types.entries()) last[indexOf(type)] = before.n + index + 1;
  return {
    n: before.n + types.length,
    at,
    members: before.members + (record.isMemberEvent ? change : 0),
    lurkers: before.lurkers + (user === null ? change : 0),
    presences: before.presences + change,
    last,
  };
}

/** A record, between the place before it and the one behind it. */
export type PlacedRecord = {
  readonly record: LogRecord;
  readonly before: LogPosition;
  readonly after: LogPosition;
};

/** The records of parts that follow each other, with their places. A part is read when it is needed. */
export function* placed(parts: Iterable<LogPart>): Generator<PlacedRecord, void> {
  for (const { start, records } of parts) {
    let before = start;
    for (const record of records) {
      const after = positionAfter(before, record);
      yield { record, before, after };
      before = after;
    }
  }
}

/** Which life of which room a log is of. An erased room begins another life, with other revisions. */
export type LogIdentity = { readonly room: string; readonly life: string };

export type Selection = ReadonlySet<RoomEventType>;

/** An event with its place in the log of its room, which counts from 1 on. */
export type NumberedEvent = { readonly number: number; readonly event: RoomEvent };

/** The events of a record, those of the wanted types; each names the one before it among these. */
export function eventsOf(
  { room, life }: LogIdentity,
  { record, before, after }: PlacedRecord,
  wanted: Selection,
): NumberedEvent[] {
  const { members, lurkers, presences } = after;
  let previous = Math.max(0, ...Array.from(wanted, (type) => before.last[indexOf(type)] ?? 0));
  const events: NumberedEvent[] = [];
  for (const [index, type] of typesOf(record).entries()) {
    if (!wanted.has(type)) continue;
    const number = before.n + index + 1;
    const rev = revOf(life, number);
    const prev = previous === 0 ? null : revOf(life, previous);
    previous = number;
    const when = { id: rev, rev, prev, at: record.at, type, room };
    const what = { ...detailsOf(type, record), members, lurkers, presences };
    events.push({ number, event: { ...when, ...what } });
  }
  return events;
}

/** What happened to one presence, or to its member, or to the room as a whole. */
function detailsOf(
  type: RoomEventType,
  { kind, user, channel, at, reason, ...times }: LogRecord,
): Pick<RoomEvent, "user" | "channel" | "reason" | "joinedAt" | "presentMs"> {
  if (type === "room.occupied" || type === "room.vacated") return { user: null, channel: null };
  const isMember = type === "member.joined" || type === "member.left";
  const joinedAt = isMember ? times.memberSince : times.joinedAt;
  if (kind === "joined") return { user, channel, joinedAt };
  const presentMs = Math.max(0, at - joinedAt);
  return { user, channel, ...(reason && { reason }), joinedAt, presentMs };
}

/** From the widest to the narrowest where something came, and back where it went. */
function typesOf({ kind, isMemberEvent, isRoomEvent }: LogRecord): RoomEventType[] {
  if (kind === "changed") return [];
  const types: RoomEventType[] = [];
  if (kind === "joined") {
    if (isRoomEvent) types.push("room.occupied");
    if (isMemberEvent) types.push("member.joined");
    types.push("presence.joined");
    return types;
  }
  types.push("presence.left");
  if (isMemberEvent) types.push("member.left");
  if (isRoomEvent) types.push("room.vacated");
  return types;
}

function indexOf(type: RoomEventType): number {
  return EVENT_TYPES.indexOf(type);
}

export function revOf(life: string, n: number): string {
  return `${life}:${n}`;
}

/** What a revision names; `null` for a text that is none. */
export function decodeRev(rev: string): { readonly life: string; readonly n: number } | null {
  const { 1: life, 2: n } = /^([\w-]{1,32}):(\d{1,15})$/.exec(rev) ?? [];
  return life === undefined || n === undefined ? null : { life, n: Number(n) };
}

/** What some movements come to: the first that came, the last that left, and the change in number. */
type Turnover = { first: Movement | undefined; last: Movement | undefined; change: number };

function note(turnover: Turnover, movement: Movement): void {
  if (movement.kind === "joined") {
    turnover.first ??= movement;
    turnover.change += 1;
  } else if (movement.kind === "left") {
    turnover.last = movement;
    turnover.change -= 1;
  }
}

/** Whether a movement ended an absence, or began one. */
function isEdge({ first, last, change }: Turnover, movement: Movement, after: number): boolean {
  const before = after - change;
  if (before === 0 && after > 0) return movement === first;
  return before > 0 && after === 0 && movement === last;
}

/** Without what came and went in between. */
function netOf(movements: readonly Movement[]): readonly Movement[] {
  const net = new Set<Movement>();
  const joined = new Map<string, Movement>();
  const left = new Map<string, Movement>();
  for (const movement of movements) {
    const { kind, channel, reason } = movement;
    const arrival = joined.get(channel);
    if (kind === "joined") joined.set(channel, movement);
    if (!arrival) {
      net.add(movement);
      if (kind === "left") left.set(channel, movement);
    } else if (kind === "left") {
      net.delete(arrival);
      joined.delete(channel);
      // Of a presence that was replaced and then left, the log has that it left.
      const replaced = left.get(channel);
      if (replaced?.reason !== "replaced" || reason === undefined) continue;
      net.delete(replaced);
      net.add({ ...replaced, reason });
    }
  }
  return [...net];
}
