/**
 * The Room object: what happens to it, handed to those of its parts whom it concerns, and what servers ask of
 * it. A part never calls back into this file.
 */

import { DurableObject } from "cloudflare:workers";
import { Connections } from "./connections.ts";
import { type Diff, NO_CHANGE } from "../../core/diff.ts";
import { listFrame } from "../../core/frames.ts";
import type { Json } from "../../core/json.ts";
import { PRESENCES_PER_CONNECTION } from "../../core/limits.ts";
import type { LeaveReason, ListedPresence, Presence, User } from "../../core/presence.ts";
import type { Home } from "../../core/presence-set.ts";
import {
  type ErrorFrame,
  formatCount,
  type PresenceFrame,
  ProtocolError,
  type View,
} from "../../core/protocol.ts";
import { MutableCounters, countsOf } from "../../core/counters.ts";
import type { Env } from "../../config/env.ts";
import { LocalChannels } from "./local-channels.ts";
import { RoomHandle } from "../../api/room-handle.ts";
import { RoomState } from "./state.ts";
import { readSettings, type Settings } from "../../config/settings.ts";
import { presenceChanged } from "../../api/presence-changed.ts";
import { Sockets } from "./sockets.ts";
import type {
  Added,
  Behind,
  Delivery,
  PresencePage,
  DeliveryAck,
  RoomStats,
  RoomStub,
  Sighting,
  Whereabouts,
} from "../../rpc/stubs.ts";

/** RFC 6455: the connection ended without a close frame. */
const ABNORMAL_CLOSURE = 1006;

export class Room extends DurableObject<Env> implements Behind<RoomStub> {
  readonly #name: string;
  readonly #settings: Settings;
  readonly #sockets: Sockets;
  readonly #roster: RoomState;
  readonly #residents: LocalChannels;
  readonly #connections: Connections;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const room = ctx.id.name ?? "";
    const settings = readSettings(env);
    const sockets = new Sockets(ctx);
    const { PRESENCE_ROOM: rooms, PRESENCE_LOBBY: lobbies, ANALYTICS: analytics } = env;
    const { storage } = ctx;
    const onChange = (diff: Diff) => this.#signal(diff);
    const others = { rooms, lobbies, analytics };
    const roster = new RoomState({ room, storage, sockets, settings, ...others, onChange });
    const residents = new LocalChannels({
      room,
      rooms,
      roster,
      sockets,
      maxAgeMs: settings.maxAgeMs,
    });
    this.#name = room;
    this.#settings = settings;
    this.#sockets = sockets;
    this.#roster = roster;
    this.#residents = residents;
    this.#connections = new Connections({ room, settings, sockets, roster, residents });
  }

  /** Opens a socket. Only the edge calls this, with a request of `connectRequest`. */
  override fetch(request: Request): Response {
    return this.#connections.open(request);
  }

  override webSocketMessage(ws: WebSocket, data: string | ArrayBuffer): void {
    this.#connections.received(ws, data);
  }

  override webSocketClose(ws: WebSocket, code: number): void {
    this.#connections.closed(ws, code);
  }

  /** Never seen in practice for a lost line; where it comes, no close event follows. */
  override webSocketError(ws: WebSocket): void {
    this.#connections.closed(ws, ABNORMAL_CLOSURE);
  }

  override alarm(): Promise<void> {
    return this.#roster.upkeep.ring();
  }

  occupants(): PresenceFrame["payload"] {
    return listFrame(this.#name, this.#roster.set()).payload;
  }

  /** `null` where the channel should be at home here and is not any more. */
  async add(
    channel: string,
    user: User | null,
    home: Home | null,
  ): Promise<Added | ErrorFrame | null> {
    const now = Date.now();
    const set = this.#roster.set(now);
    const before = set.get(channel);
    if (home === null && !before?.resume) return null;
    const max = this.#settings.roomMax * PRESENCES_PER_CONNECTION;
    if (!before && set.size >= max) {
      const message = `the room is full; its limit is ${formatCount(max)} presences; try again later`;
      return new ProtocolError("room_full", message).toFrame();
    }
    const diff = set.join(channel, user, now, { resume: null, home });
    this.#sockets.setUser(channel, user, now);
    if (!before && home?.socket) this.#roster.broadcast.greet(channel, null);
    this.#roster.changed(diff, now);
    await this.#roster.told();
    const presence = this.#list(set.get(channel)?.presence ?? { channel, user, joinedAt: now });
    return { isNew: before === undefined, presence };
  }

  /** The number of the link to take down at the Channel object, where the channel has one. */
  async remove(channel: string): Promise<number | null> {
    const now = Date.now();
    const set = this.#roster.set(now);
    const home = set.get(channel)?.home;
    this.#roster.changed(set.leave(channel, "removed"), now);
    await this.#roster.told();
    return home && !home.socket ? home.link : null;
  }

  /** Presences in the order of their joins, `limit` of them from behind `after` on. */
  async page(after: string | null, limit: number): Promise<PresencePage> {
    await this.#roster.upkeep.freshen();
    const all = Array.from(this.#roster.set().entries(), ({ presence }) => presence)
      .map((presence) => ({ presence, key: orderOf(presence) }))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const rest = after === null ? all : all.filter(({ key }) => key > after);
    const page = rest.slice(0, limit);
    const presences = page.map(({ presence }) => this.#list(presence));
    return { presences, after: rest.length > limit ? (page.at(-1)?.key ?? null) : null };
  }

  stats(): RoomStats {
    const set = this.#roster.set();
    const { census, ledger } = this.#sockets;
    const tally = ledger.total() ?? new MutableCounters(Date.now());
    const { left, lost, expired, removed, replaced, framesIn, framesOut, ...counts } =
      countsOf(tally);
    return {
      room: this.#name,
      connections: census.size,
      presences: set.size,
      members: set.memberCount,
      lurkers: set.lurkers,
      since: tally.since,
      ...counts,
      leaves: { left, lost, expired, removed, replaced },
      frames: { in: framesIn, out: framesOut },
    };
  }

  look(channel: string): Sighting | null {
    const presence = this.#roster.set().get(channel)?.presence;
    return presence ? { user: presence.user, lastSeen: this.#lastSeen(channel) } : null;
  }

  /** To every connection; says to how many. */
  send(payload: Json): number | ErrorFrame {
    const { broadcast, guestCount } = this.#roster;
    const connections = this.#sockets.open().length + guestCount;
    if (connections === 0) return 0;
    try {
      broadcast.message({ from: null, payload });
    } catch (error) {
      if (error instanceof ProtocolError) return error.toFrame();
      throw error;
    }
    broadcast.speak(Date.now());
    return connections;
  }

  /** Presences that were last seen longer than `ageMs` ago leave, or such as are due anyway. Returns them. */
  async prune(ageMs?: number): Promise<ListedPresence[]> {
    await this.#roster.upkeep.freshen();
    const { leaves } = this.#roster.upkeep.prune(ageMs);
    const now = Date.now();
    await this.#roster.told();
    return Array.from(leaves, (leave) => {
      const { reason: _, lastSeen, ...presence } = leave;
      return { room: this.#name, ...presence, lastSeen: Math.min(lastSeen, now) };
    });
  }

  async pruneCount(ageMs?: number): Promise<number> {
    return (await this.prune(ageMs)).length;
  }

  vacate(): Promise<boolean> {
    return this.#roster.upkeep.vacate();
  }

  link(channel: string, room: string): Home | ErrorFrame | null {
    try {
      return this.#residents.link(channel, room, Date.now());
    } catch (error) {
      if (error instanceof ProtocolError) return error.toFrame();
      throw error;
    }
  }

  where(channel: string): Promise<Whereabouts | null> {
    return this.#residents.where(channel);
  }

  touch(channel: string): Promise<readonly string[] | null> {
    return this.#residents.touch(channel, Date.now());
  }

  leaveAll(channel: string): Promise<readonly string[] | null> {
    return this.#residents.leaveAll(channel, Date.now());
  }

  seen(channels: readonly string[]): (number | null)[] {
    return this.#residents.seen(channels, Date.now());
  }

  hear(delivery: Delivery): DeliveryAck {
    return this.#residents.hear(delivery);
  }

  /**
   * The channel has left its home, and so it leaves this room: the presence that the home knew by that link, not
   * one that was added since.
   * Waits for nobody: two rooms that tell each other at the same time would wait for ever.
   */
  drop(channel: string, reason: LeaveReason, link: number): void {
    const now = Date.now();
    const set = this.#roster.set(now);
    const home = set.get(channel)?.home;
    if (!home || home.link > link) return;
    this.#roster.changed(set.leave(channel, reason), now);
  }

  keep(channel: string): boolean {
    const now = Date.now();
    const set = this.#roster.set(now);
    for (const ws of this.#sockets.ofChannel(channel)) this.#sockets.seen(ws, now);
    set.touch(channel, now);
    this.#roster.changed(NO_CHANGE, now);
    return set.get(channel) !== undefined;
  }

  repeat(channel: string, view: View): void {
    const now = Date.now();
    const set = this.#roster.set(now);
    const entry = set.get(channel);
    if (!entry?.home?.socket) return;
    const home = { ...entry.home, socket: { ...entry.home.socket, view } };
    const diff = set.join(channel, entry.presence.user, now, { resume: null, home });
    this.#roster.broadcast.repeat(channel);
    this.#roster.changed(diff, now);
  }

  #signal(diff: Diff): void {
    presenceChanged.send(diff, () => ({
      room: new RoomHandle(this.#name, this.env, this),
      lastSeen: (channel) => this.#lastSeen(channel),
      waitUntil: (work) => this.ctx.waitUntil(work),
    }));
  }

  #list(presence: Presence): ListedPresence {
    const lastSeen = this.#lastSeen(presence.channel);
    return { room: this.#name, ...presence, lastSeen };
  }

  /** A clock may have been set back; nobody is to be told of a time that has not come. */
  #lastSeen(channel: string): number {
    return Math.min(Date.now(), this.#roster.set().get(channel)?.lastSeen ?? 0);
  }
}

/** A key that sorts like the joins do, and is the presence's own. */
function orderOf({ joinedAt, channel }: Presence): string {
  return `${String(joinedAt).padStart(15, "0")} ${channel}`;
}
