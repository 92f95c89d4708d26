/**
 * The Room object: its sockets, from opening to close. Events come in, the set says what they change, and
 * the roster stores, announces and schedules that. Handlers are synchronous from frame to flush, or the
 * next frame would overtake.
 */

import { DurableObject } from "cloudflare:workers";
import { type Connect, decodeConnect } from "./connect.ts";
import { isEmpty, NO_CHANGE } from "./core/diff.ts";
import { listFrame, welcomeFrame } from "./core/frames.ts";
import type { Json } from "./core/json.ts";
import { CHANNEL_ID_BYTES, RESUME_SECRET_BYTES } from "./core/limits.ts";
import {
  type ClientFrame,
  decodeClientFrame,
  endOf,
  formatCount,
  type PresenceFrame,
  ProtocolError,
  type WelcomeFrame,
} from "./core/protocol.ts";
import { Throttle } from "./core/throttle.ts";
import type { Env } from "./env.ts";
import { Roster } from "./roster.ts";
import { readSettings, type Settings } from "./settings.ts";
import { type Connection, Sockets } from "./sockets.ts";

type Resume = NonNullable<Connect["resume"]>;

/** RFC 6455: the connection ended without a close frame. */
const ABNORMAL_CLOSURE = 1006;

export class Room extends DurableObject<Env> {
  readonly #name: string;
  readonly #settings: Settings;
  readonly #sockets: Sockets;
  readonly #roster: Roster;
  readonly #throttles = new WeakMap<WebSocket, Throttle>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#name = ctx.id.name ?? "";
    this.#settings = readSettings(env);
    this.#sockets = new Sockets(ctx);
    this.#roster = new Roster({
      room: this.#name,
      storage: ctx.storage,
      sockets: this.#sockets,
      settings: this.#settings,
    });
  }

  /** Opens a socket. Only the edge calls this, with a request of `connectRequest`. */
  override fetch(request: Request): Response {
    const connect = decodeConnect(request);
    const max = this.#settings.roomMax;
    if (this.#sockets.isFull(max) && this.#replacedBy(connect).length === 0) {
      const message = `the room has ${formatCount(max)} connections, its limit; try again later`;
      return Response.json(new ProtocolError("room_full", message).toFrame(), { status: 503 });
    }
    const { 0: client, 1: server } = new WebSocketPair();
    if (connect.isWatching) this.#watch(server, connect);
    else this.#join(server, connect);
    const { subprotocol } = connect;
    const headers = new Headers(subprotocol ? { "sec-websocket-protocol": subprotocol } : {});
    return new Response(null, { status: 101, webSocket: client, headers });
  }

  override webSocketMessage(ws: WebSocket, data: string | ArrayBuffer): void {
    // A socket that was closed from here may go on talking until its peer answers.
    if (ws.readyState !== WebSocket.OPEN) return;
    const now = Date.now();
    this.#sockets.seen(ws, now);
    try {
      if (!this.#throttleOf(ws, now).admits(now)) return;
      const frame = decodeClientFrame(data, this.#settings);
      this.#receive(ws, frame, data, now);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error.closeCode === undefined) this.#sockets.tell(ws, error.toFrame());
      else this.#sockets.refuse(ws, error);
    }
  }

  /** Never seen in practice for a lost line; where it comes, no close event follows. */
  override webSocketError(ws: WebSocket): void {
    this.webSocketClose(ws, ABNORMAL_CLOSURE);
  }

  override webSocketClose(ws: WebSocket, code: number): void {
    const now = Date.now();
    const set = this.#roster.set(now, ws);
    this.#sockets.answerClose(ws, code);
    this.#sockets.gone(ws);
    const { channel, isWatching, isRefused } = this.#sockets.connection(ws);
    // Where another socket has taken the presence over, this one's end means nothing.
    if (isWatching || this.#sockets.ofChannel(channel).some((other) => other !== ws)) return;
    set.touch(channel, this.#sockets.lastSeen(ws));
    // The answer to a close of ours is no goodbye, whatever its code.
    const end = isRefused ? "cut" : endOf(code);
    this.#roster.changed(
      end === "goodbye" ? set.leave(channel, "left") : set.lose(channel, end, now),
      now,
    );
  }

  override alarm(): Promise<void> {
    return this.#roster.ring();
  }

  /** Who is here, with all the names: the payload of the `presence` frame. */
  occupants(): PresenceFrame["payload"] {
    return listFrame(this.#name, this.#roster.set()).payload;
  }

  #watch(ws: WebSocket, { user, view, canSend }: Connect): void {
    const now = Date.now();
    const channel = this.#newChannel();
    this.#roster.set(now);
    this.#sockets.accept(ws, { channel, user, view, canSend, isWatching: true, seenAt: now });
    this.#roster.broadcast.greet(ws, view === "diff" ? this.#welcome(user, {}) : null);
    this.#roster.changed(NO_CHANGE, now);
  }

  /** Joins, or takes a presence up again; then nobody hears of it. */
  #join(ws: WebSocket, { user, view, canSend, resume }: Connect): void {
    const now = Date.now();
    const set = this.#roster.set(now);
    const { channel, secret } = this.#mayResume(resume, user) ? resume : this.#newPresence();
    for (const old of this.#sockets.ofChannel(channel)) {
      const message = "the same channel connected again and took the presence over";
      this.#sockets.refuse(old, new ProtocolError("replaced", message));
    }
    const diff = set.join(channel, user, now, secret);
    const state = set.get(channel)?.presence.state;
    const connection: Connection = { channel, user, view, canSend, isWatching: false, seenAt: now };
    this.#sockets.accept(ws, state === undefined ? connection : { ...connection, state });
    const welcome = view === "diff" ? this.#welcome(user, { channel, resume: secret }) : null;
    this.#roster.broadcast.greet(ws, welcome);
    this.#roster.changed(diff, now);
  }

  /** Only the same user with the right secret. The secret is 128 random bits: comparing leaks nothing usable. */
  #mayResume(resume: Connect["resume"], user: Connect["user"]): resume is Resume {
    if (resume === null) return false;
    const entry = this.#roster.set().get(resume.channel);
    return entry?.resume === resume.secret && entry.presence.user?.id === user?.id;
  }

  /** The socket whose place the connection takes: its own old one, of which only the client knows that it is dead. */
  #replacedBy({ resume, user, isWatching }: Connect): WebSocket[] {
    if (isWatching || !this.#mayResume(resume, user)) return [];
    return this.#sockets.ofChannel(resume.channel);
  }

  #newPresence(): Resume {
    return { channel: this.#newChannel(), secret: randomId(RESUME_SECRET_BYTES) };
  }

  #receive(ws: WebSocket, frame: ClientFrame, data: string | ArrayBuffer, now: number): void {
    switch (frame.type) {
      case "heartbeat":
        // Spelled with white space around it, or the runtime would have answered.
        this.#sockets.send(ws, JSON.stringify("heartbeat"));
        return;
      case "state":
        this.#setState(ws, frame.state, now);
        return;
      case "message":
        this.#say(ws, frame.payload, data, now);
        return;
      case "sync":
        this.#roster.set(now);
        this.#roster.broadcast.repeat(ws);
        this.#roster.broadcast.speak(now);
        return;
      case "leave":
        this.#leave(ws, now);
    }
  }

  #setState(ws: WebSocket, state: Json, now: number): void {
    const connection = this.#sockets.connection(ws);
    if (connection.isWatching) {
      throw new ProtocolError(
        "forbidden",
        "a watcher has no presence, so it has no state; join without watch=1",
      );
    }
    const diff = this.#roster.set(now).update(connection.channel, state);
    if (isEmpty(diff)) return;
    this.#sockets.save(ws, { ...connection, state });
    this.#roster.changed(diff, now);
  }

  #say(ws: WebSocket, payload: Json, data: string | ArrayBuffer, now: number): void {
    const { channel, user, canSend } = this.#sockets.connection(ws);
    if (!canSend) {
      throw new ProtocolError("forbidden", 'sending messages needs a token that can "send"');
    }
    // Counted as UTF-16 units at two bytes each: what they take in memory.
    const bytes = typeof data === "string" ? data.length * 2 : data.byteLength;
    this.#roster.broadcast.message({ from: { channel, user }, payload }, bytes);
    this.#roster.broadcast.speak(now);
  }

  #leave(ws: WebSocket, now: number): void {
    const { channel, isWatching } = this.#sockets.connection(ws);
    ws.close(1000, "left");
    if (!isWatching) this.#roster.changed(this.#roster.set(now).leave(channel, "left"), now);
  }

  #throttleOf(ws: WebSocket, now: number): Throttle {
    const throttle = this.#throttles.get(ws) ?? new Throttle(this.#settings.frameRate, now);
    this.#throttles.set(ws, throttle);
    return throttle;
  }

  #welcome(user: Connect["user"], presence: { channel?: string; resume?: string }): WelcomeFrame {
    return welcomeFrame(this.#name, this.#settings.maxAgeMs, { user, ...presence });
  }

  #newChannel(): string {
    return `${this.#name}!${randomId(CHANNEL_ID_BYTES)}`;
  }
}

function randomId(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return random.toBase64({ alphabet: "base64url", omitPadding: true });
}
