/** Whether somebody is at a connection, as its client tells it: the words, and what a presence shows of them. Pure. */

import type { Presence } from "./presence.ts";

export const STATUSES = ["active", "away"] as const;
export type PresenceStatus = (typeof STATUSES)[number];

/** What a client told last, and when it last told `active`, in milliseconds since the epoch. */
export type ToldStatus = { readonly status: PresenceStatus; readonly activeAt: number };

/** A change of one presence's status, as the wire tells it. */
export type StatusChange = ToldStatus & { readonly channel: string };

/** The presence as servers are told of it: a status is for those who are in the room. */
export function withoutStatus<P extends Presence>(presence: P) {
  const { status: _, activeAt: __, ...rest } = presence;
  return rest;
}

/** The presence with another status. It shows `away` alone: of `active` and of none, nothing. */
export function withStatus<P extends Presence>(presence: P, told: ToldStatus | undefined): P {
  const rest = withoutStatus(presence);
  // SAFETY: the keys that are left out are optional ones, and come back with values of their types.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (told?.status === "away" ? { ...rest, ...told } : rest) as P;
}
