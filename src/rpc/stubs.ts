/**
 * What the objects may be asked. Written by hand: the types that the platform derives from a class
 * do not terminate on JSON, which contains itself.
 */

import type {
  Attendance,
  ListedRoom,
  PastOccupants,
  RoomStats,
  Whereabouts,
} from "../core/http-shapes.ts";
import type { Given } from "../core/given-presence.ts";
import type { Json } from "../core/json.ts";
import type { LeaveReason, ListedPresence, User } from "../core/presence.ts";
import type { Frame } from "../core/outbox.ts";
import type { DetachedOwner, ElsewhereOwner } from "../core/owner.ts";
import type { View } from "../core/protocol.ts";
import type { RoomEvent, RoomEventType } from "../core/room-events.ts";
import type { ErrorFrame, PresenceFrame } from "../core/server-frames.ts";

export type { ListedRoom, RoomStats, Whereabouts } from "../core/http-shapes.ts";

/** What the class behind a stub must look like. */
export type Behind<Stub> = {
  [Name in keyof Stub]: Stub[Name] extends (...args: infer Args) => Promise<infer Result>
    ? (...args: Args) => Result | Promise<Result>
    : never;
};

/** What became of an addition: the presence, and whether it was not there before. */
export type Added = { readonly isNew: boolean; readonly presence: ListedPresence };

/** How far a list got: `after` is where the next page begins, `null` where there is none. */
export type PresencePage = {
  readonly presences: readonly ListedPresence[];
  readonly after: string | null;
};

/** Which events of a room. Times are in milliseconds since the epoch, and are included. */
export type EventQuery = {
  /** The revision behind which they begin. */
  readonly after: string | null;
  readonly from: number | null;
  readonly to: number | null;
  readonly user: string | null;
  readonly types: readonly RoomEventType[];
  readonly limit: number;
  /** Where the page before ended. */
  readonly place: EventPlace | null;
};

/** A place between two pages of events, and whether everything before it was known. */
export type EventPlace = { readonly rev: string; readonly complete: boolean };

export type EventAnswer = {
  readonly events: readonly RoomEvent[];
  /** The room's revision now. */
  readonly rev: string;
  readonly complete: boolean;
  /** Where the next page begins; `null` where there is none. */
  readonly next: string | null;
};

/** Whose attendance. Times are in milliseconds since the epoch, and are included. */
export type AttendanceQuery = {
  readonly from: number | null;
  readonly to: number | null;
  readonly limit: number;
  /** The user behind whom the page begins. */
  readonly after: string | null;
};

export type AttendanceAnswer = {
  readonly users: readonly Attendance[];
  readonly complete: boolean;
  /** The user behind whom the next page begins; `null` where there is none. */
  readonly next: string | null;
};

/** One channel in one room, with the ttl that it was given there. */
export type Sighting = {
  readonly user: User | null;
  readonly lastSeen: number;
  readonly ttlMs?: number;
};

/**
 * Frames of one room for channels that have their sockets in another, in the order in which they
 * are to go out.
 */
export type DeliveryItem = { readonly channels: string[]; readonly frames: readonly Frame[] };

export type Delivery = {
  /** The room that sends. */
  readonly from: string;
  readonly items: readonly DeliveryItem[];
  /**
   * Channels that are not in that room any more, with the generation of the link that is to be
   * removed.
   */
  readonly gone: readonly { readonly channel: string; readonly generation: number }[];
};

/**
 * What became of a delivery: channels that have no presence there, and such as need a snapshot for
 * what they did not get.
 */
export type DeliveryAck = { readonly unknown: readonly string[]; readonly away: readonly string[] };

/** What of a room's log its receiver of webhooks gets once more: all where neither is given. */
export type Replay = {
  /** A revision: everything behind it. */
  readonly after?: string | undefined;
  /** Milliseconds since the epoch: everything from then on. */
  readonly from?: number | undefined;
};

export interface RoomStub {
  fetch(request: Request): Promise<Response>;
  /** Who is here, by name. */
  occupants(): Promise<PresenceFrame["payload"]>;
  /**
   * `owner` is `null` where the channel's socket is in this very room; so is the answer if it is
   * not any more. Without `given` the presence keeps its state and its ttl.
   */
  add(
    channel: string,
    user: User | null,
    owner: ElsewhereOwner | null,
    given?: Given,
  ): Promise<Added | ErrorFrame | null>;
  /** The generation of the link to remove at the Channel object, where the channel has one. */
  remove(channel: string): Promise<number | null>;
  page(after: string | null, limit: number): Promise<PresencePage>;
  look(channel: string): Promise<Sighting | null>;
  stats(): Promise<RoomStats>;
  events(query: EventQuery): Promise<EventAnswer | ErrorFrame>;
  /** Who was here at a moment, in milliseconds since the epoch. */
  at(moment: number): Promise<PastOccupants>;
  attendance(query: AttendanceQuery): Promise<AttendanceAnswer>;
  /** How many events are sent once more. */
  replayWebhooks(replay: Replay): Promise<number | ErrorFrame>;
  /** To how many connections the message goes. */
  send(payload: Json): Promise<number | ErrorFrame>;
  prune(ageMs?: number): Promise<readonly ListedPresence[]>;
  /** The same, for who wants their number only. */
  pruneCount(ageMs?: number): Promise<number>;
  /** Makes an empty room erase itself now, and the lobby know the truth. Whether it was empty. */
  vacate(): Promise<boolean>;

  // As the owner of a channel whose socket is here; `null`: it is not here.
  /** Refuses where the channel must not have a socket. */
  link(
    channel: string,
    room: string,
    mustBeDetached?: boolean,
  ): Promise<ElsewhereOwner | ErrorFrame | null>;
  where(channel: string): Promise<Whereabouts | null>;
  touch(channel: string): Promise<readonly string[] | null>;
  leaveAll(channel: string): Promise<readonly string[] | null>;
  /** Last signs of life of channels, in their order. */
  seen(channels: readonly string[]): Promise<readonly (number | null)[]>;
  deliver(delivery: Delivery): Promise<DeliveryAck>;

  // As a further room of a channel that is owned elsewhere.
  drop(channel: string, reason: LeaveReason, generation: number): Promise<void>;
  /** A sign of life in this room alone. Whether the channel is here. */
  touchHere(channel: string): Promise<boolean>;
  /** The channel's socket must get a snapshot, in this view. `renewed` is its user where the info is another one. */
  resync(channel: string, view: View, renewed?: User): Promise<void>;
}

export interface ChannelStub {
  link(room: string): Promise<DetachedOwner | ErrorFrame>;
  isLinked(room: string, generation: number): Promise<boolean>;
  unlink(room: string, generation: number): Promise<void>;
  where(): Promise<Whereabouts | null>;
  touch(): Promise<readonly string[]>;
  leaveAll(): Promise<readonly string[]>;
}

/** What to do in each of many rooms; only in those that a token names, where there is a token. */
export type Sweep = {
  readonly task: "presences" | "rooms";
  readonly ageMs?: number;
  readonly rooms?: readonly string[];
};

/** What a sweep did; `after` is the last room that it visited, `null` where it has visited all. */
export type Swept = {
  readonly rooms: number;
  readonly pruned: number;
  /** Rooms that could not be reached, or failed. */
  readonly failed: number;
  readonly after: string | null;
};

export interface LobbyStub {
  fill(room: string): Promise<void>;
  empty(room: string): Promise<void>;
  page(options: RoomQuery): Promise<readonly ListedRoom[]>;
  sweep(sweep: Sweep, after: string | null): Promise<Swept>;
  /** Begins to prune rooms, a page at each alarm. */
  startPruning(): Promise<void>;
}

export type RoomQuery = {
  readonly prefix: string;
  readonly after: string | null;
  readonly limit: number;
  /** Only rooms that one of these patterns names, as in a token. */
  readonly rooms?: readonly string[];
};
