/** What `joinRoom` takes, and how it refuses the rest: at once, by the option's name. */

import { expect, test, vi } from "vitest";
import { joinRoom } from "../../src/client/index.ts";

const RIGHT = { url: "http://127.0.0.1:9", room: "lobby" };

/** As a page without types calls it. */
function join(options: Record<string, unknown>): unknown {
  const call: (options: never) => { leave(): void } = joinRoom;
  // SAFETY: that it is wrong is what these tests are about.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const client = call({ ...RIGHT, ...options } as never);
  client.leave();
  return client;
}

test.each([
  ["url", undefined],
  ["url", 42],
  ["url", null],
  ["room", 42],
  ["room", undefined],
  ["room", null],
  ["room", ""],
  ["room", "a\ud800"],
  ["room", "x".repeat(256)],
  ["room", "a\nb"],
  ["token", 42],
  ["token", {}],
  ["token", Object.create(null)],
  ["room", []],
  ["watch", "yes"],
  ["watch", null],
  ["messagesWhileAway", "keep"],
])("%s %j is refused by its name", (name, value) => {
  expect(() => join({ [name]: value })).toThrow(TypeError);
  expect(() => join({ [name]: value })).toThrow(new RegExp(`^${name} is .+; it must be `));
});

test.each([[undefined], [null], ["lobby"]])("%j is refused: it has no options", (options) => {
  // SAFETY: as a page without types calls it.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  expect(() => joinRoom(options as never)).toThrow(
    new TypeError(`options is ${JSON.stringify(options)}; it must be an object with url and room`),
  );
});

test.each([
  ["token", null],
  ["token", undefined],
  ["watch", undefined],
  ["messagesWhileAway", undefined],
  ["state", null],
  ["room", "名".repeat(85)],
])("%s %j is taken", (name, value) => {
  expect(join({ [name]: value })).toBeDefined();
});

test("an option that is not known is named in the console, but not in production", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  try {
    join({ rom: "lobby" });
    expect(warn.mock.calls).toEqual([['joinRoom has no option "rom"']]);
    vi.stubEnv("NODE_ENV", "production");
    join({ rom: "lobby" });
    expect(warn.mock.calls).toHaveLength(1);
  } finally {
    vi.unstubAllEnvs();
    warn.mockRestore();
  }
});

test.each([
  [Number.NaN, "only JSON can be sent; NaN is not a number there"],
  [{ a: [Number.POSITIVE_INFINITY] }, "only JSON can be sent; Infinity is not a number there"],
  [2 ** 53, "9007199254740992 is rounded in JSON; send it as a string"],
  [{ id: -(2 ** 60) }, "-1152921504606847000 is rounded in JSON; send it as a string"],
])("the state %j is refused: the others would get something else", (state, message) => {
  expect(() => join({ state })).toThrow(new TypeError(message));
});
