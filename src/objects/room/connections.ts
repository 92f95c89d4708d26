/**
 * The connections of a room, from their first frame to their close. The set says what an event changes, and
 * `Changes` does the rest. Handlers are synchronous from frame to flush, or the next frame would overtake.
 */

import type { Broadcaster } from "./broadcaster.ts";
import type { Changes } from "./changes.ts";
import { isEmpty } from "../../core/diff.ts";
import type { Events } from "./events.ts";
import type { Json } from "../../core/json.ts";
import { FRAME_BURST_SECONDS, SYNC_COST_SECONDS, THROTTLED_NOTICE_MS } from "../../core/limits.ts";
import {
  type ClientFrame,
  decodeClientFrame,
  endOf,
  HEARTBEAT,
  isGoodbye,
  ProtocolError,
} from "../../core/protocol.ts";
import { Throttle } from "../../core/throttle.ts";
import { logRefusal } from "../../telemetry/log.ts";
import type { LocalChannels } from "./local-channels.ts";
import type { Memberships } from "../memberships.ts";
import type { PresenceStatus } from "../../core/status.ts";
import type { Settings } from "../../config/settings.ts";
import type { Sockets } from "./sockets.ts";

export type ConnectionsOptions = {
  readonly room: string;
  readonly settings: Settings;
  readonly sockets: Sockets;
  readonly changes: Changes;
  readonly broadcaster: Broadcaster;
  readonly memberships: Memberships;
  readonly localChannels: LocalChannels;
  readonly events: Events;
};

export class Connections {
  readonly #room: string;
  readonly #settings: Settings;
  readonly #sockets: Sockets;
  readonly #changes: Changes;
  readonly #broadcaster: Broadcaster;
  readonly #memberships: Memberships;
  readonly #localChannels: LocalChannels;
  readonly #events: Events;
  readonly #throttles = new WeakMap<WebSocket, Throttle>();
  /** Timers for what was dropped and is not told yet. */
  readonly #notices = new WeakMap<WebSocket, ReturnType<typeof setTimeout>>();

  constructor(options: ConnectionsOptions) {
    this.#room = options.room;
    this.#settings = options.settings;
    this.#sockets = options.sockets;
    this.#changes = options.changes;
    this.#broadcaster = options.broadcaster;
    this.#memberships = options.memberships;
    this.#localChannels = options.localChannels;
    this.#events = options.events;
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

  #receive(ws: WebSocket, frame: ClientFrame, now: number): void {
    switch (frame.type) {
      case "heartbeat":
        // Spelled with white space around it, or the runtime would have answered.
        this.#sockets.send(ws, HEARTBEAT);
        return;
      case "state":
        this.#setState(ws, frame.state, now);
        return;
      case "status":
        this.#setStatus(ws, frame.status, now);
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
    else this.#changes.cut(ws, error, now);
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

  /** Only the socket keeps it, a renewal too, so it costs no row. */
  #setStatus(ws: WebSocket, status: PresenceStatus, now: number): void {
    const connection = this.#sockets.connection(ws);
    if (connection.isWatching) {
      throw new ProtocolError(
        "forbidden",
        "a watcher has no presence, so it has no status; join without watch=1",
      );
    }
    const { channel } = connection;
    const set = this.#changes.hydrate(now);
    const diff = set.setStatus(channel, status, now);
    const told = set.get(channel)?.told;
    if (told && told !== connection.told) this.#sockets.save(ws, { ...connection, told });
    if (!isEmpty(diff)) this.#changes.apply(diff, now);
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
      this.#noticeSoon(ws, throttle);
    }
  }

  /**
   * A flood may end with frames that were dropped and not told, and nothing of its sender may come after it.
   * They are told a second after the last word, which is set anew with each.
   */
  #noticeSoon(ws: WebSocket, throttle: Throttle): void {
    const isSet = this.#notices.has(ws);
    if (throttle.owesNotice === isSet) return;
    clearTimeout(this.#notices.get(ws) ?? null);
    this.#notices.delete(ws);
    if (isSet) return;
    const tell = () => {
      this.#notices.delete(ws);
      this.#events.run(() => this.#notice(ws, throttle));
    };
    this.#notices.set(ws, setTimeout(tell, THROTTLED_NOTICE_MS));
  }

  #notice(ws: WebSocket, throttle: Throttle): void {
    const notice = throttle.notice(Date.now());
    if (!notice || ws.readyState !== WebSocket.OPEN) return;
    this.#sockets.sendFrame(ws, notice.toFrame());
    this.#sockets.save(ws, { ...this.#sockets.connection(ws), bucket: throttle.saved });
  }

  #throttleOf(ws: WebSocket, now: number): Throttle {
    const known = this.#throttles.get(ws);
    if (known) return known;
    const { bucket } = this.#sockets.connection(ws);
    const throttle = new Throttle(this.#settings.frameRate, now, bucket);
    this.#throttles.set(ws, throttle);
    return throttle;
  }
}
