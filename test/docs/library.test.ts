/** The Workers that README.md, docs/library.md and docs/testing.md describe, built from these pages, run, and tested as they tell. */

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { WebSocket } from "ws";
import { Client, tokenFor } from "../support/client.ts";
import { Server } from "../support/server.ts";
import { Installation } from "./installation.ts";

const MAX_AGE_MS = 3_000;
const BEAT_MS = 500;

const installed = new Installation(inject("installation"));
/** The application with durable-presence under /presence. */
let server: Server;

beforeAll(async () => {
  const config = installed.path("games/wrangler.toml");
  server = await Server.start(
    { PRESENCE_MAX_AGE: String(MAX_AGE_MS / 1_000) },
    { config, health: "/presence/healthz" },
  );
  return () => server.stop();
});

/** Opens a socket that sends heartbeats, unless it is to be silent. */
async function enter(path: string, { isSilent = false, on = server } = {}): Promise<Client> {
  const client = new Client(new WebSocket(`ws://${on.host}${path}`));
  await once(client.ws, "open");
  if (!isSilent) client.beatEvery(BEAT_MS);
  return client;
}

/** Somebody who looks on, and has seen who is there. */
async function watcher(room: string): Promise<Client> {
  const client = await enter(`/presence/rooms/${room}/ws?view=diff&watch=1`);
  await client.nextOf("sync");
  return client;
}

async function ask(path: string, options: RequestInit & { can?: string } = {}) {
  const { can, ...init } = options;
  const token = can === undefined ? {} : { authorization: `Bearer ${await tokenOf(can)}` };
  const response = await fetch(server.url + path, { ...init, headers: token });
  const { status, headers } = response;
  const isJson = headers.get("content-type")?.startsWith("application/json");
  const body: unknown = isJson ? await response.json() : await response.text();
  return { status, body };
}

function tokenOf(can: string): Promise<string> {
  return tokenFor("server", { can: [can] });
}

describe("an application with a receiver and the app under /presence", () => {
  test("greets who came, in the room", async () => {
    const ada = await enter(`/presence/rooms/hall/ws?token=${await tokenFor("ada")}`);
    expect(await ada.nextOf("messages")).toEqual({
      type: "messages",
      room: "hall",
      messages: [{ from: null, payload: { welcome: "ada" } }],
    });
  });

  test("has sockets in each view, and no anonymous presences, by its own vars", async () => {
    const token = await tokenFor("ada");
    const list = await enter(`/presence/rooms/views/ws?token=${token}`);
    expect((await list.nextOf("presence")).payload).toEqual({
      channel_name: "views",
      members: [{ id: "ada" }],
      lurkers: 0,
    });
    const count = await enter("/presence/rooms/views/ws?view=count&watch=1");
    expect(await count.nextOf("count")).toMatchObject({ members: 1, presences: 1, lurkers: 0 });
    const diff = await enter(`/presence/rooms/views/ws?view=diff&token=${await tokenFor("bob")}`);
    expect(await diff.nextOf("welcome")).toMatchObject({ room: "views", user: { id: "bob" } });
    expect((await diff.nextOf("sync")).presences.map(({ user }) => user?.id)).toEqual([
      "ada",
      "bob",
    ]);
    const stranger = await enter("/presence/rooms/views/ws", { isSilent: true });
    expect(await stranger.closeFrames.next()).toMatchObject({ code: 4001 });
  });

  test("has the HTTP API there", async () => {
    const path = "/presence/rooms/a%2Fb/presences/robot%201";
    expect(await ask(path, { method: "PUT", can: "admin" })).toMatchObject({
      status: 201,
      body: { room: "a/b", channel: "robot 1", user: null },
    });
    expect(await ask("/presence/rooms/a%2Fb", { can: "watch" })).toEqual({
      status: 200,
      body: { channel_name: "a/b", members: [], lurkers: 1 },
    });
    expect(await ask(path, { method: "DELETE", can: "admin" })).toMatchObject({ status: 204 });
    expect(await ask(path, { method: "DELETE" })).toMatchObject({
      status: 401,
      body: { error: { code: "unauthorized" } },
    });
    expect(await ask("/rooms/a%2Fb", { can: "watch" })).toMatchObject({ status: 404 });
  });

  test("describes the API with its own address", async () => {
    const { body } = await ask("/presence/openapi.json");
    expect(body).toMatchObject({ openapi: "3.1.0", servers: [{ url: `${server.url}/presence` }] });
    expect(body).toHaveProperty(["paths", "/healthz"]);
  });

  test("puts a channel that has its socket in one room into another one", async () => {
    const bystander = await watcher("stage");
    const ada = await enter(`/presence/rooms/foyer/ws?view=diff&token=${await tokenFor("ada")}`);
    const { channel = "" } = await ada.nextOf("welcome");
    await ada.nextOf("sync");
    const path = `/games/stage/audience/${encodeURIComponent(channel)}`;
    expect(await ask(path, { method: "PUT" })).toMatchObject({
      status: 201,
      body: { room: "stage", channel, user: { id: "somebody" } },
    });
    expect((await ada.nextOf("sync")).room).toBe("stage");
    expect((await bystander.nextOf("diff")).joins).toMatchObject([{ channel }]);
    expect((await ask("/games/stage/players")).body).toEqual({
      players: [{ id: "somebody" }],
      guests: 0,
    });
    const left = await ask(`/audience/${encodeURIComponent(channel)}`, { method: "DELETE" });
    expect(left.body).toEqual({ left: expect.toSatisfy((rooms) => rooms.length === 2) });
    expect((await bystander.nextOf("diff")).leaves).toEqual([{ channel, reason: "removed" }]);
    expect(await ada.closeFrames.next()).toMatchObject({ code: 4003 });
  });

  test("runs its cron trigger", async () => {
    const cron = "/cdn-cgi/handler/scheduled?cron=0+*+*+*+*";
    expect(await ask(cron)).toEqual({ status: 200, body: "ok" });
  });
});

describe("an object of the application's own that holds sockets", () => {
  test("has them present until they are closed, in all their rooms", async () => {
    const bystanders = [await watcher("chess"), await watcher("playing")];
    const eve = await enter("/games/chess/ws?player=eve");
    const joined = await Promise.all(
      bystanders.map(async (one) => (await one.nextOf("diff")).joins.map(({ channel }) => channel)),
    );
    expect(joined[0]).toHaveLength(1);
    expect(joined[1]).toEqual(joined[0]);
    eve.ws.close(1000);
    const left = await Promise.all(
      bystanders.map(async (one) =>
        (await one.nextOf("diff")).leaves.map(({ channel }) => channel),
      ),
    );
    expect(left).toEqual(joined);
  });

  test("hears every message but heartbeats, and these keep a presence fresh", async () => {
    const bystander = await watcher("go");
    const lively = await enter("/games/go/ws?player=ada");
    const silent = await enter("/games/go/ws?player=bob", { isSilent: true });
    const since = performance.now();
    const joins = [...(await bystander.nextOf("diff")).joins];
    // Where both came within one pause of the room, one frame tells of them.
    if (joins.length === 1) joins.push(...(await bystander.nextOf("diff")).joins);
    lively.send("heartbeat");
    lively.send("a move");
    expect(await silent.next()).toBe("a move");
    const { leaves } = await bystander.nextOf("diff");
    expect(performance.now() - since).toBeGreaterThan(MAX_AGE_MS - 500);
    expect(leaves).toEqual([{ channel: joins[1]?.channel, reason: "expired" }]);
    expect((await ask("/games/go/players")).body).toEqual({ players: [{ id: "ada" }], guests: 0 });
    expect(lively.frames.all).toEqual(["a move"]);
  });
});

describe.concurrent("the Worker of the README", () => {
  test("welcomes who comes, and says who is in the lobby", async () => {
    const config = installed.path("players/wrangler.toml");
    const players = await Server.start({}, { config, health: "/presence/healthz" });
    try {
      const path = `/presence/rooms/lobby/ws?token=${await tokenFor("ada")}`;
      const ada = await enter(path, { on: players });
      expect((await ada.nextOf("messages")).messages).toEqual([
        { from: null, payload: { welcome: "ada" } },
      ]);
      expect(await (await fetch(`${players.url}/players`)).json()).toEqual([{ id: "ada" }]);
    } finally {
      await players.stop();
    }
  });
});

describe.concurrent("a Worker that is the app and nothing else", () => {
  test("runs as it is, with the pages of the package", async () => {
    const config = installed.path("pages/wrangler.toml");
    const minimal = await Server.start({}, { config, health: "/healthz" });
    try {
      const ada = await enter(`/rooms/lobby/ws?token=${await tokenFor("ada")}`, { on: minimal });
      expect((await ada.nextOf("presence")).payload.members).toEqual([{ id: "ada" }]);
      const pages = ["/", "/docs", "/swagger-ui/swagger-ui.css"].map(async (path) => {
        const { status, headers } = await fetch(minimal.url + path);
        return [status, headers.get("content-type")?.split(";")[0]];
      });
      expect(await Promise.all(pages)).toEqual([
        [200, "text/html"],
        [200, "text/html"],
        [200, "text/css"],
      ]);
    } finally {
      await minimal.stop();
    }
  });

  test("does not start without a binding, and says which", async () => {
    const blocks = installed.read("presence/wrangler.toml").split("\n\n");
    const rest = blocks.filter((block) => !block.includes('name = "PRESENCE_LOBBY"'));
    expect(rest).toHaveLength(blocks.length - 1);
    const config = installed.path("presence/wrangler.incomplete.toml");
    writeFileSync(config, rest.join("\n\n"));
    await expect(Server.start({}, { config, health: "/healthz" })).rejects.toThrow(
      'wrangler.toml binds no PRESENCE_LOBBY; add [[durable_objects.bindings]] with name = "PRESENCE_LOBBY", class_name = "Lobby"',
    );
  });
});

describe("the application's own tests", () => {
  test("pass inside the Workers runtime", async () => {
    const { code, output } = await installed.run("games", "vitest", "run");
    expect(output).toMatch(/Tests +5 passed \(5\)/);
    expect(output).not.toContain("Sourcemap");
    expect(code).toBe(0);
  });

  test("pass with wrangler's test harness, under Node's test runner", async () => {
    const { code, output } = await installed.run("games", "node", "--test", "test/harness.ts");
    expect(output).toMatch(/pass 3\n.*fail 0\n/);
    expect(code).toBe(0);
  });
});
