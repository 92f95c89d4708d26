/**
 * What a room has yet to send: changes and messages are gathered, and so are the listeners that know
 * nothing yet. A flush takes all of it at once, as the frames of each listener. No clock and no sockets.
 */

import { type Diff, DiffGatherer } from "./diff.ts";
import { GATHERED_MESSAGES_LENGTH_MAX, PASSED_LENGTH_MAX } from "./limits.ts";
import {
  formatCount,
  type Message,
  ProtocolError,
  type View,
  type WelcomeFrame,
} from "./protocol.ts";
import type { RenderedBatch } from "./view-renderer.ts";

/** Changes mean something only to a listener that knows what changed; a snapshot is all there is to know. */
export type FrameKind = "welcome" | "snapshot" | "changes" | "messages";

/** One frame as it goes out. */
export type Frame = { readonly kind: FrameKind; readonly text: string };

/** A listener that must get a snapshot, and how many of the gathered messages are older than it. */
type Greeting = {
  readonly welcome: WelcomeFrame | null;
  readonly messagesBefore: number;
  /** Frames of other rooms that came meanwhile. */
  readonly forwarded: string[];
};

/** What one flush sends. All listeners that get the same get the same list. */
export type Batch<Listener> = {
  readonly framesFor: (view: View, listener: Listener) => readonly Frame[];
  /** Texts of other rooms that go out behind the first frames of a listener. Grows until these are sent. */
  readonly forwarded: Map<Listener, string[]>;
};

export class Outbox<Listener> {
  readonly #room: string;
  readonly #changes = new DiffGatherer();
  #greetings = new Map<Listener, Greeting>();
  /** As JSON, so that each is made once and its size is known. */
  #messages: string[] = [];
  #messagesLength = 0;
  /** Characters of all that was forwarded and waits. */
  #forwardedLength = 0;
  #mustResyncAll = false;

  constructor(room: string) {
    this.#room = room;
  }

  get isEmpty(): boolean {
    return !this.needsPresences && this.#messages.length === 0;
  }

  /** Whether anything but messages waits. */
  get needsPresences(): boolean {
    return this.#mustResyncAll || !this.#changes.isEmpty || this.#greetings.size > 0;
  }

  addChange(diff: Diff): void {
    this.#changes.add(diff);
  }

  takeChanges(): Diff {
    return this.#changes.take();
  }

  /** Nobody knows any more what the gathered changes were about: everybody gets a snapshot instead. */
  discardChanges(): void {
    if (this.#changes.isEmpty) return;
    this.#mustResyncAll = true;
    this.#changes.take();
  }

  /** A new listener: its first frames are a snapshot, after `welcome` in view `diff`. */
  greet(listener: Listener, welcome: WelcomeFrame | null): void {
    const messagesBefore = this.#messages.length;
    this.#greetings.set(listener, { welcome, messagesBefore, forwarded: [] });
  }

  /** A listener that asked for it, or that missed something, gets a snapshot. */
  resync(listener: Listener): void {
    if (this.#greetings.has(listener)) return;
    this.#greetings.set(listener, { welcome: null, messagesBefore: 0, forwarded: [] });
  }

  /** Throws a ProtocolError `throttled` where too much waits already. */
  addMessage(message: Message): void {
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

  /**
   * Keeps frames of another room until the listener has its first frames of this one: `true`. It is
   * `false` where they need not wait, and `null` where too much waits already.
   */
  hold(listener: Listener, texts: readonly string[], unsent: string[] | undefined): boolean | null {
    const waiting = this.#greetings.get(listener)?.forwarded ?? unsent;
    if (!waiting) return false;
    const length = texts.reduce((sum, text) => sum + text.length, this.#forwardedLength);
    if (length > PASSED_LENGTH_MAX) return null;
    this.#forwardedLength = length;
    waiting.push(...texts);
    return true;
  }

  /** Everything that waits. `rendered` is what to say of presences: nothing where only messages wait. */
  take(rendered: RenderedBatch | undefined): Batch<Listener> {
    const greetings = this.#greetings;
    const mustResyncAll = this.#mustResyncAll;
    this.#greetings = new Map();
    this.#mustResyncAll = false;
    this.#forwardedLength = 0;
    const messagesSince = this.#takeMessages();
    const known = new Map<View, readonly Frame[]>();
    const newsFor = (view: View) => {
      const kind = rendered?.newsKind(view) ?? "snapshot";
      const frames = known.get(view) ?? [
        ...framesOf(kind, rendered?.news(view) ?? []),
        ...messagesSince(0),
      ];
      known.set(view, frames);
      return frames;
    };
    const framesFor = (view: View, listener: Listener) => {
      const greeting = greetings.get(listener);
      if (!greeting && !mustResyncAll) return newsFor(view);
      const welcome = greeting?.welcome ? [JSON.stringify(greeting.welcome)] : [];
      return [
        ...framesOf("welcome", welcome),
        ...framesOf("snapshot", rendered?.snapshot(view) ?? []),
        ...messagesSince(greeting?.messagesBefore ?? 0),
      ];
    };
    const forwarded = new Map(
      Array.from(greetings, ([listener, greeting]) => [listener, greeting.forwarded] as const),
    );
    return { framesFor, forwarded };
  }

  /** The gathered messages but the first `before`, as one frame or none. Only newcomers need another than the whole. */
  #takeMessages(): (before: number) => readonly Frame[] {
    const room = JSON.stringify(this.#room);
    const gathered = this.#messages;
    this.#messages = [];
    this.#messagesLength = 0;
    const frame = (messages: readonly string[]) =>
      messages.length === 0
        ? []
        : framesOf("messages", [
            `{"type":"messages","room":${room},"messages":[${messages.join(",")}]}`,
          ]);
    const whole = frame(gathered);
    return (before) => (before === 0 ? whole : frame(gathered.slice(before)));
  }
}

function framesOf(kind: FrameKind, texts: readonly string[]): readonly Frame[] {
  return texts.map((text) => ({ kind, text }));
}
