/** Batches: as much as one call may have, and the same each time. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { utf8Length } from "../../src/core/json.ts";
import { WEBHOOK_BYTES_MAX, WEBHOOK_EVENTS_MAX } from "../../src/core/limits.ts";
import type { NumberedEvent } from "../../src/core/room-log.ts";
import { type Batch, batchOf, webhookId } from "../../src/core/webhook-body.ts";
import { numbered, roomEvent } from "../support/room-events.ts";

/** The longest that a user may be, twice over. */
const LONG = { user: { id: "ada", text: "ü".repeat(1_000) } };

function sizeOf({ events }: Batch): number {
  const timestamp = "2026-11-29T12:00:00.000Z";
  return utf8Length(JSON.stringify({ type: "presence.events", timestamp, data: { events } }));
}

test("no events are no batch", () => {
  expect(batchOf([])).toBeNull();
});

test("a few events are one batch, as they are", () => {
  const events = [...numbered(3, 5)];
  expect(batchOf(events)).toEqual({ first: 3, last: 5, events: events.map(({ event }) => event) });
});

test("a batch has a hundred events at most, and looks at no more", () => {
  let looked = 0;
  function* endless(): Generator<NumberedEvent> {
    for (;;) {
      looked += 1;
      yield { number: looked, event: roomEvent(looked) };
    }
  }
  expect(batchOf(endless())).toMatchObject({ first: 1, last: WEBHOOK_EVENTS_MAX });
  expect(looked).toBe(WEBHOOK_EVENTS_MAX);
});

test("a batch has 64 KiB at most, and one more event would be too much", () => {
  const batch = batchOf(numbered(1, 100, LONG));
  if (!batch) throw new Error("there is no batch");
  expect(batch.last).toBeLessThan(WEBHOOK_EVENTS_MAX);
  expect(sizeOf(batch)).toBeLessThanOrEqual(WEBHOOK_BYTES_MAX);
  const more = { ...batch, events: [...batch.events, roomEvent(batch.last + 1, LONG)] };
  expect(sizeOf(more)).toBeGreaterThan(WEBHOOK_BYTES_MAX - 100);
});

test("one batch after the other has every event once, in order; the same events are the same batches", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 3_000 }), { maxLength: 300 }), (lengths) => {
      const events = lengths.map((length, index) => {
        // Not every event is of a type that is sent.
        const number = index * 2 + 1;
        return { number, event: roomEvent(number, { user: { id: "x".repeat(length) } }) };
      });
      const told: number[] = [];
      let after = 0;
      for (;;) {
        const rest = events.filter(({ number }) => number > after);
        const batch = batchOf(rest);
        if (!batch) break;
        expect(sizeOf(batch)).toBeLessThanOrEqual(WEBHOOK_BYTES_MAX);
        // Sent again after a crash, when more has happened: up to where it ended before.
        expect(batchOf(rest.filter(({ number }) => number <= batch.last))).toEqual(batch);
        told.push(...batch.events.map(({ at }) => at));
        after = batch.last;
      }
      expect(told).toEqual(events.map(({ event }) => event.at));
    }),
    { numRuns: 50 },
  );
});

test("the id names life, first and last event; a replay has another one", () => {
  const batch = { first: 3, last: 17, events: [] };
  expect(webhookId("k3f9", 0, batch)).toBe("msg_k3f9_3_17");
  expect(webhookId("k3f9", 2, batch)).toBe("msg_k3f9_3_17_r2");
});
