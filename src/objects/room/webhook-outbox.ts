/**
 * Delivers a room's events to the receiver of webhooks. The log is the outbox: what is not delivered
 * is read from it, whatever happened in between. One call at a time, in order.
 */

import { noWebhook } from "../../api/webhooks.ts";
import type { Receipt, WebhookMessage, WebhookTransport } from "../../api/webhook-transport.ts";
import {
  advance,
  begin,
  type DeliveryPosition,
  newestPosition,
  nextEnd,
  NOTHING_DELIVERED,
  recoverPosition,
  rewind,
} from "../../core/delivery-position.ts";
import type { WebhookStatus } from "../../core/http-shapes.ts";
import { WEBHOOK_AGE_MS_MAX, WEBHOOK_ANSWER_MS_MAX } from "../../core/limits.ts";
import { outcomeOf, retryDelay } from "../../core/webhook-attempts.ts";
import type { NumberedEvent } from "../../core/room-log.ts";
import { type Batch, batchOf, webhookId } from "../../core/webhook-body.ts";
import { ProtocolError } from "../../core/protocol.ts";
import type { Replay } from "../../rpc/stubs.ts";
import { logError } from "../../telemetry/log.ts";
import type { Alarm } from "../alarm.ts";
import type { DeliveryMark } from "./delivery-mark.ts";
import type { Events } from "./events.ts";
import type { WebhookRecord, WebhookStore } from "./webhook-record.ts";

/** What the outbox asks of the log, which numbers the events of each of its lives from 1 on. */
export interface OutboxLog {
  /** A text that names this life of the log. */
  readonly life: string;
  /** The last event that is stored; 0 for none. */
  readonly end: number;
  /** The position that was stored with the last row; `null` for none. */
  readonly position: DeliveryPosition | null;
  /**
   * The events behind `after`, up to `until`, of the types that are sent, the oldest first; read as
   * far as the caller goes.
   */
  selected(after: number, until: number): Iterable<NumberedEvent>;
  /** The event of a revision; `null` where it is of another log, or not kept any more. */
  numberOf(rev: string): number | null;
  /** The last event that happened before `at`; that before the oldest one where all are later. */
  lastBefore(at: number): number;
}

export type WebhookOutboxOptions = {
  readonly room: string;
  readonly log: OutboxLog;
  /** `null` where nothing of this room is sent. */
  readonly transport: WebhookTransport | null;
  readonly store: WebhookStore;
  readonly mark: DeliveryMark;
  readonly alarm: Alarm;
  readonly events: Events;
};

/** A batch that is under way: of which life of the log, and of which turn. */
type Sent = Batch & { readonly life: string; readonly turn: number };

const NO_RECORD = {
  position: NOTHING_DELIVERED,
  failures: 0,
  nextAttemptAt: 0,
  lastError: null,
  stoppedFor: null,
};

export class WebhookOutbox {
  readonly #options: WebhookOutboxOptions;
  #known: WebhookRecord | undefined;
  #isSending = false;
  /** Whether the alarm is to ring when nothing is under way any more. */
  #isAwaited = false;
  /** The receiver as the transport names it, once it was asked. */
  #receiver: string | undefined;

  constructor(options: WebhookOutboxOptions) {
    this.#options = options;
  }

  /** To be stored with the next row of the log; `null` where nothing is sent. */
  get position(): DeliveryPosition | null {
    const { transport, log } = this.#options;
    if (transport === null) return null;
    return log.end === 0 ? NOTHING_DELIVERED : this.#load().position;
  }

  /** The log must keep the events behind this one, as long as they are not too old to be sent. */
  get keepsBehind(): number {
    const { transport, log } = this.#options;
    if (transport === null || log.end === 0) return log.end;
    return this.#skip(Date.now()).known.position.delivered;
  }

  /** Whether something is under way, or waits: a room that is empty may not forget its log. */
  get isBusy(): boolean {
    return this.#isSending || this.keepsBehind < this.#options.log.end;
  }

  /**
   * Sends what waits, as soon as it may be sent. Call it when something is stored, when the room
   * was hydrated, and at its alarm. Never throws: what is stored is so, whatever comes of telling
   * servers of it.
   */
  deliver(): void {
    const { transport } = this.#options;
    if (transport === null || this.#isSending) return;
    try {
      if (!this.#isDue(Date.now())) return;
    } catch (error) {
      this.#retry(error);
      return;
    }
    this.#isSending = true;
    void this.#run(transport);
  }

  /** Makes the alarm ring when the call that is under way is over: nothing else wakes an empty room. */
  ringAtTheEnd(): void {
    if (!this.#isSending) return;
    this.#isAwaited = true;
    // Should the room die meanwhile.
    this.#options.alarm.setBy(Date.now() + WEBHOOK_ANSWER_MS_MAX * 2);
  }

  /** `undefined` where the room sends nothing. */
  status(): WebhookStatus | undefined {
    if (this.#options.transport === null) return undefined;
    const { known } = this.#skip(Date.now());
    const pending = this.#count(known.position.delivered);
    const { failures, lastError, nextAttemptAt, stoppedFor } = known;
    return {
      pending,
      failures,
      ...(lastError === null ? {} : { lastError }),
      ...(failures === 0 || pending === 0 || stoppedFor !== null ? {} : { nextAttemptAt }),
    };
  }

  /**
   * Sends what is kept once more: everything behind a revision, from a time on, or all of it.
   * Returns how many events that are. Throws a ProtocolError, `no_webhook` or `history_gone`.
   */
  replay({ after, from }: Replay): number {
    const { transport, log } = this.#options;
    if (transport === null) throw noWebhook();
    if (log.end === 0 && after === undefined) return 0;
    const number = after === undefined ? log.lastBefore(from ?? 0) : log.numberOf(after);
    if (number === null) {
      throw new ProtocolError(
        "history_gone",
        "the room's log does not reach back to `after`; use `from`, or neither",
      );
    }
    const known = this.#load();
    const position = rewind(known.position, number);
    this.#known = { ...NO_RECORD, life: known.life, position };
    this.#save();
    const count = this.#count(number);
    this.deliver();
    return count;
  }

  /** The room is erased, or its log is another one. */
  reset(): void {
    this.#known = undefined;
  }

  async #run(transport: WebhookTransport): Promise<void> {
    const { events, alarm } = this.#options;
    try {
      // It depends on the receiver of now whether a receiver of before wants nothing more.
      const receiver = (this.#receiver ??= await transport.receiver());
      for (;;) {
        const batch = events.run(() => this.#next());
        if (batch === null) return;
        // One call at a time, so that they arrive in order.
        // oxlint-disable-next-line no-await-in-loop
        const receipt = await transport.send(messageOf(batch));
        events.run(() => this.#settle(batch, receipt, receiver));
      }
    } catch (error) {
      this.#retry(error);
    } finally {
      this.#isSending = false;
      if (this.#isAwaited) alarm.setBy(Date.now());
      this.#isAwaited = false;
    }
  }

  /** What waits could not be read from storage, or what came of it not be stored. */
  #retry(error: unknown): void {
    const { room, alarm } = this.#options;
    logError("webhooks could not be sent", error, { room });
    alarm.setBy(Date.now() + WEBHOOK_ANSWER_MS_MAX);
  }

  /** Whether something may be sent now. Where it may later, the alarm rings then. */
  #isDue(now: number): boolean {
    const { log, alarm } = this.#options;
    if (log.end === 0) return false;
    const { known, first } = this.#skip(now);
    if (!first) return false;
    const { nextAttemptAt, stoppedFor } = known;
    const isStopped = stoppedFor !== null && stoppedFor === this.#receiver;
    // Of a receiver that wants nothing more, the room waits for the events to be too old.
    const dueAt = isStopped ? first.event.at + WEBHOOK_AGE_MS_MAX : nextAttemptAt;
    if (dueAt > now) alarm.setBy(dueAt);
    return dueAt <= now;
  }

  /** The next batch, which is under way from now on; `null` where there is none, or not yet. */
  #next(): Sent | null {
    const { log } = this.#options;
    if (!this.#isDue(Date.now())) return null;
    const known = this.#load();
    const { position, life } = known;
    const batch = batchOf(log.selected(position.delivered, nextEnd(position, log.end)));
    if (batch === null) return null;
    this.#known = { ...known, position: begin(position, batch.last) };
    return { ...batch, life, turn: position.turn };
  }

  #settle(batch: Sent, receipt: Receipt, receiver: string): void {
    const known = this.#load();
    const { turn, ends } = known.position;
    // A replay began meanwhile, or the log is another one: this says nothing of what is sent now.
    if (known.life !== batch.life || turn !== batch.turn || ends[0] !== batch.last) return;
    const outcome = outcomeOf(receipt.status);
    if (outcome === "delivered") this.#arrived(known, batch.last);
    else this.#failed(known, receipt, outcome === "gone" ? receiver : null);
  }

  #arrived(known: WebhookRecord, last: number): void {
    const position = advance(known.position, last);
    const { failures, life } = known;
    this.#known = { ...NO_RECORD, life, position };
    if (failures > 0) this.#save();
    this.#options.mark.save(life, position);
  }

  #failed(known: WebhookRecord, receipt: Receipt, stoppedFor: string | null): void {
    const { room, alarm } = this.#options;
    const failures = known.failures + 1;
    const lastError = reasonOf(receipt);
    const delay = retryDelay(failures, Math.random(), receipt.retryAfterMs);
    const nextAttemptAt = stoppedFor === null ? Date.now() + delay : 0;
    this.#known = { ...known, failures, lastError, nextAttemptAt, stoppedFor };
    this.#save();
    if (stoppedFor === null) alarm.setBy(nextAttemptAt);
    logError("webhook not delivered", null, { room, error: lastError });
  }

  /** What is known, once it was read from wherever it was left. */
  #load(): WebhookRecord {
    const { log, store, mark } = this.#options;
    const { life, end } = log;
    if (this.#known?.life === life) return this.#known;
    const record = store.load(life) ?? { ...NO_RECORD, life };
    const stored = newestPosition([record.position, log.position ?? NOTHING_DELIVERED]);
    const carried = stored.delivered < end ? mark.read(life) : null;
    const newest = newestPosition([stored, carried ?? NOTHING_DELIVERED]);
    // Nothing behind what fails was sent.
    const isExact = newest === record.position && record.failures > 0;
    const position = isExact ? newest : recoverPosition(newest, end);
    this.#known = { ...record, position };
    return this.#known;
  }

  /**
   * What is known, without events at the beginning that are too old to be sent, or of other types; and the
   * first event that waits.
   */
  #skip(now: number): { readonly known: WebhookRecord; readonly first: NumberedEvent | undefined } {
    const { log } = this.#options;
    const known = this.#load();
    const oldest = now - WEBHOOK_AGE_MS_MAX;
    let { position } = known;
    let first: NumberedEvent | undefined;
    for (;;) {
      const end = nextEnd(position, log.end);
      if (position.delivered >= end) break;
      [first] = log.selected(position.delivered, end);
      if (first && first.event.at > oldest) break;
      position = advance(position, first ? first.number : end);
      first = undefined;
    }
    this.#known = { ...known, position };
    return { known: this.#known, first };
  }

  #count(after: number): number {
    const { log } = this.#options;
    let count = 0;
    for (const _ of log.selected(after, log.end)) count += 1;
    return count;
  }

  #save(): void {
    if (this.#known) this.#options.store.save(this.#known);
  }
}

function messageOf(batch: Sent): WebhookMessage {
  const { events, life, turn } = batch;
  // Of the events and not of the attempt: a repetition has the same body.
  const timestamp = new Date(events.at(-1)?.at ?? 0).toISOString();
  const body = { type: "presence.events", timestamp, data: { events } } as const;
  return { id: webhookId(life, turn, batch), body };
}

function reasonOf({ status, error }: Receipt): string {
  if (error !== null || status === null) return error ?? "no answer";
  const isRedirection = status >= 300 && status <= 399;
  return `the receiver answered ${status}${isRedirection ? ", and redirections are not followed" : ""}`;
}
