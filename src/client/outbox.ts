/**
 * What a client sends: its newest state, however often it is set, its status, and messages, in order. Paced by
 * the rate that the server allows, so that nothing of it is dropped there.
 */

import { type Json, jsonEqual, utf8Length } from "../core/json.ts";
import type { PresenceStatus } from "../core/status.ts";
import {
  ACTIVE_EVERY_MS,
  FRAME_RATE_DEFAULT,
  QUEUED_MESSAGES_MAX,
  STATE_AGAIN_MS,
  STATE_EVERY_MS,
  WRITTEN_FRAMES_MAX,
} from "../core/limits.ts";
import { SendRate } from "./send-rate.ts";
import { after } from "./timer.ts";

/** A frame, and the state that it says, if it says one. */
type Written = { readonly bytes: number; readonly state?: Json };

export class Outbox {
  readonly #write: (text: string) => void;
  readonly #isQueueing: boolean;
  readonly #rate = new SendRate(FRAME_RATE_DEFAULT);
  #isOpen = false;
  /** `null` removes the state; `undefined`: none was ever set. */
  #state: Json | undefined;
  /** The state that the room has: `null` for none, `undefined` where nobody can tell. */
  #roomState: Json | undefined;
  #stateDueAt = 0;
  #status: PresenceStatus | undefined;
  /** When it is to be told. `away` is told once, `active` again and again. */
  #statusDueAt = Number.POSITIVE_INFINITY;
  #queue: string[] = [];
  /** The newest frames of this connection: what a refusal may be about. */
  #written: Written[] = [];
  /** Whether a state was sent over this connection. */
  #hasSentState = false;
  #cancelTimer: (() => void) | undefined;

  /** @param messagesWhileAway what becomes of a message while there is no connection */
  constructor(write: (text: string) => void, messagesWhileAway: "refuse" | "queue") {
    this.#write = write;
    this.#isQueueing = messagesWhileAway === "queue";
  }

  /** The state that the room is to have. */
  get state(): Json | undefined {
    return this.#state;
  }

  /** The status that the room is to have. */
  get status(): PresenceStatus | undefined {
    return this.#status;
  }

  /** There is a connection, and the room has the state `known`, as of `reconcile`. */
  open(known: Json | undefined): void {
    this.#isOpen = true;
    this.#written = [];
    this.#hasSentState = false;
    // After a restart the room does not know it.
    if (this.#status) this.#statusDueAt = 0;
    // That there is none is still true where none was sent since.
    if (this.#roomState !== null) this.#roomState = undefined;
    this.reconcile(known);
  }

  /** There is no connection. Returns how many messages were waiting, and are not sent. */
  close(): number {
    this.#isOpen = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#stateDueAt = 0;
    return this.#isQueueing ? 0 : this.#queue.splice(0).length;
  }

  /** Nothing is sent any more. Returns how many messages were waiting. */
  end(): number {
    return this.close() + this.#queue.splice(0).length;
  }

  /** The frames that the server takes in a second. */
  setRate(framesPerSecond: number): void {
    this.#rate.set(framesPerSecond);
  }

  /**
   * The room has the state `known`: `null` for none, `undefined` where the room does not tell. Sends
   * this client's where it is another one.
   */
  reconcile(known: Json | undefined): void {
    if (known !== undefined) this.#roomState = known;
    // A page that was reloaded and has set no state yet keeps the one from before.
    if (this.#state === undefined && known !== null) this.#state = known;
    this.#send();
  }

  /**
   * Sends the newest state only: where states follow each other too fast, those in between are
   * dropped. Returns whether it is another one.
   */
  setState(state: Json): boolean {
    if (this.#state !== undefined && jsonEqual(this.#state, state)) return false;
    const isNew = this.#state !== undefined || state !== null;
    this.#state = state;
    this.#send();
    return isNew;
  }

  /** Tells the status, and tells `active` again in time. */
  setStatus(status: PresenceStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    this.#statusDueAt = 0;
    this.#send();
  }

  /** The server dropped frames, perhaps the state or the status among them: sends them again after a while. */
  slowDown(): void {
    this.#rate.empty();
    if (this.#hasSentState) this.#roomState = undefined;
    this.#stateDueAt = performance.now() + STATE_AGAIN_MS;
    if (this.#status) this.#statusDueAt = this.#stateDueAt;
    this.#send();
  }

  /**
   * The room refused a frame, or the state in one, for its size: the largest of those that were sent. Where
   * that is the state of now it is the one of before again: the one sent before, or `known`. A newer one stands.
   */
  refuseLargest(what: "frame" | "state", known: Json | undefined): void {
    const sent = this.#written.filter(({ state }) => what === "frame" || state !== undefined);
    const max = Math.max(...sent.map(({ bytes }) => bytes));
    const largest = sent.findLast(({ bytes }) => bytes === max);
    this.#written = this.#written.filter((frame) => frame !== largest);
    if (largest?.state === undefined) return;
    // What was sent before that may be on its way back yet.
    const before = this.#written.findLast(({ state }) => state !== undefined);
    const kept = before ? before.state : known;
    if (largest.state === this.#roomState) this.#roomState = kept;
    if (largest.state === this.#state) this.#state = kept ?? undefined;
    this.#send();
  }

  /** Sends a message, and returns whether it was sent or queued. */
  send(payload: Json): boolean {
    if (!this.#isOpen && !this.#isQueueing) return false;
    if (this.#queue.length >= QUEUED_MESSAGES_MAX) return false;
    this.#queue.push(JSON.stringify({ type: "message", payload }));
    this.#send();
    return true;
  }

  /** Sends what may be sent now, and sets a timer for the rest. */
  #send(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    while (this.#isOpen) {
      const now = performance.now();
      const [message] = this.#queue;
      const stateDueAt = this.#isStateNew() ? this.#stateDueAt : Number.POSITIVE_INFINITY;
      const dueAt = message === undefined ? Math.min(stateDueAt, this.#statusDueAt) : now;
      if (dueAt === Number.POSITIVE_INFINITY) return;
      const pauseMs = Math.max(dueAt - now, this.#rate.waitMs(now));
      if (pauseMs > 0) {
        this.#cancelTimer = after(pauseMs, () => this.#send());
        return;
      }
      this.#rate.take(now);
      if (stateDueAt <= now) this.#writeState(now);
      else if (this.#statusDueAt <= now) this.#writeStatus(now);
      else if (message !== undefined) this.#writeFrame(this.#queue.shift() ?? message);
    }
  }

  #isStateNew(): boolean {
    if (this.#state === undefined) return false;
    return this.#roomState === undefined || !jsonEqual(this.#roomState, this.#state);
  }

  #writeState(now: number): void {
    this.#stateDueAt = now + STATE_EVERY_MS;
    const state = this.#state ?? null;
    this.#roomState = state;
    this.#hasSentState = true;
    this.#writeFrame(JSON.stringify({ type: "state", state }), state);
  }

  #writeStatus(now: number): void {
    const status = this.#status;
    this.#statusDueAt = status === "active" ? now + ACTIVE_EVERY_MS : Number.POSITIVE_INFINITY;
    this.#writeFrame(JSON.stringify({ type: "status", status }));
  }

  #writeFrame(text: string, state?: Json): void {
    const frame = { bytes: utf8Length(text), ...(state !== undefined && { state }) };
    this.#written = [...this.#written.slice(1 - WRITTEN_FRAMES_MAX), frame];
    this.#write(text);
  }
}
