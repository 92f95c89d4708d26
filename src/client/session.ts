/**
 * One client's stay in a room: puts the connection, the heart, the view and the outbox together. Knows nothing
 * of the types that a page gives to states and infos.
 */

import type { Json } from "../core/json.ts";
import { ANSWER_MS_MAX } from "../core/limits.ts";
import { CLOSE_CODES, HEARTBEAT } from "../core/protocol.ts";
import { queryOf, socketAddress } from "./address.ts";
import type { Verdict } from "./backoff.ts";
import { Heart, type HeartListener } from "./heartbeat.ts";
import { Line, type LineListener, LOST } from "./connection.ts";
import type { RoomOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { type PageListener, watchPage } from "./page.ts";
import { leaveResumption, type Resumption, takeResumption } from "./resumption.ts";
import type { Reason } from "./room-view.ts";
import {
  decodeServerFrame,
  type ErrorOfServer,
  type Frame,
  type RollFrame,
  type Welcome,
} from "./server-frames.ts";
import { after } from "./timer.ts";
import { askForToken } from "./token.ts";
import { ViewStore } from "./view-store.ts";

export class Session implements LineListener, HeartListener, PageListener {
  readonly store: ViewStore;
  readonly outbox: Outbox;
  readonly #options: RoomOptions;
  readonly #address: string;
  readonly #heart: Heart;
  readonly #line: Line;
  readonly #unwatch: () => void;
  #resumption: Resumption | undefined;
  /** Why the connection ends, where that is known before the end. */
  #told: Reason | undefined;
  #heardAt = 0;
  #cancelGreeting = () => {};

  constructor(options: RoomOptions) {
    this.#options = options;
    this.#address = socketAddress(options.url, options.room);
    this.store = new ViewStore(options.room);
    this.outbox = new Outbox(
      (text) => this.#line.send(text),
      options.messagesWhileAway ?? "refuse",
    );
    if (!options.watch) this.#resumption = takeResumption(this.#address);
    this.#heart = new Heart(this);
    this.#line = new Line(this);
    this.#unwatch = watchPage(this);
  }

  setState(state: Json): void {
    this.outbox.setState(state);
    this.store.showState(state);
  }

  fail(reason: Reason): void {
    this.store.events.emit("error", reason);
  }

  redial(): void {
    this.#line.drop(LOST);
    this.#line.hurry();
  }

  leave(): void {
    this.#line.send('{"type":"leave"}');
    this.#finish({ code: "left", message: "this client left" });
  }

  wake(): void {
    this.#heart.beat();
    this.#line.hurry();
  }

  hide(): void {
    if (this.#resumption) leaveResumption(this.#address, this.#resumption);
  }

  restore(): void {
    this.#resumption = takeResumption(this.#address) ?? this.#resumption;
  }

  beat(): void {
    this.#line.send(HEARTBEAT);
  }

  silent(): void {
    this.#giveUp("nothing came");
  }

  async address(): Promise<string> {
    try {
      const token = await askForToken(this.#options.token);
      const watch = this.#options.watch ? "1" : undefined;
      return this.#address + queryOf({ watch, token, ...this.#resumption });
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      this.#told = { code: "token_failed", message: `there is no token: ${cause}` };
      this.fail(this.#told);
      // What was thrown may be anything, and partysocket wants to read a message of it.
      throw new Error(cause, { cause: error });
    }
  }

  opened(): void {
    this.#heart.start();
    // Heartbeats are answered for a room that cannot speak, too.
    this.#cancelGreeting = after(ANSWER_MS_MAX, () => this.#giveUp("no welcome came"));
  }

  heard(data: unknown): void {
    this.#heardAt = Date.now();
    this.#heart.heard();
    this.#receive(decodeServerFrame(data));
  }

  ended(code: number, verdict: Verdict): void {
    const reason = this.#told ?? { code: "lost", message: `there is no connection (${code})` };
    this.#told = undefined;
    this.#rest();
    // What was too large once is too large again: it would end each further connection, too.
    if (code === CLOSE_CODES.frame_too_large) this.#dropState();
    if (verdict === "never") this.#finish(reason);
    else this.store.away(reason, this.#heardAt);
  }

  #giveUp(message: string): void {
    this.#told = { code: "silent", message };
    this.#line.drop(LOST);
  }

  #rest(): void {
    this.#cancelGreeting();
    this.#heart.stop();
    this.outbox.close();
  }

  #finish(reason: Reason): void {
    this.#resumption = undefined;
    this.#unwatch();
    this.#line.close();
    this.#rest();
    this.store.away(reason, this.#heardAt, "closed");
  }

  #receive(frame: Frame | null): void {
    if (frame?.type === "error") this.#refused(frame);
    // A server may put this channel into other rooms; this client is about one.
    else if (frame?.room !== this.#options.room) return;
    else if (frame.type === "welcome") this.#welcomed(frame);
    else if (frame.type !== "messages") this.#take(frame);
    else for (const message of frame.messages) this.store.events.emit("message", message);
  }

  #refused({ code, message }: ErrorOfServer): void {
    const reason = { code, message };
    this.fail(reason);
    // A change that cannot be read has been missed: only a snapshot tells what it was.
    if (code === "bad_diff") this.#line.send('{"type":"sync"}');
    if (code === "throttled") this.outbox.repeatState();
    if (code === "state_too_large") this.#dropState();
    if (!isClosing(code)) return;
    // The close frame says no more than this, and a browser may tell of it much later.
    this.#told = reason;
    this.#line.drop(CLOSE_CODES[code]);
  }

  #welcomed({ channel, user, resume, heartbeat }: Welcome): void {
    this.#resumption = channel && resume ? { channel, resume } : undefined;
    this.#heart.setInterval(heartbeat);
    this.store.showState(this.outbox.state, { channel: channel ?? null, user });
  }

  #take(frame: RollFrame): void {
    const isArrival = frame.type !== "diff" && this.store.view.status !== "here";
    this.store.hear(frame, isArrival && (() => this.#arrive()));
    if (!isArrival && frame.type === "sync") this.outbox.reconcile(this.store.knownState);
  }

  #arrive(): void {
    this.#cancelGreeting();
    this.outbox.open(this.store.knownState);
    this.store.showState(this.outbox.state);
  }

  #dropState(): void {
    this.outbox.dropState(this.store.knownState);
    this.store.showState(this.outbox.state);
  }
}

function isClosing(code: string): code is keyof typeof CLOSE_CODES {
  return Object.hasOwn(CLOSE_CODES, code);
}
