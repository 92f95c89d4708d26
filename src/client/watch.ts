/**
 * A connection that sees a room without being in it, frame by frame: what the inspector and the
 * command line have instead of a client. Not part of the published client.
 */

import { queryOf, socketAddress } from "./address.ts";
import { Connection, type ConnectionListener } from "./connection.ts";

export type WatchOptions = {
  /** Where the service is, as of a client. */
  readonly url: string;
  readonly room: string;
  /** A token, or a function that is asked for one for each connection. */
  readonly token: string | (() => string | Promise<string>);
};

/**
 * Watches a room until the connection that it returns is closed. Throws a TypeError where no URL
 * can name the room.
 */
export function watchRoom(
  { url, room, token }: WatchOptions,
  listener: Pick<ConnectionListener, "received" | "ended">,
): Connection {
  const address = socketAddress(url, room) + queryOf({ watch: "1" });
  return new Connection(room, {
    // In the subprotocol, not in the query: addresses get into logs.
    endpoint: async () => {
      const bearer = typeof token === "function" ? await token() : token;
      return { url: address, protocols: ["presence", `token.${bearer}`] };
    },
    canRenewToken: () => typeof token === "function",
    // Only where somebody asks for another connection.
    tokenFailed: () => {},
    received: (frame, data) => listener.received(frame, data),
    ended: (end) => listener.ended(end),
  });
}
