/** Whether somebody is at a tab: what the client sees of a page, what it tells, and when. */

// The page that is watched; sockets and requests stay Node's own.
// oxlint-disable-next-line import/no-unassigned-import
import "./dom.ts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Activity } from "../../src/client/activity.ts";
import { joinRoom, type RoomClient, type RoomOptions } from "../../src/client/index.ts";
import { Outbox } from "../../src/client/outbox.ts";
import { watchPage } from "../../src/client/page.ts";
import { tokenFor } from "../support/client.ts";
import { Server } from "../support/server.ts";
import { here, until } from "./stay.ts";

const TIMERS = ["setTimeout", "clearTimeout", "performance"] as const;
const MINUTE = 60_000;

/** Node's own events are none of this document's. */
function dispatch(type: string): void {
  const event = document.createEvent("Event");
  event.initEvent(type);
  document.dispatchEvent(event);
}

function statusOf(client: RoomClient, id: string): string | undefined {
  return client.members.find((member) => member.id === id)?.status;
}

/** No timer is left behind. */
function expectNoTimer(): void {
  if (vi.getTimerCount() > 0) throw new Error(`${vi.getTimerCount()} timers are left`);
}

function setVisibility(state: "visible" | "hidden"): void {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  dispatch("visibilitychange");
}

describe("with a clock that is moved", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: [...TIMERS] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  describe("a page", () => {
    const told: string[] = [];
    let unwatch: (() => void) | undefined;
    let activity: Activity | undefined;

    function watch(times: Pick<RoomOptions, "idleAfter" | "hiddenAfter"> = {}): void {
      activity = new Activity(times, (status) => told.push(status));
      const use = (isInput: boolean) => activity?.used(isInput);
      unwatch = watchPage({ wake: () => {}, hide: () => {}, restore: () => {}, use });
    }

    beforeEach(() => {
      told.splice(0);
    });
    afterEach(() => {
      unwatch?.();
      activity?.stop();
      expectNoTimer();
      setVisibility("visible");
    });

    test("is active at once, and away after five minutes without input", () => {
      watch();
      vi.advanceTimersByTime(5 * MINUTE - 1);
      expect(told).toEqual(["active"]);
      vi.advanceTimersByTime(1);
      expect(told).toEqual(["active", "away"]);
    });

    test.each(["keydown", "pointerdown", "pointermove", "wheel"])(
      "stays active by %s, and is back with the first one",
      (type) => {
        watch();
        vi.advanceTimersByTime(4 * MINUTE);
        dispatch(type);
        vi.advanceTimersByTime(5 * MINUTE - 1);
        expect(told).not.toContain("away");
        vi.advanceTimersByTime(1);
        expect(told.at(-1)).toBe("away");
        dispatch(type);
        expect(told.at(-1)).toBe("active");
      },
    );

    test("is away a minute after it was hidden, and back when it is shown", () => {
      watch();
      vi.advanceTimersByTime(MINUTE);
      setVisibility("hidden");
      vi.advanceTimersByTime(MINUTE - 1);
      expect(told).not.toContain("away");
      vi.advanceTimersByTime(1);
      expect(told.at(-1)).toBe("away");
      setVisibility("visible");
      expect(told.at(-1)).toBe("active");
    });

    test("that is hidden is away after the shorter one of the two times", () => {
      watch({ idleAfter: 2_000, hiddenAfter: 9_000 });
      setVisibility("hidden");
      vi.advanceTimersByTime(2_000);
      expect(told.at(-1)).toBe("away");
    });

    test("that was hidden and is shown again in time was never away", () => {
      watch();
      setVisibility("hidden");
      vi.advanceTimersByTime(MINUTE - 1);
      setVisibility("visible");
      vi.advanceTimersByTime(5 * MINUTE - 1);
      expect(told).not.toContain("away");
    });
  });

  describe("what is told", () => {
    let frames: string[] = [];
    let outbox: Outbox;

    beforeEach(() => {
      frames = [];
      outbox = new Outbox((text) => frames.push(text), "refuse");
    });
    afterEach(() => {
      outbox.end();
      expectNoTimer();
    });

    const ACTIVE = '{"type":"status","status":"active"}';
    const AWAY = '{"type":"status","status":"away"}';

    test("waits for a connection, and is told again over the next one", () => {
      outbox.setStatus("away");
      expect(frames).toEqual([]);
      outbox.open(null);
      expect(frames).toEqual([AWAY]);
      outbox.close();
      outbox.open(null);
      expect(frames).toEqual([AWAY, AWAY]);
    });

    test("active is told again every four minutes, away and what is the same are not", () => {
      outbox.open(null);
      outbox.setStatus("active");
      outbox.setStatus("active");
      vi.advanceTimersByTime(4 * MINUTE - 1);
      expect(frames).toEqual([ACTIVE]);
      vi.advanceTimersByTime(1);
      expect(frames).toEqual([ACTIVE, ACTIVE]);
      vi.advanceTimersByTime(4 * MINUTE);
      expect(frames).toHaveLength(3);
      outbox.setStatus("away");
      vi.advanceTimersByTime(60 * MINUTE);
      expect(frames.slice(3)).toEqual([AWAY]);
    });

    test("is told again where the server dropped frames", () => {
      outbox.open(null);
      outbox.setStatus("away");
      outbox.slowDown();
      vi.advanceTimersByTime(2_000);
      expect(frames).toEqual([AWAY, AWAY]);
    });

    test("is nothing where nothing was set", () => {
      outbox.open(null);
      outbox.slowDown();
      vi.advanceTimersByTime(60 * MINUTE);
      expect(frames).toEqual([]);
    });
  });
});

describe("in a room", () => {
  let server: Server;
  const clients: RoomClient[] = [];
  beforeAll(async () => {
    server = await Server.start();
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.leave();
  });
  afterAll(() => server.stop());

  async function join(room: string, id: string, options: Partial<RoomOptions> = {}) {
    const client = joinRoom({ url: server.url, room, token: () => tokenFor(id), ...options });
    clients.push(client);
    await here(client);
    return client;
  }

  test("a member is away when every tab is, since the last of them, and each tab says so of itself", async () => {
    const bystander = await join("tabs", "bystander");
    const manual = { status: "manual" } as const;
    const one = await join("tabs", "ada", manual);
    const two = await join("tabs", "ada", manual);
    await until(bystander, () => bystander.members[1]?.presences.length === 2);
    expect(one.self?.status).toBeUndefined();
    one.setStatus("away");
    expect(one.self?.status).toBe("away");
    await until(bystander, () => bystander.members[1]?.presences[0]?.status === "away");
    expect(statusOf(bystander, "ada")).toBe("active");
    expect(bystander.members[1]?.activeAt).toBeUndefined();
    two.setStatus("active");
    two.setStatus("away");
    await until(bystander, () => statusOf(bystander, "ada") === "away");
    const times = bystander.members[1]?.presences.map(({ activeAt }) => activeAt ?? 0) ?? [];
    expect(bystander.members[1]?.activeAt).toBe(Math.max(...times));
    one.setStatus("active");
    await until(bystander, () => statusOf(bystander, "ada") === "active");
    expect(bystander.members[1]?.presences[0]).not.toHaveProperty("activeAt");
  });

  test("a newcomer sees who is away", async () => {
    const ada = await join("newcomer", "ada", { status: "manual" });
    ada.setStatus("away");
    await until(ada, () => statusOf(ada, "ada") === "away");
    const bob = await join("newcomer", "bob");
    expect([statusOf(bob, "ada"), statusOf(bob, "bob")]).toEqual(["away", "active"]);
  });

  test("in a page the client tells it by itself, unless it is told not to, or has no user", async () => {
    const ada = await join("auto", "ada");
    expect(ada.self?.status).toBe("active");
    const manual = await join("auto", "bob", { status: "manual" });
    const lurker = await join("auto", "", { token: null });
    const watcher = await join("auto", "eve", { watch: true });
    expect([manual, lurker, watcher].map(({ self }) => self?.status)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    ada.leave();
    dispatch("keydown");
    setVisibility("hidden");
    setVisibility("visible");
    expect(ada.status).toBe("closed");
  });
});

describe("options", () => {
  const options = { url: "http://localhost", room: "r" };

  test.each([0, 999, 86_400_001, Number.NaN, Number.POSITIVE_INFINITY, "60000", null])(
    "a time of %s is refused by its name and range",
    (time) => {
      for (const name of ["idleAfter", "hiddenAfter"]) {
        expect(() => joinRoom({ ...options, [name]: time })).toThrow(
          `${name} is ${typeof time === "string" ? JSON.stringify(time) : time}; it must be 1000 to 86400000 milliseconds`,
        );
      }
    },
  );

  test("a way to tell that does not exist is refused", () => {
    const wrong = { ...options, ...JSON.parse('{"status":"away"}') };
    expect(() => joinRoom(wrong)).toThrow('status is "away"; it must be "auto" or "manual"');
  });
});
