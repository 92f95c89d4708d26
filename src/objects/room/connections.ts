/**
 * The connections of a room, from opening to close. The set says what an event changes, and `Changes` does
 * the rest. Handlers are synchronous from frame to flush, or the next frame would overtake.
 */

import type { Connection } from "./attachments.ts";
import type { Broadcaster } from "./broadcaster.ts";
import type { Changes } from "./changes.ts";
import { type Connect, decodeConnect, switchTo } from "../../rpc/connection-parameters.ts";
import { isEmpty, NO_CHANGE } from "../../core/diff.ts";
import { welcomeFrame } from "../../core/frames.ts";
import type { Json } from "../../core/json.ts";
import {
  CHANNEL_ID_BYTES,
  FRAME_BURST_SECONDS,
  PRESENCES_PER_CONNECTION,
  RESUME_SECRET_BYTES,
  SYNC_COST_SECONDS,
} from "../../core/limits.ts";
import {
  type ClientFrame,
  decodeClientFrame,
  endOf,
  formatCount,
  HEARTBEAT,
  isGoodbye,
  ProtocolError,
  type WelcomeFrame,
} from "../../core/protocol.ts";
import { Throttle } from "../../core/throttle.ts";
import { logRefusal } from "../../telemetry/log.ts";
import type { LocalChannels } from "./local-channels.ts";
import type { Memberships } from "../memberships.ts";
import type { Settings } from "../../config/settings.ts";
import type { Sockets } from "./sockets.ts";

type Resume = NonNullable<Connect["resume"]>;

export type ConnectionsOptions = {
  readonly room: string;
  readonly settings: Settings;
  readonly sockets: Sockets;
  readonly changes: Changes;
  readonly broadcaster: Broadcaster;
  readonly memberships: Memberships;
  readonly localChannels: LocalChannels;
};

export class Connections {
  readonly #room: string;
  readonly #settings: Settings;
  readonly #sockets: Sockets;
  readonly #changes: Changes;
  readonly #broadcaster: Broadcaster;
  readonly #memberships: Memberships;
  readonly #localChannels: LocalChannels;
  readonly #throttles = new WeakMap<WebSocket, Throttle>();

  constructor(options: ConnectionsOptions) {
    this.#room = options.room;
    this.#settings = options.settings;
    this.#sockets = options.sockets;
    this.#changes = options.changes;
    this.#broadcaster = options.broadcaster;
    this.#memberships = options.memberships;
    this.#localChannels = options.localChannels;
  }

  /** Opens a socket. Only the edge calls this, with a request of `connectRequest`. */
  open(request: Request): Response {
    const connect = decodeConnect(request);
    this.#changes.hydrate(Date.now());
    const refusal = this.#fullness(connect);
    if (refusal !== null) {
      return Response.json(new ProtocolError("room_full", refusal).toFrame(), { status: 503 });
    }
    const { 0: client, 1: server } = new WebSocketPair();
    try {
      if (connect.isWatching) this.#watch(server, connect);
      else this.#join(server, connect);
    } catch (error) {
      this.#sockets.abandon(server);
      // Takes the close frame: an end that nobody holds would keep the room in memory for good.
      client.accept();
      throw error;
    }
    return switchTo(client);
  }

  received(ws: WebSocket, data: string | ArrayBuffer): void {
    // A socket that was closed from here may go on talking until its peer answers.
    if (ws.readyState !== WebSocket.OPEN) {
      this.#sockets.dropFrame();
      return;
    }
    const now = Date.now();
    this.#sockets.metrics.count("framesIn");
    try {
      if (isGoodbye(data)) this.#leave(ws, now);
      else if (this.#admits(ws, now)) {
        this.#receive(ws, decodeClientFrame(data, this.#settings), now);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#refuse(ws, error, now);
    }
  }

  closed(ws: WebSocket, code: number): void {
    const now = Date.now();
    const { channel, isWatching, isRefused } = this.#sockets.connection(ws);
    this.#sockets.answerClose(ws, code);
    this.#sockets.remove(ws);
    // A socket that was closed from here lost its presence then; the answer to that is no goodbye.
    if (isWatching || isRefused) return;
    const set = this.#changes.hydrate(now, ws);
    // Where another socket has taken the presence over, this one's end means nothing.
    if (this.#sockets.ofChannel(channel).some((other) => other !== ws)) return;
    set.touch(channel, this.#sockets.lastSeen(ws));
    const end = endOf(code);
    this.#changes.apply(
      end === "goodbye" ? set.leave(channel, "left") : set.lose(channel, end, now),
      now,
    );
  }

  #watch(ws: WebSocket, { user, view, canSend }: Connect): void {
    const now = Date.now();
    const channel = this.#newChannel();
    this.#sockets.accept(ws, { channel, user, view, canSend, isWatching: true, seenAt: now });
    this.#broadcaster.outbox.greet(ws, view === "diff" ? this.#welcome(user, {}) : null);
    this.#changes.apply(NO_CHANGE, now);
  }

  /** Joins, or takes a presence up again, which the others do not notice. */
  #join(ws: WebSocket, { user, view, canSend, resume }: Connect): void {
    const now = Date.now();
    const set = this.#changes.hydrate(now);
    const isBack = this.#mayResume(resume, user);
    const { channel, secret } = isBack ? resume : this.#newPresence();
    for (const old of isBack ? this.#sockets.ofChannel(channel) : []) {
      const message = "the same channel connected again and took the presence over";
      this.#sockets.refuse(old, new ProtocolError("replaced", message));
    }
    const diff = set.join(channel, user, now, { kind: "local", secret });
    const state = set.get(channel)?.presence.state;
    const connection: Connection = { channel, user, view, canSend, isWatching: false, seenAt: now };
    const stated = state === undefined ? {} : { state: JSON.stringify(state) };
    this.#sockets.accept(ws, { ...connection, ...stated });
    const welcome = view === "diff" ? this.#welcome(user, { channel, resume: secret }) : null;
    this.#broadcaster.outbox.greet(ws, welcome);
    this.#changes.applyDeferred(diff, now);
    if (!isBack) return;
    this.#sockets.metrics.count("resumes");
    this.#localChannels.resumed(ws, channel, view);
  }

  /** Only the same user with the right secret. The secret is 128 random bits: comparing leaks nothing usable. */
  #mayResume(resume: Connect["resume"], user: Connect["user"]): resume is Resume {
    if (resume === null) return false;
    const entry = this.#changes.hydrate(Date.now()).get(resume.channel);
    if (entry?.owner.kind !== "local" || entry.owner.secret !== resume.secret) return false;
    return entry.presence.user?.id === user?.id;
  }

  /**
   * Why there is no place: too many connections, or presences that outlive theirs, altogether or of this user.
   * Who comes back needs no new place.
   */
  #fullness({ isWatching, resume, user }: Connect): string | null {
    const { roomMax, userMax } = this.#settings;
    const id = user?.id ?? null;
    const { connectionCounts } = this.#sockets;
    const set = this.#changes.hydrate(Date.now());
    const isBack = !isWatching && this.#mayResume(resume, user);
    // Its own old socket, of which only the client knows that it is dead.
    const isReplacing = isBack && this.#sockets.ofChannel(resume.channel).length > 0;
    const hasPlaces = (connections: number, presences: number, max: number) =>
      (isReplacing || connections < max) &&
      (isBack || isWatching || presences < max * PRESENCES_PER_CONNECTION);
    if (!hasPlaces(connectionCounts.size, set.size, roomMax)) {
      return `the room is full; its limit is ${formatCount(roomMax)} connections; try again later`;
    }
    if (hasPlaces(connectionCounts.of(id), set.presencesOf(id), userMax)) return null;
    return `you have too many connections to this room; the limit is ${formatCount(userMax)} for one user; close one and try again later`;
  }

  #newPresence(): Resume {
    return { channel: this.#newChannel(), secret: randomId(RESUME_SECRET_BYTES) };
  }

  #receive(ws: WebSocket, frame: ClientFrame, now: number): void {
    switch (frame.type) {
      case "heartbeat":
        // Spelled with white space around it, or the runtime would have answered.
        this.#sockets.send(ws, HEARTBEAT);
        return;
      case "state":
        this.#setState(ws, frame.state, now);
        return;
      case "message":
        this.#sendMessage(ws, frame.payload, now);
        return;
      case "sync":
        if (this.#admits(ws, now, this.#syncCostOf(ws))) this.#resync(ws, now);
        return;
      case "leave":
        this.#leave(ws, now);
    }
  }

  #resync(ws: WebSocket, now: number): void {
    const { channel, view } = this.#sockets.connection(ws);
    this.#broadcaster.outbox.resync(ws);
    this.#changes.flush(now);
    void this.#localChannels.resync(channel, view);
  }

  /** Tells why, and closes the connection where the reason is one to close it. */
  #refuse(ws: WebSocket, error: ProtocolError, now: number): void {
    const { channel, user } = this.#sockets.connection(ws);
    const { code } = error;
    logRefusal("frame refused", { room: this.#room, channel, user: user?.id ?? null, code });
    if (error.closeCode === undefined) this.#sockets.sendFrame(ws, error.toFrame());
    else this.#putOut(ws, error, now);
  }

  /** Closes a connection for what its client did; whoever is behind it may come back within the grace. */
  #putOut(ws: WebSocket, error: ProtocolError, now: number): void {
    const { channel, isWatching } = this.#sockets.connection(ws);
    const set = this.#changes.hydrate(now);
    this.#sockets.refuse(ws, error);
    if (!isWatching) this.#changes.apply(set.lose(channel, "cut", now), now);
  }

  #setState(ws: WebSocket, state: Json, now: number): void {
    const connection = this.#sockets.connection(ws);
    if (connection.isWatching) {
      throw new ProtocolError(
        "forbidden",
        "a watcher has no presence, so it has no state; join without watch=1",
      );
    }
    const diff = this.#changes.hydrate(now).update(connection.channel, state);
    if (isEmpty(diff)) return;
    this.#sockets.save(ws, { ...connection, state: JSON.stringify(state) });
    this.#changes.apply(diff, now);
  }

  #sendMessage(ws: WebSocket, payload: Json, now: number): void {
    const { channel, user, canSend } = this.#sockets.connection(ws);
    if (!canSend) {
      throw new ProtocolError("forbidden", 'sending messages needs a token that can "send"');
    }
    this.#broadcaster.outbox.addMessage({ from: { channel, user }, payload });
    this.#changes.flush(now);
  }

  #leave(ws: WebSocket, now: number): void {
    const { channel, isWatching } = this.#sockets.connection(ws);
    this.#sockets.close(ws, 1000, "left");
    if (!isWatching) this.#changes.apply(this.#changes.hydrate(now).leave(channel, "left"), now);
  }

  /** What snapshots of all rooms of the channel cost beyond the frame that asks for them: a full bucket at most. */
  #syncCostOf(ws: WebSocket): number {
    const further = this.#memberships.of(this.#sockets.connection(ws).channel).size;
    const seconds = Math.min((1 + further) * SYNC_COST_SECONDS, FRAME_BURST_SECONDS);
    return this.#settings.frameRate * seconds - 1;
  }

  /** Whether a frame is taken, at the cost of so many. What is left of the bucket is kept with the socket. */
  #admits(ws: WebSocket, now: number, cost = 1): boolean {
    const throttle = this.#throttleOf(ws, now);
    const { metrics } = this.#sockets;
    let isTaken = false;
    try {
      isTaken = throttle.admits(now, cost);
      const notice = isTaken ? throttle.notice(now) : null;
      if (notice) this.#sockets.sendFrame(ws, notice.toFrame());
      return isTaken;
    } finally {
      if (!isTaken) {
        metrics.count("throttled");
        this.#sockets.dropFrame();
      }
      this.#sockets.received(ws, now, throttle.saved);
    }
  }

  #throttleOf(ws: WebSocket, now: number): Throttle {
    const known = this.#throttles.get(ws);
    if (known) return known;
    const { bucket } = this.#sockets.connection(ws);
    const throttle = new Throttle(this.#settings.frameRate, now, bucket);
    this.#throttles.set(ws, throttle);
    return throttle;
  }

  #welcome(user: Connect["user"], presence: { channel?: string; resume?: string }): WelcomeFrame {
    return welcomeFrame(this.#room, this.#settings, { user, ...presence });
  }

  #newChannel(): string {
    return `${this.#room}!${randomId(CHANNEL_ID_BYTES)}`;
  }
}

function randomId(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return random.toBase64({ alphabet: "base64url", omitPadding: true });
}
