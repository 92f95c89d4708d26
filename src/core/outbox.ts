/**
 * What a room has yet to send: changes and messages are gathered, and so are the listeners that must get a
 * snapshot. A flush takes all of it at once, as the frames of each listener. No clock and no sockets.
 */

import { type Diff, DiffGatherer, isEmpty } from "./diff.ts";
import { GATHERED_MESSAGES_LENGTH_MAX } from "./limits.ts";
import { formatCount, type Message, ProtocolError, type View } from "./protocol.ts";
import type { ChangesSince, Knowledge, RenderedBatch, Sent } from "./view-renderer.ts";

/** Changes mean something only to a listener that knows what changed; a snapshot is all there is to know. */
export type FrameKind = "snapshot" | "changes" | "messages";

/** One frame as it goes out. */
export type Frame = { readonly kind: FrameKind; readonly text: string };

/** What one flush sends to a listener. All listeners that get the same get the same list. */
export type FramesFor<Listener> = (view: View, listener: Listener) => readonly Frame[];

/** A listener that got a snapshot since the last flush, and how many of the gathered messages are older. */
type Greeted = { readonly knowledge: Knowledge; readonly messagesBefore: number };

export class Outbox<Listener> {
  readonly #room: string;
  /** In the order in which they happened: whoever was greeted in between knows the first of them. */
  #changes: DiffGatherer[] = [];
  /** How many of them somebody who was greeted knows: no change may be added to those. */
  #closed = 0;
  #greeted = new Map<Listener, Greeted>();
  #lastGreeted: Greeted | undefined;
  /** Who must get a snapshot, and how many of the gathered messages are older than that. */
  #snapshots = new Map<Listener, number>();
  /** As JSON, so that each is made once and its size is known. */
  #messages: string[] = [];
  #messagesLength = 0;
  #mustResyncAll = false;

  constructor(room: string) {
    this.#room = room;
  }

  get isEmpty(): boolean {
    return !this.needsPresences && this.#messages.length === 0;
  }

  /** Whether anything but messages waits. */
  get needsPresences(): boolean {
    return this.#mustResyncAll || this.#changes.length > 0 || this.#snapshots.size > 0;
  }

  addChange(diff: Diff): void {
    if (isEmpty(diff)) return;
    if (this.#changes.length === this.#closed) this.#changes.push(new DiffGatherer());
    this.#changes.at(-1)?.add(diff);
  }

  /** Takes the gathered changes. */
  takeChanges(): ChangesSince {
    const changes = this.#changes.map((gathered) => gathered.take());
    this.#changes = [];
    this.#closed = 0;
    const known = new Map<number, Diff>();
    return (first) => {
      const diff = known.get(first) ?? gather(changes, first);
      known.set(first, diff);
      return diff;
    };
  }

  /** Nobody knows any more what the gathered changes were about: everybody gets a snapshot instead. */
  discardChanges(): void {
    if (this.#changes.length > 0) this.resyncAll();
  }

  /** What was taken could not be told: everybody gets a snapshot instead, of what is gathered too. */
  resyncAll(): void {
    this.#mustResyncAll = true;
    this.#changes = [];
    this.#closed = 0;
  }

  /** A new listener has its snapshot: news for it are only what comes from now on. */
  addGreeted(listener: Listener, sent: Sent): void {
    // Nothing waits, so it knows what everybody knows.
    if (this.isEmpty) return;
    this.#closed = this.#changes.length;
    const changes = this.#changes.length;
    const messagesBefore = this.#messages.length;
    const last = this.#lastGreeted;
    const isSame =
      last?.knowledge.sent === sent &&
      last.knowledge.changes === changes &&
      last.messagesBefore === messagesBefore;
    // Those of one turn share what they know, and so the frames that are made of it.
    this.#lastGreeted = isSame ? last : { knowledge: { sent, changes }, messagesBefore };
    this.#greeted.set(listener, this.#lastGreeted);
  }

  /** A new listener that cannot be sent anything at once: it gets a snapshot, and messages from now on. */
  welcomeLater(listener: Listener): void {
    this.#snapshots.set(listener, this.#messages.length);
  }

  /** A listener that asked for it, or that missed something, gets a snapshot. */
  resync(listener: Listener): void {
    if (this.#snapshots.has(listener)) return;
    this.#snapshots.set(listener, this.#greeted.get(listener)?.messagesBefore ?? 0);
  }

  /** Throws a ProtocolError `throttled` where too much waits already. */
  addMessage(message: Message): void {
    const text = JSON.stringify(message);
    if (this.#messagesLength + text.length > GATHERED_MESSAGES_LENGTH_MAX) {
      throw new ProtocolError(
        "throttled",
        `messages of ${formatCount(this.#messagesLength)} characters wait to be sent in this room; the limit is ${formatCount(GATHERED_MESSAGES_LENGTH_MAX)}; send yours again in a moment`,
        1,
      );
    }
    this.#messages.push(text);
    this.#messagesLength += text.length;
  }

  /** Everything that waits. `rendered` is what to say of presences: nothing where only messages wait. */
  take(rendered: RenderedBatch | undefined): FramesFor<Listener> {
    const [greeted, snapshots, mustResyncAll] = [
      this.#greeted,
      this.#snapshots,
      this.#mustResyncAll,
    ];
    this.#greeted = new Map();
    this.#lastGreeted = undefined;
    this.#snapshots = new Map();
    this.#mustResyncAll = false;
    const messagesSince = this.#takeMessages();
    const news = (view: View, knowledge?: Knowledge, messagesBefore = 0) => [
      ...framesOf(rendered?.newsKind(view) ?? "snapshot", rendered?.news(view, knowledge) ?? []),
      ...messagesSince(messagesBefore),
    ];
    const known = new Map<Greeted | undefined, Map<View, readonly Frame[]>>();
    return (view, listener) => {
      const messagesBefore = snapshots.get(listener);
      const late = greeted.get(listener);
      if (messagesBefore !== undefined || mustResyncAll) {
        return [
          ...framesOf("snapshot", rendered?.snapshot(view) ?? []),
          ...messagesSince(messagesBefore ?? late?.messagesBefore ?? 0),
        ];
      }
      const ofLate = known.get(late) ?? new Map<View, readonly Frame[]>();
      known.set(late, ofLate);
      const frames = ofLate.get(view) ?? news(view, late?.knowledge, late?.messagesBefore);
      ofLate.set(view, frames);
      return frames;
    };
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

function gather(changes: readonly Diff[], first: number): Diff {
  const gatherer = new DiffGatherer();
  for (const diff of changes.slice(first)) gatherer.add(diff);
  return gatherer.take();
}

function framesOf(kind: FrameKind, texts: readonly string[]): readonly Frame[] {
  return texts.map((text) => ({ kind, text }));
}
