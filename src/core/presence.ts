/** The words of the domain: who (user), which connection (channel), and one being in a room (presence). */

import * as v from "valibot";
import type { Json } from "./json.ts";

/** A person: `id` from the token's `sub`, the other keys from its `info`. Everyone in the room sees both. */
export type User = { readonly id: string; readonly [info: string]: Json };

// SAFETY: claims were checked when the user was made of them. This tells a value of ours, which went through
// a header or an attachment, from none; it reads nothing that a stranger sent.
export const KnownUser = v.custom<User>((value) => typeof value === "object" && value !== null);

/** One channel being in one room. Never changed in place: a change makes a new one, so a diff may keep it. */
export type Presence = {
  /** The name of the connection, unique in the room. */
  readonly channel: string;
  /** `null` for an anonymous one, a lurker. */
  readonly user: User | null;
  /** Milliseconds since the epoch. */
  readonly joinedAt: number;
  /** What the presence says of itself: typing, a cursor. Left out where there is none. */
  readonly state?: Json;
};

/** A presence as a server sees it: in which room, and when it last gave a sign of life. */
export type ListedPresence = Presence & {
  readonly room: string;
  /** Milliseconds since the epoch. */
  readonly lastSeen: number;
};

/**
 * Why a presence left: it said goodbye, its connection was lost, it gave no sign of life for too long, a
 * server removed it, or its channel was given another user.
 */
export type LeaveReason = "left" | "lost" | "expired" | "removed" | "replaced";
