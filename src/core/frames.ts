/** What a room says: the frames of a set and of its changes. Pure; the room decides who gets them. */

import type { Diff } from "./diff.ts";
import { HEARTBEAT_SECONDS, HEARTBEATS_PER_MAX_AGE } from "./limits.ts";
import type { Presence } from "./presence.ts";
import type { PresenceSet } from "./presence-set.ts";
import type {
  CountFrame,
  DiffFrame,
  NamedPresence,
  PresenceFrame,
  SyncFrame,
  WelcomeFrame,
} from "./server-frames.ts";

/** The whole list, as django-channels-presence says it. */
export function listFrame(room: string, set: PresenceSet): PresenceFrame {
  const { lurkers } = set;
  return { type: "presence", payload: { channel_name: room, members: set.members(), lurkers } };
}

/** The same without names, for a room that has too many of them. */
export function countedListFrame(room: string, set: PresenceSet): PresenceFrame {
  const { lurkers, memberCount: count } = set;
  return { type: "presence", payload: { channel_name: room, members: [], lurkers, count } };
}

/** The first frame of view `diff`; a watcher has neither channel nor secret. */
export function welcomeFrame(
  room: string,
  { maxAgeMs, frameRate }: { readonly maxAgeMs: number; readonly frameRate: number },
  you: Pick<WelcomeFrame, "user" | "channel" | "resume" | "rev">,
): WelcomeFrame {
  const seconds = maxAgeMs / 1_000 / HEARTBEATS_PER_MAX_AGE;
  const heartbeat = Math.min(HEARTBEAT_SECONDS, Math.round(seconds * 10) / 10);
  const { rev, ...identity } = you;
  return { type: "welcome", room, ...identity, heartbeat, frameRate, ...revised(rev) };
}

export function countFrame(room: string, set: PresenceSet): CountFrame {
  const { memberCount: members, size: presences, lurkers } = set;
  return { type: "count", room, members, presences, lurkers };
}

/** `rev` is left out where the room keeps no log. */
export function syncFrame(room: string, set: PresenceSet, rev?: string): SyncFrame {
  const presences: NamedPresence[] = [];
  for (const { presence } of set.entries()) if (isNamed(presence)) presences.push(presence);
  return { type: "sync", room, presences, lurkers: set.lurkers, ...revised(rev) };
}

/**
 * One frame, or two where a channel was given another user: then the leave goes ahead in a frame of its
 * own, so that no channel is in two lists of one frame.
 */
export function diffFrames(room: string, set: PresenceSet, diff: Diff, rev?: string): DiffFrame[] {
  const joins = diff.joins.filter(isNamed);
  const newInfo = new Set(diff.newInfo);
  const updates = diff.updates.filter(isNamed).map(({ channel, state = null, user }) =>
    // With its state, since clients of the first version ask for one.
    user && newInfo.has(channel) ? { channel, state, user } : { channel, state },
  );
  const leaves = diff.leaves.filter(isNamed).map(({ channel, reason }) => ({ channel, reason }));
  const { lurkers } = set;
  const first = { type: "diff", room } as const;
  const last = { lurkers, ...revised(rev) };
  const told = diff.statuses?.length ? { statuses: diff.statuses } : {};
  const joined = new Set(joins.map(({ channel }) => channel));
  const replaced = leaves.filter(({ channel }) => joined.has(channel));
  if (replaced.length === 0) return [{ ...first, joins, updates, leaves, ...told, ...last }];
  return [
    { ...first, joins: [], updates, leaves, ...told, ...last },
    { ...first, joins, updates: [], leaves: [], ...last },
  ];
}

/** A key that is left out where it has no value. */
function revised(rev: string | undefined): { readonly rev?: string } {
  return rev === undefined ? {} : { rev };
}

function isNamed<P extends Presence>(presence: P): presence is P & NamedPresence {
  return presence.user !== null;
}
