/** The options of `joinRoom`, and what each of them may be. */

import type { Json } from "../core/json.ts";
import { AWAY_MS_MAX, AWAY_MS_MIN, NAME_BYTES_MAX } from "../core/limits.ts";
import { isRoomName } from "../core/names.ts";

/** What a token function is asked for. */
export type TokenRequest = {
  /**
   * Set where the server has refused the token before: it has run out, or is wrong. A function that
   * caches tokens must get a new one.
   */
  readonly refused?: "token_expired" | "unauthorized";
};

/** A token, or nothing: then the client connects anonymously. */
export type Token = string | null | undefined;

/**
 * A JWT, or a function that returns one or a promise of one; nothing for an anonymous connection. The
 * function is called for each connection, so tokens may be short-lived. It has 20 s, and is asked
 * again with the next attempt where it throws. Where the server refuses the token it is asked once
 * more at once, with `{ refused }`.
 *
 * @example
 * const token = async ({ refused }) => session.getToken({ skipCache: refused !== undefined });
 */
export type TokenSource = string | ((request: TokenRequest) => Token | Promise<Token>);

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
  readonly token?: TokenSource | null | undefined;
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
  /**
   * Who tells whether somebody is at this tab. `"auto"`: in a browser the client does, by input and visibility.
   * `"manual"`: `setStatus` alone, as in every other runtime. Of clients without a user nothing is told. Default:
   * `"auto"`.
   */
  readonly status?: "auto" | "manual" | undefined;
  /**
   * After how many milliseconds without input this tab is `away`: 1,000 to 86,400,000. Default: 300,000, which is
   * five minutes.
   */
  readonly idleAfter?: number | undefined;
  /**
   * After how many milliseconds in which it was hidden this tab is `away`: 1,000 to 86,400,000. Default: 60,000,
   * which is a minute.
   */
  readonly hiddenAfter?: number | undefined;
};

const NAMES = "url room token watch state messagesWhileAway status idleAfter hiddenAfter".split(
  " ",
);

/** Options that are one of two values, or left out. */
const CHOICES = [
  ["watch", true, false],
  ["messagesWhileAway", "refuse", "queue"],
  ["status", "auto", "manual"],
] as const;

/**
 * Throws a TypeError that names the first option that is of the wrong kind. Options that are not
 * known are named in the console, but not in production.
 */
export function checkOptions(options: RoomOptions<unknown>): void {
  check("options", options, Object(options) === options, "an object with url and room");
  const all: Record<string, unknown> = { ...options };
  const { url, room, token } = all;
  const { token: source } = options;
  check("url", url, typeof url === "string", 'an address such as "https://presence.example.com"');
  check(
    "room",
    room,
    typeof room === "string" && isRoomName(room),
    `a text of 1 to ${NAME_BYTES_MAX} bytes of UTF-8 without control characters`,
  );
  check("token", token, isToken(source) || typeof source === "function", "a JWT or a function");
  for (const [name, one, other] of CHOICES) {
    const value = all[name];
    const isChoice = value === undefined || value === one || value === other;
    check(name, value, isChoice, `${JSON.stringify(one)} or ${JSON.stringify(other)}`);
  }
  for (const name of ["idleAfter", "hiddenAfter"]) {
    const { [name]: ms = AWAY_MS_MIN } = all;
    const isTime = Number(ms) === ms && ms >= AWAY_MS_MIN && ms <= AWAY_MS_MAX;
    check(name, ms, isTime, `${AWAY_MS_MIN} to ${AWAY_MS_MAX} milliseconds`);
  }
  if (isProduction()) return;
  for (const name of Object.keys(options)) {
    // oxlint-disable-next-line no-console -- for whoever is writing the page
    if (!NAMES.includes(name)) console.warn(`joinRoom has no option "${name}"`);
  }
}

/** Whether a value can be a token; `null` and `undefined` are none. */
export function isToken(value: unknown): value is Token {
  return value === undefined || value === null || typeof value === "string";
}

function check(name: string, value: unknown, isRight: boolean, kind: string): void {
  if (isRight) return;
  // Not all objects can be made a text.
  const object = Object(value) === value && `of type ${typeof value}`;
  const is = object || (typeof value === "string" ? JSON.stringify(value) : String(value));
  throw new TypeError(`${name} is ${is}; it must be ${kind}`);
}

/** Bundlers write the value into this; where nobody did, and in a browser without one, it is not. */
declare const process: { readonly env: { readonly NODE_ENV?: string } };

function isProduction(): boolean {
  try {
    return process.env.NODE_ENV === "production";
  } catch {
    return false;
  }
}
