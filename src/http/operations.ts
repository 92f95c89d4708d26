/**
 * The calls of the HTTP API as data: where they are, what they need and what they answer. The app
 * registers its routes, their guards and their 405s by this table, and openapi.json is made from
 * it. A new call is an entry here and a handler in handlers.ts.
 */

import * as v from "valibot";
import {
  AttendanceList,
  EventList,
  Health,
  PastOccupants,
  PresenceList,
  PruneResult,
  PruneRoomsResult,
  ReplayResult,
  RoomList,
  RoomNames,
  RoomStats,
  SendResult,
  SweepResult,
  WebhookTest,
  Whereabouts,
} from "../core/http-shapes.ts";
import { AnyJson, flawOf } from "../core/json.ts";
import { TTL } from "../core/given-presence.ts";
import {
  HTTP_PAGE,
  JSON_DEPTH_MAX,
  NAME_BYTES_MAX,
  REVISION_LENGTH_MAX,
  ROOM_PAGE_MAX,
  TTL_SECONDS_MAX,
  TTL_SECONDS_MIN,
} from "../core/limits.ts";
import { ListedPresence, type User } from "../core/presence.ts";

// SAFETY: `RoomHandle.add` checks it, as it does for a caller in TypeScript. An object schema would
// lose a key that is called `constructor`.
const GivenUser = v.pipe(
  v.custom<User | null>(() => true),
  v.check(
    (user) => flawOf(user, JSON_DEPTH_MAX) === null,
    `user has a number that is too large, or is nested deeper than ${JSON_DEPTH_MAX} levels`,
  ),
  v.description(
    "null, or a user: an object with an `id`; its other keys are what everyone may see",
  ),
);

// SAFETY: what is checked was parsed from JSON. `RoomHandle.add` checks the rest, as it does for a caller in TypeScript.
const GivenState = v.exactOptional(
  v.pipe(
    AnyJson,
    v.description(
      "any JSON of at most PRESENCE_STATE_MAX bytes, or null to remove it; as it is if left out",
    ),
  ),
);

const Ttl = v.exactOptional(
  v.pipe(
    v.number(TTL),
    v.integer(TTL),
    v.minValue(TTL_SECONDS_MIN, TTL),
    v.maxValue(TTL_SECONDS_MAX, TTL),
    v.description(
      "seconds that it stays after each PUT and touch, instead of PRESENCE_MAX_AGE; as it is if left out",
    ),
  ),
);

const Cursor = v.optional(
  v.pipe(v.string("cursor must be text"), v.description("the `cursor` of the page before")),
);

const LIMIT = `limit must be a whole number from 1 to ${ROOM_PAGE_MAX}`;
const Limit = v.optional(
  v.pipe(
    v.string(LIMIT),
    v.regex(/^\d{1,4}$/, LIMIT),
    v.transform(Number),
    v.minValue(1, LIMIT),
    v.maxValue(ROOM_PAGE_MAX, LIMIT),
  ),
  String(HTTP_PAGE),
);

/** In milliseconds since the epoch; fifteen digits last until the year 33658. */
function timeOf(name: string) {
  const message = `${name} must be a time in whole milliseconds since the epoch`;
  return v.optional(v.pipe(v.string(message), v.regex(/^\d{1,15}$/, message), v.transform(Number)));
}

const span = { from: timeOf("from"), to: timeOf("to") };

const TYPES = "types must be event types with commas between, each of which may end in *";

const AGE = "age must be a number of seconds, 0 or more";
const Age = v.optional(
  v.pipe(
    v.number(AGE),
    v.finite(AGE),
    v.minValue(0, AGE),
    v.description("seconds since the last sign of life; PRESENCE_MAX_AGE if left out"),
  ),
);

const AFTER = "after must be the `rev` of an event";
const After = v.optional(
  v.pipe(v.string(AFTER), v.maxLength(REVISION_LENGTH_MAX, AFTER), v.description(AFTER)),
);

const FROM = "from must be a time in milliseconds since the epoch";
const From = v.optional(
  v.pipe(v.number(FROM), v.integer(FROM), v.minValue(0, FROM), v.description(FROM)),
);

/** What may be wrong with a call. */
export const FAILURES = {
  400: "a name, a cursor, a query or the body cannot be read, or the request is too large",
  401: "there is no valid token in `Authorization: Bearer`",
  403: "the token does not allow this",
  404: "there is no such thing",
  405: "not with this method",
  409: "it cannot be as things are: the channel has a socket, so it takes neither `state` nor `ttl`, or there is no receiver of webhooks",
  410: "what is asked for is of another life of the room, or older than what it keeps",
  413: "the body is too large",
  415: "the body is not JSON by its content type",
  426: "the address is a WebSocket's",
  422: "the body has the wrong shape; the message names the field",
  429: "too many requests from this address, or too much is waiting to be sent; try again in a moment",
  503: "tokens cannot be checked, the room is full, or it could not be reached; try again later",
} as const;

export const TAGS = ["rooms", "presences", "history", "channels", "all rooms", "service"] as const;

export type Operation = {
  readonly method: "get" | "put" | "post" | "delete";
  /** As Hono writes it. */
  readonly path: string;
  /** Under which head the document has it. */
  readonly tag: (typeof TAGS)[number];
  readonly summary: string;
  readonly description?: string;
  /**
   * Whether it wants a token that can `admin`; `watch` for one that is content with less, `null`
   * for none.
   */
  readonly needs: "admin" | "watch" | null;
  /** A parameter of the query that only a token that can `admin` may give. */
  readonly adminParameter?: string;
  /**
   * Whether the token must also be for the room that holds the channel's socket: it will hear the
   * other room.
   */
  readonly needsRoomOfChannel?: true;
  /** Whether the token must be for all rooms. */
  readonly needsAllRooms?: true;
  readonly query?: v.ObjectSchema<v.ObjectEntries, undefined>;
  readonly body?: v.GenericSchema;
  /** Whether it may be called without a body. */
  readonly isBodyOptional?: boolean;
  /** By status; `null` for an answer without a body. */
  readonly answers: Readonly<
    Record<number, { readonly text: string; readonly body: v.GenericSchema | null }>
  >;
  readonly failures: readonly (keyof typeof FAILURES)[];
};

/** Any segment, an empty one too: what is wrong with a name is said by the name's own check. */
export const ANY_SEGMENT = "{[^/]*}";
const ROOM = `/rooms/:name${ANY_SEGMENT}` as const;
const CHANNEL = `/channels/:channel${ANY_SEGMENT}` as const;

export const OPERATIONS = {
  listRooms: {
    method: "get",
    tag: "rooms",
    path: "/rooms",
    summary: "List occupied rooms",
    description: "In the order of their names. A token for some rooms sees only these.",
    needs: "admin",
    query: v.object({ prefix: v.optional(v.string(), ""), limit: Limit, cursor: Cursor }),
    answers: {
      200: {
        text: "Rooms, each with the time since when it is occupied",
        body: RoomList,
      },
    },
    failures: [400, 401, 403, 429, 503],
  },
  openSocket: {
    method: "get",
    tag: "rooms",
    path: `${ROOM}/ws`,
    summary: "Connect to a room by WebSocket",
    description:
      "Frames and close codes are described in the protocol. A refused connection is told why in an `error` frame.",
    needs: null,
    query: v.object({
      view: v.optional(v.string()),
      watch: v.optional(v.string()),
      token: v.optional(v.string()),
      channel: v.optional(v.string()),
      resume: v.optional(v.string()),
      welcome: v.optional(v.string()),
      since: v.optional(v.string()),
    }),
    answers: { 101: { text: "The connection is open", body: null } },
    failures: [426],
  },
  getRoom: {
    method: "get",
    tag: "rooms",
    path: ROOM,
    summary: "Who is in a room",
    description:
      "The payload of the `presence` frame, with all the names. Empty for a room nobody is in. With `at`, as it was then, with the revision that the room had; that wants a token that can `admin`.",
    needs: "watch",
    adminParameter: "at",
    query: v.object({ at: timeOf("at") }),
    answers: {
      200: {
        text: "Members in the order of their first joins, and the number of anonymous presences",
        body: v.partial(PastOccupants, ["rev", "complete"]),
      },
    },
    failures: [400, 401, 403, 404, 429, 503],
  },
  listEvents: {
    method: "get",
    tag: "history",
    path: `${ROOM}/events`,
    summary: "What happened in a room",
    description:
      "Comings and goings, oldest first. Where nothing limits the time, from the oldest that the room keeps on. After the last page, go on later with its `rev` as `after`.",
    needs: "admin",
    query: v.object({
      after: v.optional(v.string("after must be one revision")),
      ...span,
      user: v.optional(v.pipe(v.string("user must be one id"), v.minLength(1, "user is empty"))),
      types: v.optional(
        v.pipe(
          v.string(TYPES),
          v.transform((types) => types.split(",").map((type) => type.trim())),
        ),
      ),
      limit: Limit,
      cursor: Cursor,
    }),
    answers: { 200: { text: "Events, and the room's revision now", body: EventList } },
    failures: [400, 401, 403, 404, 410, 429, 503],
  },
  getAttendance: {
    method: "get",
    tag: "history",
    path: `${ROOM}/attendance`,
    summary: "Who was in a room, when, and for how long",
    description:
      "Users in the order of their ids, each with all visits that touch the time from `from` to `to`. A user's connections that overlap are one visit.",
    needs: "admin",
    query: v.object({ ...span, limit: Limit, cursor: Cursor }),
    answers: { 200: { text: "Users and their visits", body: AttendanceList } },
    failures: [400, 401, 403, 404, 429, 503],
  },
  getStats: {
    method: "get",
    tag: "rooms",
    path: `${ROOM}/stats`,
    summary: "What a room has counted",
    description:
      "Since `since`: counters begin anew when the last connection goes, and with a crash. Heartbeats are not counted, the runtime answers them.",
    needs: "admin",
    answers: {
      200: {
        text: "Counters, and what the room is now",
        body: RoomStats,
      },
    },
    failures: [400, 401, 403, 503],
  },
  listPresences: {
    method: "get",
    tag: "presences",
    path: `${ROOM}/presences`,
    summary: "List a room's presences",
    description: "Each connection by itself, in the order of their joins.",
    needs: "admin",
    query: v.object({ limit: Limit, cursor: Cursor }),
    answers: {
      200: {
        text: "Presences",
        body: PresenceList,
      },
    },
    failures: [400, 401, 403, 429, 503],
  },
  addPresence: {
    method: "put",
    tag: "presences",
    path: `${ROOM}/presences/:channel${ANY_SEGMENT}`,
    summary: "Add a channel to a room",
    description:
      "One that is there already is refreshed; keys that are left out stay as they are, and a new presence is anonymous without a `user`. A channel that has its socket in another room gets the frames of this room over it. `state` and `ttl` are for channels without a socket.",
    needs: "admin",
    needsRoomOfChannel: true,
    body: v.strictObject({ user: v.exactOptional(GivenUser), state: GivenState, ttl: Ttl }),
    isBodyOptional: true,
    answers: {
      200: { text: "It was there already: the presence", body: ListedPresence },
      201: { text: "It is there now: the presence", body: ListedPresence },
    },
    failures: [400, 401, 403, 409, 413, 415, 422, 429, 503],
  },
  removePresence: {
    method: "delete",
    tag: "presences",
    path: `${ROOM}/presences/:channel${ANY_SEGMENT}`,
    summary: "Remove a channel from a room",
    description: "Its socket is closed with 4003 if it is in this room.",
    needs: "admin",
    answers: { 204: { text: "It is not there, be it that it never was", body: null } },
    failures: [400, 401, 403, 429, 503],
  },
  sendMessage: {
    method: "post",
    tag: "rooms",
    path: `${ROOM}/messages`,
    summary: "Send a message to every connection in a room",
    description: "It comes `from` null. Not stored: who is not there does not get it.",
    needs: "admin",
    body: v.strictObject({
      payload: v.pipe(AnyJson, v.description("any JSON")),
    }),
    answers: {
      202: { text: "On its way", body: SendResult },
    },
    failures: [400, 401, 403, 413, 415, 422, 429, 503],
  },
  pruneRoom: {
    method: "post",
    tag: "presences",
    path: `${ROOM}/prune`,
    summary: "Remove silent presences from a room",
    needs: "admin",
    body: v.strictObject({ age: Age }),
    isBodyOptional: true,
    answers: {
      200: { text: "Those that were removed", body: PruneResult },
    },
    failures: [400, 401, 403, 413, 415, 422, 429, 503],
  },
  prunePresences: {
    method: "post",
    tag: "all rooms",
    path: "/prune/presences",
    summary: "Remove silent presences from all rooms",
    description:
      "Visits as many rooms as one request may; with a `cursor` in the answer there are more.",
    needs: "admin",
    body: v.strictObject({ age: Age, cursor: Cursor }),
    isBodyOptional: true,
    answers: {
      200: {
        text: "How many rooms were visited and how many presences removed",
        body: SweepResult,
      },
    },
    failures: [400, 401, 403, 413, 415, 422, 429, 503],
  },
  pruneRooms: {
    method: "post",
    tag: "all rooms",
    path: "/prune/rooms",
    summary: "Take rooms that are empty off the list",
    description: "Rooms do it by themselves; this puts right what a crash may have left.",
    needs: "admin",
    body: v.strictObject({ cursor: Cursor }),
    isBodyOptional: true,
    answers: {
      200: {
        text: "How many were taken off",
        body: PruneRoomsResult,
      },
    },
    failures: [400, 401, 403, 413, 415, 422, 429, 503],
  },
  getChannel: {
    method: "get",
    tag: "channels",
    path: CHANNEL,
    summary: "Where a channel is",
    needs: "admin",
    answers: {
      200: {
        text: "The rooms it is in",
        body: Whereabouts,
      },
    },
    failures: [400, 401, 403, 404, 429, 503],
  },
  touchChannel: {
    method: "post",
    tag: "channels",
    path: `${CHANNEL}/touch`,
    summary: "Keep a channel's presences fresh",
    needs: "admin",
    answers: {
      200: { text: "The rooms it is in", body: RoomNames },
    },
    failures: [400, 401, 403, 429, 503],
  },
  leaveAll: {
    method: "delete",
    tag: "channels",
    path: CHANNEL,
    summary: "Take a channel out of all its rooms",
    description: "Its socket is closed with 4003.",
    needs: "admin",
    answers: {
      200: { text: "The rooms it left", body: RoomNames },
    },
    failures: [400, 401, 403, 429, 503],
  },
  testWebhook: {
    method: "post",
    tag: "all rooms",
    path: "/webhooks/test",
    summary: "Send a test to the receiver of webhooks",
    description:
      "A body of type `webhook.test`, without events. Wants a token that can `admin` in all rooms.",
    needs: "admin",
    needsAllRooms: true,
    answers: {
      200: {
        text: "The status that the receiver answered with, or why there is none",
        body: WebhookTest,
      },
    },
    failures: [400, 401, 403, 409, 429, 503],
  },
  replayWebhooks: {
    method: "post",
    tag: "rooms",
    path: `${ROOM}/webhooks/replay`,
    summary: "Send events of a room to the receiver of webhooks once more",
    description:
      "Those behind the revision `after`, those from the time `from` on, or all that are kept, in order and before anything else of this room.",
    needs: "admin",
    body: v.strictObject({ after: After, from: From }),
    isBodyOptional: true,
    answers: { 202: { text: "On their way: how many", body: ReplayResult } },
    failures: [400, 401, 403, 409, 410, 413, 415, 422, 429, 503],
  },
  getHealth: {
    method: "get",
    tag: "service",
    path: "/healthz",
    summary: "Whether the Worker answers",
    needs: null,
    answers: { 200: { text: "It does", body: Health } },
    failures: [400, 429],
  },
} as const satisfies Record<string, Operation>;

/** An operation that is a call: all but the socket, whose answer is no answer of HTTP. */
export type CallId = Exclude<keyof typeof OPERATIONS, "openSocket">;

/** Said of path parameters. */
export const PARAMETERS = {
  name: `the room's name: 1 to ${NAME_BYTES_MAX} bytes of UTF-8, percent-encoded, without control characters`,
  channel: `the channel's name: 1 to ${NAME_BYTES_MAX} bytes of UTF-8, percent-encoded, without control characters; a socket's may be longer`,
} as const;
