/** The load client's parts: what they miscount, the benchmark would take for a fault of the server, or overlook. */

import { expect, test } from "vitest";
import { hash } from "../../bench/load/effects.ts";
import { FrameReader, textFrame } from "../../bench/load/frames.ts";
import { Histogram } from "../../bench/load/histogram.ts";
import { Texts } from "../../bench/load/texts.ts";

/** A frame as a server sends it: without a mask. */
function serverFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([0x81, length]), payload]);
  const header = length < 65_536 ? Buffer.from([0x81, 126, 0, 0]) : Buffer.alloc(10);
  if (length < 65_536) header.writeUInt16BE(length, 2);
  else {
    header.writeUInt16BE(0x817f, 0);
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, payload]);
}

function read(stream: Buffer, size: number): string[] {
  const texts: string[] = [];
  const reader = new FrameReader((_, payload) => texts.push(payload.toString()));
  for (let at = 0; at < stream.length; at += size) reader.read(stream.subarray(at, at + size));
  return texts;
}

const sent = ["", "a", "b".repeat(125), "c".repeat(126), "d".repeat(65_535), "e".repeat(65_536)];

test.each([1, 2, 3, 7, 126, 4_096, 1_000_000])("frames are found in chunks of %i bytes", (size) => {
  expect(read(Buffer.concat(sent.map(serverFrame)), size)).toEqual(sent);
});

test("a client's frame says its length and is masked", () => {
  expect([...textFrame("hi")]).toEqual([0x81, 0x82, 0, 0, 0, 0, 104, 105]);
  expect([...textFrame("x".repeat(300)).subarray(0, 4)]).toEqual([0x81, 0xfe, 1, 44]);
});

function list(id: string): Buffer {
  return Buffer.from(JSON.stringify({ type: "list", ids: [id.repeat(600), "bob"] }));
}

test("a text is parsed once, however many hear it, and another of the same length is another", () => {
  const texts = new Texts();
  const ada = texts.effect(list("a"));
  expect(texts.effect(list("a"))).toBe(ada);
  expect(texts.effect(list("b"))).not.toBe(ada);
});

test("a snapshot and its changes sum up to the list", () => {
  const texts = new Texts();
  const heard = [
    { type: "sync", presences: [{ channel: "r!1", user: { id: "ada" } }] },
    {
      type: "diff",
      joins: [{ channel: "r!2", user: { id: "bob" } }],
      leaves: [{ channel: "r!1" }],
    },
  ].map((frame) => texts.effect(Buffer.from(JSON.stringify(frame))));
  expect(heard.map(({ isWhole, count }) => ({ isWhole, count }))).toEqual([
    { isWhole: true, count: 1 },
    { isWhole: false, count: 0 },
  ]);
  expect(heard.reduce((sum, effect) => (sum + effect.sum) | 0, 0)).toBe(hash("r!2"));
});

test("an error frame, and one that nobody knows, are problems", () => {
  const texts = new Texts();
  const problem = (frame: object) => texts.effect(Buffer.from(JSON.stringify(frame))).problem;
  expect(problem({ type: "error", code: "throttled", message: "slow down" })).toBe(
    "throttled: slow down",
  );
  expect(problem({ type: "surprise" })).toContain("surprise");
});

test("a percentile is exact to a tenth of a millisecond, and none is none", () => {
  const delays = new Histogram();
  expect(delays.at(0.5)).toBeNaN();
  for (let ms = 1; ms <= 100; ms += 1) delays.add(ms);
  expect([delays.at(0.5), delays.at(0.99), delays.at(1)]).toEqual([50, 99, 100]);
});
