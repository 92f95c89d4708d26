/** What a room has yet to send: each listener gets what it does not know, once, whenever it was greeted. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyDiff } from "../../src/core/diff.ts";
import { Outbox } from "../../src/core/outbox.ts";
import type { Presence } from "../../src/core/presence.ts";
import { PresenceSet } from "../../src/core/presence-set.ts";
import type { View } from "../../src/core/protocol.ts";
import { ViewRenderer } from "../../src/core/view-renderer.ts";
import { operation, perform, TIMEOUTS } from "./random-steps.ts";

/** A room without sockets: what each listener was sent is folded as a client folds it. */
class Rehearsal {
  readonly set = new PresenceSet(TIMEOUTS);
  readonly outbox = new Outbox<string>("lobby");
  readonly #renderer: ViewRenderer;
  readonly listeners = new Map<string, View>();
  readonly presences = new Map<string, ReadonlyMap<string, Presence>>();
  readonly last = new Map<string, string>();
  /** Joins that a listener knew already, and leaves of somebody whom it did not know. */
  readonly mistakes: string[] = [];

  constructor(announceMax: number) {
    this.#renderer = new ViewRenderer("lobby", this.set, { announceMax, isCounting: false });
  }

  greet(listener: string, view: View): void {
    const { texts, sent } = this.#renderer.snapshot(this.set, view);
    this.listeners.set(listener, view);
    for (const text of texts) this.#receive(listener, text);
    this.outbox.addGreeted(listener, sent);
  }

  flush(): void {
    const rendered = this.outbox.needsPresences
      ? this.#renderer.render(this.set, this.outbox.takeChanges())
      : undefined;
    const framesFor = this.outbox.take(rendered);
    for (const [listener, view] of this.listeners) {
      for (const { text } of framesFor(view, listener)) this.#receive(listener, text);
    }
  }

  #receive(listener: string, text: string): void {
    const frame = JSON.parse(text);
    this.last.set(listener, text);
    if (frame.type === "sync") {
      const named = frame.presences.map((one: Presence) => [one.channel, one] as const);
      this.presences.set(listener, new Map(named));
    }
    if (frame.type !== "diff") return;
    const before = this.presences.get(listener) ?? new Map();
    for (const { channel } of frame.leaves) if (!before.has(channel)) this.mistakes.push(text);
    for (const { channel } of frame.joins) if (before.has(channel)) this.mistakes.push(text);
    this.presences.set(listener, applyDiff(before, frame));
  }

  /** What the renderer says to somebody who comes now. */
  snapshot(view: View): string {
    return this.#renderer.snapshot(this.set, view).texts.join("");
  }

  named(): [string, Presence][] {
    return [...this.set.entries()]
      .filter(({ presence }) => presence.user !== null)
      .map(({ presence }) => [presence.channel, presence]);
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: operation.map((change) => ({ change })) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<View>("list", "diff", "count").map((view) => ({ view })),
  },
  { weight: 2, arbitrary: fc.constant({ flush: true }) },
);

describe("whoever is greeted between two flushes", () => {
  test("knows after each flush what the room is, and is told nothing twice", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const room = new Rehearsal(1_000);
        let now = 1_000_000;
        for (const [index, one] of [...steps, { flush: true }].entries()) {
          now += 10;
          if ("change" in one) room.outbox.addChange(perform(room.set, one.change, now));
          else if ("view" in one) room.greet(`listener ${index}`, one.view);
          else room.flush();
        }
        expect(room.mistakes).toEqual([]);
        for (const [listener, view] of room.listeners) {
          const isDiff = view === "diff";
          const known = isDiff ? room.presences.get(listener) : room.last.get(listener);
          expect(known).toEqual(isDiff ? new Map(room.named()) : room.snapshot(view));
        }
      }),
      { numRuns: 300 },
    );
  });

  test("costs nothing where nothing waits: a listener that only looks on is not remembered", () => {
    const room = new Rehearsal(1_000);
    for (let index = 0; index < 1_000; index += 1) room.greet(`watcher ${index}`, "diff");
    expect(room.outbox.isEmpty).toBe(true);
    room.flush();
    room.outbox.addChange(room.set.join("a", { id: "ada" }, 1_000));
    room.flush();
    expect(room.presences.get("watcher 7")?.has("a")).toBe(true);
  });
});
