/**
 * Clients that send whatever they can as fast as they can, in a process of their own: `node flooders.ts HOST ROOM
 * COUNT KINDS`, tokens on standard input, one a line. Kinds are `frames`, those that the room must drop, or `all`. Whoever is closed is back at once. At the end of standard input
 * it says how much it sent, and ends.
 */

import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

const [host = "", room = "", count = "0", kinds = "all"] = process.argv.slice(2);
const [hostname = "", port = ""] = host.split(":");

const TEXT = 0x1;
const PING = 0x9;

/** A frame as a client sends it. The mask is zero: the payload stands in it as it is. */
function frame(payload: string | Uint8Array, opcode = TEXT): Buffer {
  const body = Buffer.from(payload);
  const length =
    body.length < 126
      ? [0x80 | body.length]
      : body.length < 65_536
        ? [0x80 | 126, body.length >> 8, body.length & 0xff]
        : [0x80 | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((bits) => (body.length >> bits) & 0xff)];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length, 0, 0, 0, 0]), body]);
}

function many(one: Buffer, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => one));
}

function states(): Buffer {
  return Buffer.concat(
    Array.from({ length: 500 }, (_, index) =>
      frame(JSON.stringify({ type: "state", state: index })),
    ),
  );
}

/**
 * What a flooder sends over and over; whether it has a token, and whether it waits until each load is answered by
 * the runtime. Without that pings and heartbeats, which never reach a room, keep the local runtime busy for good:
 * it reads a socket for as long as there is something to read. No code of a Worker runs then.
 */
const KINDS: readonly {
  readonly name: string;
  readonly hasToken: boolean;
  readonly load: Buffer;
  /** Whether it is the room that has to deal with it: it comes as frames, and they do not end the connection. */
  readonly isFrames?: true;
  /** Bytes of the answers to one load. */
  readonly answer?: number;
}[] = [
  { name: "states", isFrames: true, hasToken: true, load: states() },
  {
    name: "messages",
    isFrames: true,
    hasToken: true,
    load: many(frame('{"type":"message","payload":"spam"}'), 500),
  },
  { name: "syncs", isFrames: true, hasToken: true, load: many(frame('{"type":"sync"}'), 500) },
  {
    name: "anonymous syncs",
    isFrames: true,
    hasToken: false,
    load: many(frame('{"type":"sync"}'), 500),
  },
  { name: "garbage", isFrames: true, hasToken: false, load: many(frame("\u0000{garbage"), 500) },
  {
    // Without a token nobody may send: with one, twenty a second of these to everybody would be their right.
    name: "large messages",
    isFrames: true,
    hasToken: false,
    load: many(frame(`{"type":"message","payload":"${"x".repeat(16_000)}"}`), 8),
  },
  { name: "huge frames", hasToken: false, load: frame("x".repeat(100_000)) },
  { name: "pings", answer: 500 * 6, hasToken: false, load: many(frame("ping", PING), 500) },
  { name: "heartbeats", answer: 13, hasToken: true, load: frame('"heartbeat"') },
  { name: "bad protocol", hasToken: false, load: many(Buffer.from([0xff, 0xff, 0xff]), 100) },
];

const used = kinds === "all" ? KINDS : KINDS.filter(({ isFrames }) => isFrames);
const tally = { connections: 0, bytes: 0 };
let isOver = false;

function flood(index: number, token: string): void {
  const kind = used[index % used.length];
  if (!kind || isOver) return;
  const query = kind.hasToken ? `&token=${token}` : "";
  const socket = connect(Number(port), hostname);
  tally.connections += 1;
  socket.on("connect", () => {
    const lines = [
      `GET /rooms/${room}/ws?view=diff${query} HTTP/1.1`,
      `Host: ${host}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
      "\r\n",
    ];
    socket.write(lines.join("\r\n"));
  });
  // It reads whatever comes, or nobody would send it any more. The first is the answer to the upgrade.
  let heard = Number.POSITIVE_INFINITY;
  socket.once("data", () => {
    if (kind.answer === undefined) pour(socket, kind.load);
  });
  socket.on("data", (data) => {
    heard += data.length;
    if (kind.answer !== undefined && heard >= kind.answer) {
      heard = 0;
      send(socket, kind.load);
    }
    // A close frame alone does not end the connection; a flooder that was told so comes back at once.
    if (hasClose(data)) socket.destroy();
  });
  socket.on("error", () => {});
  socket.on("close", () => setImmediate(() => flood(index, token)));
}

/** Whether the frame at the end of what came is a close: codes of ours are in two bytes, reasons are short. */
function hasClose(data: Buffer): boolean {
  const at = data.lastIndexOf(0x88);
  return at !== -1 && at + 2 + (data[at + 1] ?? 0) === data.length;
}

function send(socket: Socket, load: Buffer, then?: () => void): void {
  if (socket.destroyed || isOver) return;
  tally.bytes += load.length;
  socket.write(load, then);
}

/** The next load when the kernel has taken this one: as fast as the server reads. */
function pour(socket: Socket, load: Buffer): void {
  send(socket, load, () => pour(socket, load));
}

const tokens: string[] = [];
const input = createInterface(process.stdin);
input.on("line", (token) => {
  const index = tokens.push(token) - 1;
  if (index < Number(count)) flood(index, token);
});
input.on("close", () => {
  isOver = true;
  process.stdout.write(`${JSON.stringify(tally)}\n`, () => process.exit());
});
