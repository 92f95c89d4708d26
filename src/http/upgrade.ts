/**
 * The edge of a room: what is checked before a socket may reach it, and how one is turned away. A
 * refused upgrade is accepted here, told why and closed: a browser shows no reason for a refused
 * handshake.
 */

import * as v from "valibot";
import { decodeRev } from "../core/room-log.ts";
import {
  anonymous,
  type Identity,
  identify,
  socketToken,
  SUBPROTOCOL,
  type TokenPlaces,
  unauthorized,
} from "../auth/identity.ts";
import { type Connect, connectRequest, switchTo } from "../rpc/connection-parameters.ts";
import { checkRoom } from "../core/names.ts";
import { ProtocolError, type View, VIEWS } from "../core/protocol.ts";
import type { Env } from "../config/env.ts";
import { addressOf, checkNetwork, checkUser } from "./request-limits.ts";
import { logRefusal } from "../telemetry/log.ts";
import { OPERATIONS } from "./operations.ts";
import { nameInPath } from "./path-parameters.ts";
import { readSettings, type Settings, takesTokens } from "../config/settings.ts";

/** Checks an upgrade and hands it to its room, or answers with a socket that says why not. */
export async function openSocket(request: Request, env: Env): Promise<Response> {
  const subject: Subject = {};
  const subprotocols = offeredSubprotocols(request.headers);
  // The one offered subprotocol that may be answered: a token never is.
  const answered = subprotocols.includes(SUBPROTOCOL) ? SUBPROTOCOL : null;
  try {
    const socket = await enter(request, subprotocols, env, subject);
    // Made anew: the headers of what was fetched cannot be changed, and middleware of an
    // application may want to.
    return switchTo(socket, answered);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const { code, closeCode } = error;
    logRefusal("socket refused", { ...subject, code, ...(closeCode ? { status: closeCode } : {}) });
    return switchTo(refuse(error), answered);
  }
}

/** A key is 16 bytes in base64. RFC 6455, section 4.2.1. */
const HANDSHAKE = { key: /^[A-Za-z0-9+/]{22}==$/, version: "13" };

/**
 * Whether a request is a handshake that the runtime will complete. It looks only once the room has
 * answered, and a room that had let somebody in by then would keep a ghost. Within Cloudflare
 * upgrades have no key and no version.
 */
export function isHandshake({ method, headers }: Request): boolean {
  if (method !== "GET" || headers.get("upgrade")?.toLowerCase() !== "websocket") return false;
  const [key, version] = ["sec-websocket-key", "sec-websocket-version"].map((name) =>
    headers.get(name),
  );
  if (key === null && version === null) return true;
  return version === HANDSHAKE.version && HANDSHAKE.key.test(key ?? "");
}

/** Who and what is refused, as far as that is known by then. */
type Subject = { room?: string; user?: string | null };

/**
 * The client's end of a socket that its room has accepted. Throws a ProtocolError where it may not
 * come in.
 */
async function enter(
  request: Request,
  subprotocols: readonly string[],
  env: Env,
  subject: Subject,
): Promise<WebSocket> {
  const { headers } = request;
  await checkNetwork(request, env, "rate_limited");
  const url = addressOf(request);
  const settings = readSettings(env);
  const room = nameInPath(url, OPERATIONS.openSocket.path, ":name");
  checkRoom(room);
  subject.room = room;
  checkOrigin(headers.get("origin"), settings);
  const query = url.searchParams;
  const identity = await identityOf({ headers, subprotocols, query }, settings);
  subject.user = identity.user?.id ?? null;
  await checkUser(identity.user, env);
  const connect = readConnect(query, room, identity);
  const response = await env.PRESENCE_ROOM.getByName(room).fetch(connectRequest(connect));
  if (response.webSocket) return response.webSocket;
  const { code, message } = v.parse(Refusal, await response.json());
  throw new ProtocolError(code, message);
}

/** Accepts a socket only to say why it may not stay. Returns the client's end. */
function refuse(error: ProtocolError): WebSocket {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.send(JSON.stringify(error.toFrame()));
  server.close(error.closeCode ?? 1000, error.code);
  return client;
}

/** What a room answers where only it can know: the frame that the client is to get. */
const Refusal = v.object({ code: v.literal("room_full"), message: v.string() });

function checkOrigin(origin: string | null, { origins }: Settings): void {
  // Only browsers send an origin, and only they can be tricked by a foreign page into connecting.
  if (origin === null || origins === null || origins.includes(origin)) return;
  throw new ProtocolError("bad_origin", `pages of ${origin} may not connect to this server`);
}

async function identityOf(places: TokenPlaces, settings: Settings): Promise<Identity> {
  const token = takesTokens(settings) ? socketToken(places) : null;
  return token === null ? anonymous(settings) : identify(token, settings);
}

function readConnect(query: URLSearchParams, room: string, identity: Identity): Connect {
  const isWatching = query.get("watch") === "1";
  checkAdmission(identity, isWatching, room);
  const [channel, secret] = [query.get("channel"), query.get("resume")];
  return {
    user: identity.user,
    canSend: identity.user !== null && identity.may("send", room),
    view: viewOf(query.get("view")),
    isWatching,
    wantsWelcome: query.get("welcome") === "1",
    since: knownRev(query.get("since")),
    resume: channel !== null && secret !== null ? { channel, secret } : null,
  };
}

function checkAdmission(identity: Identity, isWatching: boolean, room: string): void {
  if (identity.may(isWatching ? "watch" : "join", room)) return;
  const who = identity.user === null ? "a connection without a token" : "this token";
  const hint = !isWatching && identity.may("watch", room) ? "; it may watch, with watch=1" : "";
  throw unauthorized(`${who} may not ${isWatching ? "watch" : "join"} this room${hint}`);
}

/** A text that is no revision is like one that is forgotten: there will be a snapshot. */
function knownRev(since: string | null): string | null {
  return since !== null && decodeRev(since) ? since : null;
}

function viewOf(name: string | null): View {
  return VIEWS.find((view) => view === name) ?? "list";
}

/** In the client's order. */
function offeredSubprotocols(headers: Headers): string[] {
  const header = headers.get("sec-websocket-protocol") ?? "";
  return header.split(",").map((protocol) => protocol.trim());
}
