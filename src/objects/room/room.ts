/**
 * The Room object. It puts the parts of a room together, each of which knows only those that are
 * made before it, and hands each event to the part that it concerns.
 */

import { DurableObject } from "cloudflare:workers";
import { Admissions } from "./admissions.ts";
import { Alarm } from "../alarm.ts";
import { Memberships } from "../memberships.ts";
import { Broadcaster } from "./broadcaster.ts";
import { ChangeObservers } from "./change-observers.ts";
import { Changes } from "./changes.ts";
import { Connections } from "./connections.ts";
import { DirectoryEntry } from "./directory-entry.ts";
import { ElsewhereChannels } from "./elsewhere-channels.ts";
import { Events } from "./events.ts";
import type { PastOccupants } from "../../core/http-shapes.ts";
import type { Given } from "../../core/given-presence.ts";
import type { Json } from "../../core/json.ts";
import type { LeaveReason, ListedPresence, User } from "../../core/presence.ts";
import { decodeElsewhere, type ElsewhereOwner } from "../../core/owner.ts";
import {
  type ErrorFrame,
  type PresenceFrame,
  ProtocolError,
  type View,
} from "../../core/protocol.ts";
import type { Env } from "../../config/env.ts";
import { HistoryCalls } from "./history-calls.ts";
import { LocalChannels } from "./local-channels.ts";
import { Maintenance } from "./maintenance.ts";
import { MetricsReporter } from "./metrics-reporter.ts";
import { RemoteDelivery } from "./remote-delivery.ts";
import { Retries } from "./retries.ts";
import { RoomLog } from "./room-log.ts";
import { RoomState } from "./state.ts";
import { readSettings } from "../../config/settings.ts";
import { ServerCalls } from "./server-calls.ts";
import { ABNORMAL_CLOSURE, Sockets } from "./sockets.ts";
import { Store } from "./store.ts";
import { SelectedLog } from "./outbox-log.ts";
import { WebhookOutbox } from "./webhook-outbox.ts";
import { WebhookStore } from "./webhook-record.ts";
import { roomTransport } from "../../api/webhook-transport.ts";
import type {
  Added,
  AttendanceAnswer,
  AttendanceQuery,
  Behind,
  Delivery,
  PresencePage,
  DeliveryAck,
  EventAnswer,
  EventQuery,
  Replay,
  RoomStats,
  RoomStub,
  Sighting,
  Whereabouts,
} from "../../rpc/stubs.ts";

export class Room extends DurableObject<Env> implements Behind<RoomStub> {
  readonly #events: Events;
  readonly #changes: Changes;
  readonly #admissions: Admissions;
  readonly #connections: Connections;
  readonly #serverCalls: ServerCalls;
  readonly #historyCalls: HistoryCalls;
  readonly #localChannels: LocalChannels;
  readonly #elsewhereChannels: ElsewhereChannels;
  readonly #maintenance: Maintenance;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const room = ctx.id.name ?? "";
    const { storage } = ctx;
    const { PRESENCE_ROOM: rooms, PRESENCE_LOBBY: lobbies, ANALYTICS: analytics } = env;
    const settings = readSettings(env);
    const { maxAgeMs } = settings;
    const sockets = new Sockets(ctx, maxAgeMs);
    const events = new Events(sockets.metrics);
    const onRow = () => sockets.metrics.count("rowsWritten");
    const store = new Store(storage, onRow);
    const log = new RoomLog({ storage, settings, onRow });
    const alarm = new Alarm(storage, onRow);
    const memberships = new Memberships(storage, rooms, onRow);
    const directoryEntry = new DirectoryEntry(room, lobbies, store);
    const retries = new Retries(room, alarm);
    const reporter = new MetricsReporter(room, sockets, analytics);
    const webhooks = new WebhookOutbox({
      room,
      log: new SelectedLog(room, log, settings.webhookEvents),
      transport: roomTransport(room, env),
      store: new WebhookStore(storage, onRow),
      mark: sockets.deliveryMark,
      alarm,
      events,
    });
    const kept = { store, log, webhooks, alarm, memberships, directoryEntry };
    const stored = { room, settings, sockets, ...kept };
    const state = new RoomState(stored);
    const observers = new ChangeObservers({ room, env, ctx, self: this, state, reporter });
    const broadcaster = new Broadcaster(room, sockets, settings.announceRate);
    const remoteDelivery = new RemoteDelivery(room, rooms);
    const sent = { broadcaster, remoteDelivery, retries };
    const changes = new Changes({ ...stored, ...sent, state, observers, events });
    const parts = { ...stored, ...sent, state, changes, maxAgeMs, rooms, reporter };
    const localChannels = new LocalChannels(parts);
    const maintenance = new Maintenance({ ...parts, localChannels });
    this.#events = events;
    this.#changes = changes;
    this.#localChannels = localChannels;
    this.#elsewhereChannels = new ElsewhereChannels(changes, broadcaster, sockets);
    this.#maintenance = maintenance;
    this.#serverCalls = new ServerCalls({ ...parts, maintenance });
    this.#historyCalls = new HistoryCalls(parts);
    this.#admissions = new Admissions({ ...parts, events, localChannels });
    this.#connections = new Connections({ ...parts, events, localChannels });
  }

  /** Opens a socket. Only the edge calls this, with a request of `connectRequest`. */
  override fetch(request: Request): Response | Promise<Response> {
    return this.#events.run(() => this.#admissions.open(request));
  }

  override webSocketMessage(ws: WebSocket, data: string | ArrayBuffer): void {
    this.#events.run(() => this.#connections.received(ws, data));
  }

  override webSocketClose(ws: WebSocket, code: number): void {
    this.#events.run(() => this.#connections.closed(ws, code));
  }

  /** Never seen in practice for a lost line; where it comes, no close event follows. */
  override webSocketError(ws: WebSocket): void {
    this.#events.run(() => this.#connections.closed(ws, ABNORMAL_CLOSURE));
  }

  override alarm(): Promise<void> {
    return this.#events.run(() => this.#maintenance.run());
  }

  occupants(): PresenceFrame["payload"] {
    return this.#call(() => this.#serverCalls.occupants());
  }

  add(
    channel: string,
    user: User | null,
    owner: ElsewhereOwner | null,
    given: Given = {},
  ): Promise<Added | ErrorFrame | null> {
    const known = owner === null ? null : decodeElsewhere(owner);
    const presence = { channel, user, given };
    return this.#call(() => refusable(() => this.#serverCalls.add(presence, known)));
  }

  remove(channel: string): Promise<number | null> {
    return this.#call(() => this.#serverCalls.remove(channel));
  }

  page(after: string | null, limit: number): Promise<PresencePage> {
    return this.#call(() => this.#serverCalls.page(after, limit));
  }

  stats(): RoomStats {
    return this.#call(() => this.#serverCalls.stats());
  }

  events(query: EventQuery): Promise<EventAnswer | ErrorFrame> {
    return this.#call(() => refusable(() => this.#historyCalls.events(query)));
  }

  at(moment: number): PastOccupants {
    return this.#call(() => this.#historyCalls.at(moment));
  }

  attendance(query: AttendanceQuery): AttendanceAnswer {
    return this.#call(() => this.#historyCalls.attendance(query));
  }

  look(channel: string): Sighting | null {
    return this.#call(() => this.#serverCalls.look(channel));
  }

  send(payload: Json): Promise<number | ErrorFrame> {
    return this.#call(() => refusable(() => this.#serverCalls.send(payload)));
  }

  replayWebhooks(replay: Replay): Promise<number | ErrorFrame> {
    return this.#call(() => refusable(() => this.#serverCalls.replayWebhooks(replay)));
  }

  prune(ageMs?: number): Promise<ListedPresence[]> {
    return this.#call(() => this.#serverCalls.prune(ageMs));
  }

  async pruneCount(ageMs?: number): Promise<number> {
    return (await this.prune(ageMs)).length;
  }

  vacate(): Promise<boolean> {
    return this.#call(() => this.#maintenance.vacate());
  }

  link(
    channel: string,
    room: string,
    mustBeDetached = false,
  ): Promise<ElsewhereOwner | ErrorFrame | null> {
    const link = { room, now: Date.now(), mustBeDetached };
    return this.#call(() => refusable(() => this.#localChannels.link(channel, link)));
  }

  where(channel: string): Promise<Whereabouts | null> {
    return this.#call(() => this.#localChannels.where(channel));
  }

  touch(channel: string): Promise<readonly string[] | null> {
    return this.#call(() => this.#localChannels.touch(channel, Date.now()));
  }

  leaveAll(channel: string): Promise<readonly string[] | null> {
    return this.#call(() => this.#localChannels.leaveAll(channel));
  }

  seen(channels: readonly string[]): (number | null)[] {
    return this.#call(() => this.#localChannels.seen(channels, Date.now()));
  }

  deliver(delivery: Delivery): DeliveryAck {
    return this.#call(() => this.#localChannels.deliver(delivery));
  }

  drop(channel: string, reason: LeaveReason, generation: number): void {
    this.#call(() => this.#elsewhereChannels.drop(channel, reason, generation));
  }

  touchHere(channel: string): boolean {
    return this.#call(() => this.#elsewhereChannels.touch(channel));
  }

  resync(channel: string, view: View, renewed?: User): void {
    this.#call(() => this.#elsewhereChannels.resync(channel, view, renewed));
  }

  /** A call of a server or of another object, which must not be told of what a crash could undo. */
  #call<Result>(work: () => Result): Result {
    return this.#events.run(() => {
      this.#changes.settle(Date.now());
      return work();
    });
  }
}

/** Refusals are answers: of an error that is thrown, another object would not see the code. */
async function refusable<Result>(
  work: () => Result | Promise<Result>,
): Promise<Result | ErrorFrame> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProtocolError) return error.toFrame();
    throw error;
  }
}
