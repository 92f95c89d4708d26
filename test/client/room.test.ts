/** The client against the real service, in Node: what it says, what it hears, and when it comes back. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { joinRoom, type RoomClient, type RoomEvents } from "../../src/client/index.ts";
import { joinAs, tokenFor } from "../support/client.ts";
import { Proxy } from "../support/proxy.ts";
import { Server } from "../support/server.ts";
import { away, here, sees, until } from "./stay.ts";

let server: Server;
beforeAll(async () => {
  server = await Server.start({ PRESENCE_ANNOUNCE_MAX: "4", PRESENCE_FRAME_MAX: "4096" });
});
afterAll(() => server.stop());

function join(id: string, room: string): RoomClient {
  return joinRoom({ url: server.url, room, token: () => tokenFor(id) });
}

/** The next event of a type. */
function next<T extends keyof RoomEvents>(client: RoomClient, type: T): Promise<RoomEvents[T]> {
  return new Promise((resolve) => {
    const stop = client.on(type, (event) => {
      stop();
      resolve(event);
    });
  });
}

/** Everything of these types from now on, in a line each. */
function log(client: RoomClient): string[] {
  const lines: string[] = [];
  client.on("join", ({ id }) => lines.push(`join ${id}`));
  client.on("leave", ({ member, reason }) => lines.push(`leave ${member.id} ${reason}`));
  client.on("update", ({ member }) => lines.push(`update ${member.id}`));
  client.on("status", ({ status }) => lines.push(status));
  client.on("error", ({ code }) => lines.push(`error ${code}`));
  return lines;
}

test("a newcomer knows all at once; then each change is an event, and a new view", async () => {
  const ada = join("ada", "news");
  expect(ada.view).toMatchObject({ status: "connecting", members: [], self: null, stale: false });
  const lines = log(ada);
  await here(ada);
  expect(ada.self).toEqual({ channel: expect.any(String), user: { id: "ada" }, state: undefined });
  const bob = joinRoom<{ typing: boolean }>({
    url: server.url,
    room: "news",
    token: await tokenFor("bob", { info: { name: "Bob" } }),
    state: { typing: true },
  });
  expect(bob.self).toBeNull();
  await until(ada, () => ada.members[1]?.state !== undefined);
  const [first, second] = ada.members;
  expect(second).toMatchObject({
    id: "bob",
    user: { id: "bob", name: "Bob" },
    state: { typing: true },
  });
  bob.setState(null);
  await until(ada, () => ada.members[1]?.state === undefined);
  expect(ada.members[0]).toBe(first);
  expect([...ada]).toEqual(ada.members);
  const message = next(ada, "message");
  expect(bob.send(["hi"])).toBe(true);
  expect(await message).toMatchObject({ from: { user: { id: "bob" } }, payload: ["hi"] });
  bob.leave();
  expect(bob.status).toBe("closed");
  expect(bob.reason).toMatchObject({ code: "left" });
  await sees(ada, 1);
  expect(lines).toEqual(["here", "join bob", "update bob", "update bob", "leave bob left"]);
  expect(bob.send("late")).toBe(false);
  ada.leave();
});

test("a user with two tabs is one member with two presences, and comes and goes once", async () => {
  const ada = join("ada", "tabs");
  await here(ada);
  const lines = log(ada);
  const tabs = [join("bob", "tabs"), join("bob", "tabs")];
  await until(ada, () => ada.members[1]?.presences.length === 2);
  expect(ada.count).toBe(2);
  for (const tab of tabs) tab.leave();
  await sees(ada, 1);
  expect(lines.filter((line) => !line.startsWith("update"))).toEqual([
    "join bob",
    "leave bob left",
  ]);
  ada.leave();
});

test("anonymous ones are lurkers, and a watcher is nobody", async () => {
  const lurker = joinRoom({ url: server.url, room: "lurk" });
  await until(lurker, () => lurker.lurkers === 1);
  expect(lurker.self).toMatchObject({ user: null });
  const watcher = joinRoom({
    url: server.url,
    room: "lurk",
    watch: true,
    token: await tokenFor("eve"),
  });
  await here(watcher);
  expect(watcher.view).toMatchObject({ members: [], lurkers: 1, self: { channel: null } });
  const refused = next(watcher, "error");
  watcher.setState("seen");
  expect(await refused).toMatchObject({ code: "forbidden" });
  expect(lurker.view).toMatchObject({ members: [], lurkers: 1 });
  for (const client of [lurker, watcher]) client.leave();
});

test("a refusal that is final is the end, and says why", async () => {
  const nobody = joinRoom({ url: server.url, room: "closed", token: "not a token" });
  await until(nobody, () => nobody.status === "closed");
  expect(nobody.reason).toMatchObject({ code: "unauthorized" });
  expect(nobody.stale).toBe(false);
});

test("who is replaced does not fight for the presence", async () => {
  const proxy = await Proxy.to(server.port);
  const ada = joinRoom({ url: proxy.url, room: "twins", token: () => tokenFor("ada") });
  const addresses: string[] = [];
  await here(ada);
  const lines = log(ada);
  // Somebody with the same secret, as a restored tab may be: seen on the wire, since no client tells it.
  proxy.onRequest((address) => addresses.push(address));
  ada.reconnect();
  await away(ada);
  await here(ada);
  const query = new URL(addresses[0] ?? "", server.url).searchParams;
  const { welcome } = await joinAs(server, "ada", "twins", {
    channel: query.get("channel") ?? "",
    resume: query.get("resume") ?? "",
  });
  expect(welcome.channel).toBe(ada.self?.channel);
  await until(ada, () => ada.status === "closed");
  expect(ada.reason).toMatchObject({ code: "replaced" });
  expect(ada.stale).toBe(true);
  expect(lines.filter((line) => /join|leave/.test(line))).toEqual([]);
  await proxy.stop();
});

test("a token function that fails is reported and asked again", async () => {
  let times = 0;
  const ada = joinRoom({
    url: server.url,
    room: "token",
    token: () => {
      times += 1;
      if (times === 1) throw new Error("no session");
      // oxlint-disable-next-line prefer-promise-reject-errors
      return times === 2 ? Promise.reject("offline") : tokenFor("ada");
    },
  });
  const lines = log(ada);
  expect(await next(ada, "error")).toEqual({
    code: "token_failed",
    message: "there is no token: no session",
  });
  expect(ada.status).toBe("connecting");
  ada.wake();
  expect(await next(ada, "error")).toMatchObject({ message: "there is no token: offline" });
  ada.wake();
  await here(ada);
  expect(lines).toEqual([
    "error token_failed",
    "connecting",
    "error token_failed",
    "connecting",
    "here",
  ]);
  ada.leave();
});

test("messages are refused while away, or wait if they may, in order and up to a bound", async () => {
  const proxy = await Proxy.to(server.port);
  const options = { url: proxy.url, room: "queue", token: () => tokenFor("ada") };
  const refusing = joinRoom(options);
  const queueing = joinRoom({ ...options, messagesWhileAway: "queue" });
  await Promise.all([here(refusing), here(queueing)]);
  const bob = join("bob", "queue");
  await here(bob);
  const got: unknown[] = [];
  bob.on("message", ({ payload }) => got.push(payload));
  const lost = Promise.all([away(refusing), away(queueing)]);
  proxy.cut();
  await lost;
  const refused = next(refusing, "error");
  expect(refusing.send("refused")).toBe(false);
  expect(await refused).toMatchObject({ code: "not_sent" });
  const taken = Array.from({ length: 33 }, (_, index) => queueing.send(index));
  expect(taken.filter(Boolean)).toHaveLength(32);
  await here(queueing);
  queueing.send("last");
  await new Promise<void>((resolve) => {
    bob.on("message", ({ payload }) => payload === "last" && resolve());
  });
  expect(got).toEqual([...[...taken.keys()].slice(0, 32), "last"]);
  for (const client of [refusing, queueing, bob]) client.leave();
  await proxy.stop();
});

test("a state that is too large is taken back, and the one of before stays", async () => {
  const ada = join("ada", "large");
  ada.setState("small");
  await until(ada, () => ada.members[0]?.state === "small");
  const refused = next(ada, "error");
  ada.setState("x".repeat(3_000));
  expect(await refused).toMatchObject({ code: "state_too_large" });
  expect(ada.self?.state).toBe("small");
  expect(() => {
    // @ts-expect-error A function is no JSON.
    ada.setState(() => {});
  }).toThrow("only JSON can be sent; this is a function");
  ada.leave();
});

test("a frame that is too large ends a connection once, not each one after it", async () => {
  const ada = join("ada", "huge");
  await here(ada);
  const lines = log(ada);
  ada.setState("x".repeat(5_000));
  await until(ada, () => ada.status === "reconnecting");
  expect(ada.reason).toMatchObject({ code: "frame_too_large" });
  await here(ada);
  ada.setState("small");
  await until(ada, () => ada.members[0]?.state === "small");
  expect(lines.filter((line) => line.startsWith("error"))).toEqual(["error frame_too_large"]);
  ada.leave();
});

test("where a room tells numbers, names are hidden, nobody leaves, and they come again with a list", async () => {
  const ada = join("ada", "crowd");
  await here(ada);
  const lines = log(ada);
  const crowd = ["b", "c", "d", "e"].map((id) => join(id, "crowd"));
  await until(ada, () => ada.namesHidden);
  expect(ada.view).toMatchObject({ status: "here", members: [], count: 5 });
  for (const client of crowd.slice(1)) client.leave();
  await until(ada, () => !ada.namesHidden);
  await sees(ada, 2);
  expect(ada.members.map(({ id }) => id)).toEqual(["ada", "b"]);
  // Whoever was there by name before the numbers came may have been announced; nobody was said to leave then.
  expect(lines.filter((line) => line.startsWith("leave")).length).toBeLessThan(3);
  for (const client of [ada, ...crowd]) client.leave();
});

test("a listener that throws is no harm to the others", async () => {
  const ada = join("ada", "throw");
  const thrown = new Promise((resolve) => process.once("uncaughtException", resolve));
  const listeners = process.listeners("uncaughtException").slice(0, -1);
  for (const listener of listeners) process.off("uncaughtException", listener);
  ada.on("sync", () => {
    throw new Error("oops");
  });
  await next(ada, "sync");
  expect(await thrown).toMatchObject({ message: "oops" });
  for (const listener of listeners) process.on("uncaughtException", listener);
  ada.leave();
});

test("an address or a name that cannot be one is an error at once", () => {
  expect(() => joinRoom({ url: "presence.example.com", room: "a" })).toThrow(
    'url is "presence.example.com"; it must be like "https://presence.example.com"',
  );
  expect(() => joinRoom({ url: "/", room: "a" })).toThrow(TypeError);
  expect(() => joinRoom({ url: server.url, room: ".." })).toThrow('no URL can have the room ".."');
});

test("a runtime without a WebSocket is told at once what the client needs", () => {
  const { WebSocket } = globalThis;
  try {
    Reflect.deleteProperty(globalThis, "WebSocket");
    expect(() => joinRoom({ url: server.url, room: "none" })).toThrow(
      new TypeError(
        "this runtime has no WebSocket: the client needs Node 22 or newer, Deno, Bun or a browser",
      ),
    );
  } finally {
    Object.assign(globalThis, { WebSocket });
  }
});
