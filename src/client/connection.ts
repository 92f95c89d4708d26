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
import { ask } from "./question.ts";
import type { Reason } from "./room-view.ts";
import {
  decodeServerFrame,
  isWhole,
  type Frame,
  type ServerError,
  type Welcome,
} from "./server-frames.ts";
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
  /** There is no token for another connection: it is asked for again, and the one that is open stays. */
  tokenFailed(reason: Reason): void;
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
  /** Whether the server has welcomed the attempt. */
  #isWelcome = false;
  /** The attempt under way is to be followed by another one as soon as the server has welcomed it. */
  #isOutdated = false;
  /** Set while it asks where to connect. A connection that is open stays until that is known. */
  #withdraw: (() => void) | undefined;
  /** Set while it waits for the next attempt. */
  #cancelWait: (() => void) | undefined;
  #cancelGreeting = () => {};
  /** Why the connection is about to end, where that is known before it does. */
  #reason: Reason | undefined;
  /** Why the last token was refused, until one is accepted. */
  #refused: TokenRequest["refused"];

  /** Connects at once, and again after each end, until it is closed or refused for good. */
  constructor(room: string, listener: ConnectionListener) {
    this.#room = room;
    this.#listener = listener;
    this.#ask();
  }

  /** Sends over an open connection; otherwise the text is lost, and the end will be reported. */
  send(text: string): void {
    this.#attempt?.send(text);
  }

  /** Checks now whether the connection is alive, or tries now where it waits to try again. */
  wake(): void {
    this.#heartbeat.send();
    if (this.#cancelWait) this.#ask();
  }

  /** Makes another connection at once, also after one that was refused for good. */
  reconnect(): void {
    this.#refused = undefined;
    // Two attempts at a time could take a presence from each other, and before its welcome nobody
    // knows which presence one has.
    if (this.#attempt && !this.#isWelcome) this.#isOutdated = true;
    else this.#ask();
  }

  /** Says goodbye to the room where there is a connection, or as soon as there is, and stays closed. */
  close(): void {
    this.#stopTrying();
    this.#attempt?.leave();
    this.#forgetAttempt();
  }

  sendHeartbeat(): void {
    this.send(HEARTBEAT);
  }

  timedOut(): void {
    this.#giveUp("nothing came");
  }

  opened(): void {
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
      this.#isWelcome = true;
      if (this.#isOutdated && this.#follow(frame)) return;
    }
    if (frame && "lurkers" in frame && isWhole(frame)) this.#cancelGreeting();
    this.#listener.received(frame, data);
  }

  ended(code: number): void {
    const reason = this.#reason ?? lostBy(code);
    const isOutdated = this.#isOutdated;
    this.#forgetAttempt();
    if (isOutdated) this.#ask();
    else this.#end(code, reason);
  }

  /** Asks where to connect, and connects. */
  #ask(): void {
    this.#stopTrying();
    const refused = this.#refused;
    this.#withdraw = ask(
      () => this.#listener.endpoint(refused ? { refused } : {}),
      (endpoint) => this.#connect(endpoint),
      (error) => this.#failToAsk(error),
    );
  }

  #connect(endpoint: Endpoint): void {
    this.#withdraw = undefined;
    const before = this.#attempt;
    this.#forgetAttempt();
    try {
      this.#attempt = new Attempt(endpoint, this);
    } catch {
      before?.lose();
      return this.#end(LOST, lostBy(LOST));
    }
    if (!before) return;
    before.lose();
    const retryMs = this.#retryAfter(LOST);
    // Only now: a listener may leave, and then the next attempt says goodbye for the presence.
    this.#listener.ended({ code: LOST, reason: lostBy(LOST), retryMs });
  }

  #failToAsk(error: unknown): void {
    this.#withdraw = undefined;
    const cause = error instanceof Error ? error.message : String(error);
    const reason = { code: "token_failed", message: `there is no token: ${cause}` };
    if (!this.#attempt) return this.#end(LOST, reason);
    this.#askAfter(this.#backoff.ended("soon", performance.now(), Math.random()));
    this.#listener.tokenFailed(reason);
  }

  /**
   * The server has welcomed an attempt that is to be followed by another one. Whether it was given up: a
   * presence that it took up again can be taken up by the next one, too, and stays until then.
   */
  #follow({ channel }: Welcome): boolean {
    const attempt = this.#attempt;
    this.#isOutdated = false;
    const isGivenUp = !channel || channel !== attempt?.channel;
    if (isGivenUp) {
      attempt?.leave();
      this.#forgetAttempt();
    }
    this.#ask();
    return isGivenUp;
  }

  /** There is no connection any more, or none came of an attempt. */
  #end(code: number, reason: Reason): void {
    const retryMs = this.#retryAfter(code);
    if (retryMs === null) this.#stopTrying();
    else if (!this.#withdraw) this.#askAfter(retryMs);
    this.#listener.ended({ code, reason, retryMs });
  }

  #askAfter(ms: number): void {
    this.#stopTrying();
    this.#cancelWait = after(ms, () => this.#ask());
  }

  /** Milliseconds until the next attempt; `null` for never. */
  #retryAfter(code: number): number | null {
    const verdict = verdictOf(code);
    const ms = this.#backoff.ended(verdict, performance.now(), Math.random());
    const refused = TOKEN_REFUSALS.get(code);
    if (!refused) return verdict === "never" ? null : ms;
    // Caches of identity libraries hand out tokens that have just run out: it is worth asking again, and
    // once more where a token is wrong, whatever was asked before.
    const isFirst = this.#refused !== refused && this.#refused !== "unauthorized";
    this.#refused = refused;
    if (!this.#listener.canRenewToken()) return null;
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

  #forgetAttempt(): void {
    this.#attempt = undefined;
    this.#isWelcome = false;
    this.#isOutdated = false;
    this.#reason = undefined;
    this.#cancelGreeting();
    this.#heartbeat.stop();
  }

  /** Neither asks nor waits to ask. */
  #stopTrying(): void {
    this.#withdraw?.();
    this.#withdraw = undefined;
    this.#cancelWait?.();
    this.#cancelWait = undefined;
  }
}

function lostBy(code: number): Reason {
  return { code: "lost", message: `there is no connection (${code})` };
}

function isClosing(code: string): code is keyof typeof CLOSE_CODES {
  return Object.hasOwn(CLOSE_CODES, code);
}
