/** The client's own small decoder takes every frame that the server may send, as core has them. */

import * as v from "valibot";
import { expect, test } from "vitest";
import { decodeServerFrame, type Frame } from "../../src/client/server-frames.ts";
import { ServerFrame } from "../../src/core/server-frames.ts";

/** Frames of view `diff`; `presence` is of view `list`, which the client does not use. */
type Known = Exclude<ServerFrame, { type: "presence" }>;

/** As what is decoded is: nobody else has it, so its lists may be changed. */
type Decoded<F> = {
  -readonly [Key in keyof F]: F[Key] extends readonly (infer Item)[] | undefined ? Item[] : F[Key];
};

/** By the compiler: what core says that is sent is what the client reads. */
const asRead = (frame: Decoded<Known>): Frame => frame;

const user = { id: "ada", name: "Ada" };
const presence = { channel: "a", user, joinedAt: 1, state: { typing: true } };

test.each<Decoded<Known>>([
  { type: "welcome", room: "lobby", channel: "a", user, resume: "secret", heartbeat: 25 },
  { type: "welcome", room: "lobby", user: null, heartbeat: 0.4 },
  { type: "welcome", room: "lobby", user: null, heartbeat: 25, frameRate: 20 },
  { type: "sync", room: "lobby", presences: [presence], lurkers: 1 },
  {
    type: "diff",
    room: "lobby",
    joins: [presence],
    updates: [
      { channel: "b", state: null },
      { channel: "d", state: 1, user },
    ],
    leaves: [{ channel: "c", reason: "left" }],
    lurkers: 0,
  },
  {
    type: "diff",
    room: "lobby",
    joins: [{ ...presence, status: "away", activeAt: 2 }],
    updates: [],
    leaves: [],
    statuses: [
      { channel: "b", status: "away", activeAt: 3 },
      { channel: "c", status: "active", activeAt: 4 },
    ],
    lurkers: 0,
  },
  { type: "count", room: "lobby", members: 2_000, presences: 2_001, lurkers: 1 },
  {
    type: "messages",
    room: "lobby",
    messages: [
      { from: null, payload: [1] },
      { from: { channel: "a", user: null }, payload: "x" },
    ],
  },
  { type: "error", code: "throttled", message: "too fast" },
  { type: "error", code: "throttled", message: "too fast", frames: 12 },
])("it reads $type as core describes it", (frame) => {
  expect(v.parse(ServerFrame, frame)).toEqual(frame);
  // It leaves out what it does not use.
  const read = decodeServerFrame(JSON.stringify(frame));
  expect(asRead(frame)).toMatchObject({ ...read });
  expect(read?.type).toBe(frame.type);
});
