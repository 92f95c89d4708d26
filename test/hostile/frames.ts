/** What clients send that mean harm or are broken, row by row, each with its answer. See inside/refusals.test.ts. */

const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
const bytes = (...values: number[]) => new Uint8Array(values);
const messageOf = (size: number) => `{"type":"message","payload":"${"x".repeat(size - 31)}"}`;

/**
 * The answer is the code of an `error` frame, with the code of the close where there is one; `silence` where there
 * is none; or what others are told: `state` or `message`, and the JSON text of it.
 */
export type FrameRow = readonly [what: string, frame: string | Uint8Array, answer: string];

export const FRAMES: readonly FrameRow[] = [
  // No frames
  ["nothing", "", "bad_frame"],
  ["white space", " \t\r\n ", "bad_frame"],
  ["a zero", "\0", "bad_frame"],
  ["a mark of byte order", '\ufeff{"type":"sync"}', "bad_frame"],
  ["half JSON", '{"type":"sync"', "bad_frame"],
  ["JSON twice", '{"type":"sync"}{"type":"sync"}', "bad_frame"],
  ["a goodbye with a form feed", '{"type":"leave"}\f', "bad_frame"],
  ["a goodbye with a space that is none in JSON", '\u00a0{"type":"leave"}', "bad_frame"],
  ["a comment", '{"type":"sync"}//', "bad_frame"],
  ["single quotes", "{'type':'sync'}", "bad_frame"],
  ["a trailing comma", '{"type":"sync",}', "bad_frame"],
  ["a script", "<script>alert(1)</script>", "bad_frame"],
  ["SQL", "'; DROP TABLE presences; --", "bad_frame"],
  ["a heartbeat without quotes", "heartbeat", "bad_frame"],
  ["a heartbeat in capitals", '"HEARTBEAT"', "bad_frame"],
  ["a heartbeat with a zero", '"heartbeat\\u0000"', "bad_frame"],
  ["a heartbeat in a list", '["heartbeat"]', "bad_frame"],
  ["a number", "0", "bad_frame"],
  ["minus zero", "-0", "bad_frame"],
  ["a number beyond doubles", "1e999", "bad_frame"],
  ["true", "true", "bad_frame"],
  ["null", "null", "bad_frame"],
  ["a list", "[]", "bad_frame"],
  ["an object", "{}", "bad_frame"],
  ["binary JSON", new TextEncoder().encode('{"type":"leave"}'), "bad_frame"],
  ["a binary heartbeat", new TextEncoder().encode('"heartbeat"'), "bad_frame"],
  ["a binary frame of nothing", bytes(), "bad_frame"],
  ["a binary frame of anything", bytes(0, 255, 128, 7), "bad_frame"],

  // Types
  ["no type", '{"state":1}', "bad_frame"],
  ["an unknown type", '{"type":"join"}', "bad_frame"],
  ["a type in capitals", '{"type":"Sync"}', "bad_frame"],
  ["a type that is null", '{"type":null}', "bad_frame"],
  ["a type that is a list", '{"type":["leave"]}', "bad_frame"],
  ["a type of Object.prototype", '{"type":"toString"}', "bad_frame"],
  ["a type called __proto__", '{"type":"__proto__"}', "bad_frame"],
  ["a type by prototype", '{"__proto__":{"type":"leave"}}', "bad_frame"],
  ["a type by constructor", '{"constructor":{"prototype":{"type":"leave"}}}', "bad_frame"],
  [
    "a frame of the server",
    '{"type":"presence","payload":{"members":[],"lurkers":0}}',
    "bad_frame",
  ],
  ["a welcome", '{"type":"welcome","channel":"a","resume":"b"}', "bad_frame"],
  ["an error", '{"type":"error","code":"removed"}', "bad_frame"],
  ["a heartbeat as an object", '{"type":"heartbeat"}', "bad_frame"],
  ["two types, of which the last is none", '{"type":"leave","type":"nothing"}', "bad_frame"],
  ["a state without a state", '{"type":"state"}', "bad_frame"],
  ["a state by prototype", '{"type":"state","__proto__":{"state":1}}', "bad_frame"],
  ["a status without a status", '{"type":"status"}', "bad_frame"],
  ["a status by prototype", '{"type":"status","__proto__":{"status":"away"}}', "bad_frame"],
  ["a status that is none", '{"type":"status","status":"offline"}', "bad_frame"],
  ["a status in a list", '{"type":"status","status":["away"]}', "bad_frame"],
  ["a status of null", '{"type":"status","status":null}', "bad_frame"],
  ["a message without a payload", '{"type":"message"}', "bad_frame"],

  // Depth, numbers and sizes
  ["a state nested 65 deep", `{"type":"state","state":${nested(64)}}`, "bad_frame"],
  ["a message nested 8,000 deep", `{"type":"message","payload":${nested(8_000)}}`, "bad_frame"],
  [
    "objects nested 3,000 deep",
    `{"type":"message","payload":${'{"a":'.repeat(2_500)}1${"}".repeat(2_500)}}`,
    "bad_frame",
  ],
  ["an unfinished list 16,000 deep", "[".repeat(16_000), "bad_frame"],
  ["a state beyond doubles", '{"type":"state","state":1e309}', "bad_frame"],
  ["a message beyond doubles", '{"type":"message","payload":{"a":[-1e400]}}', "bad_frame"],
  [
    "an integer that is rounded",
    `{"type":"message","payload":{"a":[9007199254740993]}}`,
    "bad_frame",
  ],
  ["a key too many that is beyond doubles", '{"type":"sync","x":1e999}', "bad_frame"],
  ["a state of 2,049 bytes", `{"type":"state","state":"${"x".repeat(2_047)}"}`, "state_too_large"],
  [
    "a state of 2,049 bytes in fewer characters",
    `{"type":"state","state":"x${"é".repeat(1_023)}"}`,
    "state_too_large",
  ],
  [
    "a state that grows when it is written",
    `{"type":"state","state":"${"\u007f".repeat(2_047)}"}`,
    "state_too_large",
  ],
  [
    "a state of halves of characters",
    `{"type":"state","state":"${"\\ud800".repeat(400)}"}`,
    "state_too_large",
  ],
  ["a frame of 16,385 bytes", messageOf(16_385), "frame_too_large 1009"],
  ["a frame of 16,385 bytes of white space", " ".repeat(16_385), "frame_too_large 1009"],
  [
    "a frame of too many bytes in fewer characters",
    `"${"👋".repeat(4_096)}"`,
    "frame_too_large 1009",
  ],
  ["a binary frame of 16,385 bytes", new Uint8Array(16_385), "frame_too_large 1009"],
  ["a frame of a megabyte", "x".repeat(1_000_000), "frame_too_large 1009"],

  // What is harmless: taken as data, and nothing else
  [
    "a state called __proto__",
    '{"type":"state","state":{"__proto__":{"admin":true}}}',
    'state {"__proto__":{"admin":true}}',
  ],
  [
    "a state called constructor",
    '{"type":"state","state":{"constructor":{"prototype":1}}}',
    'state {"constructor":{"prototype":1}}',
  ],
  [
    "a state with toJSON",
    '{"type":"state","state":{"toJSON":1,"then":2}}',
    'state {"toJSON":1,"then":2}',
  ],
  ["two states, of which the last counts", '{"type":"state","state":1,"state":2}', "state 2"],
  [
    "a state with keys too many beside",
    '{"type":"state","state":3,"user":{"id":"ada"},"channel":"x"}',
    "state 3",
  ],
  ["a state of half a character", '{"type":"state","state":"\\ud800"}', 'state "\\ud800"'],
  ["a state of zeros", '{"type":"state","state":"\\u0000\\u0000"}', 'state "\\u0000\\u0000"'],
  ["a state nested 63 deep", `{"type":"state","state":${nested(63)}}`, `state ${nested(63)}`],
  ["a number that is rounded", '{"type":"state","state":9007199254740993}', "bad_frame"],
  ["a number that is too small", '{"type":"state","state":1e-999}', "state 0"],
  ["a state of nothing", '{"type":"state","state":""}', 'state ""'],
  ["a null that takes back nothing", '{"type":"state","state":null}', "silence"],
  [
    "a message with a sender",
    '{"type":"message","payload":1,"from":{"channel":"a","user":{"id":"ada"}}}',
    "message 1",
  ],
  [
    "a message that is a frame",
    '{"type":"message","payload":{"type":"error","code":"removed"}}',
    'message {"type":"error","code":"removed"}',
  ],
  ["a message of null", '{"type":"message","payload":null}', "message null"],
  [
    "a message that ends a script",
    '{"type":"message","payload":"</script>\\u2028"}',
    'message "</script>\u2028"',
  ],
  [
    "a message called __proto__",
    '{"type":"message","payload":{"__proto__":1}}',
    'message {"__proto__":1}',
  ],
];
