/**
 * The Worker of the tests: the product's own, with its Room's storage watched. What a test reads of
 * `watched` is what the object did to its storage, in rows as they are billed.
 */

import {
  Channel as ProductChannel,
  Lobby as ProductLobby,
  Room as ProductRoom,
} from "../../src/index.ts";
import type { Env, Variables } from "../../src/config/env.ts";

export { default } from "../../src/index.ts";
export { AsyncGame, Game } from "./application.ts";

/** What one room did since it was first constructed, over all its lives. */
export type Watched = { constructed: number; rows: number; alarms: number };

const rooms = new Map<string, Watched>();

/** The counters of a room; shared with the test, which runs in the same isolate. */
export function watched(room: string): Watched {
  const known = rooms.get(room) ?? { constructed: 0, rows: 0, alarms: 0 };
  rooms.set(room, known);
  return known;
}

/** How often any object was constructed. The same twice: nobody has been woken. */
export function constructedInAll(): number {
  return Array.from(rooms.values(), ({ constructed }) => constructed).reduce((a, b) => a + b, 0);
}

function watch(ctx: DurableObjectState): DurableObjectState {
  const counters = watched(ctx.id.name ?? "");
  counters.constructed += 1;
  const { kv, sql } = ctx.storage;
  const put = kv.put.bind(kv);
  const remove = kv.delete.bind(kv);
  const exec = sql.exec.bind(sql);
  const setAlarm = ctx.storage.setAlarm.bind(ctx.storage);
  override(kv, "put", (key: string, value: unknown) => {
    counters.rows += 1;
    put(key, value);
  });
  override(kv, "delete", (key: string) => {
    const isRow = remove(key);
    if (isRow) counters.rows += 1;
    return isRow;
  });
  override(sql, "exec", (query: string, ...bindings: unknown[]) => {
    const cursor = exec(query, ...bindings);
    counters.rows += cursor.rowsWritten;
    return cursor;
  });
  override(ctx.storage, "setAlarm", (at: number) => {
    counters.rows += 1;
    counters.alarms += 1;
    return setAlarm(at);
  });
  return ctx;
}

function override(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { configurable: true, value });
}

const reported = new Map<string, readonly (number | undefined)[][]>();

/** What a room has told the Analytics Engine: the numbers of each data point. The local one takes anything and shows nothing. */
export function reportsOf(room: string): readonly (number | undefined)[][] {
  return reported.get(room) ?? [];
}

const ANALYTICS: AnalyticsEngineDataset = {
  writeDataPoint({ blobs, doubles = [] } = {}) {
    const room = blobs?.[0];
    if (typeof room !== "string") throw new Error("a report names its room");
    reported.set(room, [...reportsOf(room), doubles]);
  },
};

const bound = new WeakMap<Env, Env>();

/** One object for each env, since settings are read once for each. */
function withAnalytics(env: Env): Env {
  const known = bound.get(env) ?? { ...env, ANALYTICS };
  bound.set(env, known);
  return known;
}

const deployed = new Map<string, Variables>();

/** From its next life on the room has these settings, as after a deploy. */
export function deploy(room: string, variables: Variables): void {
  deployed.set(room, variables);
}

export class Room extends ProductRoom {
  constructor(ctx: DurableObjectState, env: Env) {
    super(watch(ctx), { ...withAnalytics(env), ...deployed.get(ctx.id.name ?? "") });
  }
}

export class Channel extends ProductChannel {
  constructor(ctx: DurableObjectState, env: Env) {
    super(watch(ctx), env);
  }
}

export class Lobby extends ProductLobby {
  constructor(ctx: DurableObjectState, env: Env) {
    super(watch(ctx), env);
  }
}
