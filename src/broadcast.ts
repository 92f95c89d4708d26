/**
 * What one room has yet to tell its sockets, and the telling: changes and messages are gathered, and go out
 * as one frame of each kind when the announcer allows. All that a room says to all goes through here.
 */

import { Announcer } from "./core/announcer.ts";
import { type Diff, DiffGatherer } from "./core/diff.ts";
import { GATHERED_MESSAGES_LENGTH_MAX } from "./core/limits.ts";
import type { PresenceSet } from "./core/presence-set.ts";
import {
  formatCount,
  type Message,
  ProtocolError,
  VIEWS,
  type WelcomeFrame,
} from "./core/protocol.ts";
import { Speech, type Telling } from "./core/speech.ts";
import type { Settings } from "./settings.ts";
import type { Sockets } from "./sockets.ts";
import type { Store } from "./store.ts";

/** A socket that must be told everything, and how many of the gathered messages are older than it. */
type Greeting = { readonly welcome: WelcomeFrame | null; readonly messagesBefore: number };

export type BroadcastOptions = {
  readonly room: string;
  readonly sockets: Sockets;
  readonly store: Store;
  readonly settings: Settings;
  /** Wakes the set where memory has been thrown away; ends in a call of `begin`. */
  readonly wake: () => void;
};

export class Broadcast {
  readonly #options: BroadcastOptions;
  readonly #announcer: Announcer;
  readonly #changes = new DiffGatherer();
  readonly #greetings = new Map<WebSocket, Greeting>();
  /** As JSON, so that each is made once and its size is known. */
  #messages: string[] = [];
  #messagesLength = 0;
  #isInDoubt = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #presences: { readonly set: PresenceSet; readonly speech: Speech } | undefined;

  constructor(options: BroadcastOptions) {
    this.#options = options;
    this.#announcer = new Announcer(options.settings.announceRate);
  }

  /** To be called before the first change of `set`: all that is in it has been told before the room slept. */
  begin(set: PresenceSet): void {
    const { room, store, settings } = this.#options;
    const { announceMax } = settings;
    const speech = new Speech(room, set, { announceMax, isCounting: store.isCounting });
    this.#presences = { set, speech };
    if (!this.#isInDoubt) return;
    this.#isInDoubt = false;
    for (const ws of this.#options.sockets.open()) this.repeat(ws);
  }

  /** Memory has been thrown away. What is gathered cannot be told as news any more: all get a snapshot instead. */
  doubt(): void {
    this.#presences = undefined;
    if (this.#changes.isEmpty) return;
    this.#isInDoubt = true;
    this.#changes.take();
  }

  change(diff: Diff): void {
    this.#changes.add(diff);
  }

  /** A new socket: its first frames will be all there is to know, after `welcome` in view `diff`. */
  greet(ws: WebSocket, welcome: WelcomeFrame | null): void {
    this.#greetings.set(ws, { welcome, messagesBefore: this.#messages.length });
  }

  /** A socket that asked for it is told everything again. */
  repeat(ws: WebSocket): void {
    if (!this.#greetings.has(ws)) this.#greetings.set(ws, { welcome: null, messagesBefore: 0 });
  }

  /** Throws a ProtocolError `throttled` where too much waits already. */
  message(message: Message): void {
    const text = JSON.stringify(message);
    if (this.#messagesLength + text.length > GATHERED_MESSAGES_LENGTH_MAX) {
      throw new ProtocolError(
        "throttled",
        `messages of ${formatCount(this.#messagesLength)} characters wait to be sent in this room; the limit is ${formatCount(GATHERED_MESSAGES_LENGTH_MAX)}; send yours again in a moment`,
      );
    }
    this.#messages.push(text);
    this.#messagesLength += text.length;
  }

  /** Tells what there is to tell: now after a quiet spell, else as soon as the pause is over. */
  speak(now: number): void {
    if (this.#timer !== undefined || this.#hasNothingToTell) return;
    const delay = this.#announcer.delay(now);
    if (delay === 0) {
      this.#flush(now);
      return;
    }
    // Holds the object in memory, but only while there is something to say.
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#flush(Date.now());
    }, delay);
  }

  get #hasNothingToTell(): boolean {
    return this.#changes.isEmpty && !this.#mustTellAll && this.#messages.length === 0;
  }

  /** Whether somebody is to get a snapshot. */
  get #mustTellAll(): boolean {
    return this.#isInDoubt || this.#greetings.size > 0;
  }

  #flush(now: number): void {
    const telling = this.#takeTelling();
    const greetings = new Map(this.#greetings);
    this.#greetings.clear();
    const messagesSince = this.#takeMessages();
    let frames = 0;
    let framesPerClient = 0;
    for (const view of VIEWS) {
      for (const ws of this.#options.sockets.open(view)) {
        const greeting = greetings.get(ws);
        const texts = [
          ...(greeting?.welcome ? [JSON.stringify(greeting.welcome)] : []),
          ...(greeting ? (telling?.everything(view) ?? []) : (telling?.news(view) ?? [])),
          ...messagesSince(greeting?.messagesBefore ?? 0),
        ];
        for (const text of texts) this.#options.sockets.send(ws, text);
        frames += texts.length;
        framesPerClient = Math.max(framesPerClient, texts.length);
      }
    }
    this.#announcer.spoke(now, frames, framesPerClient);
  }

  /** What to say of presences; `undefined` where only messages wait, so that they need no set. */
  #takeTelling(): Telling | undefined {
    if (this.#changes.isEmpty && !this.#mustTellAll) return undefined;
    if (!this.#presences) this.#options.wake();
    if (!this.#presences) return undefined;
    const { set, speech } = this.#presences;
    const wasCounting = speech.isCounting;
    const telling = speech.tell(set, this.#changes.take());
    if (speech.isCounting !== wasCounting) this.#options.store.isCounting = speech.isCounting;
    return telling;
  }

  /** The gathered messages but the first `before`, as one text or none. Only newcomers need another than the whole. */
  #takeMessages(): (before: number) => readonly string[] {
    const room = JSON.stringify(this.#options.room);
    const gathered = this.#messages;
    this.#messages = [];
    this.#messagesLength = 0;
    const frame = (messages: readonly string[]) =>
      messages.length === 0
        ? []
        : [`{"type":"messages","room":${room},"messages":[${messages.join(",")}]}`];
    const whole = frame(gathered);
    return (before) => (before === 0 ? whole : frame(gathered.slice(before)));
  }
}
