/**
 * What only raw TCP can say, row by row. Most of it is for the runtime to decide, and what it does is written down
 * here as it is, so that a change is seen. See outside/raw.test.ts.
 */

const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const VERSION = "Sec-WebSocket-Version: 13";
const UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade";
const HOST = "Host: presence.test";
/** Stands in bytes for a token that can `admin`. */
export const ADMIN_TOKEN = "<admin token>";
const BY_SERVER = `Authorization: Bearer ${ADMIN_TOKEN}`;
const x = (length: number) => "x".repeat(length);

function ask(line: string, ...headers: string[]): string {
  return [line.includes(" HTTP/") ? line : `${line} HTTP/1.1`, HOST, ...headers, "", ""].join(
    "\r\n",
  );
}

function upgrade(path: string, ...headers: string[]): string {
  return ask(`GET ${path}`, UPGRADE, VERSION, KEY, ...headers);
}

/**
 * Bytes, and the answers to them: statuses with the codes of errors, `101` for a socket that is open and the code
 * of the error with which it is closed, `silence` where it waits for more, `cut` where the line is cut instead.
 * Statuses without a code are the runtime's own, 500 and 501 too: no such request has reached the Worker. The
 * two of 503 are bodies that could not be read to their end.
 */
export type WireRow = readonly [what: string, bytes: string, answer: string];

export const WIRE: readonly WireRow[] = [
  // Handshakes
  ["a handshake as it should be", upgrade("/rooms/raw-a/ws"), "101 let in"],
  ["no key", ask("GET /rooms/raw-b/ws", UPGRADE, VERSION), "426 upgrade_required"],
  ["two keys", ask("GET /rooms/raw-b/ws", UPGRADE, VERSION, KEY, KEY), "426 upgrade_required"],
  [
    "an empty key",
    ask("GET /rooms/raw-b/ws", UPGRADE, VERSION, "Sec-WebSocket-Key:"),
    "426 upgrade_required",
  ],
  [
    "a key that is no base64",
    ask("GET /rooms/raw-b/ws", UPGRADE, VERSION, "Sec-WebSocket-Key: <>"),
    "426 upgrade_required",
  ],
  [
    "a key of 4,000 characters",
    ask("GET /rooms/raw-b/ws", UPGRADE, VERSION, `Sec-WebSocket-Key: ${x(4_000)}`),
    "426 upgrade_required",
  ],
  ["no version", ask("GET /rooms/raw-b/ws", UPGRADE, KEY), "426 upgrade_required"],
  [
    "an old version",
    ask("GET /rooms/raw-b/ws", UPGRADE, KEY, "Sec-WebSocket-Version: 8"),
    "426 upgrade_required",
  ],
  [
    "a version that is no number",
    ask("GET /rooms/raw-b/ws", UPGRADE, KEY, "Sec-WebSocket-Version: latest"),
    "426 upgrade_required",
  ],
  [
    "two versions",
    ask("GET /rooms/raw-b/ws", UPGRADE, KEY, "Sec-WebSocket-Version: 13, 8"),
    "426 upgrade_required",
  ],
  ["no Connection", ask("GET /rooms/raw-a/ws", "Upgrade: websocket", VERSION, KEY), "101 let in"],
  [
    "a Connection that keeps alive",
    ask("GET /rooms/raw-a/ws", "Upgrade: websocket", "Connection: keep-alive", VERSION, KEY),
    "101 let in",
  ],
  [
    "no Upgrade",
    ask("GET /rooms/raw-b/ws", "Connection: Upgrade", VERSION, KEY),
    "426 upgrade_required",
  ],
  [
    "an Upgrade to nothing",
    ask("GET /rooms/raw-b/ws", "Upgrade:", "Connection: Upgrade", VERSION, KEY),
    "426 upgrade_required",
  ],
  [
    "an Upgrade to HTTP/2",
    ask(
      "GET /rooms/raw-b/ws",
      "Upgrade: h2c",
      "Connection: Upgrade, HTTP2-Settings",
      "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    ),
    "426 upgrade_required",
  ],
  [
    "an Upgrade in capitals",
    ask("GET /rooms/raw-a/ws", "UPGRADE: WEBSOCKET", "CONNECTION: UPGRADE", VERSION, KEY),
    "101 let in",
  ],
  [
    "two Upgrades",
    ask("GET /rooms/raw-b/ws", UPGRADE, "Upgrade: h2c", VERSION, KEY),
    "426 upgrade_required",
  ],
  [
    "a posted handshake",
    ask("POST /rooms/raw-b/ws", UPGRADE, VERSION, KEY, "Content-Length: 0"),
    "405 method_not_allowed",
  ],
  ["a HEAD handshake", ask("HEAD /rooms/raw-b/ws", UPGRADE, VERSION, KEY), "426"],
  [
    "an OPTIONS handshake",
    ask("OPTIONS /rooms/raw-b/ws", UPGRADE, VERSION, KEY),
    "405 method_not_allowed",
  ],
  [
    "a handshake with a body",
    ask("GET /rooms/raw-a/ws", UPGRADE, VERSION, KEY, "Content-Length: 5") + "hello",
    "101 let in",
  ],
  ["a handshake over HTTP/1.0", ask("GET /rooms/raw-c/ws HTTP/1.0", UPGRADE, VERSION, KEY), "cut"],
  [
    "an extension that nobody knows",
    upgrade("/rooms/raw-a/ws", "Sec-WebSocket-Extensions: x-evil; a=1"),
    "101 let in",
  ],
  [
    "compression with impossible parameters",
    upgrade(
      "/rooms/raw-a/ws",
      "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99",
    ),
    "101 let in",
  ],
  [
    "a hundred extensions",
    upgrade("/rooms/raw-a/ws", `Sec-WebSocket-Extensions: ${"permessage-deflate, ".repeat(99)}x`),
    "101 let in",
  ],
  [
    "a thousand subprotocols",
    upgrade("/rooms/raw-a/ws", `Sec-WebSocket-Protocol: ${"a, ".repeat(999)}b`),
    "101 let in",
  ],
  [
    "a bad token in a subprotocol",
    upgrade("/rooms/raw-b/ws", "Sec-WebSocket-Protocol: presence, token.a.b.c"),
    "101 unauthorized close 4001",
  ],

  // Paths
  ["dots and slashes that are encoded", upgrade("/rooms/..%2f..%2fetc/ws"), "101 let in"],
  ["dots that are encoded", upgrade("/rooms/%2e%2e/ws"), "101 bad_room close 4004"],
  ["dots", upgrade("/rooms/../rooms/raw-a/ws"), "404 not_found"],
  ["a backslash", upgrade("/rooms\\raw-a\\ws"), "404 not_found"],
  ["two slashes", upgrade("//rooms/raw-b/ws"), "404 not_found"],
  ["an encoded zero", upgrade("/rooms/%00/ws"), "101 bad_room close 4004"],
  ["an encoded byte that is no UTF-8", upgrade("/rooms/%ff/ws"), "101 bad_room close 4004"],
  ["an overlong slash", upgrade("/rooms/a%c0%afb/ws"), "101 bad_room close 4004"],
  ["an overlong dot in three bytes", upgrade("/rooms/%e0%80%ae/ws"), "101 bad_room close 4004"],
  ["half a surrogate pair", upgrade("/rooms/%ed%a0%80/ws"), "101 bad_room close 4004"],
  ["double encoding, which is a name", upgrade("/rooms/%252e%252e%252f/ws"), "101 let in"],
  ["255 bytes", upgrade(`/rooms/${x(255)}/ws`), "101 let in"],
  ["256 bytes", upgrade(`/rooms/${x(256)}/ws`), "101 bad_room close 4004"],
  ["a raw byte that is no ASCII", upgrade("/rooms/\u00ff/ws"), "400"],
  ["a raw zero", upgrade("/rooms/a\0b/ws"), "400"],
  ["a raw tab", upgrade("/rooms/a\tb/ws"), "400"],
  ["a raw space", upgrade("/rooms/a b/ws"), "400"],
  [
    "absolute form",
    ask("GET http://presence.test/rooms/raw-a/ws", UPGRADE, VERSION, KEY),
    "101 let in",
  ],
  ["absolute form of another host", ask("GET http://evil.test/healthz"), "200"],
  ["the form of CONNECT", ask("CONNECT presence.test:443"), "500"],
  ["the form of OPTIONS", ask("OPTIONS *"), "404 not_found"],
  ["a path without a slash", ask("GET healthz"), "404 not_found"],
  ["no path", ask("GET "), "400"],
  ["a fragment", ask("GET /healthz#x"), "200"],
  ["another scheme", ask("GET file:///etc/passwd"), "400"],

  // Methods
  ["TRACE", ask("TRACE /healthz"), "405 method_not_allowed"],
  ["a method nobody knows", ask("FROBNICATE /healthz"), "501"],
  ["a method in small letters", ask("get /healthz"), "501"],
  ["a method of 10,000 letters", ask(`${"A".repeat(10_000)} /healthz`), "501"],
  ["no method", ask("/healthz"), "400"],
  ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400"],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "cut"],
  ["HTTP/9.9", ask("GET /healthz HTTP/9.9"), "400"],
  ["HTTP/0.9", "GET /healthz\r\n\r\n", "400"],
  ["no HTTP", "hello\r\n\r\n", "400"],

  // Headers
  ["no Host", "GET /healthz HTTP/1.1\r\n\r\n", "400"],
  ["two Hosts", ask("GET /healthz", "Host: evil.test"), "400 bad_request"],
  ["a Host that is no host", "GET /healthz HTTP/1.1\r\nHost: <script>\r\n\r\n", "400 bad_request"],
  ["a Host with a path", "GET /healthz HTTP/1.1\r\nHost: a/../b\r\n\r\n", "404 not_found"],
  ["a header without a colon", ask("GET /healthz", "nonsense"), "400"],
  ["a header without a name", ask("GET /healthz", ": x"), "400"],
  ["a header with a space in its name", ask("GET /healthz", "a b: x"), "400"],
  ["a folded header", ask("GET /healthz", "a: x\r\n y"), "400"],
  ["a zero in a header", ask("GET /healthz", "a: \0"), "400"],
  [
    "ten thousand headers",
    ask("GET /healthz", ...Array.from({ length: 10_000 }, (_, index) => `a${index}: b`)),
    "400 bad_request",
  ],
  ["a header of 60,000 bytes", ask("GET /healthz", `a: ${x(60_000)}`), "400 bad_request"],
  ["a header of 200,000 bytes", ask("GET /healthz", `a: ${x(200_000)}`), "400 bad_request"],
  ["a path of 60,000 bytes", ask(`GET /rooms/${x(60_000)}`), "400 bad_room"],
  [
    "two tokens",
    ask("GET /rooms/raw-b", "Authorization: Bearer a.b.c", "Authorization: Bearer d.e.f"),
    "401 unauthorized",
  ],

  // Bodies, and where they end
  [
    "two lengths",
    ask("POST /rooms/raw-b/messages", "Content-Length: 5", "Content-Length: 6") + "hello!",
    "400",
  ],
  ["a negative length", ask("POST /rooms/raw-b/messages", "Content-Length: -1"), "400"],
  ["a length that is no number", ask("POST /rooms/raw-b/messages", "Content-Length: x"), "400"],
  [
    "a length beyond all numbers",
    ask("POST /rooms/raw-b/messages", "Content-Length: 99999999999999999999999"),
    "400",
  ],
  ["a length in hex", ask("POST /rooms/raw-b/messages", "Content-Length: 0x5") + "hello", "400"],
  [
    "a length and chunks: the second request stays a body",
    ask("POST /rooms/raw-b/messages", "Content-Length: 4", "Transfer-Encoding: chunked") +
      "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    "401 unauthorized",
  ],
  [
    "chunks and a length: the second request stays a body",
    ask("POST /rooms/raw-b/messages", "Transfer-Encoding: chunked", "Content-Length: 60") +
      "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    "401 unauthorized",
  ],
  [
    "chunks that are called otherwise",
    ask("POST /rooms/raw-b/messages", "Transfer-Encoding: xchunked") + "0\r\n\r\n",
    "400",
  ],
  [
    "chunks twice",
    ask("POST /rooms/raw-b/messages", "Transfer-Encoding: chunked, chunked") + "0\r\n\r\n",
    "401 unauthorized",
  ],
  [
    "chunks behind identity",
    ask("POST /rooms/raw-b/messages", "Transfer-Encoding: identity, chunked") + "0\r\n\r\n",
    "401 unauthorized",
  ],
  [
    "a chunk whose size is no number",
    ask("POST /rooms/raw-b/messages", "Transfer-Encoding: chunked") + "zz\r\nhello\r\n0\r\n\r\n",
    "401 unauthorized",
  ],
  [
    "a chunk beyond all sizes",
    ask("POST /rooms/raw-b/messages", "Transfer-Encoding: chunked") + "ffffffffffffffffff\r\nhello",
    "401 unauthorized",
  ],
  [
    "a chunk whose size is no number, of a server",
    ask("POST /rooms/raw-b/messages", BY_SERVER, "Transfer-Encoding: chunked") +
      "zz\r\nhello\r\n0\r\n\r\n",
    "503 unavailable",
  ],
  [
    "a chunk beyond all sizes, of a server",
    ask("POST /rooms/raw-b/messages", BY_SERVER, "Transfer-Encoding: chunked") +
      "ffffffffffffffffff\r\nhello",
    "503 unavailable",
  ],
  ["a body with GET", ask("GET /healthz", "Content-Length: 5") + "hello", "200"],
  [
    "two requests at once, of which the first is none",
    "nonsense\r\n\r\n" + ask("GET /healthz"),
    "400",
  ],
  ["half a request line", "GET /hea", "silence"],
  ["half of the headers", "GET /healthz HTTP/1.1\r\nHost: a\r\nX-", "silence"],
  [
    "half a body",
    ask("POST /rooms/raw-b/messages", "Content-Length: 100") + "hello",
    "401 unauthorized",
  ],
  [
    "an expectation",
    ask("POST /rooms/raw-b/messages", "Expect: 100-continue", "Content-Length: 5"),
    "401 unauthorized",
  ],
];

/** A frame as a client sends it, with a mask of zeros: the payload stands in it as it is. */
function frame(first: number, payload: string | readonly number[], mask = 0x80): Buffer {
  const body = typeof payload === "string" ? Buffer.from(payload) : Buffer.from(payload);
  const length =
    body.length < 126 ? [mask | body.length] : [mask | 126, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([first, ...length, ...(mask ? [0, 0, 0, 0] : [])]), body]);
}

const TEXT = 0x81;
const BINARY = 0x82;
const CLOSE = 0x88;
const PING = 0x89;
const PONG = 0x8a;
const code = (value: number) => [value >> 8, value & 0xff];
const ascii = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0));

/**
 * What is sent on an open socket, and what comes back until the line is cut or a heartbeat is answered. The runtime
 * takes frames without a mask and text that is no UTF-8, and answers pings that are too long.
 */
export type RawFrameRow = readonly [what: string, bytes: Buffer, answer: string];

export const RAW_FRAMES: readonly RawFrameRow[] = [
  ["a frame as it should be", frame(TEXT, '{"type":"message","payload":1}'), "heartbeat, messages"],
  ["a frame without a mask", frame(TEXT, '"heartbeat"', 0), "heartbeat"],
  ["a first reserved bit", frame(TEXT | 0x40, '"heartbeat"'), "close 1002"],
  ["a second reserved bit", frame(TEXT | 0x20, '"heartbeat"'), "close 1002"],
  ["a third reserved bit", frame(TEXT | 0x10, '"heartbeat"'), "close 1002"],
  ["a reserved opcode", frame(0x83, "x"), "close 1002"],
  ["a reserved opcode of control", frame(0x8b, "x"), "close 1002"],
  ["a continuation of nothing", frame(0x80, "x"), "close 1002"],
  ["a fragment that is never finished", frame(0x01, '{"type":'), "close 1002"],
  [
    "a text in a fragmented text",
    Buffer.concat([frame(0x01, '{"type":'), frame(TEXT, "x")]),
    "close 1002",
  ],
  [
    "a frame in three fragments",
    Buffer.concat([
      frame(0x01, '{"type":"mess'),
      frame(0x00, 'age","payl'),
      frame(0x80, 'oad":2}'),
    ]),
    "heartbeat, messages",
  ],
  [
    "a ping between fragments",
    Buffer.concat([
      frame(0x01, '{"type":"message",'),
      frame(PING, "p"),
      frame(0x80, '"payload":3}'),
    ]),
    "heartbeat, messages, pong",
  ],
  [
    "a thousand empty fragments",
    Buffer.concat([
      frame(0x01, ""),
      ...Array.from({ length: 1_000 }, () => frame(0x00, "")),
      frame(0x80, "?"),
    ]),
    "bad_frame, heartbeat",
  ],
  ["a text that is no UTF-8", frame(TEXT, [0xff, 0xfe]), "bad_frame, heartbeat"],
  [
    "a message that is no UTF-8",
    frame(TEXT, [...ascii('{"type":"message","payload":"'), 0xc3, 0x28, ...ascii('"}')]),
    "heartbeat, messages",
  ],
  ["an overlong character", frame(TEXT, [0xc0, 0xaf]), "bad_frame, heartbeat"],
  ["a surrogate in UTF-8", frame(TEXT, [0x22, 0xed, 0xa0, 0x80, 0x22]), "bad_frame, heartbeat"],
  ["half a character", frame(TEXT, [0xe2, 0x82]), "bad_frame, heartbeat"],
  ["binary", frame(BINARY, '"heartbeat"'), "bad_frame, heartbeat"],
  ["a text of nothing", frame(TEXT, ""), "bad_frame, heartbeat"],
  ["a close of one byte", frame(CLOSE, [3]), "close"],
  ["a close of nothing", frame(CLOSE, []), "close"],
  ["a close with 1000", frame(CLOSE, code(1000)), "close 1000"],
  ["a close with 0", frame(CLOSE, code(0)), "close 1000"],
  ["a close with 999", frame(CLOSE, code(999)), "close 1000"],
  ["a close with 1004", frame(CLOSE, code(1004)), "close 1000"],
  ["a close with 1005", frame(CLOSE, code(1005)), "close"],
  ["a close with 1006, which says that none came", frame(CLOSE, code(1006)), "close 1002"],
  ["a close with 1015", frame(CLOSE, code(1015)), "close 1000"],
  ["a close with 1016", frame(CLOSE, code(1016)), "close 1000"],
  ["a close with 2999", frame(CLOSE, code(2999)), "close 1000"],
  ["a close with 4003, a code of ours", frame(CLOSE, code(4003)), "close 4003"],
  ["a close with 5000", frame(CLOSE, code(5000)), "close 1000"],
  ["a close with 65535", frame(CLOSE, code(65_535)), "close 1000"],
  ["a close whose reason is no UTF-8", frame(CLOSE, [...code(1000), 0xff]), "close 1000"],
  [
    "a close with a reason of 123 bytes",
    frame(CLOSE, [...code(1000), ...ascii("r".repeat(123))]),
    "close 1000",
  ],
  [
    "a close in two fragments",
    Buffer.concat([frame(0x08, code(1000)), frame(0x80, "")]),
    "close 1002",
  ],
  [
    "a close, and more",
    Buffer.concat([frame(CLOSE, code(1000)), frame(TEXT, '{"type":"message","payload":4}')]),
    "close 1000",
  ],
  ["a ping", frame(PING, "p"), "heartbeat, pong"],
  ["a ping of 126 bytes", frame(PING, "p".repeat(126)), "heartbeat, pong"],
  ["a ping in fragments", frame(0x09, "p"), "close 1002"],
  ["a pong that nobody asked for", frame(PONG, "p"), "heartbeat"],
  [
    "a hundred pings",
    Buffer.concat(Array.from({ length: 100 }, () => frame(PING, ""))),
    "heartbeat, pong",
  ],
  [
    "a frame of 2^63 bytes",
    Buffer.from([TEXT, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    "close 1009",
  ],
  [
    "a frame of 2^62 bytes",
    Buffer.from([TEXT, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    "close 1009",
  ],
  [
    "a frame of 33 MiB",
    Buffer.from([TEXT, 0xff, 0, 0, 0, 0, 2, 0x10, 0, 0, 0, 0, 0, 0]),
    "close 1009",
  ],
  [
    "a length of 7 bits written in 64",
    Buffer.concat([
      Buffer.from([TEXT, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
      Buffer.from("?"),
    ]),
    "bad_frame, heartbeat",
  ],
  ["half a header", Buffer.from([TEXT]), "close 1002"],
];
