/** The room's log as the outbox of webhooks reads it: the events of some types, by their numbers. */

import { type DeliveryPosition } from "../../core/delivery-position.ts";
import { matchesAny } from "../../core/names.ts";
import { EVENT_TYPES } from "../../core/room-events.ts";
import {
  decodeRev,
  eventsOf,
  type LogIdentity,
  positionAfter,
  type Selection,
} from "../../core/room-log.ts";
import type { NumberedEvent } from "../../core/webhook-body.ts";
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
    for (const { start, records } of this.#log.partsAfter(after)) {
      let before = start;
      for (const record of records) {
        if (before.n >= until) return;
        for (const event of eventsOf(identity, before, record, this.#types)) {
          const number = decodeRev(event.rev)?.n ?? 0;
          if (number > after && number <= until) yield { number, event };
        }
        before = positionAfter(before, record);
      }
    }
  }

  numberOf(rev: string): number | null {
    return this.#log.find(rev);
  }

  lastBefore(at: number): number {
    let last = this.#log.start.n;
    for (const { start, records } of this.#log.partsAfter(last)) {
      let place = start;
      for (const record of records) {
        if (record.at >= at) return last;
        place = positionAfter(place, record);
        last = place.n;
      }
    }
    return last;
  }
}
