/** The room's log as the outbox of webhooks reads it: the events of some types, by their numbers. */

import { type DeliveryPosition } from "../../core/delivery-position.ts";
import { matchesAny } from "../../core/names.ts";
import { EVENT_TYPES } from "../../core/room-events.ts";
import {
  eventsOf,
  type LogIdentity,
  type NumberedEvent,
  placed,
  type Selection,
} from "../../core/room-log.ts";
import type { RoomLog } from "./room-log.ts";
import type { OutboxLog } from "./webhook-outbox.ts";

export class SelectedLog implements OutboxLog {
  readonly #room: string;
  readonly #log: RoomLog;
  readonly #types: Selection;

  /** `patterns` name types, each of which may end in `*`. */
  constructor(room: string, log: RoomLog, patterns: readonly string[]) {
    this.#room = room;
    this.#log = log;
    this.#types = new Set(EVENT_TYPES.filter((type) => matchesAny(patterns, type)));
  }

  get life(): string {
    return this.#log.life;
  }

  get end(): number {
    return this.#log.end.n;
  }

  get position(): DeliveryPosition | null {
    return this.#log.delivery;
  }

  *selected(after: number, until: number): Generator<NumberedEvent, void> {
    const identity: LogIdentity = { room: this.#room, life: this.life };
    for (const each of placed(this.#log.partsAfter(after))) {
      if (each.before.n >= until) return;
      for (const numbered of eventsOf(identity, each, this.#types)) {
        const { number } = numbered;
        if (number > after && number <= until) yield numbered;
      }
    }
  }

  numberOf(rev: string): number | null {
    return this.#log.find(rev);
  }

  lastBefore(at: number): number {
    let last = this.#log.numberBefore(at);
    for (const { record, after } of placed(this.#log.partsAfter(last))) {
      if (record.at >= at) break;
      last = after.n;
    }
    return last;
  }
}
