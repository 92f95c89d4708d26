/** The options of `joinRoom`. */

import type { Json } from "../core/json.ts";

/**
 * A JWT, or a function that returns one or a promise of one. The function is called for each
 * connection, so tokens may be short-lived; it has 20 s, and is asked again with the next attempt
 * where it throws. `undefined` connects as nobody: a lurker.
 *
 * @example
 * const token = async () => (await fetch("/api/presence-token")).text();
 */
export type TokenSource = string | (() => string | undefined | Promise<string | undefined>);

export type RoomOptions<State = Json> = {
  /**
   * Where the service is: an address of http(s) or ws(s), with a path if the service is mounted
   * under one, and without a query. In a browser `"/"` is the page's own host. Needed.
   *
   * @example "https://presence.example.com"
   */
  readonly url: string;
  /**
   * The name of the room: 1–255 bytes of UTF-8 without control characters, and not `.` or `..`,
   * which no URL can spell. Needed. Compared byte by byte.
   *
   * @example "lobby"
   */
  readonly room: string;
  /**
   * Who this is. Default: none. Without a token the client is a lurker, who is counted and not
   * named.
   *
   * @example () => fetch("/api/presence-token").then((response) => response.text())
   */
  readonly token?: TokenSource | undefined;
  /** Sees the room without being in it: no presence, not counted. Default: `false`. */
  readonly watch?: boolean | undefined;
  /**
   * The first state of this tab: others see it as soon as they see this client. Any JSON, at most
   * 2,048 bytes of it unless the server says otherwise. Default: none.
   *
   * @example { typing: false }
   */
  readonly state?: State | undefined;
  /**
   * What becomes of a message while there is no connection. `"refuse"`: `send` returns `false`.
   * `"queue"`: up to 32 messages wait, and are sent in order on return, however late that is.
   * Default: `"refuse"`.
   */
  readonly messagesWhileAway?: "refuse" | "queue" | undefined;
};
