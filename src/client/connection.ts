/**
 * The connection to a room that the client, the inspector and the command line share: one attempt
 * after another with backoff, a heartbeat, the frames decoded, and the reason of each end.
 */

import { ANSWER_MS_MAX } from "../core/limits.ts";
import { CLOSE_CODES, HEARTBEAT } from "../core/protocol.ts";
import { Attempt, type AttemptListener, type Endpoint, LOST } from "./attempt.ts";
import { Backoff, verdictOf } from "./backoff.ts";
import { Heartbeat, type HeartbeatListener } from "./heartbeat.ts";
import type { TokenRequest } from "./options.ts";
import type { Reason } from "./room-view.ts";
import { decodeServerFrame, type Frame, type ServerError } from "./server-frames.ts";
import { after } from "./timer.ts";

/** How a connection, or an attempt to make one, ended. */
export type End = {
  /** The close code, 1006 where the connection was lost without one. */
  readonly code: number;
  readonly reason: Reason;
  /** Milliseconds until the next attempt; `null` where there is none. */
  readonly retryMs: number | null;
};

export interface ConnectionListener {
  /** Where to connect, asked anew for each attempt. A rejection is a failed attempt, `token_failed`. */
  endpoint(request: TokenRequest): Promise<Endpoint>;
  /** Whether another token may be had where one is refused. */
  canRenewToken(): boolean;
  /**
   * A frame of this room came. `null` for an answer to a heartbeat, and for what is not known here.
   */
  received(frame: Frame | null, data: unknown): void;
  ended(end: End): void;
}

/** Codes that a new token may help against. */
const TOKEN_REFUSALS = new Map<number, NonNullable<TokenRequest["refused"]>>([
  [CLOSE_CODES.unauthorized, "unauthorized"],
  [CLOSE_CODES.token_expired, "token_expired"],
]);

export class Connection implements AttemptListener, HeartbeatListener {
  readonly #room: string;
  readonly #listener: ConnectionListener;
  readonly #backoff = new Backoff();
  readonly #heartbeat = new Heartbeat(this);
  #attempt: Attempt | undefined;
  /** Set while it waits for the next attempt. */
  #cancelWait: (() => void) | undefined;
  #cancelGreeting = () => {};
  /** Why the connection is about to end, where that is known before it does. */
  #reason: Reason | undefined;
  /** Why the last token was refused, until one is accepted. */
  #refused: TokenRequest["refused"];
  /** The attempt under way is to be followed by another one as soon as it has a result. */
  #isOutdated = false;
  #isClosed = false;

  /** Connects at once, and again after each end, until it is closed or refused for good. */
  constructor(room: string, listener: ConnectionListener) {
    this.#room = room;
    this.#listener = listener;
    this.#connect();
  }

  /** Sends over an open connection; otherwise the text is lost, and the end will be reported. */
  send(text: string): void {
    this.#attempt?.send(text);
  }

  /** Checks now whether the connection is alive, or tries now where it waits to try again. */
  wake(): void {
    this.#heartbeat.send();
    if (this.#cancelWait) this.#connect();
  }

  /** Makes another connection at once, also after one that was refused for good. */
  reconnect(): void {
    this.#refused = undefined;
    this.#isClosed = false;
    if (this.#attempt?.isConnecting) {
      // Two attempts at a time could take a presence from each other.
      this.#isOutdated = true;
      return;
    }
    this.#drop(LOST);
    // The listener may have closed it, or connected again.
    if (!this.#isClosed && !this.#attempt) this.#connect();
  }

  /** Says goodbye to the room where there is a connection, or as soon as there is, and stays closed. */
  close(): void {
    this.#isClosed = true;
    this.#isOutdated = false;
    this.#rest();
    this.#endWait();
    this.#attempt?.leave();
    this.#attempt = undefined;
  }

  sendHeartbeat(): void {
    this.send(HEARTBEAT);
  }

  timedOut(): void {
    this.#giveUp("nothing came");
  }

  opened(): void {
    if (this.#isOutdated) {
      this.#attempt?.replace();
      return this.#connect();
    }
    this.#backoff.opened(performance.now());
    // Heartbeats are answered on behalf of a room that is stuck, too.
    this.#cancelGreeting = after(ANSWER_MS_MAX, () => this.#giveUp("no welcome came"));
    this.#heartbeat.start();
  }

  received(data: unknown): void {
    this.#heartbeat.received();
    const frame = decodeServerFrame(data);
    if (frame?.type === "error") return this.#receiveError(frame, data);
    // A server may put this channel into other rooms; this connection is about one.
    if (frame && frame.room !== this.#room) return;
    if (frame?.type === "welcome") {
      this.#heartbeat.setInterval(frame.heartbeat);
      this.#refused = undefined;
    }
    if (frame?.type === "sync" || frame?.type === "count") this.#cancelGreeting();
    this.#listener.received(frame, data);
  }

  ended(code: number, error?: unknown): void {
    const told = error === undefined ? this.#reason : tokenFailure(error);
    this.#reason = undefined;
    this.#attempt = undefined;
    this.#rest();
    if (this.#isOutdated) return this.#connect();
    const retryMs = this.#retryAfter(code);
    if (retryMs !== null) this.#cancelWait = after(retryMs, () => this.#connect());
    const lost = { code: "lost", message: `there is no connection (${code})` };
    this.#listener.ended({ code, reason: told ?? lost, retryMs });
  }

  #connect(): void {
    this.#endWait();
    this.#isOutdated = false;
    const refused = this.#refused;
    const request = refused ? { refused } : {};
    this.#attempt = new Attempt(() => this.#listener.endpoint(request), this);
  }

  /** Milliseconds until the next attempt; `null` for never. */
  #retryAfter(code: number): number | null {
    const verdict = verdictOf(code);
    const ms = this.#backoff.ended(verdict, performance.now(), Math.random());
    const refused = TOKEN_REFUSALS.get(code);
    if (!refused) return verdict === "never" ? null : ms;
    const isFirst = !this.#refused;
    this.#refused = refused;
    if (!this.#listener.canRenewToken()) return null;
    // Caches of identity libraries hand out tokens that have just run out: it is worth asking again.
    if (isFirst) return 0;
    return verdict === "never" ? null : ms;
  }

  #receiveError(frame: ServerError, data: unknown): void {
    const attempt = this.#attempt;
    const { code, message } = frame;
    this.#listener.received(frame, data);
    // The listener may have closed the connection.
    if (attempt !== this.#attempt) return;
    // A diff that cannot be read has been missed: only a snapshot tells what it was.
    if (code === "bad_diff") this.send('{"type":"sync"}');
    if (!isClosing(code)) return;
    // The close frame says no more than this, and a browser may report it much later.
    this.#reason = { code, message };
    this.#drop(CLOSE_CODES[code]);
  }

  #giveUp(message: string): void {
    this.#reason = { code: "silent", message };
    this.#drop(LOST);
  }

  /**
   * Gives the connection up as if it had been closed with `code`, without waiting for an answer.
   */
  #drop(code: number): void {
    const attempt = this.#attempt;
    if (!attempt) return;
    attempt.lose();
    this.ended(code);
  }

  #rest(): void {
    this.#cancelGreeting();
    this.#heartbeat.stop();
  }

  #endWait(): void {
    this.#cancelWait?.();
    this.#cancelWait = undefined;
  }
}

function tokenFailure(error: unknown): Reason {
  const cause = error instanceof Error ? error.message : String(error);
  return { code: "token_failed", message: `there is no token: ${cause}` };
}

function isClosing(code: string): code is keyof typeof CLOSE_CODES {
  return Object.hasOwn(CLOSE_CODES, code);
}
