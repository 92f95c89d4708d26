/**
 * The session of one client in a room, from joining to leaving: puts the connection, the view and the
 * outbox together. Knows nothing of the types that a page gives to states and infos.
 */

import type { Json } from "../core/json.ts";
import { QUEUED_MESSAGES_MAX } from "../core/limits.ts";
import { CLOSE_CODES } from "../core/protocol.ts";
import type { PresenceStatus } from "../core/status.ts";
import { Activity } from "./activity.ts";
import { queryOf, socketAddress } from "./address.ts";
import type { Endpoint } from "./attempt.ts";
import { Connection, type ConnectionListener, type End } from "./connection.ts";
import type { RoomOptions, TokenRequest } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { type PageListener, watchPage } from "./page.ts";
import { storeResumption, type Resumption, takeResumption } from "./resumption.ts";
import type { Reason } from "./room-view.ts";
import {
  type Frame,
  isWhole,
  type OccupancyFrame,
  type ServerError,
  type Welcome,
} from "./server-frames.ts";
import { askForToken } from "./token.ts";
import { ViewStore } from "./view-store.ts";

export class Session implements ConnectionListener, PageListener {
  readonly store: ViewStore;
  readonly #outbox: Outbox;
  readonly #options: RoomOptions<unknown>;
  readonly #address: string;
  readonly #connection: Connection;
  #unwatchPage: () => void;
  #activity: Activity | undefined;
  #resumption: Resumption | undefined;
  /** Whether the presence was made by this connection, or there is none. */
  #isNew = true;
  /** The revision of what the view shows. */
  #rev: string | undefined;
  /** Whether the room is to be told a status: it knows what that is, and of whom it is. */
  #knowsStatus = false;
  #heardAt = 0;
  #hasLeft = false;

  /** The options are kept, and `token` is read again for each connection. */
  constructor(options: RoomOptions<unknown>, state: Json | undefined) {
    this.#options = options;
    this.#address = socketAddress(options.url, options.room);
    this.store = new ViewStore(options.room);
    this.#outbox = new Outbox(
      (text) => this.#connection.send(text),
      options.messagesWhileAway ?? "refuse",
    );
    if (state !== undefined) this.#outbox.setState(state);
    if (!options.watch) this.#resumption = takeResumption(this.#address);
    this.#connection = new Connection(options.room, this);
    this.#unwatchPage = watchPage(this);
  }

  setState(state: Json): void {
    if (!this.#hasLeft && this.#outbox.setState(state)) this.#showOwn();
  }

  setStatus(status: PresenceStatus): void {
    if (this.#hasLeft) return;
    this.#outbox.setStatus(status);
    this.#showOwn();
  }

  /** Sends a message, and returns whether it was sent or queued. */
  send(payload: Json): boolean {
    const { status } = this.store.view;
    const isTaken = status !== "closed" && this.#outbox.send(payload);
    if (!isTaken) {
      const cause = status === "here" ? "too fast" : "not connected";
      this.#reportNotSent(`${cause}; no more than ${QUEUED_MESSAGES_MAX} messages may wait`);
    }
    return isTaken;
  }

  reconnect(): void {
    if (this.#hasLeft) return;
    if (this.store.view.status === "closed") this.#unwatchPage = watchPage(this);
    this.store.revive();
    // A listener may have left.
    if (!this.#hasLeft) this.#connection.reconnect();
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#close({ code: "left", message: "this client left" });
  }

  wake(): void {
    this.#connection.wake();
  }

  use(isInput: boolean): void {
    this.#activity?.used(isInput);
  }

  hide(): void {
    if (this.#resumption) storeResumption(this.#address, this.#resumption);
  }

  restore(): void {
    this.#resumption = takeResumption(this.#address) ?? this.#resumption;
  }

  async endpoint(request: TokenRequest): Promise<Endpoint> {
    const token = await askForToken(this.#options.token, request);
    const watch = this.#options.watch ? "1" : undefined;
    // Without its presence of before, a client would not hear what became of that.
    const since = watch || this.#resumption ? this.#rev : undefined;
    const url = this.#address + queryOf({ watch, token, since, ...this.#resumption });
    return { url, channel: this.#resumption?.channel };
  }

  canRenewToken(): boolean {
    return typeof this.#options.token === "function";
  }

  tokenFailed(reason: Reason): void {
    this.#reportError(reason);
  }

  received(frame: Frame | null): void {
    this.#heardAt = Date.now();
    this.store.events.batch(() => this.#handle(frame));
  }

  #handle(frame: Frame | null): void {
    if (frame?.type === "error") this.#handleError(frame);
    else if (frame?.type === "welcome") this.#handleWelcome(frame);
    else if (frame?.type === "messages") {
      const { events } = this.store;
      events.batch(() => frame.messages.forEach((message) => events.emit("message", message)));
    } else if (frame) this.#handleOccupancy(frame);
  }

  ended({ code, reason, retryMs }: End): void {
    this.store.events.batch(() => {
      this.#reportLost(this.#outbox.close());
      // What was too large once is too large again: it would end each further connection, too.
      if (code === CLOSE_CODES.frame_too_large) this.#refuseLargest("frame");
      if (reason.code === "token_failed") this.#reportError(reason);
      if (retryMs === null) this.#close(reason);
      else this.store.disconnect(reason, this.#heardAt);
    });
  }

  #close(reason: Reason): void {
    this.#resumption = undefined;
    this.#unwatchPage();
    this.#activity?.stop();
    this.#activity = undefined;
    this.#connection.close();
    this.store.events.batch(() => {
      this.#reportLost(this.#outbox.end());
      this.store.disconnect(reason, this.#heardAt, "closed");
    });
  }

  #reportError(reason: Reason): void {
    this.store.events.emit("error", reason);
  }

  #reportNotSent(message: string): void {
    this.#reportError({ code: "not_sent", message });
  }

  #reportLost(messages: number): void {
    if (messages > 0) this.#reportNotSent(`the connection ended before ${messages} messages went`);
  }

  #handleError({ code, message, frames }: ServerError): void {
    const reason: Reason = { code, message, ...(frames !== undefined && { frames }) };
    this.#reportError(reason);
    if (reason.code === "throttled") this.#outbox.slowDown();
    if (reason.code === "state_too_large") this.#refuseLargest("state");
  }

  #handleWelcome({ channel, user, resume, frameRate }: Welcome): void {
    this.#isNew = !channel || channel !== this.#resumption?.channel;
    this.#resumption = channel && resume ? { channel, resume } : undefined;
    if (frameRate !== undefined) this.#outbox.setRate(frameRate);
    this.store.showOwn(this.#outbox, { channel: channel ?? null, user });
    // Servers of 0.1, which do not say, refuse it.
    this.#knowsStatus = frameRate !== undefined && user !== null;
  }

  #handleOccupancy(frame: OccupancyFrame): void {
    this.#rev = frame.type === "count" ? undefined : frame.rev;
    const isAll = isWhole(frame);
    if (isAll && this.store.view.status !== "here") {
      return this.store.apply(frame, () => this.#arrive());
    }
    this.store.apply(frame);
    if (!isAll || frame.type === "count") return;
    this.#outbox.reconcile(this.store.knownState);
    this.#showOwn();
  }

  #arrive(): void {
    const { knownState } = this.store;
    // Where names are hidden, and of lurkers, nobody can tell; but who is new has none.
    this.#outbox.open(knownState === undefined && this.#isNew ? null : knownState);
    const { status, watch } = this.#options;
    if (status !== "manual" && !watch && this.#knowsStatus && typeof document !== "undefined") {
      this.#activity ??= new Activity(this.#options, (told) => this.setStatus(told));
    }
    this.#showOwn();
  }

  #showOwn(): void {
    this.store.showOwn(this.#outbox);
  }

  #refuseLargest(what: "frame" | "state"): void {
    this.#outbox.refuseLargest(what, this.store.knownState);
    this.#showOwn();
  }
}
