/**
 * What a server says of a presence: it may leave out anything, and what it leaves out stays as it is. State and
 * ttl are for channels without a socket; whoever has one says its own state, and is kept by its heartbeats.
 */

import { type Diff, DiffGatherer } from "./diff.ts";
import type { Json } from "./json.ts";
import { TTL_SECONDS_MAX, TTL_SECONDS_MIN } from "./limits.ts";
import type { ElsewhereOwner } from "./owner.ts";
import type { User } from "./presence.ts";
import type { PresenceSet } from "./presence-set.ts";
import {
  checkFlaws,
  checkIntegers,
  checkStateSize,
  formatCount,
  ProtocolError,
} from "./protocol.ts";

/** A state and a ttl, as they go to a room. */
export type Given = {
  /** `null` removes it. */
  readonly state?: Json;
  readonly ttlMs?: number;
  /** The user was left out; a new presence is anonymous. */
  readonly keepsUser?: true;
};

/** One presence that a server sets. */
export type GivenPresence = {
  readonly channel: string;
  readonly user: User | null;
  readonly given: Given;
};

/** Said of a ttl that is none. */
export const TTL = `ttl must be a whole number of seconds from ${TTL_SECONDS_MIN} to ${formatCount(TTL_SECONDS_MAX)}`;

/** Whether it is only for channels without a socket. */
export function needsDetached({ state, ttlMs }: Given): boolean {
  return state !== undefined || ttlMs !== undefined;
}

/** The refusal of a state or a ttl for a channel that has a socket. */
export function hasSocket(): ProtocolError {
  return new ProtocolError(
    "has_socket",
    "the channel has a socket: its client sets its state, and its heartbeats keep it; leave state and ttl out, or add a channel of another name",
  );
}

/**
 * The state that a server names, as everyone will see it; `max` is in bytes. Throws a ProtocolError: `bad_frame`,
 * as for what a client sends, or `state_too_large`.
 */
export function decodeState(state: unknown, max: number): Json {
  // First: what is nested too deeply exhausts the stack when it is made a text.
  checkFlaws(state, "state");
  const text = textOf(state);
  checkIntegers(text, "state");
  const known: Json = JSON.parse(text);
  checkStateSize(known, max);
  return known;
}

/** A ttl in milliseconds. Throws a RangeError where it is none. */
export function ttlMsOf(seconds: number): number {
  if (isTtl(seconds)) return seconds * 1_000;
  throw new RangeError(`${TTL}; it is ${String(seconds)}`);
}

export function isTtl(seconds: number): boolean {
  return Number.isInteger(seconds) && seconds >= TTL_SECONDS_MIN && seconds <= TTL_SECONDS_MAX;
}

/** The presence is as a server says; it comes into the room where it is not there yet. Returns as whom, too. */
export function setPresence(
  set: PresenceSet,
  { channel, user, given }: GivenPresence,
  { now, owner }: { now: number; owner: ElsewhereOwner | undefined },
): { readonly user: User | null; readonly diff: Diff } {
  const old = set.get(channel);
  const changes = new DiffGatherer();
  const known = given.keepsUser ? (old?.presence.user ?? null) : user;
  changes.add(set.join(channel, known, now, owner));
  // Another user leaves the state as it is, too, where it was a server that set it.
  const kept = old?.owner.kind === "detached" ? old.presence.state : undefined;
  const state = given.state === undefined ? kept : given.state;
  if (state !== undefined) changes.add(set.update(channel, state));
  if (given.ttlMs !== undefined) set.setTtl(channel, given.ttlMs);
  return { user: known, diff: changes.take() };
}

/** What everyone would see of it: a date as text, say. Throws where it is nothing of the kind. */
function textOf(state: unknown): string {
  try {
    const text: string | undefined = JSON.stringify(state);
    if (text !== undefined) return text;
  } catch {
    // It contains itself, say.
  }
  throw new ProtocolError("bad_frame", "state is not JSON; it must be null or any other JSON");
}
