/** What the client promises of one session, against the real service: each was broken once. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join as joinPath } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  joinRoom,
  type RoomClient,
  type RoomOptions,
  type TokenRequest,
} from "../../src/client/index.ts";
import { tokenFor } from "../support/client.ts";
import { Proxy } from "../support/proxy.ts";
import { Server } from "../support/server.ts";
import { away, here, sees, until } from "./stay.ts";

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

const expired = (id: string) => tokenFor(id, { exp: 1 });

function join(room: string, options: Partial<RoomOptions>): RoomClient {
  return joinRoom({ url: server.url, room, ...options });
}

/** Somebody who is in the room, and notes who comes, goes and changes. */
async function bystand(room: string): Promise<{ client: RoomClient; heard: string[] }> {
  const client = join(room, { token: () => tokenFor("bystander") });
  await here(client);
  const heard: string[] = [];
  client.on("join", ({ id }) => heard.push(`join ${id}`));
  client.on("leave", ({ member, reason }) => heard.push(`leave ${member.id} ${reason}`));
  client.on("update", ({ member }) => heard.push(`update ${member.id}`));
  return { client, heard };
}

function errorsOf(client: RoomClient): string[] {
  const codes: string[] = [];
  client.on("error", ({ code }) => codes.push(code));
  return codes;
}

/** Frames that a room has got, but for heartbeats: those the runtime answers. */
async function framesIn(room: string): Promise<number> {
  const authorization = `Bearer ${await tokenFor("admin", { can: ["admin"] })}`;
  const answer = await fetch(`${server.url}/rooms/${room}/stats`, { headers: { authorization } });
  const stats: unknown = await answer.json();
  // SAFETY: docs/protocol.md says so, and a test that gets something else fails.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (stats as { frames: { in: number } }).frames.in;
}

test("a token function whose token has run out is asked again at once", async () => {
  const asked: TokenRequest[] = [];
  const ada = join("expired", {
    token: (request) => {
      asked.push(request);
      return request.refused ? tokenFor("ada") : expired("ada");
    },
  });
  const errors = errorsOf(ada);
  await here(ada);
  expect(asked).toEqual([{}, { refused: "token_expired" }]);
  expect(errors).toEqual(["token_expired"]);
  // What was accepted is not held against the next one.
  ada.reconnect();
  await until(ada, () => ada.status === "reconnecting");
  await here(ada);
  expect(asked.slice(2)).toEqual([{}, { refused: "token_expired" }]);
  ada.leave();
});

test("a token function that has only expired tokens is asked again and again, with a backoff", async () => {
  let times = 0;
  const ada = join("expired-always", {
    token: () => {
      times += 1;
      return expired("ada");
    },
  });
  await expect.poll(() => times).toBe(2);
  await expect.poll(() => ada.reason?.code).toBe("token_expired");
  expect(ada.status).toBe("connecting");
  await expect
    .poll(
      () => {
        ada.wake();
        return times;
      },
      { timeout: 10_000 },
    )
    .toBe(3);
  ada.leave();
});

test("a token text that has run out closes the client", async () => {
  const ada = join("expired-text", { token: await expired("ada") });
  await until(ada, () => ada.status === "closed");
  expect(ada.reason).toMatchObject({ code: "token_expired" });
});

test("a token function whose token is wrong is asked once more, and then no more", async () => {
  const asked: TokenRequest[] = [];
  const nobody = join("wrong", {
    token: (request) => {
      asked.push(request);
      return "wrong";
    },
  });
  await until(nobody, () => nobody.status === "closed");
  expect(asked).toEqual([{}, { refused: "unauthorized" }]);
});

test("a token that has run out does not use up the question after one that is wrong", async () => {
  const asked: TokenRequest[] = [];
  const tokens = [await expired("ada"), "wrong", await tokenFor("ada")];
  const ada = join("expired-wrong", {
    token: (request) => {
      asked.push(request);
      return tokens[asked.length - 1];
    },
  });
  await here(ada);
  expect(asked).toEqual([{}, { refused: "token_expired" }, { refused: "unauthorized" }]);
  ada.leave();
});

test("after a refusal that was final the client can reconnect", async () => {
  let token = "wrong";
  const ada = join("again", { token: () => token });
  const statuses: string[] = [];
  ada.on("status", ({ status }) => statuses.push(status));
  await until(ada, () => ada.status === "closed");
  token = await tokenFor("ada");
  ada.reconnect();
  expect(ada.status).toBe("connecting");
  await here(ada);
  expect(statuses.slice(-3)).toEqual(["closed", "connecting", "here"]);
  ada.leave();
  ada.reconnect();
  expect(ada.status).toBe("closed");
});

test("who comes back with other info is an update to everybody else", async () => {
  const { client, heard } = await bystand("rename");
  let name = "Ada";
  const ada = join("rename", { token: () => tokenFor("ada", { info: { name } }), state: 1 });
  await sees(client, 2);
  await until(client, () => client.members[1]?.state === 1);
  const joinedAt = client.members[1]?.joinedAt;
  heard.length = 0;
  name = "Ada Lovelace";
  ada.reconnect();
  await until(client, () => client.members[1]?.user["name"] === "Ada Lovelace");
  expect(heard).toEqual(["update ada"]);
  expect(client.members[1]).toMatchObject({ state: 1, joinedAt });
  for (const each of [ada, client]) each.leave();
});

test("of 500 messages at once those that are taken arrive, and the others are said not to be sent", async () => {
  const bob = join("fast", { token: () => tokenFor("bob") });
  const ada = join("fast", { token: () => tokenFor("ada") });
  await Promise.all([here(ada), sees(bob, 2)]);
  const errors = errorsOf(ada);
  const got: unknown[] = [];
  bob.on("message", ({ payload }) => got.push(payload));
  const taken = Array.from({ length: 500 }, (_, index) => index).filter((n) => ada.send(n));
  expect(taken.length).toBeGreaterThanOrEqual(32);
  expect(errors).toEqual(Array.from({ length: 500 - taken.length }, () => "not_sent"));
  await expect.poll(() => got.length, { timeout: 20_000 }).toBe(taken.length);
  expect(got).toEqual(taken);
  expect(errors).not.toContain("throttled");
  for (const each of [ada, bob]) each.leave();
});

test("of a burst of states the last one arrives, and few of the others are sent", async () => {
  const { client } = await bystand("burst");
  const ada = join("burst", { token: () => tokenFor("ada") });
  await Promise.all([here(ada), sees(client, 2)]);
  for (let state = 0; state <= 100; state += 1) ada.setState(state);
  await until(client, () => client.members[1]?.state === 100);
  expect(await framesIn("burst")).toBe(2);
  for (const each of [ada, client]) each.leave();
});

test("who is throttled slows down, sends the state again, and is told of every frame that was dropped", async () => {
  const { client } = await bystand("throttled");
  const proxy = await Proxy.to(server.port);
  // So the client believes that it may send faster than the room takes.
  proxy.rewrite('"frameRate":20', '"frameRate":90');
  const ada = join("throttled", { url: proxy.url, token: () => tokenFor("ada") });
  await Promise.all([here(ada), sees(client, 2)]);
  let dropped = 0;
  ada.on("error", ({ code, frames = 0 }) => {
    if (code === "throttled") dropped += frames;
  });
  let got = 0;
  client.on("message", () => (got += 1));
  ada.setState("kept");
  const taken = Array.from({ length: 80 }, (_, index) => index).filter((n) => ada.send(n));
  expect(taken).toHaveLength(80);
  await until(client, () => client.members[1]?.state === "kept");
  // It is sent first, and once more: nobody can tell whether it was among those that were dropped.
  await expect.poll(() => framesIn("throttled"), { timeout: 20_000 }).toBe(taken.length + 2);
  await expect.poll(() => dropped + got, { timeout: 20_000 }).toBe(taken.length);
  expect(dropped).toBeGreaterThan(1);
  expect(ada.status).toBe("here");
  for (const each of [ada, client]) each.leave();
  await proxy.stop();
});

test("who leaves while connecting leaves no ghost", async () => {
  const { client, heard } = await bystand("ghost");
  const proxy = await Proxy.to(server.port);
  const asked = new Promise<void>((resolve) => proxy.onRequest(() => resolve()));
  proxy.delay(100);
  const token = await tokenFor("ada");
  const ada = join("ghost", { url: proxy.url, token });
  await asked;
  ada.leave();
  expect(ada.status).toBe("closed");
  await expect.poll(() => heard, { timeout: 5_000 }).toEqual(["join ada", "leave ada left"]);
  client.leave();
  await proxy.stop();
});

test("who comes back goes on with the list of before, and hears what it missed", async () => {
  const room = "since";
  const bystander = await bystand(room);
  const bob = join(room, { token: await tokenFor("bob"), state: { typing: true } });
  await here(bob);
  const proxy = await Proxy.to(server.port);
  const gate = { opened: Promise.resolve(), open: () => {} };
  const token = async () => {
    await gate.opened;
    return tokenFor("ada");
  };
  const ada = join(room, { url: proxy.url, token });
  await sees(ada, 3);
  await until(ada, () => ada.members[1]?.state !== undefined);
  const [stillThere] = ada.members;
  const heard: string[] = [];
  ada.on("sync", () => heard.push("sync"));
  ada.on("join", ({ id }) => heard.push(`join ${id}`));
  ada.on("leave", ({ member, reason }) => heard.push(`leave ${member.id} ${reason}`));
  ada.on("status", ({ status }) => heard.push(status));
  gate.opened = new Promise((resolve) => (gate.open = resolve));
  proxy.cut();
  await away(ada);
  bob.leave();
  const eve = join(room, { token: await tokenFor("eve") });
  await until(bystander.client, () => bystander.client.members.at(-1)?.id === "eve");
  gate.open();
  await here(ada);
  expect(heard).toEqual(["reconnecting", "leave bob left", "join eve", "here"]);
  expect(ada.members.map(({ id }) => id)).toEqual(["bystander", "ada", "eve"]);
  // What did not change is the same object: a page draws nothing of it anew.
  expect(ada.members[0]).toBe(stillThere);
  for (const each of [ada, eve, bystander.client]) each.leave();
  await proxy.stop();
});

test("who reconnects while connecting is in the room once", async () => {
  const { client, heard } = await bystand("once");
  const proxy = await Proxy.to(server.port);
  const asked = new Promise<void>((resolve) => proxy.onRequest(() => resolve()));
  proxy.delay(100);
  const ada = join("once", { url: proxy.url, token: await tokenFor("ada") });
  await asked;
  ada.reconnect();
  await here(ada);
  await expect
    .poll(() => client.members.find(({ id }) => id === "ada")?.presences.length, { timeout: 5_000 })
    .toBe(1);
  expect(ada.self?.channel).toBe(client.members[1]?.presences[0]?.channel);
  expect(heard.filter((line) => line.includes("lost"))).toEqual([]);
  for (const each of [ada, client]) each.leave();
  await proxy.stop();
});

/** A client behind a slow network, and the question for its first token. */
async function joinSlowly(room: string, token: RoomOptions["token"]) {
  const proxy = await Proxy.to(server.port);
  const asked = new Promise<void>((resolve) => proxy.onRequest(() => resolve()));
  return { proxy, asked, client: join(room, { url: proxy.url, token }) };
}

test("who reconnects before the welcome leaves no ghost", async () => {
  const { client, heard } = await bystand("before-welcome");
  const tokens = [await tokenFor("ada"), await tokenFor("bob")];
  const { proxy, client: user } = await joinSlowly("before-welcome", () => tokens.shift());
  // The socket is open when its heartbeat can be sent; the welcome comes with the next packet.
  const { WebSocket } = globalThis;
  const opened = new Promise<void>((resolve) => {
    globalThis.WebSocket = class extends WebSocket {
      constructor(...args: ConstructorParameters<typeof WebSocket>) {
        super(...args);
        this.addEventListener("open", () => resolve());
      }
    };
  });
  await opened;
  globalThis.WebSocket = WebSocket;
  user.reconnect();
  await here(user);
  await sees(client, 2);
  expect(user.self?.user).toEqual({ id: "bob" });
  expect(heard.filter((line) => line.includes("ada"))).toEqual(["join ada", "leave ada left"]);
  for (const each of [user, client]) each.leave();
  await proxy.stop();
});

test("an attempt whose presence is gone says goodbye where it is given up", async () => {
  const { client, heard } = await bystand("gone");
  const { proxy, client: ada } = await joinSlowly("gone", () => tokenFor("ada"));
  await Promise.all([here(ada), sees(client, 2)]);
  // It comes back, and does not know that its presence was lost meanwhile.
  proxy.lose();
  const channel = ada.self?.channel ?? "";
  const admin = { authorization: `Bearer ${await tokenFor("admin", { can: ["admin"] })}` };
  const removed = `${server.url}/rooms/gone/presences/${encodeURIComponent(channel)}`;
  expect(await fetch(removed, { method: "DELETE", headers: admin })).toHaveProperty("status", 204);
  await sees(client, 1);
  proxy.cut();
  await until(ada, () => ada.status === "reconnecting");
  proxy.restore();
  proxy.delay(100);
  const asked = new Promise<void>((resolve) => proxy.onRequest(() => resolve()));
  ada.wake();
  await asked;
  heard.length = 0;
  ada.reconnect();
  await here(ada);
  await expect
    .poll(() => client.members.flatMap(({ presences }) => presences).length, { timeout: 5_000 })
    .toBe(2);
  expect(ada.self?.channel).not.toBe(channel);
  expect(heard.filter((line) => line.includes("lost"))).toEqual([]);
  for (const each of [ada, client]) each.leave();
  await proxy.stop();
});

test("who reconnects and leaves while the token is fetched leaves at once", async () => {
  const { client, heard } = await bystand("reconnect-leave");
  let times = 0;
  const ada = join("reconnect-leave", {
    token: () => {
      times += 1;
      return times === 1 ? tokenFor("ada") : new Promise(() => {});
    },
  });
  await Promise.all([here(ada), sees(client, 2)]);
  ada.reconnect();
  await expect.poll(() => times).toBe(2);
  // Until it is known where to connect, the connection of before stays.
  expect(ada.status).toBe("here");
  ada.leave();
  await sees(client, 1);
  expect(heard).toEqual(["join ada", "leave ada left"]);
  client.leave();
});

test("a token function that fails while there is a connection leaves that as it is", async () => {
  const { client, heard } = await bystand("reconnect-fail");
  let name: string | null = "Ada";
  const ada = join("reconnect-fail", {
    token: () => {
      if (name === null) throw new Error("no session");
      return tokenFor("ada", { info: { name } });
    },
  });
  await Promise.all([here(ada), sees(client, 2)]);
  const errors = errorsOf(ada);
  name = null;
  ada.reconnect();
  await expect.poll(() => errors).toEqual(["token_failed"]);
  expect(ada.status).toBe("here");
  name = "Lovelace";
  ada.wake();
  await until(client, () => client.members[1]?.user["name"] === "Lovelace");
  expect(heard).toEqual(["join ada", "update ada"]);
  for (const each of [ada, client]) each.leave();
});

test("who reconnects while a token is fetched comes in with the next token alone", async () => {
  const { client, heard } = await bystand("switch");
  const answers: ((token: string) => void)[] = [];
  const user = join("switch", { token: () => new Promise((resolve) => answers.push(resolve)) });
  await expect.poll(() => answers.length).toBe(1);
  user.reconnect();
  await expect.poll(() => answers.length).toBe(2);
  answers[1]?.(await tokenFor("bob"));
  answers[0]?.(await tokenFor("ada"));
  await here(user);
  await sees(client, 2);
  expect(user.self?.user).toEqual({ id: "bob" });
  user.leave();
  await sees(client, 1);
  expect(heard).toEqual(["join bob", "leave bob left"]);
  client.leave();
});

test("what a listener causes is told after what it was told", async () => {
  const ada = join("order", { token: () => tokenFor("ada") });
  const told: string[] = [];
  ada.on("sync", () => ada.leave());
  ada.on("sync", () => told.push("sync"));
  ada.on("status", ({ status }) => told.push(status));
  ada.subscribe(() => told.push("view"));
  await until(ada, () => ada.status === "closed");
  expect(told).toEqual(["view", "sync", "here", "view", "closed", "view"]);
});

/** Settles when everything that the client has sent is in the room: its next message is. */
async function settled(client: RoomClient): Promise<void> {
  const marker = crypto.randomUUID();
  const heard = new Promise<void>((resolve) => {
    client.on("message", ({ payload }) => payload === marker && resolve());
  });
  client.send(marker);
  await heard;
}

test("an equal state is nothing: no view, no frame, and null over nothing neither", async () => {
  const { client, heard } = await bystand("equal");
  const ada = join("equal", { token: () => tokenFor("ada") });
  await Promise.all([here(ada), sees(client, 2)]);
  const before = ada.view;
  ada.setState(null);
  expect(ada.view).toBe(before);
  await settled(ada);
  expect(await framesIn("equal")).toBe(1);
  ada.setState({ x: 1 });
  await until(client, () => client.members[1]?.state !== undefined);
  await until(ada, () => ada.members[1]?.state !== undefined);
  const { view } = ada;
  for (let times = 0; times < 5; times += 1) ada.setState({ x: 1 });
  expect(ada.view).toBe(view);
  await settled(ada);
  expect(await framesIn("equal")).toBe(3);
  expect(heard.filter((line) => line === "update ada")).toHaveLength(1);
  for (const each of [ada, client]) each.leave();
});

test.each([
  ["a lurker", {}],
  ["a watcher", { watch: true }],
])("null over nothing is no frame of %s either", async (who, options) => {
  const room = `null of ${who}`.replaceAll(" ", "-");
  const client = join(room, { token: () => tokenFor("bystander") });
  await here(client);
  const nobody = join(room, options);
  const errors = errorsOf(nobody);
  nobody.setState(null);
  await here(nobody);
  nobody.setState(null);
  nobody.reconnect();
  await until(nobody, () => nobody.status === "reconnecting");
  await here(nobody);
  nobody.setState(null);
  nobody.leave();
  await until(client, () => client.lurkers === 0);
  await settled(client);
  // Both goodbyes of a watcher, or the one of a lurker that was resumed, and the marker.
  expect(await framesIn(room)).toBe(2);
  expect(errors).toEqual([]);
  client.leave();
});

test("a refused state does not take a newer one along", async () => {
  const { client } = await bystand("newer");
  const proxy = await Proxy.to(server.port);
  // So slow that the state after the first one is sent at once, and refused after the next one is set.
  proxy.delay(100);
  const token = await tokenFor("ada");
  const ada = join("newer", { url: proxy.url, token, state: "first" });
  await until(client, () => client.members[1]?.state === "first");
  const refused = new Promise((resolve) => ada.on("error", resolve));
  ada.setState("x".repeat(3_000));
  ada.setState("newer");
  expect(await refused).toMatchObject({ code: "state_too_large" });
  expect(ada.self?.state).toBe("newer");
  await until(client, () => client.members[1]?.state === "newer");
  for (const each of [ada, client]) each.leave();
  await proxy.stop();
});

test("a frame that is too large does not take the state along where it was a message", async () => {
  const { client } = await bystand("large-message");
  const ada = join("large-message", { token: () => tokenFor("ada") });
  await Promise.all([here(ada), sees(client, 2)]);
  ada.send("x".repeat(20_000));
  ada.setState("small");
  await until(ada, () => ada.reason?.code === "frame_too_large");
  expect(ada.self?.state).toBe("small");
  await until(client, () => client.members[1]?.state === "small");
  for (const each of [ada, client]) each.leave();
});

test("self shows the info that a server gave to the channel", async () => {
  const ada = join("server-info", { token: () => tokenFor("ada"), state: 1 });
  await until(ada, () => ada.members[0]?.state === 1);
  const authorization = `Bearer ${await tokenFor("admin", { can: ["admin"] })}`;
  const channel = encodeURIComponent(ada.self?.channel ?? "");
  await fetch(`${server.url}/rooms/server-info/presences/${channel}`, {
    method: "PUT",
    headers: { authorization, "content-type": "application/json" },
    body: JSON.stringify({ user: { id: "ada", name: "Lovelace" } }),
  });
  await until(ada, () => ada.members[0]?.user["name"] === "Lovelace");
  expect(ada.self).toMatchObject({ user: { id: "ada", name: "Lovelace" }, state: 1 });
  ada.leave();
});

test("a listener that throws, one of errors too, keeps nobody from hearing", async () => {
  const thrown: unknown[] = [];
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => thrown.push(error.message));
  const ada = join("throws", { token: "wrong" });
  const heard: string[] = [];
  ada.on("error", () => {
    throw new Error("oops");
  });
  ada.on("error", ({ code }) => heard.push(code));
  ada.on("status", ({ status }) => heard.push(status));
  await until(ada, () => ada.status === "closed");
  await expect.poll(() => thrown).toEqual(["oops"]);
  process.removeAllListeners("uncaughtException");
  for (const listener of listeners) process.on("uncaughtException", listener);
  expect(heard).toEqual(["unauthorized", "closed"]);
});

test("who subscribes with a state and leaves is called for each view, and no more after that", async () => {
  const ada = join("subscribe", { token: () => tokenFor("ada"), state: { typing: true } });
  const views: unknown[] = [];
  const stop = ada.subscribe(() => views.push(ada.view));
  await until(ada, () => ada.members[0]?.state !== undefined);
  expect(ada.self?.state).toEqual({ typing: true });
  ada.leave();
  expect(views.at(-1)).toBe(ada.view);
  expect(ada.view).toMatchObject({
    status: "closed",
    stale: true,
    self: { state: { typing: true } },
  });
  expect(new Set(views).size).toBe(views.length);
  const { length } = views;
  stop();
  ada.setState({ typing: false });
  ada.leave();
  expect(views).toHaveLength(length);
});

/** Runs a page's script in a process of its own; settles with what it said when it is over. */
async function runScript(body: string): Promise<{ output: string; ms: number }> {
  const client = joinPath(import.meta.dirname, "../../src/client/index.ts");
  const script = `import { joinRoom } from ${JSON.stringify(client)};\n${body}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const start = performance.now();
  await once(child, "close");
  return { output, ms: performance.now() - start };
}

test("after leave() the process ends at once, also while a token function hangs", async () => {
  const { output, ms } = await runScript(`
    const room = joinRoom({ url: ${JSON.stringify(server.url)}, room: "end", token: () => new Promise(() => {}) });
    setTimeout(() => room.leave(), 100);
  `);
  expect(output).toBe("");
  expect(ms).toBeLessThan(5_000);
});

test("what a token function rejects with after leave() is no event, and harms nobody", async () => {
  const { output } = await runScript(`
    let reject;
    const room = joinRoom({
      url: ${JSON.stringify(server.url)},
      room: "end",
      token: () => new Promise((_, no) => { reject = no; }),
    });
    for (const type of ["error", "status"]) room.on(type, ({ code, status }) => console.log(code ?? status));
    setTimeout(() => { room.leave(); reject(new Error("late")); }, 100);
    setTimeout(() => {}, 300);
  `);
  expect(output).toBe("closed\n");
});
