/** The command line against a real server: what people read, what scripts read, and how it fails. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import stringWidth from "string-width";
import { ago, cut, printable, tableOf } from "../../src/cli/text.ts";
import { joinAs, open, openAs, tokenFor } from "../support/client.ts";
import { MAIN, type Outcome, run, RunningCommand } from "../support/command.ts";
import { SECRET, Server } from "../support/server.ts";

const PROJECT = join(import.meta.dirname, "../..");

let server: Server;
let token: string;
beforeAll(async () => {
  [server, token] = await Promise.all([
    Server.start({ PRESENCE_GRACE: "1" }),
    tokenFor("operator", { can: ["admin"] }),
  ]);
});
afterAll(() => server.stop());

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

let rooms = 0;
function newRoom(): string {
  rooms += 1;
  return `cli-${rooms}`;
}

function admin(): Record<string, string> {
  return { PRESENCE_URL: server.url, PRESENCE_TOKEN: token };
}

/** Runs a command as an administrator; it must succeed and say nothing on standard error. */
async function dp(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args, { env: admin() });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

/** The same with --json: one document. */
async function dpJson(...args: string[]): Promise<unknown> {
  return JSON.parse(await dp(...args.slice(0, 1), "--json", ...args.slice(1)));
}

/** What every failure must be: an exit code, nothing on standard output, a line or two, no stack, no token. */
function expectFailure({ code, stdout, stderr }: Outcome, exit: number, message: RegExp): void {
  expect(stderr).toMatch(message);
  expect({ code, stdout }).toEqual({ code: exit, stdout: "" });
  expect(stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
  expect(stderr).not.toMatch(/^\s+at |Error:|\.ts:\d|node:internal/m);
  expect(stderr).not.toContain(token);
}

function withToken(value: string, ...args: string[]): Promise<Outcome> {
  return run(args, { env: { ...admin(), PRESENCE_TOKEN: value } });
}

function watching(...args: string[]): RunningCommand {
  const command = new RunningCommand(["room", "--watch", ...args], { env: admin() });
  cleanups.push(() => command.kill());
  return command;
}

/** A server that answers as a test says: for what the real one does only when something is wrong. */
async function standIn(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<Record<string, string>> {
  const stand = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => answer(request, response, body));
  }).listen(0, "127.0.0.1");
  await once(stand, "listening");
  cleanups.push(() => stand.close());
  const address = stand.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return { PRESENCE_URL: `http://127.0.0.1:${address.port}`, PRESENCE_TOKEN: token };
}

describe("for people", () => {
  test("a channel is added, shown, touched, removed and taken out of everything", async () => {
    const [room, other] = [newRoom(), newRoom()];
    const channel = `bot-of-${room}`;
    expect(await dp("room", room)).toBe(`Nobody is in ${room}.\n`);
    expect(await dp("add", room, channel)).toBe(`${channel} is now in ${room}, anonymously.\n`);
    expect(await dp("add", room, channel, "--id", "bot", "--info", '{"name":"The bot"}')).toBe(
      `${channel} was already in ${room}; refreshed, as bot (The bot).\n`,
    );
    await dp("add", room, "bystander", "--id", "eve");
    await dp("add", other, channel, "--id", "bot");
    const [head, empty, names, first, second] = (await dp("room", room)).split("\n");
    expect([head, empty]).toEqual([`${room}: 2 members, 0 lurkers, 2 presences`, ""]);
    expect(names).toMatch(/^user +channel +joined +last seen +state$/);
    expect(first).toMatch(new RegExp(`^bot \\(The bot\\) +${channel} +\\d+s ago +\\d+s ago$`));
    expect(second).toMatch(/^eve +bystander +\d+s ago +\d+s ago$/);
    expect(await dp("stats", room)).toMatch(
      new RegExp(
        `^${room}: 0 connections, 2 presences\n\ncounting since +\\d+s ago\njoins +\\d+, and 0 presences taken up again\nleaves +0 left`,
      ),
    );
    expect(await dp("channel", channel)).toMatch(
      new RegExp(`^channel    ${channel}\nuser       bot.*\nrooms      ${room}, ${other}\n`),
    );
    expect(await dp("touch", channel)).toBe(`${channel} is fresh in 2 rooms: ${room}, ${other}\n`);
    expect(await dp("remove", other, channel)).toBe(`${channel} is not in ${other} any more.\n`);
    expect(await dp("leave-all", channel)).toBe(`${channel} left 1 room: ${room}\n`);
    expect(await dp("leave-all", channel)).toBe(`${channel} was in no room.\n`);
    expect(await dp("touch", channel)).toMatch(/is in no room: there was nothing to touch\.\n$/);
    expect(await dp("room", room)).toMatch(/^\S+: 1 member, 0 lurkers, 1 presence\n\n.*\neve /);
  });

  test("rooms are listed by name, with a prefix and a limit", async () => {
    const prefix = `${newRoom()}-`;
    expect(await dp("rooms", "--prefix", prefix)).toBe(
      `Nobody is in a room whose name begins with "${prefix}".\n`,
    );
    await Promise.all(["b", "a", "c"].map((name) => dp("add", prefix + name, "bot")));
    const lines = (await dp("rooms", "--prefix", prefix)).split("\n");
    expect(lines[0]).toMatch(/^room +occupied since$/);
    expect(lines.slice(1, 4).map((line) => line.split(" ")[0])).toEqual(
      ["a", "b", "c"].map((name) => prefix + name),
    );
    expect(lines.slice(4)).toEqual(["", "3 rooms", ""]);
    expect(await dp("rooms", "--prefix", prefix, "--limit", "2")).toMatch(
      /\n\nThe first 2 rooms; there are more\.\n$/,
    );
    expect(await dp("rooms", "--prefix", prefix, "--limit", "3")).toMatch(/\n\n3 rooms\n$/);
  });

  test("a message goes to every connection, as JSON where it is JSON and as text otherwise", async () => {
    const room = newRoom();
    expect(await dp("send", room, "hello")).toBe("Nobody is connected there: no one got it.\n");
    const { client } = await joinAs(server, "ada", room);
    const got = async () => (await client.nextOf("messages")).messages.map((each) => each.payload);
    expect(await dp("send", room, "hello there")).toBe("Sent to 1 connection.\n");
    expect(await got()).toEqual(["hello there"]);
    await dp("send", room, '{"closing":[true,300]}');
    expect(await got()).toEqual([{ closing: [true, 300] }]);
    await dp("send", room, "42");
    expect(await got()).toEqual([42]);
    await dp("send", room, "42", "--text");
    expect(await got()).toEqual(["42"]);
    expectFailure(
      await run(["send", room, '{"closing":'], { env: admin() }),
      2,
      /^the payload is not JSON: /,
    );
    client.ws.close();
  });

  test("silent presences are pruned in one room and in all", async () => {
    const [room, other] = [newRoom(), newRoom()];
    await Promise.all([dp("add", room, "silent", "--id", "bob"), dp("add", other, "silent-too")]);
    expect(await dp("prune-presences", "--room", room, "--age", "3600")).toBe(
      `Removed 0 presences from ${room}.\n`,
    );
    expect(await dp("prune-presences", "--room", room, "--age", "0")).toMatch(
      /^user +channel +last seen\nbob +silent +\d+s ago\n\nRemoved 1 presence from /,
    );
    expect(await dp("room", other)).toMatch(/1 lurker/);
    expect(await dp("prune-presences", "--age", "0")).toMatch(
      /^Visited \d+ rooms? and removed [1-9]\d* presences?\.\n$/,
    );
    expect(await dp("room", other)).toBe(`Nobody is in ${other}.\n`);
    expect(await dp("prune-rooms")).toMatch(/^Took \d+ empty rooms? off the list\.\n$/);
  });

  test("what strangers chose cannot steer the terminal or break a line", async () => {
    const room = newRoom();
    const info = JSON.stringify({ name: "\u001b[2J\u009b1mAda\nbob  fake\u202e" });
    await dp("add", room, "bot", "--id", "\u001b]0;owned\u0007", "--info", info);
    for (const text of [
      await dp("room", room),
      await dp("channel", "bot"),
      await dp("room", room, "--json"),
    ]) {
      // oxlint-disable-next-line no-control-regex
      expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    }
    expect((await dp("room", room)).trimEnd().split("\n")).toHaveLength(4);
    expect(await dpJson("room", room)).toMatchObject({
      presences: [{ user: { id: "\u001b]0;owned\u0007", ...JSON.parse(info) } }],
    });
  });
});

test("a channel is given a state and a ttl, and keeps what is left out", async () => {
  const room = newRoom();
  const bot = ["add", room, "bot-1"] as const;
  const json = (...args: string[]) => dpJson(...bot, ...args);
  expect(await json("--id", "bot", "--state", '{"thinking":true}', "--ttl", "3600")).toMatchObject({
    user: { id: "bot" },
    state: { thinking: true },
  });
  expect(await dp("room", room)).toMatch(/bot +bot-1 .*\{"thinking":true\}/);
  expect(await json("--state", "[1]")).toMatchObject({ user: { id: "bot" }, state: [1] });
  expect(await json()).toMatchObject({ user: { id: "bot" }, state: [1] });
  expect(await json("--state", "null", "--ttl", "2")).not.toHaveProperty("state");
  await vi.waitFor(async () => expect(await dp("room", room)).toMatch(/^Nobody is in/), 10_000);
  const { client, welcome } = await joinAs(server, "ada", room);
  const refused = await run(["add", room, welcome.channel ?? "", "--ttl", "60"], { env: admin() });
  expectFailure(refused, 1, /the channel has a socket: .* \(409 has_socket\)/);
  const late = await run([...bot, "--ttl", "86401"], { env: admin() });
  expectFailure(late, 1, /ttl must be a whole number of seconds from 2 to 86,400 \(422 bad_body\)/);
  client.ws.close();
});

test("each command says in --json exactly what the API says", async () => {
  const room = newRoom();
  const channel = `bot-of-${room}`;
  const presence = {
    room,
    channel,
    user: { id: "bot", name: "The bot" },
    joinedAt: expect.any(Number),
    lastSeen: expect.any(Number),
  };
  const info = '{"name":"The bot"}';
  expect(await dpJson("add", room, channel, "--id", "bot", "--info", info)).toEqual(presence);
  // First: counters of a room without a socket last no longer than its memory.
  expect(await dpJson("stats", room)).toMatchObject({ room, presences: 1, joins: 1 });
  expect(await dpJson("room", room)).toEqual({ presences: [presence] });
  expect(await dpJson("rooms", "--prefix", room)).toEqual({
    rooms: [{ room, since: expect.any(Number) }],
  });
  const { user, lastSeen } = presence;
  expect(await dpJson("channel", channel)).toEqual({ channel, user, rooms: [room], lastSeen });
  expect(await dpJson("touch", channel)).toEqual({ rooms: [room] });
  expect(await dpJson("send", room, "hi")).toEqual({ connections: 0 });
  expect(await dpJson("prune-presences", "--room", room, "--age", "0")).toEqual({
    pruned: [presence],
  });
  await dp("add", room, channel);
  expect(await dpJson("leave-all", channel)).toEqual({ rooms: [room] });
  expect(await dpJson("remove", room, channel)).toEqual({});
  expect(await dpJson("prune-presences")).toEqual({
    rooms: expect.any(Number),
    pruned: expect.any(Number),
  });
  expect(await dpJson("prune-rooms")).toEqual({ removed: expect.any(Number) });
  expect(await dpJson("rooms", "--prefix", room)).toEqual({ rooms: [] });
});

test("a list that is cut off says where it goes on", async () => {
  const prefix = `${newRoom()}-`;
  await Promise.all(["a", "b"].map((name) => dp("add", prefix + name, "bot")));
  expect(await dpJson("rooms", "--prefix", prefix, "--limit", "1")).toEqual({
    rooms: [{ room: `${prefix}a`, since: expect.any(Number) }],
    cursor: expect.any(String),
  });
});

describe("lists that come in pages", () => {
  test("are followed to the end and shown whole", async () => {
    const asked: (string | undefined)[] = [];
    const user = { id: "ada", constructor: "kept as it is" };
    const presences = ["a", "b", "c"].map((channel, index) => {
      return { room: "lobby", channel, user, joinedAt: index, lastSeen: index };
    });
    const env = await standIn((request, response) => {
      const page = asked.push(request.url) - 1;
      const more = page < 2 ? { cursor: `behind ${page}` } : {};
      response.end(JSON.stringify({ presences: presences.slice(page, page + 1), ...more }));
    });
    const { code, stdout } = await run(["room", "lobby", "--json"], { env });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ presences });
    const path = "/rooms/lobby/presences";
    expect(asked.map((url) => new URL(url ?? "", "http://x"))).toMatchObject([
      { pathname: path, search: "?limit=1000" },
      { pathname: path, search: "?cursor=behind+0&limit=1000" },
      { pathname: path, search: "?cursor=behind+1&limit=1000" },
    ]);
  });

  test("are followed no further than --limit", async () => {
    const limits: (string | null)[] = [];
    const env = await standIn((request, response) => {
      const limit = new URL(request.url ?? "", "http://x").searchParams.get("limit");
      limits.push(limit);
      const page = Array.from({ length: Number(limit) }, () => ({ room: "lobby", since: 0 }));
      response.end(JSON.stringify({ rooms: page, cursor: "more" }));
    });
    const { stdout } = await run(["rooms", "--limit", "2500"], { env });
    expect(stdout).toMatch(/\n\nThe first 2,500 rooms; there are more\.\n$/);
    expect(limits).toEqual(["1000", "1000", "500"]);
  });
});

test.concurrent.for([
  "a/b?c=d#e",
  "100% %2F +",
  "🎮 naïve",
  "--json",
  "...",
  `\\ 'quoted' "twice"`,
])("a room and a channel may be named %j", async (name) => {
  const room = `${name} in ${newRoom()}`;
  const channel = `${name} of ${room}`;
  expect(await dp("add", "--id", "ada", "--", room, channel)).toBe(
    `${channel} is now in ${room}, as ada.\n`,
  );
  expect(await dpJson("room", "--", room)).toMatchObject({ presences: [{ room, channel }] });
  expect(await dpJson("channel", "--", channel)).toMatchObject({ channel, rooms: [room] });
  expect(await dpJson("rooms", `--prefix=${room}`)).toMatchObject({ rooms: [{ room }] });
  expect(await dpJson("leave-all", "--", channel)).toEqual({ rooms: [room] });
});

describe("wrong usage", () => {
  test.concurrent.for<[string[], RegExp]>([
    [[], /^which command\? There are rooms, room, /],
    [["bogus"], /^there is no command "bogus"; there are rooms, /],
    [["constructor"], /^there is no command "constructor"/],
    [["rooms", "--bogus"], /^rooms has no option --bogus/],
    [["rooms", "--no-json"], /^rooms has no option --no-json/],
    [["--bogus", "rooms"], /^rooms has no option --bogus/],
    [["rooms", "-j"], /^rooms has no option -j/],
    [["rooms", "--json=yes"], /^--json takes no value/],
    [["rooms", "--limit"], /^--limit needs a value/],
    [["rooms", "--prefix", "--json"], /^--prefix needs a value/],
    [["rooms", "--limit", "0"], /^--limit is "0"; it must be a number, 1 or more/],
    [["rooms", "--limit", "1.5"], /^--limit is 1\.5; it must be a whole number/],
    [["rooms", "lobby"], /^rooms does not know what to do with "lobby"/],
    [["room"], /^room needs <room>\n/],
    [["room", "my", "room"], /^room does not know what to do with "room"; .* quotes/],
    [["room", ""], /^"" cannot name a room: a name is 1 to 255 bytes/],
    [["room", "x".repeat(256)], /cannot name a room: a name is 1 to 255 bytes/],
    [["room", "a\u0007b"], /^"a\\u0007b" cannot name a room/],
    [["room", ".."], /^a room named "\.\." cannot be reached: no URL can spell it/],
    [["add"], /^add needs <room> and <channel>\n/],
    [["add", "lobby"], /^add needs <channel>\n/],
    [["add", "lobby", "bot", "--info", "{}"], /^--info says something of a user; .* --id/],
    [["add", "lobby", "bot", "--id", "a", "--info", "{"], /^--info is not JSON: \{ \(/],
    [["add", "lobby", "bot", "--id", "a", "--info", "[]"], /^--info must be a JSON object/],
    [["add", "lobby", "bot", "--state", "{"], /^--state is not JSON: \{ \(/],
    [["add", "lobby", "bot", "--ttl", "1"], /^--ttl is "1"; it must be a number, 2 or more/],
    [["add", "lobby", "bot", "--ttl", "1m"], /^--ttl is "1m"; it must be a number/],
    [["send", "lobby"], /^send needs <payload>\n/],
    [["prune-presences", "--age", "-1"], /^--age is "-1"; it must be a number, 0 or more/],
    [["prune-presences", "--age", "1m"], /^--age is "1m"; it must be a number/],
    [["rooms", "--url", "localhost:8787"], /^--url is "localhost:8787"; it must look like http:/],
    [["rooms", "--url", "http://a:b@localhost"], /^--url must have no user, no query/],
    [["token"], /^--sub is missing: whose token is it\?/],
    [["token", "--sub", ""], /^sub is empty/],
    [["token", "--sub", "a", "--can", "all"], /^--can has "all"; it must be out of join,/],
    [["token", "--sub", "a", "--ttl", "soon"], /^--ttl is "soon"; it must look like 15m/],
    [["token", "--sub", "a", "--info", "nope"], /^--info is not JSON: nope/],
    [["token", "--sub", "a", "--info", "[]"], /^info must be an object/],
  ])("%j is refused with exit code 2", async ([args, message]) => {
    const outcome = await run(args, { env: { ...admin(), PRESENCE_SECRET: SECRET } });
    expectFailure(outcome, 2, message);
    expect(outcome.stderr).toMatch(/\nSee: durable-presence (?:[\w-]+ )?--help\n$/);
  });
});

describe("failures", () => {
  test("a server that is not there is named, with the way to start it", async () => {
    const stopped = await standIn(() => {});
    cleanups.pop()?.();
    const commands = [["rooms"], ["room", "lobby", "--watch"], ["prune-rooms", "--json"]];
    const outcomes = await Promise.all(commands.map((args) => run(args, { env: stopped })));
    expect(outcomes).toHaveLength(3);
    for (const outcome of outcomes) {
      expectFailure(
        outcome,
        1,
        /^cannot reach http:\S+ \(ECONNREFUSED\): is it running\? Start it with: npm start\./,
      );
    }
    const far = await run(["rooms", "--url", "http://presence.invalid/"], { env: stopped });
    expectFailure(
      far,
      1,
      /^cannot reach http:\/\/presence\.invalid \(\w+\): is it running\? Another address/,
    );
  });

  test("a token that is wrong, or allows too little, is told of and never shown", async () => {
    const weak = await tokenFor("ada");
    const room = newRoom();
    const wrong = await withToken("a.wrong.token", "rooms");
    expectFailure(
      wrong,
      1,
      /^the server refused: .*\(401 unauthorized\)\nIt is the one in PRESENCE_TOKEN\./,
    );
    const none = await withToken("my other password", "rooms");
    expectFailure(none, 1, /^PRESENCE_TOKEN is not a token: it must be a JWT/);
    expect(none.stderr).not.toContain("password");
    const few = await withToken(weak, "add", room, "bot");
    expectFailure(few, 1, /^the server refused: .*"admin".*\(403 forbidden\)/);
    expect(few.stderr).not.toContain(weak);
    expectFailure(await withToken("a.wrong.token", "room", room, "--watch"), 1, /401 unauthorized/);
  });

  test("without a token one is made with the secret, on this machine only", async () => {
    const url = { PRESENCE_URL: server.url };
    const secret = { PRESENCE_SECRET: SECRET };
    const directory = mkdtempSync(join(tmpdir(), "presence-cli-"));
    cleanups.push(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, ".dev.vars"), `PRESENCE_SECRET="${SECRET}"\n`);
    expect(await run(["rooms"], { env: { ...url, ...secret } })).toMatchObject({ code: 0 });
    expect(await run(["rooms"], { env: url, cwd: directory })).toMatchObject({ code: 0 });
    expectFailure(
      await run(["rooms"], { env: url }),
      1,
      /^there is no token for http:\S+: set PRESENCE_TOKEN .* \(or PRESENCE_SECRET, in/,
    );
    const far = [
      "http://localhost.presence.invalid",
      "https://presence.invalid",
      "http://127.0.0.1.presence.invalid",
    ];
    for (const address of far) {
      // oxlint-disable-next-line no-await-in-loop
      const outcome = await run(["rooms", "--url", address], { env: secret, cwd: directory });
      expectFailure(
        outcome,
        1,
        /^there is no token for http\S+: set PRESENCE_TOKEN to one that can admin\.\n/,
      );
    }
    const other = { PRESENCE_SECRET: "not the secret of that server, 32 bytes" };
    expectFailure(
      await run(["rooms"], { env: { ...url, ...other } }),
      1,
      /401 unauthorized\)\nIt was made with the PRESENCE_SECRET of this machine/,
    );
  });

  test("what the server refuses is told in its words", async () => {
    const room = newRoom();
    expectFailure(
      await run(["channel", `nobody-in-${room}`], { env: admin() }),
      1,
      /^the server refused: .*\(404 not_found\)\n$/,
    );
    expectFailure(
      await run(["add", room, "bot", "--id", "x".repeat(129)], { env: admin() }),
      1,
      /user\.id is longer than 128 characters \(422 bad_user\)/,
    );
    expectFailure(
      await run(["prune-rooms", "--cursor", "nonsense"], { env: admin() }),
      1,
      /\(400 bad_cursor\)/,
    );
    expect(await dp("room", room)).toBe(`Nobody is in ${room}.\n`);
  });

  test("an answer of something else than the service is told as that", async () => {
    const page = await standIn((_, response) => response.end("<!doctype html><title>hi</title>"));
    expectFailure(
      await run(["rooms"], { env: page }),
      1,
      /answered something else than a durable-presence service does; is the address right\?/,
    );
    const proxy = await standIn((_, response) =>
      response.writeHead(502).end("<h1>Bad gateway</h1>"),
    );
    expectFailure(
      await run(["rooms"], { env: proxy }),
      1,
      /answered 502, and not as a durable-presence service does/,
    );
    const heard: (string | undefined)[] = [];
    const moved = await standIn((request, response) => {
      heard.push(request.url);
      response.writeHead(301, { location: "https://presence.invalid/" }).end();
    });
    expectFailure(
      await run(["rooms"], { env: moved }),
      1,
      /sends us on to https:\/\/presence\.invalid\/; use that as --url/,
    );
    expect(heard).toHaveLength(1);
  });

  test("a reader that has seen enough ends a command quietly", async () => {
    const room = newRoom();
    let isOver = false;
    const shell = promisify(execFile)(
      "sh",
      ["-c", `"$0" "$1" room "$2" --watch | head -n 1`, process.execPath, MAIN, room],
      { env: { PATH: process.env["PATH"], ...admin() }, timeout: 30_000 },
    ).finally(() => {
      isOver = true;
    });
    // It hears that nobody reads any more when it next has something to say.
    // oxlint-disable-next-line no-await-in-loop, no-unmodified-loop-condition
    for (let index = 0; !isOver; index += 1) await dp("add", room, `bot-${index}`, "--id", "ada");
    const { stdout, stderr } = await shell;
    expect(stdout).toMatch(/^\S+Z  room {5}\d members?, .*\n$/);
    expect(stderr).toBe("");
  });
});

describe("pruning what takes several calls", () => {
  const PAGES = [
    { rooms: 1_600, pruned: 2, cursor: "one" },
    { rooms: 1_600, pruned: 0, cursor: "two" },
    { rooms: 7, pruned: 1 },
  ];

  test("goes on to the end, and says how far it is", async () => {
    const bodies: unknown[] = [];
    const env = await standIn((_, response, body) => {
      response.end(JSON.stringify(PAGES[bodies.push(JSON.parse(body)) - 1]));
    });
    const outcome = await run(["prune-presences", "--age", "30"], { env });
    expect(outcome).toEqual({
      code: 0,
      stdout: "Visited 3,207 rooms and removed 3 presences.\n",
      stderr:
        "1,600 rooms visited, 2 presences removed, going on …\n3,200 rooms visited, 2 presences removed, going on …\n",
    });
    expect(bodies).toEqual([{ age: 30 }, { age: 30, cursor: "one" }, { age: 30, cursor: "two" }]);
  });

  test.each(["prune-presences", "prune-rooms"])(
    "says that rooms failed in %s, and ends as a failure",
    async (name) => {
      const counts = name === "prune-rooms" ? { removed: 1 } : { rooms: 3, pruned: 1 };
      const env = await standIn((_, response) => {
        response.end(JSON.stringify({ ...counts, failed: 2 }));
      });
      const { code, stdout, stderr } = await run([name, "--json"], { env });
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toEqual({ ...counts, failed: 2 });
      expect(stderr).toContain("2 rooms could not be pruned");
    },
  );

  test("says where to go on after a failure", async () => {
    let calls = 0;
    const env = await standIn((_, response) => {
      calls += 1;
      if (calls === 1) response.end('{"removed":5,"cursor":"next"}');
      else
        response.writeHead(503).end('{"error":{"code":"unavailable","message":"try again later"}}');
    });
    const { code, stdout, stderr } = await run(["prune-rooms", "--json"], { env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /going on …\nthe server refused: try again later \(503 unavailable\)\nUntil then: 5 rooms taken off the list\. Go on with --cursor next\n$/,
    );
  });
});

describe("room --watch", () => {
  test("prints a line for each change: who was here, joins, states, lurkers, leaves", async () => {
    const room = newRoom();
    await dp("add", room, "bystander", "--id", "eve");
    const watch = watching(room);
    await watch.says(/^\S+Z  room {5}1 member, 0 lurkers, 1 presence$/);
    await watch.says(/^\S+Z  here {5}eve  bystander$/);
    const { client, welcome } = await joinAs(server, "ada", room);
    await watch.says(new RegExp(`  join     ada  ${welcome.channel}$`));
    client.send({ type: "state", state: { typing: true } });
    await watch.says(/  state    ada  \S+  \{"typing":true\}$/);
    client.send({ type: "state", state: null });
    await watch.says(/  state    ada  \S+  \(none\)$/);
    const lurker = await open(server, room);
    await watch.says(/  lurkers  1$/);
    lurker.ws.close();
    await watch.says(/  lurkers  0$/);
    client.send({ type: "leave" });
    await watch.says(new RegExp(`  leave    ada  ${welcome.channel}  left$`));
    await dp("remove", room, "bystander");
    await watch.says(/  leave    eve  bystander  removed$/);
    expect(await dp("room", room)).toBe(`Nobody is in ${room}.\n`);
    expect(await watch.interrupt()).toBe(0);
    expect(watch.errors.all).toEqual([]);
  });

  test("with --json prints the frames as they came", async () => {
    const room = newRoom();
    const watch = watching(room, "--json");
    const frame = async () => JSON.parse(await watch.lines.next());
    expect(await frame()).toMatchObject({ type: "welcome", room });
    expect(await frame()).toEqual({ type: "sync", room, presences: [], lurkers: 0, rev: "0:0" });
    await dp("add", room, "bot", "--id", "bot");
    const user = { id: "bot" };
    expect(await frame()).toMatchObject({ type: "diff", joins: [{ channel: "bot", user }] });
    await dp("send", room, '{"any":"thing"}');
    expect(await frame()).toEqual({
      type: "messages",
      room,
      messages: [{ from: null, payload: { any: "thing" } }],
    });
    expect(await watch.interrupt()).toBe(0);
  });

  test("a token that can only watch is enough", async () => {
    const room = newRoom();
    const env = { ...admin(), PRESENCE_TOKEN: await tokenFor("guest", { can: ["watch"] }) };
    const watch = new RunningCommand(["room", room, "--watch"], { env });
    cleanups.push(() => watch.kill());
    await watch.says(/  room {5}0 members/);
    expect(await watch.interrupt()).toBe(0);
  });

  test("says that the connection is lost, comes back, and tells what happened meanwhile", async () => {
    const room = newRoom();
    await dp("add", room, "bystander", "--id", "eve");
    await dp("add", room, "leaver", "--id", "bob");
    const watch = watching(room);
    await watch.says(/  here {5}bob  leaver$/);
    await server.kill();
    await watch.says(/  away {5}not connected \(.+\); trying again in \d+\.\d s$/);
    await watch.says(/  away {5}not connected \(the server cannot be reached\)/);
    await server.start();
    // Whichever comes first, the line for it must be there.
    await dp("remove", room, "leaver");
    const { client } = await joinAs(server, "ada", room);
    await watch.says(/  back {5}connected again$/);
    await watch.says(/  join {5}ada  /);
    client.send({ type: "leave" });
    await watch.says(/  leave    ada  /);
    const told = watch.lines.all.map((line) => line.replace(/^\S+  /, ""));
    expect(
      told.filter((line) => /^leave +bob  leaver  (?:removed|while we were away)$/.test(line)),
    ).toHaveLength(1);
    expect(told.filter((line) => line.includes("eve"))).toEqual(["here     eve  bystander"]);
    expect(await watch.interrupt()).toBe(0);
  });

  test("Ctrl-C ends it while it waits for the server, too", async () => {
    const watch = watching(newRoom());
    await watch.says(/  room /);
    await server.kill();
    await watch.says(/  away /);
    expect(await watch.interrupt()).toBe(0);
    await server.start();
  });

  test("in a terminal it is a table that redraws", async () => {
    const room = newRoom();
    await dp("add", room, "bot", "--id", "bot");
    const [home, clearAll] = ["\u001b[H", "\u001b[2J"];
    // `script` gives it a terminal, and its own input to the keyboard of it.
    const terminal = spawn(
      "script",
      ["-qefc", `exec "${process.execPath}" "${MAIN}" room ${room} --watch`, "/dev/null"],
      { env: { PATH: process.env["PATH"], TERM: "xterm", ...admin() } },
    );
    cleanups.push(() => terminal.kill("SIGKILL"));
    let stdout = "";
    terminal.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    await vi.waitFor(() => expect(stdout).toMatch(/live, .*[^]*live, /), { timeout: 30_000 });
    terminal.stdin.write("\u0003");
    expect(await once(terminal, "close")).toEqual([0, null]);
    expect(stdout.startsWith(clearAll)).toBe(true);
    const drawings = stdout.split(home).slice(1);
    expect(drawings.length).toBeGreaterThan(1);
    const lines =
      drawings
        .at(-1)
        ?.replaceAll("\u001b[K", "")
        .replaceAll("\u001b[J", "")
        .trimEnd()
        .split("\r\n") ?? [];
    expect(lines.slice(0, 4)).toEqual([
      `${room}: 1 member, 0 lurkers, 1 presence`,
      "live, Ctrl-C ends",
      "",
      expect.stringMatching(/^user  channel  joined +state$/),
    ]);
    expect(lines[4]).toMatch(/^bot   bot      \d+s ago$/);
  });

  test("under a Node without WebSocket it says what it needs, and the rest works", async () => {
    const surroundings = { env: admin(), node: ["--no-experimental-websocket"] };
    const room = newRoom();
    expectFailure(
      await run(["room", room, "--watch"], surroundings),
      1,
      /^--watch needs Node 22 or newer, and this is v/,
    );
    expect(await run(["room", room], surroundings)).toMatchObject({ code: 0 });
  });
});

describe("token", () => {
  test("prints a token and nothing else, which the server believes", async () => {
    const args = [
      "token",
      "--sub",
      "ada",
      "--info",
      '{"name":"Ada"}',
      "--can",
      "join,send",
      "--rooms",
      "cli-*",
    ];
    const { code, stdout, stderr } = await run(args, { env: { PRESENCE_SECRET: SECRET } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const client = await open(server, newRoom(), { token: stdout.trim(), query: { view: "diff" } });
    expect((await client.nextOf("welcome")).user).toEqual({ id: "ada", name: "Ada" });
    client.ws.close();
    const json = await run([...args, "--json"], { env: { PRESENCE_SECRET: SECRET } });
    expect(JSON.parse(json.stdout)).toEqual({ token: expect.any(String) });
  });

  test("is what npm run token runs", async () => {
    const { stdout } = await promisify(execFile)(
      "npm",
      ["run", "-s", "token", "--", "--sub", "ada"],
      {
        cwd: PROJECT,
        env: { PATH: process.env["PATH"], HOME: process.env["HOME"], PRESENCE_SECRET: SECRET },
      },
    );
    const client = await openAs(server, "eve", newRoom());
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    client.ws.close();
  });

  test("without a secret says where one is looked for", async () => {
    const outcome = await run(["token", "--sub", "ada"]);
    expect(outcome.code).toBe(1);
    expectFailure(
      outcome,
      1,
      /^there is no PRESENCE_SECRET: set it in the environment or in \.dev\.vars/,
    );
  });
});

describe("help", () => {
  test("lists every command, and each has examples of its own", async () => {
    const { code, stdout, stderr } = await run(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const list = stdout.split("\n\n")[2] ?? "";
    const names = list.split("\n").map((line) => line.trim().split(" ")[0] ?? "");
    expect(names.toSorted()).toEqual(
      "add attendance channel doctor events leave-all prune-presences prune-rooms remove replay-webhooks room rooms send stats test-webhook token touch".split(
        " ",
      ),
    );
    const helps = await Promise.all(names.map((name) => run([name, "--help"])));
    for (const [index, help] of helps.entries()) {
      expect(help).toMatchObject({ code: 0, stderr: "" });
      expect(help.stdout).toContain(`  durable-presence ${names[index]}`);
      expect(help.stdout).toMatch(new RegExp(`\nExamples:\n  durable-presence ${names[index]}\\b`));
      expect(help.stdout).not.toContain("\u001b");
    }
    expect(await run(["help"])).toEqual({ code: 0, stdout, stderr: "" });
    expect(await run(["--help", "room"])).toEqual(helps[names.indexOf("room")]);
    expect((await run(["room", "lobby", "-h"])).stdout).toBe(helps[names.indexOf("room")]?.stdout);
    expect(await run(["--version"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/),
    });
  });

  test("an option of all commands may stand before the command", async () => {
    const { code, stdout } = await run(
      ["--url", server.url, "--json", "rooms", "--prefix", "none"],
      {
        env: { PRESENCE_TOKEN: token },
      },
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"rooms":[]}\n' });
  });
});

describe("text", () => {
  test("columns line up whatever the names are made of", () => {
    const rows = [
      ["é名前", "a"],
      ["🎮", "b"],
      ["👩‍👩‍👧", "c"],
      ["plain", "d"],
      ["e\u0301", "e"],
    ];
    const lines = tableOf(rows);
    const starts = lines.map((line) => stringWidth(line.slice(0, -1)));
    expect(starts).toEqual([7, 7, 7, 7, 7]);
  });

  test("what does not fit is cut between characters, and says so", () => {
    expect(cut("plain", 5)).toBe("plain");
    expect(cut("plainer", 5)).toBe("plai…");
    expect(cut("名前名前", 5)).toBe("名前…");
    expect(cut("👩‍👩‍👧👩‍👩‍👧", 3)).toBe("👩‍👩‍👧…");
  });

  test("durations are told in their two largest units, and never lie in the future", () => {
    const now = 1_000_000_000_000;
    const seconds = [-5, 0, 59.9, 60, 3_599, 3_600, 90_000];
    expect(seconds.map((each) => ago(now - each * 1_000, now))).toEqual([
      "0s ago",
      "0s ago",
      "59s ago",
      "1m 0s ago",
      "59m 59s ago",
      "1h 0m ago",
      "1d 1h ago",
    ]);
  });

  test("what could steer a terminal is written out", () => {
    expect(printable("a\u001b[0m\r\n\u0085\u202eb🎮\u200d")).toBe(
      "a\\u001b[0m\\u000d\\u000a\\u0085\\u202eb🎮\u200d",
    );
  });
});
