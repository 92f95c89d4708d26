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
import { here, sees, until } from "./stay.ts";

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

test("an equal state is nothing: no view, no frame, and null over nothing neither", async () => {
  const { client, heard } = await bystand("equal");
  const ada = join("equal", { token: () => tokenFor("ada") });
  await Promise.all([here(ada), sees(client, 2)]);
  const before = ada.view;
  ada.setState(null);
  expect(ada.view).toBe(before);
  ada.setState({ x: 1 });
  await until(client, () => client.members[1]?.state !== undefined);
  await until(ada, () => ada.members[1]?.state !== undefined);
  const { view } = ada;
  for (let times = 0; times < 5; times += 1) ada.setState({ x: 1 });
  expect(ada.view).toBe(view);
  ada.send("marker");
  await new Promise<void>((resolve) => client.on("message", () => resolve()));
  expect(heard.filter((line) => line === "update ada")).toHaveLength(1);
  for (const each of [ada, client]) each.leave();
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
