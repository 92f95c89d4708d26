/**
 * What a page can know of a room at one moment. Immutable: a change makes a new view that shares
 * what stayed.
 */

import type { Json, JsonObject } from "../core/json.ts";
import type { LeaveReason } from "../core/presence.ts";
import type { ClosingCode } from "../core/close-codes.ts";
import type { FrameErrorCode } from "../core/error-codes.ts";
import type { PresenceStatus } from "../core/status.ts";

/** A user as everyone in the room sees them: the id and the `info` of their token. */
export type RoomUser<Info = JsonObject> = { readonly id: string } & Readonly<Info>;

/** One tab, or one other connection, of a user. */
export type RoomPresence<State = Json, Info = JsonObject> = {
  /** The name of the connection, unique in the room. */
  readonly channel: string;
  readonly user: RoomUser<Info>;
  /** Milliseconds since the epoch, by the server's clock. */
  readonly joinedAt: number;
  /** The state that it last set; missing where it set none. */
  readonly state?: State;
  /** Nobody is at it. Missing where somebody is, and where it never told. */
  readonly status?: "away";
  /**
   * When it last told that somebody was at it, in milliseconds since the epoch by the server's clock; within four
   * minutes. Only beside `status`.
   */
  readonly activeAt?: number;
};

/** A user with at least one presence in the room, however many tabs they have open. */
export type Member<State = Json, Info = JsonObject> = {
  readonly id: string;
  /** The user as the newest presence has it. */
  readonly user: RoomUser<Info>;
  /**
   * When the user came, as far as this client knows, in milliseconds since the epoch by the
   * server's clock.
   */
  readonly joinedAt: number;
  /** The user's tabs, each with its newest state, in the order in which they came. Never empty. */
  readonly presences: readonly RoomPresence<State, Info>[];
  /** The state of the newest tab that has one. */
  readonly state: State | undefined;
  /** `away` where every tab is. */
  readonly status: PresenceStatus;
  /** The newest `activeAt` of the tabs of a member who is away; `undefined` otherwise. */
  readonly activeAt: number | undefined;
};

/** This client, as the server welcomed it. */
export type Self<State = Json, Info = JsonObject> = {
  /** `null` for a watcher, who has no presence. */
  readonly channel: string | null;
  /** `null` without a token. */
  readonly user: RoomUser<Info> | null;
  /** The state that was last set, whether the room has it yet or not. */
  readonly state: State | undefined;
  /** The status of this tab, whether the room has it yet or not; `undefined` where none is told. */
  readonly status: PresenceStatus | undefined;
};

/**
 * `connecting` for the first time; `here`; `reconnecting` after the connection was lost or refused
 * for now; `closed` after `leave()` or a final refusal. After a refusal `reconnect()` tries again.
 */
export type Status = "connecting" | "here" | "reconnecting" | "closed";

/**
 * Codes of this client's own.
 *
 * - `left`: `leave()` was called.
 * - `lost`: the connection broke, or could not be made.
 * - `silent`: the connection was open, and nothing came for 10 s.
 * - `token_failed`: the token function threw, or took longer than 20 s.
 * - `not_sent`: `send` could neither send the message nor queue it.
 * - `bad_welcome` to `bad_error`: a frame of the server could not be read.
 */
export type ClientErrorCode =
  | "left"
  | "lost"
  | "silent"
  | "token_failed"
  | "not_sent"
  | `bad_${"welcome" | "sync" | "diff" | "count" | "messages" | "error"}`;

/**
 * Why something did not work: `code` for programs, `message` a sentence for people. The code is one
 * of this client's own, or one that the server sent: a `ClosingCode` where it ended the connection,
 * a `FrameErrorCode` where it refused one frame. A newer server may send codes that are not listed
 * here.
 */
export type Reason = {
  readonly code: ClientErrorCode | ClosingCode | FrameErrorCode | (string & {});
  readonly message: string;
  /** How many frames the server dropped, where `code` is `throttled`. */
  readonly frames?: number;
};

export type RoomView<State = Json, Info = JsonObject> = {
  readonly room: string;
  readonly status: Status;
  /** Why it is not `here`: `null` while it is, and as long as nothing has gone wrong. */
  readonly reason: Reason | null;
  /** There is no connection: the rest is what was last known, and may have changed since. */
  readonly stale: boolean;
  /**
   * When the last frame came, in milliseconds since the epoch by this machine's clock; `null`
   * unless stale.
   */
  readonly staleSince: number | null;
  /** Grouped by user, in the order of their first joins. Empty where `namesHidden`. */
  readonly members: readonly Member<State, Info>[];
  /** `null` until the server has welcomed this client. */
  readonly self: Self<State, Info> | null;
  /** Anonymous presences: they are counted and not named. */
  readonly lurkers: number;
  /** How many members there are. Holds where `namesHidden`, too. */
  readonly count: number;
  /** The room is so large that the server sends numbers only. */
  readonly namesHidden: boolean;
};

/** The events of a client, by name. */
export type RoomEvents<State = Json, Info = JsonObject> = {
  /**
   * A whole list came, and is in the view: on connecting, and when names are hidden or shown again.
   */
  sync: RoomView<State, Info>;
  /** Somebody came who had no tab here before. */
  join: Member<State, Info>;
  /** Somebody's last tab is gone. A newer server may send more reasons. */
  leave: { readonly member: Member<State, Info>; readonly reason: LeaveReason | (string & {}) };
  /** Somebody opened or closed a further tab, set a state, has other info, or is away or back. */
  update: { readonly member: Member<State, Info>; readonly previous: Member<State, Info> };
  /**
   * Somebody sent a message to the room, possibly this client. `from` is `null` where a server sent
   * it.
   */
  message: RoomMessage<Info>;
  status: { readonly status: Status; readonly reason: Reason | null };
  /** Something was refused or failed. If it ended the connection, `status` tells that as well. */
  error: Reason;
};

export type RoomMessage<Info = JsonObject> = {
  readonly from: { readonly channel: string; readonly user: RoomUser<Info> | null } | null;
  readonly payload: Json;
};
