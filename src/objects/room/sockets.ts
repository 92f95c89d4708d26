/**
 * The open sockets of one room, with what each keeps across hibernation. Sends and counts, but
 * decides nothing: who is present, the set knows.
 */

import { Attachments, type Connection, INTERNAL_ERROR, isOpen } from "./attachments.ts";
import { ConnectionCounts } from "./connection-counts.ts";
import { DROPPED_PER_PAUSE } from "../../core/limits.ts";
import { HEARTBEAT, type ProtocolError, type ServerFrame, type View } from "../../core/protocol.ts";
import type { Live } from "../../core/recovery.ts";
import type { StatusChange } from "../../core/status.ts";
import { DeliveryMark } from "./delivery-mark.ts";
import { Metrics } from "./metrics.ts";
import { Unread } from "./unread.ts";

/** RFC 6455: the peer broke the protocol, here by an end without a close frame. */
const PROTOCOL_ERROR = 1002;
/** RFC 6455: what a close frame without a code is reported as. */
const NO_STATUS = 1005;
/** RFC 6455: what the end of a connection without a close frame is reported as. */
export const ABNORMAL_CLOSURE = 1006;

export class Sockets {
  /** What happened in the room. */
  readonly metrics: Metrics;
  /** How far the room's webhooks have got. */
  readonly deliveryMark: DeliveryMark;
  readonly #ctx: DurableObjectState;
  readonly #attachments = new Attachments();
  readonly #unread: Unread;
  #dropped = 0;
  /** Made when first asked for. */
  #connectionCounts: ConnectionCounts | undefined;

  constructor(ctx: DurableObjectState, maxAgeMs: number) {
    this.#ctx = ctx;
    this.#unread = new Unread((ws) => this.lastSeen(ws), maxAgeMs);
    this.metrics = new Metrics(ctx, this.#attachments);
    this.deliveryMark = new DeliveryMark(ctx, this.#attachments);
    // Answered by the runtime while the room sleeps. A restart loses the pair, so it is set each
    // time.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(HEARTBEAT, HEARTBEAT));
  }

  accept(ws: WebSocket, connection: Connection): void {
    this.#ctx.acceptWebSocket(ws, [viewTag(connection.view), channelTag(connection.channel)]);
    this.save(ws, connection);
    this.metrics.meet(ws);
    this.#connectionCounts?.put(ws, connection.user?.id ?? null);
  }

  /**
   * A socket is gone: it does not count any more, and leaves its share of the counters to another
   * one.
   */
  remove(ws: WebSocket): void {
    this.#connectionCounts?.remove(ws);
    this.metrics.inherit(ws);
    this.deliveryMark.inherit(ws);
  }

  /** How many there are, altogether and of each user. */
  get connectionCounts(): ConnectionCounts {
    this.#connectionCounts ??= this.#count();
    return this.#connectionCounts;
  }

  /** Whether there is any socket at all, one that is closing too. */
  get isEmpty(): boolean {
    return this.#ctx.getWebSockets().length === 0;
  }

  connection(ws: WebSocket): Connection {
    return this.#attachments.of(ws);
  }

  save(ws: WebSocket, connection: Connection): void {
    this.#attachments.save(ws, connection);
  }

  /** Sockets that can be sent to: all of them, or those of one view. */
  open(view?: View): WebSocket[] {
    return this.#ctx.getWebSockets(view && viewTag(view)).filter(isOpen);
  }

  /** Sockets of one channel that can be sent to: one, or none. */
  ofChannel(channel: string): WebSocket[] {
    return this.#ctx
      .getWebSockets(channelTag(channel))
      .filter((ws) => isOpen(ws) && this.connection(ws).channel === channel);
  }

  /**
   * What the sockets of presences know better than their rows, by channel. That includes sockets
   * whose close event is still to come, or their presences would be lost before the room knows why.
   * `closing` is the socket whose close event is being handled: the runtime may or may not list it.
   */
  live(closing?: WebSocket): Map<string, Live> {
    const live = new Map<string, Live>();
    const listed = this.#ctx.getWebSockets();
    for (const ws of closing ? [closing, ...listed] : listed) {
      const { channel, isWatching, isRefused, state, told } = this.connection(ws);
      if (isWatching || isRefused) continue;
      const lastSeen = this.lastSeen(ws);
      const known = state === undefined ? state : JSON.parse(state);
      live.set(channel, { lastSeen, state: known, told });
    }
    return live;
  }

  /** The last frame or heartbeat of a socket, in milliseconds since the epoch. */
  lastSeen(ws: WebSocket): number {
    const beat = this.#ctx.getWebSocketAutoResponseTimestamp(ws)?.getTime() ?? 0;
    return Math.max(this.connection(ws).seenAt, beat);
  }

  /**
   * A server says that the channel is alive, as this user. A different user starts without a state and a
   * status.
   */
  setUser(channel: string, user: Connection["user"], now: number): void {
    for (const ws of this.ofChannel(channel)) {
      const { state, told, ...connection } = this.connection(ws);
      const isSame = connection.user?.id === user?.id;
      const kept = { ...(state !== undefined && { state }), ...(told && { told }) };
      this.save(ws, { ...connection, ...(isSame && kept), user });
      this.#connectionCounts?.put(ws, user?.id ?? null);
      this.touch(ws, now);
    }
  }

  /** What the clients of these channels told of their statuses, or what became of that. */
  setStatuses(statuses: readonly StatusChange[]): void {
    for (const { channel, ...told } of statuses) {
      for (const ws of this.ofChannel(channel)) this.save(ws, { ...this.connection(ws), told });
    }
  }

  /** A sign of life. */
  touch(ws: WebSocket, now: number): void {
    const connection = this.connection(ws);
    if (now > connection.seenAt) this.save(ws, { ...connection, seenAt: now });
  }

  /** A frame came; `bucket` is what is left of its sender's. */
  received(ws: WebSocket, now: number, bucket: readonly number[]): void {
    const connection = this.connection(ws);
    this.metrics.meet(ws);
    this.save(ws, { ...connection, seenAt: Math.max(now, connection.seenAt), bucket });
  }

  /**
   * A frame is dropped. Among many, the room pauses now and then, so that the runtime turns to
   * other sockets.
   */
  dropFrame(): void {
    this.#dropped += 1;
    if (this.#dropped % DROPPED_PER_PAUSE !== 0) return;
    // Even a timer of 0 ms rings only after the runtime has turned to them.
    void this.#ctx.blockConcurrencyWhile(() => scheduler.wait(0));
  }

  sendFrame(ws: WebSocket, frame: ServerFrame): void {
    this.send(ws, JSON.stringify(frame));
  }

  /** Sends text. A socket that died meanwhile is no error: its close event will come. */
  send(ws: WebSocket, text: string): void {
    try {
      ws.send(text);
    } catch {
      return;
    }
    this.metrics.count("framesOut");
    this.#unread.add(ws, text.length);
  }

  /** Open sockets whose clients seem to have stopped reading. Each is returned once. */
  takeUnread(): WebSocket[] {
    return this.#unread.take().filter(isOpen);
  }

  /** Says why, and closes with the code of the reason. */
  refuse(ws: WebSocket, error: ProtocolError): void {
    this.sendFrame(ws, error.toFrame());
    this.save(ws, { ...this.connection(ws), isRefused: true });
    this.close(ws, error.closeCode ?? 1000, error.code);
  }

  close(ws: WebSocket, code: number, reason: string): void {
    this.remove(ws);
    ws.close(code, reason);
  }

  /**
   * Gives up a socket whose other end nobody gets. Returns the channel of the presence that it was
   * accepted for, or `null`.
   */
  abandon(ws: WebSocket): string | null {
    if (!this.#attachments.has(ws)) return null;
    const connection = this.connection(ws);
    this.save(ws, { ...connection, isRefused: true });
    this.close(ws, INTERNAL_ERROR, "connect again");
    return connection.isWatching ? null : connection.channel;
  }

  /**
   * Answers the client's close frame: the runtime does not do it for hibernating sockets, and the
   * client would see 1006. Where no frame came, this side is closed all the same: its end of the
   * line would stay open as long as the room is awake.
   */
  answerClose(ws: WebSocket, code: number): void {
    try {
      // No code may be sent back where none came: the commonest close of a browser.
      if (code === NO_STATUS) ws.close();
      else ws.close(answerTo(code));
    } catch {
      // The line is cut already: there is nobody to answer.
      return;
    }
  }

  #count(): ConnectionCounts {
    const counts = new ConnectionCounts();
    for (const ws of this.open()) counts.put(ws, this.connection(ws).user?.id ?? null);
    return counts;
  }
}

/** The code of the answer to a close: the same where it may be sent. */
function answerTo(code: number): number {
  if (code === ABNORMAL_CLOSURE) return PROTOCOL_ERROR;
  const isEchoable = code === 1000 || code === 1001 || (code >= 3000 && code <= 4999);
  return isEchoable ? code : 1000;
}

function viewTag(view: View): string {
  return `view:${view}`;
}

/**
 * Tags are 256 bytes at most, channels of long rooms are more: the part behind the room's name is
 * enough.
 */
function channelTag(channel: string): string {
  return `channel:${channel.slice(channel.lastIndexOf("!") + 1)}`;
}
