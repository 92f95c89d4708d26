/**
 * What the edge and a room say to each other about a new connection: one header of a request that
 * only they see, and the answer to the upgrade.
 */

import type { User } from "../core/presence.ts";
import type { View } from "../core/protocol.ts";

const HEADER = "presence-connect";

export type Connect = {
  readonly user: User | null;
  /** Whether the connection may send messages. */
  readonly canSend: boolean;
  readonly view: View;
  /** Whether it only looks on: no presence, not counted. */
  readonly isWatching: boolean;
  /** Whether a `welcome` comes first in every view, with what takes the presence up again. */
  readonly wantsWelcome: boolean;
  /** A presence to take up again, and the secret that proves it. */
  readonly resume: { readonly channel: string; readonly secret: string } | null;
  /** The last revision that the client knows. */
  readonly since: string | null;
};

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
  // SAFETY: `connectRequest` alone makes such requests, and only the edge can reach a room.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(request.headers.get(HEADER) ?? "") as Connect;
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
