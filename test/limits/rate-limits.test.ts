/** The rate limiting bindings as the platform counts: far too many from one address, or as one user. */

import { beforeEach, describe, expect, test, vi } from "vitest";
import { call, errorOf, roomPath } from "../support/http.ts";
import { newRoom, open, openAs, type TestSocket, tokenFor } from "../support/socket.ts";
import { watched } from "../support/worker.ts";

/** The limit of vitest.config.ts. */
const LIMIT = 40;
/** The minute may end on the way, once: then the counting begins anew. */
const ENOUGH = 2 * LIMIT + 1;

let lines: string[];
beforeEach(() => {
  lines = [];
  vi.spyOn(console, "warn").mockImplementation((line: string) => lines.push(line));
});

/** How often it went well before it was refused for the first time. */
async function untilRefused(isRefused: () => Promise<boolean>): Promise<number> {
  for (let count = 0; count < ENOUGH; count += 1) {
    // One after the other: what is counted is their order.
    // oxlint-disable-next-line no-await-in-loop
    if (await isRefused()) return count;
  }
  throw new Error(`${ENOUGH} went well`);
}

/** Whether a socket was turned away for coming too often; any other refusal is none. */
async function isLimited(socket: TestSocket): Promise<boolean> {
  const frame = await socket.next();
  if (frame === "heartbeat" || frame.type !== "error" || frame.code === "unauthorized") {
    socket.ws.close();
    return false;
  }
  expect(frame).toMatchObject({ code: "rate_limited", message: expect.stringMatching(/minute/) });
  expect(await socket.closes.next()).toEqual({ code: 4129, reason: "rate_limited" });
  return true;
}

const from = (address: string) => ({ headers: { "cf-connecting-ip": address } });

describe("far too many requests from one address", () => {
  test("are refused on the socket with 4129, and no room is woken", async () => {
    const bystander = await openAs("eve", newRoom());
    await bystander.next();
    let room = "";
    const count = await untilRefused(async () => {
      room = newRoom();
      return isLimited(await open(room, from("192.0.2.1")));
    });
    expect(count).toBeGreaterThanOrEqual(LIMIT);
    expect(watched(room).constructed).toBe(0);
    expect(bystander.frames.unread()).toEqual([]);
    expect(lines).toContain('{"event":"socket refused","code":"rate_limited","status":4129}');
    // Others are let in: it is one address.
    expect(await isLimited(await open(room, from("192.0.2.2")))).toBe(false);
    expect(await isLimited(await open(room))).toBe(false);
  });

  test("are refused before the token is looked at: bad ones are counted, too", async () => {
    const options = { ...from("192.0.2.3"), token: "nonsense" };
    const count = await untilRefused(async () => isLimited(await open(newRoom(), options)));
    expect(count).toBeGreaterThanOrEqual(LIMIT);
  });

  test("are refused over HTTP with 429, and no room is woken", async () => {
    let room = "";
    const count = await untilRefused(async () => {
      room = newRoom();
      const answer = await call("GET", roomPath(room), from("2001:db8::1"));
      if (answer.status === 200) return false;
      expect(errorOf(answer)).toMatchObject({ status: 429, code: "throttled" });
      return true;
    });
    expect(count).toBeGreaterThanOrEqual(LIMIT);
    expect(watched(room).constructed).toBe(0);
    expect(lines).toContain('{"event":"call refused","code":"throttled","status":429}');
    expect((await call("GET", roomPath(room), from("2001:db8:0:1::1"))).status).toBe(200);
  });

  test("are counted together where they come from one /64 of IPv6, which one customer has", async () => {
    let host = 0;
    const count = await untilRefused(async () => {
      host += 1;
      const { status } = await call("GET", "/healthz", from(`2001:db8:1::${host.toString(16)}`));
      return status === 429;
    });
    expect(count).toBeGreaterThanOrEqual(LIMIT);
    expect((await call("GET", "/healthz", from("2001:db8:1:1::1"))).status).toBe(200);
  });

  test("are counted together, sockets and calls", async () => {
    let calls = 0;
    await untilRefused(async () => {
      calls += 1;
      if (calls % 2 === 0) return isLimited(await open(newRoom(), from("192.0.2.4")));
      return (await call("GET", "/rooms", { ...from("192.0.2.4"), claims: null })).status === 429;
    });
    expect(calls).toBeGreaterThan(LIMIT);
    expect(calls).toBeLessThanOrEqual(ENOUGH);
  });
});

describe("far too many sockets of one user", () => {
  test("are refused with 4129, whatever the room, and no room is woken", async () => {
    let room = "";
    const count = await untilRefused(async () => {
      room = newRoom();
      return isLimited(await openAs("ada", room));
    });
    expect(count).toBeGreaterThanOrEqual(LIMIT);
    expect(watched(room).constructed).toBe(0);
    const who = { room, user: "ada", code: "rate_limited", status: 4129 };
    expect(lines.at(-1)).toBe(JSON.stringify({ event: "socket refused", ...who }));
    // Calls of the API are not counted by user, and nobody else is meant.
    expect((await call("GET", roomPath(room), { claims: { sub: "ada" } })).status).toBe(200);
    expect(await isLimited(await openAs("bob", room))).toBe(false);
    expect(await isLimited(await open(room))).toBe(false);
  });

  test("are counted only where the token is good: a forger can lock nobody out", async () => {
    const [header, payload] = (await tokenFor("victim")).split(".");
    const token = `${header}.${payload}.AAAA`;
    for (let count = 0; count < ENOUGH; count += 1) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await (await open(newRoom(), { token })).nextOf("error")).toMatchObject({
        code: "unauthorized",
      });
    }
    expect(await isLimited(await openAs("victim", newRoom()))).toBe(false);
  });
});
