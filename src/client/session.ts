/**
 * One client's stay in a room: puts the connection, the heart, the roll and the outbox together, and says in
 * the view what is true. Knows nothing of the types that a page gives to states and infos.
 */

import type { Json } from "../core/json.ts";
import { ANSWER_MS_MAX } from "../core/limits.ts";
import { CLOSE_CODES, HEARTBEAT } from "../core/protocol.ts";
import { queryOf, socketAddress } from "./address.ts";
import type { Verdict } from "./backoff.ts";
import { Emitter } from "./emitter.ts";
import { Heart } from "./heart.ts";
import { Line, LOST } from "./line.ts";
import type { RoomOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { watchPage } from "./page.ts";
import * as reload from "./resumption.ts";
import { BLANK_ROLL, hear, type Roll, type RollEvent } from "./roll.ts";
import { blankView, type Reason, type RoomEvents, type RoomView } from "./room-view.ts";
import {
  decodeServerFrame,
  type ErrorOfServer,
  type Frame,
  type RollFrame,
  type Unreadable,
  type Welcome,
} from "./server-frames.ts";
import { after } from "./timer.ts";
import { askForToken } from "./token.ts";

/** What a session tells; `view` whenever there is a new one. */
export type SessionEvents = RoomEvents & { view: RoomView };

export class Session {
  readonly events = new Emitter<SessionEvents>();
  readonly outbox: Outbox;
  readonly #options: RoomOptions;
  readonly #address: string;
  readonly #heart: Heart;
  readonly #line: Line;
  readonly #unwatch: () => void;
  #view: RoomView;
  #roll: Roll = BLANK_ROLL;
  #resumption: reload.Resumption | undefined;
  /** Why the connection ends, where that is known before the end. */
  #told: Reason | undefined;
  #isOpen = false;
  #isWelcome = false;
  #heardAt: number | null = null;
  #cancelGreeting = () => {};

  constructor(options: RoomOptions) {
    this.#options = options;
    this.#address = socketAddress(options.url, options.room);
    this.#view = blankView(options.room);
    if (!options.watch) this.#resumption = reload.takeResumption(this.#address);
    this.outbox = new Outbox({
      write: (text) => this.#line.send(text),
      whileAway: options.messagesWhileAway ?? "refuse",
    });
    this.#heart = new Heart({
      beat: () => this.#line.send(HEARTBEAT),
      silent: () => this.#giveUp({ code: "silent", message: "the server does not answer" }),
    });
    this.#line = new Line({
      address: () => this.#nextAddress(),
      opened: () => this.#opened(),
      heard: (data) => this.#hear(data),
      ended: (code, verdict) => this.#ended(code, verdict),
    });
    this.#unwatch = this.#watchPage();
  }

  get view(): RoomView {
    return this.#view;
  }

  get isWatching(): boolean {
    return this.#options.watch === true;
  }

  setState(state: Json): void {
    this.outbox.setState(state);
    const { self } = this.#view;
    if (self) this.#change({ self: { ...self, state: state ?? undefined } });
  }

  fail(reason: Reason): void {
    this.events.emit("error", reason);
  }

  wake(): void {
    this.#heart.beat();
    this.#line.hurry();
  }

  redial(): void {
    this.#told = { code: "reconnecting", message: "this client was told to connect again" };
    this.#line.redial(LOST);
  }

  leave(): void {
    this.#line.send('{"type":"leave"}');
    this.#finish({ code: "left", message: "this client has left the room" });
  }

  #watchPage(): () => void {
    return watchPage({
      woken: () => this.wake(),
      online: () => {
        this.#heart.beat();
        this.#line.retry();
      },
      // A browser's word is not proof, but a reason to ask.
      offline: () => this.#heart.beat(),
      hidden: () => {
        if (this.#resumption) reload.leaveResumption(this.#address, this.#resumption);
      },
      restored: () => {
        this.#resumption = reload.reclaimResumption(this.#address) ?? this.#resumption;
      },
    });
  }

  async #nextAddress(): Promise<string> {
    const token = await askForToken(this.#options.token).catch((error: unknown) => {
      const cause = error instanceof Error ? error.message : String(error);
      const reason = { code: "token_failed", message: `the token function failed: ${cause}` };
      this.fail(reason);
      this.#away(reason);
      throw error;
    });
    const watch = this.#options.watch ? "1" : undefined;
    return `${this.#address}?${queryOf({ view: "diff", watch, token, ...this.#resumption })}`;
  }

  #opened(): void {
    this.#isOpen = true;
    this.#heart.start();
    // Heartbeats are answered for a room that cannot speak, too.
    this.#cancelGreeting = after(ANSWER_MS_MAX, () =>
      this.#giveUp({ code: "silent", message: "the room does not answer" }),
    );
  }

  #giveUp(reason: Reason): void {
    this.#told = reason;
    this.#line.drop(LOST);
  }

  #ended(code: number, verdict: Verdict): void {
    const lost = this.#isOpen
      ? { code: "lost", message: `the connection was lost, with close code ${code}` }
      : { code: "unreachable", message: "the server could not be reached" };
    const reason = this.#told ?? lost;
    this.#told = undefined;
    this.#isOpen = false;
    this.#isWelcome = false;
    this.#rest();
    // What was too large once is too large again: it would end each further connection, too.
    if (code === CLOSE_CODES.frame_too_large) this.#dropState();
    if (verdict === "never") this.#finish(reason);
    else this.#away(reason);
  }

  #rest(): void {
    this.#cancelGreeting();
    this.#heart.stop();
    this.outbox.close();
  }

  #finish(reason: Reason): void {
    if (this.#view.status === "closed") return;
    this.#resumption = undefined;
    this.#unwatch();
    this.#setStatus("closed", reason);
    this.#line.close();
    this.#rest();
  }

  #away(reason: Reason): void {
    const { status } = this.#view;
    if (status === "closed") return;
    this.#setStatus(status === "connecting" ? "connecting" : "reconnecting", reason);
  }

  #setStatus(status: RoomView["status"], reason: Reason): void {
    const before = this.#view;
    const isSame = before.reason?.code === reason.code && before.reason.message === reason.message;
    if (before.status === status && isSame) return;
    const stale = this.#roll.isKnown;
    const staleSince = stale ? (before.staleSince ?? this.#heardAt) : null;
    this.#change({ status, reason, stale, staleSince }, () =>
      this.events.emit("status", { status, reason }),
    );
  }

  #hear(data: unknown): void {
    this.#heardAt = Date.now();
    this.#heart.heard();
    const frame = decodeServerFrame(data);
    if (frame) this.#receive(frame);
  }

  #receive(frame: Frame | Unreadable): void {
    switch (frame.type) {
      case "error":
        this.#refused(frame);
        return;
      case "unreadable":
        this.#puzzled(frame);
        return;
      case "welcome":
        this.#welcomed(frame);
        return;
      case "messages":
        if (this.#isElsewhere(frame)) return;
        for (const message of frame.messages) this.events.emit("message", message);
        return;
      case "sync":
      case "diff":
      case "count":
        if (!this.#isElsewhere(frame)) this.#take(frame);
    }
  }

  #isElsewhere(frame: Exclude<Frame, ErrorOfServer>): boolean {
    const { room, type } = frame;
    if (room === this.#options.room) return false;
    this.events.emit("elsewhere", { room, type, frame });
    return true;
  }

  #refused({ code, message }: ErrorOfServer): void {
    const reason = { code, message };
    this.fail(reason);
    if (code === "throttled") this.outbox.repeatState();
    if (code === "state_too_large") this.#dropState();
    if (!isClosing(code)) return;
    // The close frame says no more than this, and a browser may tell of it much later.
    this.#told = reason;
    this.#line.drop(CLOSE_CODES[code]);
  }

  /** A change that cannot be read has been missed: only a snapshot tells what it was. */
  #puzzled({ what }: Unreadable): void {
    this.fail({
      code: "bad_frame",
      message: `the server sent a frame "${what}" that is malformed`,
    });
    if (what === "diff") this.#line.send('{"type":"sync"}');
  }

  #welcomed(frame: Welcome): void {
    if (this.#isElsewhere(frame)) return;
    const { channel = null, user, resume, heartbeat } = frame;
    this.#isWelcome = true;
    this.#resumption = channel !== null && resume ? { channel, resume } : undefined;
    this.#heart.setInterval(heartbeat);
    this.#change({ self: { channel, user, state: this.outbox.state ?? undefined } });
  }

  #take(frame: RollFrame): void {
    const { roll, events } = hear(this.#roll, frame);
    this.#roll = roll;
    const isArrival = frame.type !== "diff" && this.#isWelcome && this.#view.status !== "here";
    if (isArrival) this.#arrive();
    else if (frame.type === "sync") this.#reconcile();
    const { members, count, lurkers, namesHidden } = roll;
    const { status } = this.#view;
    const here = { status: "here", reason: null, stale: false, staleSince: null } as const;
    this.#change({ members, count, lurkers, namesHidden, ...(isArrival ? here : {}) }, () => {
      for (const event of events) this.#tell(event);
      if (isArrival && status !== "here")
        this.events.emit("status", { status: "here", reason: null });
    });
  }

  #tell(event: RollEvent): void {
    switch (event.type) {
      case "join":
        this.events.emit("join", event.event);
        return;
      case "leave":
        this.events.emit("leave", event.event);
        return;
      case "update":
        this.events.emit("update", event.event);
        return;
      case "sync":
        this.events.emit("sync", this.#view);
    }
  }

  #arrive(): void {
    this.#cancelGreeting();
    this.outbox.open(this.#knownState());
    this.#showState();
  }

  #reconcile(): void {
    const known = this.#knownState();
    if (known !== undefined) this.outbox.reconcile(known);
  }

  #dropState(): void {
    this.outbox.dropState(this.#knownState());
    this.#showState();
  }

  /** The state that the room has of this client: `null` for none, `undefined` where it cannot be seen. */
  #knownState(): Json | undefined {
    const own = this.#roll.presences.get(this.#view.self?.channel ?? "");
    return own && (own.state ?? null);
  }

  #showState(): void {
    const { self } = this.#view;
    const state = this.outbox.state ?? undefined;
    if (self && self.state !== state) this.#change({ self: { ...self, state } });
  }

  /** A new view, if anything is new in it. `tell` is called before those who only want to know that there is one. */
  #change(news: Partial<RoomView>, tell = () => {}): void {
    const view = { ...this.#view, ...news };
    const isNew = Object.entries(view).some(
      ([key, value]) => value !== Reflect.get(this.#view, key),
    );
    if (isNew) this.#view = view;
    tell();
    if (isNew) this.events.emit("view", view);
  }
}

function isClosing(code: string): code is keyof typeof CLOSE_CODES {
  return Object.hasOwn(CLOSE_CODES, code);
}
