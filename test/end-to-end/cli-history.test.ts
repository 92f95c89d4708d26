/** `events` and `attendance` against a real server, which is killed while somebody follows. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { csvOf } from "../../src/cli/csv.ts";
import { readMoment } from "../../src/cli/moment.ts";
import { tokenFor } from "../support/client.ts";
import { run, RunningCommand } from "../support/command.ts";
import { Server } from "../support/server.ts";

let server: Server;
let env: Record<string, string>;

beforeAll(async () => {
  server = await Server.start();
  const token = await tokenFor("operator", { can: ["admin"] });
  env = { PRESENCE_URL: server.url, PRESENCE_TOKEN: token };
});
afterAll(() => server.stop());

const followed: RunningCommand[] = [];
afterEach(() => {
  for (const command of followed.splice(0)) command.kill();
});

let count = 0;
function newRoom(): string {
  count += 1;
  return `history-${count}`;
}

async function dp(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args, { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

function following(...args: string[]): RunningCommand {
  const command = new RunningCommand(["events", "--follow", ...args], { env });
  followed.push(command);
  return command;
}

describe("events", () => {
  test("are a table, with who, why and after how long", async () => {
    const room = newRoom();
    expect(await dp("events", room)).toBe(`No such events are known of ${room}.\n`);
    await dp("add", room, "bot", "--id", "ada", "--info", '{"name":"Ada"}');
    await dp("remove", room, "bot");
    const [head, ...lines] = (await dp("events", room, "--from", "10m")).trimEnd().split("\n");
    expect(head).toMatch(/^time +event +user +channel +presences$/);
    expect(lines.map((line) => line.replace(/^\S+Z +/, "").replaceAll(/ +/g, " "))).toEqual([
      "room.occupied 1",
      "member.joined ada (Ada) bot 1",
      "presence.joined ada (Ada) bot 1",
      expect.stringMatching(/^presence\.left ada \(Ada\) bot removed after \d+s 0$/),
      expect.stringMatching(/^member\.left ada \(Ada\) bot removed after \d+s 0$/),
      "room.vacated 0",
    ]);
    const json: unknown = JSON.parse(await dp("events", room, "--types", "room.*", "--json"));
    expect(json).toMatchObject({
      events: [{ type: "room.occupied" }, { type: "room.vacated" }],
      complete: true,
    });
  });

  test("are followed over the death of the server, and none is missed or told twice", async () => {
    const room = newRoom();
    await dp("add", room, "a", "--id", "ada");
    const command = following(room, "--types", "member.*");
    await command.says(/member\.joined {2}ada {2}a$/);
    await server.kill();
    await command.errors.until((line) => line.includes("trying again in"));
    await server.start();
    await dp("add", room, "b", "--id", "bob");
    await dp("remove", room, "b");
    await command.says(/member\.left {2}bob {2}b {2}removed after/);
    await dp("add", room, "c", "--id", "eve");
    await command.says(/member\.joined {2}eve {2}c$/);
    expect(command.lines.all.map((line) => line.split("  ").slice(1, 3).join(" "))).toEqual([
      "member.joined ada",
      "member.joined bob",
      "member.left bob",
      "member.joined eve",
    ]);
    expect(command.errors.all).toContain("connected again");
    expect(await command.interrupt()).toBe(0);
  });

  test("with --follow --json are one document a line", async () => {
    const room = newRoom();
    const command = following(room, "--json", "--types", "presence.joined");
    await dp("add", room, "a", "--id", "ada");
    const line: unknown = JSON.parse(await command.says(/./));
    expect(line).toMatchObject({ type: "presence.joined", user: { id: "ada" }, room });
    expect(await command.interrupt()).toBe(0);
  });

  test("Ctrl-C ends it while the server cannot be reached", async () => {
    const command = following(newRoom());
    await server.kill();
    await command.errors.until((line) => line.includes("trying again in"));
    expect(await command.interrupt()).toBe(0);
    await server.start();
  });

  test("what is no time or no type is said", async () => {
    const wrong = await run(["events", "lobby", "--from", "yesterday"], { env });
    expect(wrong).toMatchObject({ code: 2, stdout: "" });
    expect(wrong.stderr).toMatch(/--from is "yesterday"; it must be 10m .* ago, an ISO 8601 time/);
    for (const args of [[], ["--follow"]]) {
      // oxlint-disable-next-line no-await-in-loop
      const refused = await run(["events", "lobby", "--types", "x", ...args], { env });
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toMatch(/there are no events of type "x".*\(400 bad_query\)\n$/);
    }
  });
});

describe("attendance", () => {
  test("is a table for people, and a row for each visit with --csv", async () => {
    const room = newRoom();
    expect(await dp("attendance", room)).toBe(`Nobody is known to have been in ${room}.\n`);
    await dp("add", room, "a", "--id", "ada", "--info", '{"name":"Lovelace, \\"Ada\\""}');
    await dp("add", room, "b", "--id", "=1+1");
    await dp("remove", room, "b");
    const [title, , head, ...rows] = (await dp("attendance", room)).trimEnd().split("\n");
    expect(title).toBe(`${room}: 2 users`);
    expect(head).toMatch(/^user +present +visits +came +went$/);
    expect(rows).toEqual([
      expect.stringMatching(/^=1\+1 +\d+s +1 +\S+Z +\S+Z +removed$/),
      expect.stringMatching(/^ada \(Lovelace, "Ada"\) +\d+s +1 +\S+Z +here$/),
    ]);
    const csv = await dp("attendance", room, "--csv", "--from", "1m");
    const time = "\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z";
    expect(csv).toMatch(
      new RegExp(
        `^user,name,from,to,reason,seconds\r\n'=1\\+1,,${time},${time},removed,\\d+\r\nada,"Lovelace, ""Ada""",${time},,,\\d+\r\n$`,
      ),
    );
    const { code, stderr } = await run(["attendance", room, "--csv", "--from", "7d"], { env });
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: "What was earlier is not kept any more.\n",
    });
    const json: unknown = JSON.parse(await dp("attendance", room, "--json"));
    expect(json).toMatchObject({ users: [{ user: { id: "=1+1" } }, { user: { id: "ada" } }] });
  });

  test("cannot be two formats at once", async () => {
    const { code, stderr } = await run(["attendance", "lobby", "--csv", "--json"], { env });
    expect(code).toBe(2);
    expect(stderr).toContain("choose one");
  });
});

test("a time is read as people write it", () => {
  const now = Date.now();
  for (const [text, ago] of [
    ["0s", 0],
    ["90s", 90_000],
    ["10m", 600_000],
    ["2h", 7_200_000],
    ["7d", 604_800_000],
  ] as const) {
    const read = readMoment("--from", text) ?? 0;
    expect(read - (now - ago)).toBeGreaterThanOrEqual(0);
    expect(read - (now - ago)).toBeLessThan(5_000);
  }
  expect(readMoment("--from", "2026-11-29T14:00:00Z")).toBe(Date.UTC(2026, 10, 29, 14));
  expect(readMoment("--from", "1764424800000")).toBe(1_764_424_800_000);
  expect(readMoment("--from", undefined)).toBeUndefined();
  for (const text of [
    "",
    "10",
    "-5m",
    "10 m",
    "m",
    "1e3s",
    "2026",
    "1969-12-31T00:00Z",
    "x".repeat(99),
  ]) {
    expect(() => readMoment("--from", text)).toThrow("--from is");
  }
});

test("CSV quotes what RFC 4180 says, and runs in no spreadsheet", () => {
  expect(csvOf([["a", "b,c", 'd"e', "f\r\ng", ""]])).toBe('a,"b,c","d""e","f\r\ng",\r\n');
  expect(csvOf([["=1", "+1", "-1", "@x", "\tx", "a=1"]])).toBe("'=1,'+1,'-1,'@x,'\tx,a=1\r\n");
});
