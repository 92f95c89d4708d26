/**
 * What the edge and a room say to each other about a new connection: one header of a request that
 * only they see, and the answer to the upgrade.
 */

import * as v from "valibot";
import { KnownUser } from "../core/presence.ts";
import { VIEWS } from "../core/protocol.ts";

const HEADER = "presence-connect";

const Connect = v.object({
  user: v.nullable(KnownUser),
  /** Whether the connection may send messages. */
  canSend: v.boolean(),
  view: v.picklist(VIEWS),
  /** Whether it only looks on: no presence, not counted. */
  isWatching: v.boolean(),
  /** Whether a `welcome` comes first in every view, with what takes the presence up again. */
  wantsWelcome: v.optional(v.boolean(), false),
  /** A presence to take up again, and the secret that proves it. */
  resume: v.nullable(v.object({ channel: v.string(), secret: v.string() })),
  /** The last revision that the client knows. */
  since: v.nullable(v.string()),
});
export type Connect = v.InferOutput<typeof Connect>;

/**
 * The request that opens a socket in a room. Nothing else of the client's request goes along: no
 * token, no cookie.
 */
export function connectRequest(connect: Connect): Request {
  const headers = { Upgrade: "websocket", [HEADER]: asciiJson(connect) };
  return new Request("https://room/", { headers });
}

/** Throws where the header is missing: the request did not come from the edge. */
export function decodeConnect(request: Request): Connect {
  return v.parse(Connect, JSON.parse(request.headers.get(HEADER) ?? ""));
}

/**
 * The answer to an upgrade: the client's end of the socket, and the subprotocol where one was
 * chosen.
 */
export function switchTo(client: WebSocket, subprotocol: string | null = null): Response {
  const headers =
    subprotocol === null ? {} : { headers: { "sec-websocket-protocol": subprotocol } };
  return new Response(null, { status: 101, webSocket: client, ...headers });
}

/**
 * What a header can carry: whatever is not ASCII is escaped, one UTF-16 unit at a time, as JSON has
 * it.
 */
function asciiJson(value: Connect): string {
  return JSON.stringify(value).replaceAll(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
