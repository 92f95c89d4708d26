/**
 * What only raw TCP can say, against the service in its runtime, without any proxy: broken handshakes, paths, headers, bodies and frames, row by
 * row. Nothing of it is answered by a failure, the service goes on, and a bystander notices nothing.
 */

import * as v from "valibot";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ADMIN_TOKEN, RAW_FRAMES, WIRE } from "../raw.ts";
import { type Joined, joinAs, tokenFor } from "../../support/client.ts";
import { RawConnection } from "../../support/raw-connection.ts";
import { Runtime } from "../../support/runtime.ts";

const List = v.object({ rooms: v.array(v.object({ room: v.string() })) });
const HEARTBEAT = '"heartbeat"';

let server: Runtime;
let bystander: Joined;
beforeAll(async () => {
  server = await Runtime.start({ PRESENCE_FRAME_RATE: "10000" });
  bystander = await joinAs(server, "bystander", "raw");
});
afterAll(() => server.stop());

function adminToken(): Promise<string> {
  return tokenFor("server", { can: ["admin"] });
}

/** The rooms that somebody is in: nobody got into another by a back door. */
async function occupiedRooms(): Promise<string[]> {
  const authorization = `Bearer ${await adminToken()}`;
  const response = await fetch(`${server.url}/rooms`, { headers: { authorization } });
  const { rooms } = v.parse(List, await response.json());
  return rooms.map(({ room }) => room);
}

/** What the runtime says to bytes, in the words of the table. */
async function answersTo(bytes: string, isSilent: boolean): Promise<string> {
  const connection = await RawConnection.open(server.port);
  connection.write(Buffer.from(bytes.replace(ADMIN_TOKEN, await adminToken()), "latin1"));
  if (isSilent) {
    await elsewhere();
    const { received } = connection;
    connection.destroy();
    return received === "" ? "silence" : received;
  }
  const first = await connection.answer();
  const answer = first === "101" ? `101 ${await verdict(connection)}` : first;
  connection.destroy();
  return answer;
}

/** Somebody else is answered, and again: so much time had the service for the first. */
async function elsewhere(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    // oxlint-disable-next-line no-await-in-loop
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  }
}

async function verdict(connection: RawConnection): Promise<string> {
  const frame = await connection.frame();
  const code = /"type":"error","code":"(\w+)"/.exec(frame)?.[1];
  if (code === undefined) return "let in";
  return `${code} ${await connection.frame()}`;
}

async function expectPeace(): Promise<void> {
  expect(await bystander.client.settled()).toEqual([]);
  expect(await (await fetch(`${server.url}/healthz`)).json()).toEqual({ ok: true });
}

describe("on the wire", () => {
  test.each(WIRE)("%s", async (_what, bytes, answer) => {
    expect(await answersTo(bytes, answer === "silence")).toBe(answer);
    await expectPeace();
  });
});

/** Everything that comes back to frames, in the words of the table. */
async function answersToFrames(bytes: Buffer, isHeard: boolean): Promise<string> {
  const connection = await RawConnection.open(server.port);
  const query = `watch=1&view=count&token=${await tokenFor("mallory")}`;
  const lines = [
    `GET /rooms/raw/ws?${query} HTTP/1.1`,
    `Host: ${server.host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ];
  connection.write(lines.join("\r\n"));
  expect(await connection.answer()).toBe("101");
  expect(await connection.frame()).toContain('"type":"count"');
  connection.write(bytes);
  // Answered by the runtime, if it still listens.
  connection.write(Buffer.concat([Buffer.from([0x81, 0x8b, 0, 0, 0, 0]), Buffer.from(HEARTBEAT)]));
  const answers: string[] = [];
  let answer = "";
  // The answer to a heartbeat may overtake what is gathered.
  const isOver = () => answers.includes("heartbeat") && (!isHeard || answers.includes("messages"));
  while (answer !== "cut" && !isOver()) {
    // oxlint-disable-next-line no-await-in-loop
    answer = await connection.frame();
    answers.push(wordOf(answer));
    if (answer.startsWith("close")) break;
  }
  connection.destroy();
  return [...new Set(answers)].toSorted().join(", ");
}

function wordOf(frame: string): string {
  if (frame === HEARTBEAT) return "heartbeat";
  if (frame.startsWith("pong")) return "pong";
  const [, type, code] = /"type":"(\w+)"(?:,"code":"(\w+)")?/.exec(frame) ?? [];
  return code ?? type ?? frame;
}

describe("in a socket", () => {
  test.each(RAW_FRAMES)("%s", async (_what, bytes, answer) => {
    expect(await answersToFrames(bytes, answer.includes("messages"))).toBe(answer);
    const heard = (await bystander.client.settled()).map((frame) => JSON.stringify(frame));
    expect(heard.filter((frame) => !frame.includes('"messages"'))).toEqual([]);
  });
});

test("after all of that nobody is in a room but who was let in", async () => {
  const rooms = await occupiedRooms();
  expect(rooms).toContain("raw");
  expect(rooms).not.toContain("raw-b");
});
