/** The text of a frame, made of texts that are kept, is what JSON makes of the frame. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { textOf } from "../../src/core/frame-text.ts";
import type { ServerFrame } from "../../src/core/server-frames.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom("__proto__", "\ud800", '"', "\u2028"),
);
const user = fc.record({ id: text, name: text }, { requiredKeys: ["id"] });
const state = fc.oneof(text, fc.integer(), fc.constant(null), fc.record({ x: fc.integer() }));
const presence = fc.record(
  { channel: text, user, joinedAt: fc.nat(), state },
  { requiredKeys: ["channel", "user", "joinedAt"] },
);
const lurkers = fc.nat(3);

const frame: fc.Arbitrary<ServerFrame> = fc.oneof(
  fc.record({
    type: fc.constant("sync" as const),
    room: text,
    presences: fc.array(presence),
    lurkers,
  }),
  fc.record(
    {
      type: fc.constant("diff" as const),
      room: text,
      joins: fc.array(presence),
      updates: fc.array(fc.record({ channel: text, state })),
      leaves: fc.array(fc.record({ channel: text, reason: fc.constant("left" as const) })),
      statuses: fc.array(
        fc.record({ channel: text, status: fc.constant("away" as const), activeAt: fc.nat() }),
      ),
      lurkers,
    },
    { requiredKeys: ["type", "room", "joins", "updates", "leaves", "lurkers"] },
  ),
  fc.record({
    type: fc.constant("presence" as const),
    payload: fc.record(
      { channel_name: text, members: fc.array(user), lurkers, count: fc.nat(9) },
      { requiredKeys: ["channel_name", "members", "lurkers"] },
    ),
  }),
  fc.record({
    type: fc.constant("count" as const),
    room: text,
    members: fc.nat(9),
    presences: fc.nat(9),
    lurkers,
  }),
);

test("it is the same as JSON.stringify makes, the second time too", () => {
  fc.assert(
    fc.property(frame, (given) => {
      const expected = JSON.stringify(given);
      expect(textOf(given)).toBe(expected);
      expect(textOf(given)).toBe(expected);
    }),
  );
});
