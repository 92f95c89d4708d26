/** The HTTP side: routes, a few lines of work each. Authorize, read, call, answer. */

import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { answerTo, methodNotAllowed, notFound } from "./error-answers.ts";
import { decodeUser } from "../core/claims.ts";
import { encodeCursor, placeOf } from "../api/cursor.ts";
import { DEVELOPMENT_TOKEN, developmentToken } from "./development-token.ts";
import { isHandshake, openSocket } from "./upgrade.ts";
import type { Bindings as Bound } from "../config/env.ts";
import { crossOrigin, sealed } from "./headers.ts";
import document from "./openapi.json" with { type: "json" };
import { OPERATIONS, PresencePlace } from "./operations.ts";
import { channelInPath, roomInPath } from "./path-parameters.ts";
import {
  admitted,
  authorize,
  authorizeAddition,
  type Bindings,
  limitBody,
  readBody,
  readQuery,
} from "./requests.ts";
import { presences, rooms } from "../api/rooms.ts";
import { checkStart, startChecked } from "./startup-warnings.ts";

const {
  listRooms,
  openSocket: socket,
  getRoom,
  getStats,
  listPresences,
  addPresence,
  removePresence,
} = OPERATIONS;
const { sendMessage, pruneRoom, prunePresences, pruneRooms } = OPERATIONS;
const { getChannel, touchChannel, leaveAll, getHealth } = OPERATIONS;

const DOCUMENT = "/openapi.json";

const routes = new Hono<Bindings>();

// On addresses of ours alone: an application may have others beside them, wherever it mounts this app.
const { openSocket: _, ...calls } = OPERATIONS;
const shared = new Set([...Object.values(calls).map(({ path }) => path), DOCUMENT]);
routes.get(socket.path, (c, next) => {
  if (!isHandshake(c.req.raw)) return next();
  // Ahead of all middleware: a storm of joins is made of these, and nothing may touch their answers.
  checkStart(c.req.url, c.env);
  return openSocket(c.req.raw, c.env);
});
routes.use(socket.path, startChecked, sealed);
routes.use(DEVELOPMENT_TOKEN, startChecked, sealed, admitted);
for (const path of shared) routes.use(path, startChecked, sealed, crossOrigin, admitted);

routes.get(socket.path, () => {
  const message = "this address is a WebSocket's; connect to it with one, of version 13";
  throw new HTTPException(426, { message });
});

routes.get(listRooms.path, async (c) => {
  const identity = await authorize(c, "admin");
  const query = readQuery(c, listRooms.query);
  return c.json(await rooms(c.env).list({ ...query, ...identity.limits }));
});

routes.get(getRoom.path, async (c) => {
  const room = roomInPath(c.req.url, getRoom.path);
  await authorize(c, "watch", room);
  return c.json(await rooms(c.env).get(room).occupants());
});

routes.get(getStats.path, async (c) => {
  const room = roomInPath(c.req.url, getStats.path);
  await authorize(c, "admin", room);
  return c.json(await rooms(c.env).get(room).stats());
});

routes.get(listPresences.path, async (c) => {
  const room = roomInPath(c.req.url, listPresences.path);
  await authorize(c, "admin", room);
  const { limit, cursor } = readQuery(c, listPresences.query);
  const after = cursor === undefined ? null : placeOf(PresencePlace, cursor)[1];
  const page = await rooms(c.env).get(room).page(after, limit);
  const more = page.after === null ? {} : { cursor: encodeCursor(["presence", page.after]) };
  return c.json({ presences: page.presences, ...more });
});

routes.put(addPresence.path, limitBody, async (c) => {
  const room = roomInPath(c.req.url, addPresence.path);
  const channel = channelInPath(c.req.url, addPresence.path);
  await authorizeAddition(c, room, channel);
  const { user } = await readBody(c, addPresence);
  const added = await rooms(c.env).add(room, channel, decodeUser(user));
  return c.json(added.presence, added.isNew ? 201 : 200);
});

routes.delete(removePresence.path, async (c) => {
  const room = roomInPath(c.req.url, removePresence.path);
  const channel = channelInPath(c.req.url, removePresence.path);
  await authorize(c, "admin", room);
  await rooms(c.env).remove(room, channel);
  return c.body(null, 204);
});

routes.post(sendMessage.path, limitBody, async (c) => {
  const room = roomInPath(c.req.url, sendMessage.path);
  await authorize(c, "admin", room);
  const { payload } = await readBody(c, sendMessage);
  return c.json({ connections: await rooms(c.env).send(room, payload) }, 202);
});

routes.post(pruneRoom.path, limitBody, async (c) => {
  const room = roomInPath(c.req.url, pruneRoom.path);
  await authorize(c, "admin", room);
  const { age } = await readBody(c, pruneRoom);
  return c.json({ pruned: await rooms(c.env).get(room).prunePresences(age) });
});

routes.post(prunePresences.path, limitBody, async (c) => {
  const identity = await authorize(c, "admin");
  const { age, ...options } = await readBody(c, prunePresences);
  return c.json(await rooms(c.env).prunePresences(age, { ...options, ...identity.limits }));
});

routes.post(pruneRooms.path, limitBody, async (c) => {
  const identity = await authorize(c, "admin");
  const options = await readBody(c, pruneRooms);
  return c.json(await rooms(c.env).pruneRooms({ ...options, ...identity.limits }));
});

routes.get(getChannel.path, async (c) => {
  const channel = channelInPath(c.req.url, getChannel.path);
  const { limits } = await authorize(c, "admin");
  const found = await presences(c.env).get(channel, limits);
  if (found) return c.json(found);
  throw new HTTPException(404, { message: "the channel is in no room" });
});

routes.post(touchChannel.path, async (c) => {
  const channel = channelInPath(c.req.url, touchChannel.path);
  const { limits } = await authorize(c, "admin");
  return c.json({ rooms: await presences(c.env).touch(channel, limits) });
});

routes.delete(leaveAll.path, async (c) => {
  const channel = channelInPath(c.req.url, leaveAll.path);
  const { limits } = await authorize(c, "admin");
  return c.json({ rooms: await presences(c.env).leaveAll(channel, limits) });
});

routes.get(getHealth.path, (c) => c.json({ ok: true }));

routes.post(DEVELOPMENT_TOKEN, limitBody, developmentToken);

/** The address of the API is where this document is, wherever the app is mounted. */
routes.get(DOCUMENT, (c) => {
  const { origin, pathname } = new URL(c.req.url);
  const url = origin + pathname.slice(0, -DOCUMENT.length);
  return c.json({ ...document, servers: [{ url }] });
});

for (const path of [
  listRooms.path,
  getRoom.path,
  listPresences.path,
  getStats.path,
  socket.path,
  getHealth.path,
]) {
  routes.all(path, methodNotAllowed("GET, HEAD"));
}
for (const { path } of [sendMessage, pruneRoom, prunePresences, pruneRooms, touchChannel]) {
  routes.all(path, methodNotAllowed("POST"));
}
routes.all(DOCUMENT, methodNotAllowed("GET, HEAD"));
routes.all(addPresence.path, methodNotAllowed("PUT, DELETE"));
routes.all(getChannel.path, methodNotAllowed("GET, HEAD, DELETE"));

routes.notFound(notFound);
routes.onError(answerTo);

/** The hourly cron trigger of wrangler.toml: has the list of rooms checked. */
async function scheduled(_controller: unknown, env: Bound): Promise<void> {
  await rooms(env).upkeep();
}

/**
 * A Hono app, and the handler of its cron trigger: use it as the Worker, or mount it under your own with
 * `app.route()` and export its `scheduled` beside your `fetch`.
 */
export const app = Object.assign(routes, { scheduled });
