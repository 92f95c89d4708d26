/**
 * What one room has yet to tell its sockets, and the telling: changes and messages are gathered, and go out
 * as one frame of each kind when the announcer allows. All that a room says to all goes through here.
 */

import { Pacer } from "../../core/pacer.ts";
import { type Diff, DiffGatherer } from "../../core/diff.ts";
import {
  GATHERED_MESSAGES_LENGTH_MAX,
  PASSED_LENGTH_MAX,
  SENT_AT_ONCE_LENGTH_MAX,
} from "../../core/limits.ts";
import type { PresenceSet } from "../../core/presence-set.ts";
import {
  formatCount,
  type Message,
  ProtocolError,
  type View,
  VIEWS,
  type WelcomeFrame,
} from "../../core/protocol.ts";
import { ViewRenderer, type RenderedBatch } from "../../core/view-renderer.ts";
import type { RemoteDelivery } from "./remote-delivery.ts";
import type { Settings } from "../../config/settings.ts";
import type { Sockets } from "./sockets.ts";
import type { Host, Store } from "./store.ts";
import type { DeliveryItem } from "../../rpc/stubs.ts";

/** Who gets frames: a socket here, or the channel of a guest. */
type Listener = WebSocket | string;

/** A listener that must be told everything, and how many of the gathered messages are older than it. */
type Greeting = {
  readonly welcome: WelcomeFrame | null;
  readonly messagesBefore: number;
  /** What other rooms have said meanwhile. */
  readonly later: string[];
};

type SocketBatch = { readonly ws: WebSocket; readonly texts: readonly string[] };

export type BroadcasterOptions = {
  readonly room: string;
  readonly sockets: Sockets;
  readonly guests: RemoteDelivery;
  readonly store: Store;
  readonly settings: Settings;
  /** Wakes the set where memory has been thrown away; ends in a call of `begin`. */
  readonly wake: () => void;
  /** Stores what is not stored yet: nobody is told of anything that a crash could undo. */
  readonly commit: () => void;
  /** What waited could not be told, for it could not be stored. */
  readonly onFailure: (error: unknown) => void;
};

export class Broadcaster {
  readonly #options: BroadcasterOptions;
  readonly #pacer: Pacer;
  readonly #changes = new DiffGatherer();
  readonly #greetings = new Map<Listener, Greeting>();
  /** Guests that left, and are to hear of it. */
  readonly #farewells = new Map<string, Host>();
  /** As JSON, so that each is made once and its size is known. */
  #messages: string[] = [];
  #messagesLength = 0;
  /** Characters of all that waits in greetings. */
  #passedLength = 0;
  #isInDoubt = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Greetings of the flush that is under way which are yet to be sent. */
  #unsent = new Map<Listener, Greeting>();
  #presences: { readonly set: PresenceSet; readonly speech: ViewRenderer } | undefined;

  constructor(options: BroadcasterOptions) {
    this.#options = options;
    this.#pacer = new Pacer(options.settings.announceRate);
  }

  /** To be called before the first change of `set`: all that is in it has been told before the room slept. */
  begin(set: PresenceSet): void {
    const { room, store, settings } = this.#options;
    const { announceMax } = settings;
    const speech = new ViewRenderer(room, set, { announceMax, isCounting: store.isCounting });
    this.#presences = { set, speech };
    if (!this.#isInDoubt) return;
    this.#isInDoubt = false;
    for (const ws of this.#options.sockets.open()) this.repeat(ws);
    for (const channel of this.#options.store.guests.keys()) this.repeat(channel);
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

  /** A guest left, and its socket goes on: the last that it hears of this room is that. */
  farewell(channel: string, host: Host): void {
    this.#farewells.set(channel, host);
  }

  /** A new socket: its first frames will be all there is to know, after `welcome` in view `diff`. */
  greet(listener: Listener, welcome: WelcomeFrame | null): void {
    this.#greetings.set(listener, { welcome, messagesBefore: this.#messages.length, later: [] });
  }

  /** One that asked for it, or has missed something, is told everything again. */
  repeat(listener: Listener): void {
    if (this.#greetings.has(listener)) return;
    this.#greetings.set(listener, { welcome: null, messagesBefore: 0, later: [] });
  }

  /**
   * Passes on what another room says: behind the first frames of this one, where these are yet to go out. Not where too
   * much waits for them already; whether it did.
   */
  pass(ws: WebSocket, texts: readonly string[]): boolean {
    const greeting = this.#greetings.get(ws) ?? this.#unsent.get(ws);
    if (!greeting) {
      for (const text of texts) this.#options.sockets.send(ws, text);
      return true;
    }
    const length = texts.reduce((sum, text) => sum + text.length, this.#passedLength);
    if (length > PASSED_LENGTH_MAX) return false;
    this.#passedLength = length;
    greeting.later.push(...texts);
    return true;
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
    const delay = this.#pacer.delay(now);
    if (delay === 0) {
      this.#flush(now);
      return;
    }
    this.#later(delay, () => this.#flush(Date.now()));
  }

  /** A pending timer holds the object in memory: there is one only while there is something to say. */
  #later(delay: number, work: () => void): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      try {
        work();
      } catch (error) {
        this.#options.onFailure(error);
      }
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
    const { sockets, commit } = this.#options;
    commit();
    const textsFor = this.#takeTexts();
    const deliveries: SocketBatch[] = [];
    let framesPerClient = 0;
    let frames = this.#post(textsFor);
    // Made before the first is sent: what changes between two turns is for the next flush.
    for (const view of VIEWS) {
      for (const ws of sockets.open(view)) {
        const texts = textsFor(view, ws);
        if (texts.length === 0) continue;
        deliveries.push({ ws, texts });
        frames += texts.length;
        framesPerClient = Math.max(framesPerClient, texts.length);
      }
    }
    sockets.ledger.count("batches");
    this.#send(deliveries, 0);
    this.#pacer.spoke(now, frames, framesPerClient);
  }

  /**
   * Hands the deliveries over, from the `first` on: as many in one turn as fit into memory, for the runtime
   * copies each text for each socket and frees it once it is sent.
   */
  #send(deliveries: readonly SocketBatch[], first: number): void {
    const { sockets } = this.#options;
    let next = first;
    let length = 0;
    for (; next < deliveries.length && length < SENT_AT_ONCE_LENGTH_MAX; next += 1) {
      const delivery = deliveries[next];
      if (!delivery) break;
      const { ws, texts } = delivery;
      const later = this.#unsent.get(ws)?.later ?? [];
      this.#unsent.delete(ws);
      for (const text of texts) {
        sockets.send(ws, text);
        length += text.length;
      }
      for (const text of later) sockets.send(ws, text);
    }
    sockets.ledger.keep(deliveries[first]?.ws);
    if (next < deliveries.length) {
      this.#later(0, () => this.#send(deliveries, next));
      return;
    }
    for (const [listener, { later }] of this.#unsent) {
      if (typeof listener !== "string") for (const text of later) sockets.send(listener, text);
    }
    this.#unsent.clear();
    if (first > 0) this.speak(Date.now());
  }

  /** What waits, as the frames for each listener. All who hear the same get the same list of them. */
  #takeTexts(): (view: View, listener: Listener) => readonly string[] {
    const telling = this.#takeTelling();
    const greetings = new Map(this.#greetings);
    this.#greetings.clear();
    this.#unsent = greetings;
    this.#passedLength = 0;
    const messagesSince = this.#takeMessages();
    const news = new Map<View, readonly string[]>();
    const newsOf = (view: View) => {
      const known = news.get(view) ?? [...(telling?.news(view) ?? []), ...messagesSince(0)];
      news.set(view, known);
      return known;
    };
    return (view, listener) => {
      const greeting = greetings.get(listener);
      if (!greeting) return newsOf(view);
      return [
        ...(greeting.welcome ? [JSON.stringify(greeting.welcome)] : []),
        ...(telling?.everything(view) ?? []),
        ...messagesSince(greeting.messagesBefore),
      ];
    };
  }

  /** Sends the guests theirs, with one letter for all of a host that are to hear the same. Returns the number of frames. */
  #post(textsFor: (view: View, listener: Listener) => readonly string[]): number {
    const { guests, store } = this.#options;
    if (store.guests.size + this.#farewells.size === 0) return 0;
    const letters = new Map<string, DeliveryItem[]>();
    let frames = 0;
    for (const [channel, { room, view }] of new Map([...this.#farewells, ...store.guests])) {
      const texts = textsFor(view, channel);
      if (texts.length === 0) continue;
      frames += texts.length;
      const known = letters.get(room) ?? [];
      letters.set(room, known);
      const same = known.find((letter) => isSame(letter.texts, texts));
      if (same) same.channels.push(channel);
      else known.push({ channels: [channel], texts });
    }
    this.#farewells.clear();
    for (const [host, hosted] of letters) guests.post(host, hosted);
    return frames;
  }

  /** What to say of presences; `undefined` where only messages wait, so that they need no set. */
  #takeTelling(): RenderedBatch | undefined {
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

function isSame(texts: readonly string[], others: readonly string[]): boolean {
  return texts.length === others.length && texts.every((text, index) => text === others[index]);
}
