/**
 * The open sockets of one room, and what each keeps across hibernation in its attachment: who it is, its
 * state, and when its last frame came. Sends, but decides nothing. Who is present, only the set knows.
 */

import * as v from "valibot";
import { SEEN_STEP_MS } from "./core/limits.ts";
import { KnownUser } from "./core/presence.ts";
import {
  HEARTBEAT,
  type ProtocolError,
  type ServerFrame,
  VIEWS,
  type View,
} from "./core/protocol.ts";
import type { Live } from "./core/recovery.ts";
import { logError } from "./log.ts";

/** Only `accept` and `save` write attachments; the fields tell one of another version. */
const Connection = v.object({
  channel: v.string(),
  user: v.nullable(KnownUser),
  view: v.picklist(VIEWS),
  isWatching: v.boolean(),
  canSend: v.boolean(),
  /** Time of the last frame, rounded up; that of heartbeats is kept by the runtime. */
  seenAt: v.number(),
  /** As JSON text: its size is bounded, that of a structured clone is not. */
  state: v.optional(v.string()),
  /** Closed from here. Its peer may never answer, so it may be listed for long, but it counts for nothing. */
  isRefused: v.optional(v.literal(true)),
});
export type Connection = v.InferOutput<typeof Connection>;

/** RFC 6455: the server met an unexpected condition. */
const INTERNAL_ERROR = 1011;

export class Sockets {
  readonly #ctx: DurableObjectState;
  /** Attachments of this life of the object, so that each is read once. */
  readonly #connections = new WeakMap<WebSocket, Connection>();
  /** Those that count against the room's limit, once somebody has asked. */
  #counted: Set<WebSocket> | undefined;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    // Answered by the runtime while the room sleeps. The pair is lost in a restart, so each life sets it.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(HEARTBEAT, HEARTBEAT));
  }

  accept(ws: WebSocket, connection: Connection): void {
    this.#ctx.acceptWebSocket(ws, [viewTag(connection.view), channelTag(connection.channel)]);
    this.save(ws, connection);
    this.#counted?.add(ws);
  }

  /** To be told of each socket that is gone, so that counting them costs nothing. */
  gone(ws: WebSocket): void {
    this.#counted?.delete(ws);
  }

  /** Whether there are `max` sockets or more. */
  isFull(max: number): boolean {
    this.#counted ??= new Set(this.open());
    return this.#counted.size >= max;
  }

  /** Whether there is any socket at all, one that is closing too. */
  get isEmpty(): boolean {
    return this.#ctx.getWebSockets().length === 0;
  }

  connection(ws: WebSocket): Connection {
    const known = this.#connections.get(ws);
    if (known) return known;
    const result = v.safeParse(Connection, ws.deserializeAttachment());
    const connection = result.success ? result.output : this.#giveUp(ws);
    this.#connections.set(ws, connection);
    return connection;
  }

  save(ws: WebSocket, connection: Connection): void {
    this.#connections.set(ws, connection);
    ws.serializeAttachment(connection);
  }

  /** Sockets that can still be spoken to: all of them, or those of one view. */
  open(view?: View): WebSocket[] {
    return this.#ctx.getWebSockets(view && viewTag(view)).filter(isOpen);
  }

  /** Sockets of one channel that can still be spoken to: one, or none. */
  ofChannel(channel: string): WebSocket[] {
    return this.#ctx
      .getWebSockets(channelTag(channel))
      .filter((ws) => isOpen(ws) && this.connection(ws).channel === channel);
  }

  /**
   * What the sockets of presences know better than their rows, by channel. One whose close event is not
   * handled yet is among them, or its presence would be taken for lost before the room has heard why: name
   * the one that is being handled in `closing`, for the runtime may list it or not.
   */
  live(closing?: WebSocket): Map<string, Live> {
    const live = new Map<string, Live>();
    const listed = this.#ctx.getWebSockets();
    for (const ws of closing ? [closing, ...listed] : listed) {
      const { channel, isWatching, isRefused, state } = this.connection(ws);
      if (isWatching || isRefused) continue;
      const lastSeen = this.lastSeen(ws);
      live.set(channel, { lastSeen, state: state === undefined ? state : JSON.parse(state) });
    }
    return live;
  }

  /** The last frame or heartbeat of a socket, in milliseconds since the epoch. */
  lastSeen(ws: WebSocket): number {
    const beat = this.#ctx.getWebSocketAutoResponseTimestamp(ws)?.getTime() ?? 0;
    return Math.max(this.connection(ws).seenAt, beat);
  }

  /** A server's word that the channel is alive, as this user. Another one than before starts without a state. */
  setUser(channel: string, user: Connection["user"], now: number): void {
    for (const ws of this.ofChannel(channel)) {
      const { state, ...connection } = this.connection(ws);
      const kept = state !== undefined && connection.user?.id === user?.id ? { state } : {};
      this.save(ws, { ...connection, ...kept, user });
      this.seen(ws, now);
    }
  }

  /** A frame came. Its time is rounded up, never down: nobody may expire early because a time was not kept. */
  seen(ws: WebSocket, now: number): void {
    const connection = this.connection(ws);
    if (now > connection.seenAt) this.save(ws, { ...connection, seenAt: now + SEEN_STEP_MS });
  }

  tell(ws: WebSocket, frame: ServerFrame): void {
    this.send(ws, JSON.stringify(frame));
  }

  /** Sends text. A socket that died in the meantime is not news: its close event is on the way. */
  send(ws: WebSocket, text: string): void {
    try {
      ws.send(text);
    } catch {
      return;
    }
  }

  /** Says why, and closes with the code of the reason. */
  refuse(ws: WebSocket, error: ProtocolError): void {
    this.tell(ws, error.toFrame());
    this.save(ws, { ...this.connection(ws), isRefused: true });
    this.close(ws, error.closeCode ?? 1000, error.code);
  }

  close(ws: WebSocket, code: number, reason: string): void {
    this.gone(ws);
    ws.close(code, reason);
  }

  /** One that was accepted and then could not be stored: nobody gets its other end, so it must count for nothing. */
  abandon(ws: WebSocket): void {
    const connection = this.#connections.get(ws);
    if (!connection) return;
    this.save(ws, { ...connection, isRefused: true });
    this.close(ws, INTERNAL_ERROR, "connect again");
  }

  /** One whose attachment cannot be read would keep the room from waking for ever; its client connects again. */
  #giveUp(ws: WebSocket): Connection {
    logError("unreadable socket closed", null);
    this.close(ws, INTERNAL_ERROR, "connect again");
    const nobody = { channel: "", user: null, view: VIEWS[0], canSend: false, seenAt: 0 };
    return { ...nobody, isWatching: true, isRefused: true };
  }

  /** Answers the client's close frame. The runtime does not do it for hibernating sockets, and 1006 would follow. */
  answerClose(ws: WebSocket, code: number): void {
    const isEchoable = code === 1000 || code === 1001 || (code >= 3000 && code <= 4999);
    try {
      if (isEchoable) ws.close(code);
      // The commonest close of a browser has no code (1005), and none may be sent back.
      else if (code === 1005) ws.close();
      else ws.close(1000);
    } catch {
      // The line is cut already: there is nobody to answer.
      return;
    }
  }
}

function isOpen(ws: WebSocket): boolean {
  return ws.readyState === WebSocket.OPEN;
}

function viewTag(view: View): string {
  return `view:${view}`;
}

/** Tags are 256 bytes at most, channels of long rooms are more: the part behind the room's name is enough. */
function channelTag(channel: string): string {
  return `channel:${channel.slice(channel.lastIndexOf("!") + 1)}`;
}
