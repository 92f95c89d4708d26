/** What a client sends: its newest state, however often it is set, and messages, in order. */

import { type Json, jsonEqual } from "../core/json.ts";
import { QUEUED_MESSAGES_MAX, STATE_AGAIN_MS, STATE_EVERY_MS } from "../core/limits.ts";
import { after } from "./timer.ts";

export class Outbox {
  readonly #write: (text: string) => void;
  readonly #isQueueing: boolean;
  #isOpen = false;
  /** `null` removes the state; `undefined`: none was ever set. */
  #state: Json | undefined;
  #stateSentAt = 0;
  #cancelState: (() => void) | undefined;
  #queue: string[] = [];

  /** @param messagesWhileAway what becomes of a message while there is no connection */
  constructor(write: (text: string) => void, messagesWhileAway: "refuse" | "queue") {
    this.#write = write;
    this.#isQueueing = messagesWhileAway === "queue";
  }

  /** The state that the room is to have. */
  get state(): Json | undefined {
    return this.#state;
  }

  /**
   * There is a connection, and the room has the state `known`: `null` for none, `undefined` where
   * nobody can tell.
   */
  open(known: Json | undefined): void {
    this.#isOpen = true;
    // A page that was reloaded and has set no state yet keeps the one from before.
    if (this.#state === undefined && known !== null) this.#state = known;
    this.reconcile(known);
    for (const text of this.#queue.splice(0)) this.#write(text);
  }

  close(): void {
    this.#isOpen = false;
    this.#cancelState?.();
    this.#cancelState = undefined;
    this.#stateSentAt = 0;
  }

  /** Sends the state again where the room has another one. */
  reconcile(known: Json | undefined): void {
    if (this.#state === undefined) return;
    if (known === undefined || !jsonEqual(known, this.#state)) this.#sendState(STATE_EVERY_MS);
  }

  /**
   * Sends the newest state only: where states follow each other too fast, those in between are
   * dropped.
   */
  setState(state: Json): void {
    this.#state = state;
    this.#sendState(STATE_EVERY_MS);
  }

  /**
   * Sends the state again after a while: the server dropped frames, perhaps the state among them.
   */
  repeatState(): void {
    this.#stateSentAt = performance.now();
    this.#sendState(STATE_AGAIN_MS);
  }

  /** The room refused the state for good, and keeps `known`. */
  dropState(known: Json | undefined): void {
    this.#state = known ?? undefined;
  }

  /** Sends a message, and returns whether it was sent or queued. */
  send(payload: Json): boolean {
    const text = JSON.stringify({ type: "message", payload });
    const mayQueue = this.#isQueueing && this.#queue.length < QUEUED_MESSAGES_MAX;
    if (this.#isOpen) this.#write(text);
    else if (mayQueue) this.#queue.push(text);
    return this.#isOpen || mayQueue;
  }

  #sendState(everyMs: number): void {
    if (!this.#isOpen || this.#cancelState) return;
    const wait = this.#stateSentAt + everyMs - performance.now();
    if (wait <= 0) this.#writeState();
    else this.#cancelState = after(wait, () => this.#writeState());
  }

  #writeState(): void {
    this.#cancelState = undefined;
    if (this.#state === undefined) return;
    this.#stateSentAt = performance.now();
    this.#write(JSON.stringify({ type: "state", state: this.#state }));
  }
}
