/**
 * The Room object: sockets and the alarm. Events come in, the set in core/ says what they change, and
 * `#changed` stores, announces and schedules that. Memory is a cache: the room may be evicted at any
 * instant. Handlers are synchronous from frame to flush, or the next frame would overtake.
 */

import { DurableObject } from "cloudflare:workers";
import { AlarmClock } from "./alarm-clock.ts";
import { Broadcast } from "./broadcast.ts";
import { type Connect, decodeConnect } from "./connect.ts";
import { type Diff, isEmpty, NO_CHANGE } from "./core/diff.ts";
import { listFrame, welcomeFrame } from "./core/frames.ts";
import type { Json } from "./core/json.ts";
import { ALARM_RETRY_MS, CHANNEL_ID_BYTES, RESUME_SECRET_BYTES } from "./core/limits.ts";
import { type Patience, patienceOf, PresenceSet } from "./core/presence-set.ts";
import {
  type ClientFrame,
  decodeClientFrame,
  endOf,
  formatCount,
  type PresenceFrame,
  ProtocolError,
  type WelcomeFrame,
} from "./core/protocol.ts";
import { recover } from "./core/recovery.ts";
import { Throttle } from "./core/throttle.ts";
import type { Env } from "./env.ts";
import { readSettings, type Settings } from "./settings.ts";
import { type Connection, Sockets } from "./sockets.ts";
import { Store } from "./store.ts";

type Resume = NonNullable<Connect["resume"]>;

/** RFC 6455: the connection ended without a close frame. */
const ABNORMAL_CLOSURE = 1006;

export class Room extends DurableObject<Env> {
  readonly #name: string;
  readonly #settings: Settings;
  readonly #patience: Patience;
  readonly #store: Store;
  readonly #sockets: Sockets;
  readonly #broadcast: Broadcast;
  readonly #alarm: AlarmClock;
  readonly #throttles = new WeakMap<WebSocket, Throttle>();
  #presences: PresenceSet | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#name = ctx.id.name ?? "";
    this.#settings = readSettings(env);
    this.#patience = patienceOf(this.#settings);
    this.#store = new Store(ctx.storage);
    this.#alarm = new AlarmClock(ctx.storage);
    this.#sockets = new Sockets(ctx);
    this.#broadcast = new Broadcast({
      room: this.#name,
      sockets: this.#sockets,
      store: this.#store,
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
    const set = this.#set(now, ws);
    this.#sockets.answerClose(ws, code);
    this.#sockets.gone(ws);
    const { channel, isWatching, isRefused } = this.#sockets.connection(ws);
    // Where another socket has taken the presence over, this one's end means nothing.
    if (isWatching || this.#sockets.ofChannel(channel).some((other) => other !== ws)) return;
    set.touch(channel, this.#sockets.lastSeen(ws));
    // The answer to a close of ours is no goodbye, whatever its code.
    const end = isRefused ? "cut" : endOf(code);
    this.#changed(
      end === "goodbye" ? set.leave(channel, "left") : set.lose(channel, end, now),
      now,
    );
  }

  override async alarm(): Promise<void> {
    try {
      const set = this.#set();
      this.#alarm.rang();
      for (const [channel, { lastSeen }] of this.#sockets.live()) set.touch(channel, lastSeen);
      const now = Date.now();
      this.#changed(set.prune(now), now);
      if (set.size === 0) await this.#store.forget();
    } catch (error) {
      // Not thrown: the platform gives up after six tries, and then nobody would ever leave.
      console.error(
        JSON.stringify({ event: "alarm failed", room: this.#name, error: String(error) }),
      );
      this.#alarm.ringBy(Date.now() + ALARM_RETRY_MS);
    }
  }

  /** Who is here, with all the names: the payload of the `presence` frame. */
  occupants(): PresenceFrame["payload"] {
    return listFrame(this.#name, this.#set()).payload;
  }

  #watch(ws: WebSocket, { user, view, canSend }: Connect): void {
    const now = Date.now();
    const channel = this.#newChannel();
    this.#set();
    this.#sockets.accept(ws, { channel, user, view, canSend, isWatching: true, seenAt: now });
    this.#broadcast.greet(ws, view === "diff" ? this.#welcome(user, {}) : null);
    this.#changed(NO_CHANGE, now);
  }

  /** Joins, or takes a presence up again; then nobody hears of it. */
  #join(ws: WebSocket, { user, view, canSend, resume }: Connect): void {
    const now = Date.now();
    const set = this.#set();
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
    this.#broadcast.greet(ws, welcome);
    this.#changed(diff, now);
  }

  /** Only the same user with the right secret. The secret is 128 random bits: comparing leaks nothing usable. */
  #mayResume(resume: Connect["resume"], user: Connect["user"]): resume is Resume {
    if (resume === null) return false;
    const entry = this.#set().get(resume.channel);
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
        this.#set();
        this.#broadcast.repeat(ws);
        this.#broadcast.speak(now);
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
    const diff = this.#set().update(connection.channel, state);
    if (isEmpty(diff)) return;
    this.#sockets.save(ws, { ...connection, state });
    this.#changed(diff, now);
  }

  #say(ws: WebSocket, payload: Json, data: string | ArrayBuffer, now: number): void {
    const { channel, user, canSend } = this.#sockets.connection(ws);
    if (!canSend) {
      throw new ProtocolError("forbidden", 'sending messages needs a token that can "send"');
    }
    // Counted as UTF-16 units at two bytes each: what they take in memory.
    const bytes = typeof data === "string" ? data.length * 2 : data.byteLength;
    this.#broadcast.message({ from: { channel, user }, payload }, bytes);
    this.#broadcast.speak(now);
  }

  #leave(ws: WebSocket, now: number): void {
    const { channel, isWatching } = this.#sockets.connection(ws);
    ws.close(1000, "left");
    if (!isWatching) this.#changed(this.#set().leave(channel, "left"), now);
  }

  #throttleOf(ws: WebSocket, now: number): Throttle {
    const throttle = this.#throttles.get(ws) ?? new Throttle(this.#settings.frameRate, now);
    this.#throttles.set(ws, throttle);
    return throttle;
  }

  /**
   * The shape of every change: stored, announced, scheduled. Nobody else does any of the three. Who was put
   * out hears of it before the others do. Where storage fails, memory is thrown away, for it would lie.
   */
  #changed(diff: Diff, now: number): void {
    try {
      this.#store.save(this.#set().takeUnsaved());
    } catch (error) {
      this.#presences = undefined;
      throw error;
    }
    for (const { channel, reason } of diff.leaves) {
      if (reason === "expired") this.#dismiss(channel);
    }
    this.#broadcast.change(diff);
    this.#broadcast.speak(now);
    this.#schedule(now);
  }

  #dismiss(channel: string): void {
    const seconds = formatCount(this.#patience.maxAgeMs / 1_000);
    const message = `no sign of life for ${seconds} seconds; connect again`;
    for (const ws of this.#sockets.ofChannel(channel)) {
      this.#sockets.refuse(ws, new ProtocolError("expired", message));
    }
  }

  /** One alarm at the earliest deadline. A room that empties has one set, and forgets when it rings. */
  #schedule(now: number): void {
    if (this.#set().size > 0) this.#alarm.ringBy(this.#deadline(this.#set(), now));
  }

  /** No later than the maximum age from now: a room that empties right away must have forgotten by then. */
  #deadline(set: PresenceSet, now: number): number {
    return Math.min(set.deadline, now + this.#patience.maxAgeMs);
  }

  /** The set, read from storage and sockets by the first who needs it in this life of the object. */
  #set(now = Date.now(), closing?: WebSocket): PresenceSet {
    this.#presences ??= this.#wake(now, closing);
    return this.#presences;
  }

  #wake(now: number, closing: WebSocket | undefined): PresenceSet {
    const entries = this.#store.load();
    const known = this.#store.restartedAt;
    const { restartedAt, unheard } = recover(entries, this.#sockets.live(closing), {
      restartedAt: known,
      hasSockets: closing !== undefined || !this.#sockets.isEmpty,
      now,
    });
    const set = new PresenceSet(this.#patience, entries);
    this.#presences = set;
    this.#broadcast.begin(set);
    if (restartedAt !== null && restartedAt !== known) {
      this.#store.restartedAt = restartedAt;
      this.#schedule(now);
    } else if (set.size > 0) void this.#alarm.resume(this.#deadline(set, now));
    for (const channel of unheard) this.#changed(set.lose(channel, "cut", now), now);
    return set;
  }

  #welcome(user: Connect["user"], presence: { channel?: string; resume?: string }): WelcomeFrame {
    return welcomeFrame(this.#name, this.#patience.maxAgeMs, { user, ...presence });
  }

  #newChannel(): string {
    return `${this.#name}!${randomId(CHANNEL_ID_BYTES)}`;
  }
}

function randomId(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return random.toBase64({ alphabet: "base64url", omitPadding: true });
}
