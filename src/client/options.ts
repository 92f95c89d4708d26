/** What a page says when it joins a room. */

import type { Json } from "../core/json.ts";

/** A token, or a function that gets one, called for each connection. Nothing connects as nobody. */
export type TokenSource = string | (() => string | undefined | Promise<string | undefined>);

export type RoomOptions<State = Json> = {
  /** Where the service is: "https://presence.example.com", or in a browser "/" for the page's own host. */
  readonly url: string;
  /** 1–255 bytes of UTF-8 without control characters. */
  readonly room: string;
  /** Who this is. Without one the client is a lurker, who is counted and not named. */
  readonly token?: TokenSource | undefined;
  /** Sees the room without being in it. Default: false. */
  readonly watch?: boolean | undefined;
  /** The first state: others see it as soon as they see this client. */
  readonly state?: State | undefined;
  /**
   * What becomes of a message while there is no connection. Default: "refuse". "queue" keeps up to 32 and
   * sends them on return, however late that is.
   */
  readonly messagesWhileAway?: "refuse" | "queue" | undefined;
};
