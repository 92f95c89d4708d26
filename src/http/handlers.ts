/**
 * What each call of the HTTP API does, once its request has been checked: ask, and answer. A few
 * lines each.
 */

import { HTTPException } from "hono/http-exception";
import * as v from "valibot";
import { encodeCursor, placeOf } from "../api/cursor.ts";
import { presences } from "../api/presences.ts";
import type { RoomHandle } from "../api/room-handle.ts";
import { rooms } from "../api/rooms.ts";
import { webhooks } from "../api/webhooks.ts";
import type { Identity } from "../auth/identity.ts";
import type { Env } from "../config/env.ts";
import type { CallId, Operation, OPERATIONS } from "./operations.ts";

/** Where a value is part of the path, it is part of the call. */
type InPath<Path, Parameter extends string, Value> = Path extends `${string}:${Parameter}${string}`
  ? Value
  : undefined;

type Output<Schema> = Schema extends v.GenericSchema ? v.InferOutput<Schema> : undefined;

/** A request of an operation, checked. */
export type Call<Of extends Operation> = {
  readonly env: Env;
  readonly room: InPath<Of["path"], "name", RoomHandle>;
  /** Not checked: the API does that. */
  readonly channel: InPath<Of["path"], "channel", string>;
  /** What the token may reach, for calls over many rooms; everything where it needs no token. */
  readonly limits: Identity["limits"];
  readonly query: Of extends { readonly query: infer Query } ? Output<Query> : undefined;
  readonly body: Of extends { readonly body: infer Body } ? Output<Body> : undefined;
};

type AnswerBody<Said> = Said extends { readonly body: v.GenericSchema }
  ? v.InferOutput<Said["body"]>
  : null;

/** One of the answers that an operation documents. */
export type Answer<Of extends Operation> = {
  [Status in keyof Of["answers"]]: {
    readonly status: Status;
    readonly body: AnswerBody<Of["answers"][Status]>;
  };
}[keyof Of["answers"]];

type Handlers = {
  readonly [Id in CallId]: (
    call: Call<(typeof OPERATIONS)[Id]>,
  ) => Answer<(typeof OPERATIONS)[Id]> | Promise<Answer<(typeof OPERATIONS)[Id]>>;
};

/** Where a list of presences goes on. */
const PresencePlace = v.strictTuple([v.literal("presence"), v.string()]);

export const HANDLERS: Handlers = {
  async listRooms({ env, query, limits }) {
    return { status: 200, body: await rooms(env).list({ ...query, ...limits }) };
  },

  async getRoom({ room, query: { at } }) {
    return { status: 200, body: await (at === undefined ? room.occupants() : room.at(at)) };
  },

  async listEvents({ room, query }) {
    return { status: 200, body: await room.events(query) };
  },

  async getAttendance({ room, query }) {
    return { status: 200, body: await room.attendance(query) };
  },

  async getStats({ room }) {
    return { status: 200, body: await room.stats() };
  },

  async listPresences({ room, query: { limit, cursor } }) {
    const after = cursor === undefined ? null : placeOf(PresencePlace, cursor)[1];
    const page = await room.page(after, limit);
    const more = page.after === null ? {} : { cursor: encodeCursor(["presence", page.after]) };
    return { status: 200, body: { presences: page.presences, ...more } };
  },

  async addPresence({ room, channel, body: { user, ...options } }) {
    const { isNew, presence } = await room.add(channel, user, options);
    return { status: isNew ? 201 : 200, body: presence };
  },

  async removePresence({ room, channel }) {
    await room.remove(channel);
    return { status: 204, body: null };
  },

  async sendMessage({ room, body: { payload } }) {
    return { status: 202, body: { connections: await room.send(payload) } };
  },

  async pruneRoom({ room, body: { age } }) {
    return { status: 200, body: { pruned: await room.prunePresences(age) } };
  },

  async prunePresences({ env, limits, body: { age, ...options } }) {
    return {
      status: 200,
      body: await rooms(env).prunePresences(age, { ...options, ...limits }),
    };
  },

  async pruneRooms({ env, limits, body }) {
    return { status: 200, body: await rooms(env).pruneRooms({ ...body, ...limits }) };
  },

  async getChannel({ env, channel, limits }) {
    const found = await presences(env).get(channel, limits);
    if (found) return { status: 200, body: found };
    throw new HTTPException(404, { message: "the channel is in no room" });
  },

  async touchChannel({ env, channel, limits }) {
    return { status: 200, body: { rooms: await presences(env).touch(channel, limits) } };
  },

  async leaveAll({ env, channel, limits }) {
    return { status: 200, body: { rooms: await presences(env).leaveAll(channel, limits) } };
  },

  async testWebhook({ env }) {
    return { status: 200, body: await webhooks(env).test() };
  },

  async replayWebhooks({ room, body }) {
    return { status: 202, body: { events: await room.replayWebhooks(body) } };
  },

  getHealth: () => ({ status: 200, body: { ok: true } }),
};
