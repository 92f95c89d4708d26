/**
 * The HTTP API where something is wrong: each call with each thing that can be wrong with it. Generated from
 * the operations, so that a new call is tested before anybody thinks of it. What the edge can refuse must reach
 * no object: the room, the channel and the lobbies sleep, and would have to be constructed.
 */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { SignJWT } from "jose";
import * as v from "valibot";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { encodeCursor } from "../../src/api/cursor.ts";
import { type Operation, OPERATIONS } from "../../src/http/operations.ts";
import {
  type Answer,
  call,
  type CallOptions,
  channelPath,
  errorOf,
  evictChannel,
  evictLobbies,
  pathOf,
  presencePath,
  roomPath,
  workOf,
} from "../support/http.ts";
import { CLIENT_FRAMES_AT_ONCE } from "../../src/core/limits.ts";
import { evict, flush, holdTimers, storageOf } from "../support/room.ts";
import { newRoom, openAs, type TestSocket } from "../support/socket.ts";

const ROOM = "a room that nobody may touch";
const CHANNEL = "a channel that nobody may touch";
const JSON_TYPE = { "content-type": "application/json" };
const BODY_MAX = 65_536;

const operations = Object.entries<Operation>(OPERATIONS);
const guarded = operations.filter(([, { needs }]) => needs !== null);
const withBody = operations.filter(([, { body }]) => body !== undefined);

/** The least that a call must be given; of the others it is nothing. */
const LEAST: Partial<Record<string, object>> = { sendMessage: { payload: "hello" } };

const TTL = /ttl must be a whole number of seconds from 2 to 86,400/;

/** What no field of this name may be, and what must be said of it. */
const WRONG_FIELDS: Record<string, [name: string, json: string, said: RegExp][]> = {
  user: [
    ["text", '"ada"', /user must be/],
    ["empty text", '""', /user must be/],
    ["a number", "7", /user must be/],
    ["false", "false", /user must be/],
    ["a list", "[]", /user/],
    ["a list of one user", '[{"id":"ada"}]', /user/],
    ["without an id", '{"name":"Ada"}', /user\.id/],
    ["with an id that is empty", '{"id":""}', /user\.id is empty/],
    ["with an id that is a number", '{"id":7}', /user\.id must be/],
    ["with an id that is null", '{"id":null}', /user\.id must be/],
    ["with an id that is a list", '{"id":["ada"]}', /user\.id must be/],
    ["with an id of 129 characters", `{"id":"${"ü".repeat(129)}"}`, /user\.id.*128/],
    [
      "of 1,025 bytes beside its id",
      `{"id":"a","b":"${"x".repeat(1_017)}"}`,
      /(?:user|info).*1,?024/,
    ],
    ["of 1,025 bytes in fewer characters", `{"id":"a","b":"${"ü".repeat(508)}x"}`, /1,?024/],
    ["nested 20,000 deep", `{"id":"a","b":${nested(20_000)}}`, /(?:user|info)/],
    ["with a number beyond all JSON", '{"id":"a","b":1e999}', /user/],
  ],
  payload: [
    ["nested 65 deep", nested(65), /payload.*64/],
    ["an object nested 65 deep", `${'{"a":'.repeat(65)}1${"}".repeat(65)}`, /payload.*64/],
    ["nested 30,000 deep", nested(30_000), /payload.*64/],
    ["with a number beyond all JSON", "[-1e999]", /payload/],
  ],
  state: [
    ["nested 65 deep", nested(65), /state.*64/],
    ["nested 30,000 deep", nested(30_000), /state.*64/],
    ["with a number beyond all JSON", "[1e999]", /state has a number that is too large/],
    ["of 2,049 bytes", `"${"x".repeat(2_047)}"`, /state is 2,049 bytes; the limit is 2,048/],
    ["of 2,049 bytes in fewer characters", `"${"ü".repeat(1_023)}x"`, /state is 2,049 bytes/],
  ],
  ttl: [
    ["text", '"60"', TTL],
    ["null", "null", TTL],
    ["true", "true", TTL],
    ["a list", "[60]", TTL],
    ["nothing", "0", TTL],
    ["a second", "1", TTL],
    ["a little less than two seconds", "1.9", TTL],
    ["part of a second", "2.5", TTL],
    ["negative", "-60", TTL],
    ["a second more than a day", "86401", TTL],
    ["infinite", "1e999", TTL],
  ],
  age: [
    ["text", '"60"', /age must be a number of seconds, 0 or more/],
    ["negative", "-1", /age must be a number of seconds, 0 or more/],
    ["a little negative", "-0.001", /age must be a number of seconds, 0 or more/],
    ["null", "null", /age must be a number of seconds, 0 or more/],
    ["true", "true", /age must be a number of seconds, 0 or more/],
    ["a list", "[60]", /age must be a number of seconds, 0 or more/],
    ["an object", "{}", /age must be a number of seconds, 0 or more/],
    ["infinite", "1e999", /age must be a number of seconds, 0 or more/],
  ],
  after: [
    ["a number", "1", /after must be the `rev` of an event/],
    ["null", "null", /after must be the `rev` of an event/],
    ["a list", '["a:1"]', /after must be the `rev` of an event/],
    ["longer than any", `"${"a".repeat(65)}"`, /after must be the `rev` of an event/],
  ],
  from: [
    ["text", '"1700000000000"', /from must be a time in milliseconds/],
    ["null", "null", /from must be a time in milliseconds/],
    ["negative", "-1", /from must be a time in milliseconds/],
    ["a fraction", "1.5", /from must be a time in milliseconds/],
    ["infinite", "1e999", /from must be a time in milliseconds/],
  ],
  cursor: [
    ["a number", "1", /cursor must be text/],
    ["null", "null", /cursor must be text/],
    ["a list", '["a"]', /cursor must be text/],
    ["an object", "{}", /cursor must be text/],
  ],
};

function nested(levels: number): string {
  return "[".repeat(levels) + "]".repeat(levels);
}

/** Cursors that no list of this service gave out. */
const WRONG_CURSORS: [name: string, cursor: string][] = [
  ["garbage", "garbage!"],
  ["nothing", ""],
  ["not base64", "%%%"],
  ["not JSON", btoa("[")],
  ["not UTF-8", "_-__"],
  ["null", btoa("null")],
  ["a list of nothing", btoa("[]")],
  ["text alone", btoa('"a"')],
  ["an object", btoa("{}")],
  ["of a null", encodeCursorOf([null])],
  ["of a list", encodeCursorOf([["a"]])],
];

function encodeCursorOf(place: unknown): string {
  return btoa(JSON.stringify(place)).replaceAll("=", "");
}

/** What a cursor of each list is. Another list's says nothing of this one. */
const PLACES: Record<string, readonly (string | number | boolean)[]> = {
  listRooms: ["a"],
  listEvents: ["event", "k3f9Qw:408", true],
  getAttendance: ["attendance", "ada"],
  listPresences: ["000001700000000 a"],
  prunePresences: [3, "a"],
};

let eve: TestSocket;
let kept: unknown;
let work: ReturnType<typeof workOf>;

async function presencesOf(room: string): Promise<unknown> {
  return (await call("GET", `${roomPath(room)}/presences`)).body;
}

/** Asks as an operation says, about the room and the channel that nobody may touch. */
function ask(operation: Operation, options: CallOptions & { query?: string } = {}) {
  const { query = "", ...rest } = options;
  const path = pathOf(operation, encodeURIComponent(ROOM), encodeURIComponent(CHANNEL));
  return call(operation.method.toUpperCase(), path + query, rest);
}

/** Fails where an answer is not the refusal that it must be, as the operation documents it. */
function expectRefusal(operation: Operation, answer: Answer, status: number, code: string): string {
  const error = errorOf(answer);
  expect(error).toMatchObject({ status, code });
  expect(operation.failures).toContain(status);
  return error.message;
}

beforeAll(async () => {
  eve = await openAs("eve", ROOM, { query: { view: "diff", watch: "1" } });
  await call("PUT", presencePath(ROOM, CHANNEL), { body: { user: { id: "bot" } } });
  await eve.heard();
  kept = await presencesOf(ROOM);
});

beforeEach(async () => {
  await evict(ROOM);
  await evictChannel(CHANNEL);
  await evictLobbies();
  work = workOf(ROOM, CHANNEL);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("a call that is let through does reach an object", async () => {
  await ask(OPERATIONS.getRoom);
  expect(workOf(ROOM, CHANNEL)).not.toEqual(work);
  await evictLobbies();
  work = workOf(ROOM, CHANNEL);
  await ask(OPERATIONS.listRooms);
  expect(workOf(ROOM, CHANNEL)).not.toEqual(work);
});

async function signed(secret: string, claims: Record<string, unknown>): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(secret));
}

const admin = { sub: "server", can: ["admin"] };

describe.each(guarded)("%s", (_id, operation) => {
  test.each<[string, () => Promise<string | null>]>([
    ["no token", () => Promise.resolve(null)],
    ["an empty token", () => Promise.resolve("Bearer ")],
    ["nonsense for a token", () => Promise.resolve("Bearer nonsense")],
    ["another scheme", () => Promise.resolve("Basic YWRhOnNlY3JldA==")],
    ["a token of another secret", async () => `Bearer ${await signed("x".repeat(32), admin)}`],
    ["a token that has ended", async () => `Bearer ${await own({ ...admin, exp: 1 })}`],
    ["a token that names nobody", async () => `Bearer ${await own({ can: ["admin"] })}`],
    ["a token with unknown claims", async () => `Bearer ${await own({ ...admin, can: ["all"] })}`],
  ])("with %s is 401", async (_name, authorization) => {
    const header = await authorization();
    const headers = header === null ? {} : { authorization: header };
    const body = operation.body ? { wrong: "too" } : undefined;
    const answer = await ask(operation, { claims: null, headers, body });
    expectRefusal(operation, answer, 401, "unauthorized");
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect(workOf(ROOM, CHANNEL)).toEqual(work);
  });

  test("does not take a token from the query", async () => {
    const query = `?token=${await own(admin)}`;
    const answer = await ask(operation, { claims: null, query });
    expectRefusal(operation, answer, 401, "unauthorized");
    expect(workOf(ROOM, CHANNEL)).toEqual(work);
  });

  const { needs } = operation;
  const lacking: [name: string, can: string[]][] = [
    ["can nothing", []],
    ["can only send", ["send"]],
    ["can all but administer", ["join", "watch", "send"]],
  ];

  test.each(needs === "admin" ? lacking : lacking.slice(0, 2))(
    "with a token that %s is 403, and says what it lacks",
    async (_name, can) => {
      const answer = await ask(operation, { claims: { can }, body: LEAST[_id] });
      expect(expectRefusal(operation, answer, 403, "forbidden")).toContain(`"${needs}"`);
      expect(workOf(ROOM, CHANNEL)).toEqual(work);
    },
  );

  const foreign: [string, string[]][] = [
    ["other rooms", ["other", "a room", `${ROOM} `, `${ROOM}x*`, "b*"]],
    ["no rooms", []],
  ];

  const isForRooms = operation.path.includes(":name") || operation.needsAllRooms === true;

  test.each(isForRooms ? foreign : [])("with a token for %s is 403", async (_name, rooms) => {
    const answer = await ask(operation, { claims: { rooms }, body: LEAST[_id] });
    expectRefusal(operation, answer, 403, "forbidden");
    expect(workOf(ROOM, CHANNEL)).toEqual(work);
  });

  test("without a secret is 503, and says which setting to set", async () => {
    const variables = { PRESENCE_SECRET: "" };
    for (const claims of [{}, null]) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await ask(operation, { variables, claims, body: LEAST[_id] });
      const message = expectRefusal(operation, answer, 503, "unavailable");
      expect(message).toContain("PRESENCE_SECRET");
    }
    expect(workOf(ROOM, CHANNEL)).toEqual(work);
  });

  // The receiver of webhooks is no object.
  const objects = operation.needsAllRooms === true ? [] : ["the objects"];

  test.each(objects)("where %s fail is 503, and tells nothing of the inside", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const broken = { getByName: () => new Proxy({}, { get: () => fail }) };
    const bindings = { PRESENCE_ROOM: broken, PRESENCE_CHANNEL: broken, PRESENCE_LOBBY: broken };
    // With the log and a receiver of webhooks, or the calls about them would ask nobody.
    const variables = { ...bindings, PRESENCE_HISTORY: "120", PRESENCE_EVENTS: { send: fail } };
    const answer = await ask(operation, { variables, body: LEAST[_id] });
    const message = expectRefusal(operation, answer, 503, "unavailable");
    expect(message).not.toContain("secret detail");
    expect(String(log.mock.calls)).toContain("a secret detail");
    expect(workOf(ROOM, CHANNEL)).toEqual(work);
  });
});

function fail(): Promise<never> {
  return Promise.reject(new Error("a secret detail"));
}

/** A token of ours, whatever it says. */
function own(claims: Record<string, unknown>): Promise<string> {
  return signed(env.PRESENCE_SECRET ?? "", claims);
}

const PARAMETERS = {
  ":name": "bad_room",
  ":channel": "bad_channel",
} as const;

const named = guarded.flatMap(([id, operation]) =>
  Object.entries(PARAMETERS)
    .filter(([parameter]) => operation.path.includes(parameter))
    .map(([parameter, code]) => [id, parameter, code, operation] as const),
);

describe.each(named)("%s, its %s", (_id, parameter, code, operation) => {
  test.each([
    ["nothing", ""],
    ["a percent sign alone", "%"],
    ["half an escape", "a%2"],
    ["no escape", "%zz"],
    ["bytes that are not UTF-8", "%FF"],
    ["half a character", "a%C3"],
    ["half a surrogate pair", "%ED%A0%80"],
    ["a null character", "%00"],
    ["a line break", "a%0Ab"],
    ["a delete character", "%7F"],
    ["a control character of two bytes", "%C2%85"],
    ["256 bytes", "x".repeat(256)],
    ["256 bytes in fewer characters", "%C3%BC".repeat(128)],
    ["what a socket's channel would be in a room of 256 bytes", `${"x".repeat(256)}!aaaaaaaaaaaa`],
  ])("cannot be %s", async (_name, value) => {
    const segments = { ":name": encodeURIComponent(ROOM), ":channel": encodeURIComponent(CHANNEL) };
    const path = { ...segments, [parameter]: value };
    const answer = await call(
      operation.method.toUpperCase(),
      pathOf(operation, path[":name"], path[":channel"]),
      { body: LEAST[_id] },
    );
    const message = expectRefusal(operation, answer, 400, code);
    expect(message).toMatch(
      code === "bad_room" ? /room name.*255 bytes/ : /channel name.*255 bytes/,
    );
    expect(workOf(ROOM, CHANNEL)).toEqual(work);
  });
});

const queried = guarded.filter(([, { query }]) => query !== undefined);

const WRONG_TIMES = ["", "abc", "-1", "1.5", "1e3", "0x10", "%201", "+1", "1".repeat(16), "NaN"];

function wrongTimes(name: string): string[] {
  return [...WRONG_TIMES.map((time) => `${name}=${time}`), name, `${name}=1&${name}=2`];
}

/** What no parameter of this name may be, what must be said of it, and with which code. */
const WRONG_PARAMETERS: Record<string, [queries: string[], said: RegExp, code: string]> = {
  limit: [
    [
      "limit=0",
      "limit=",
      "limit",
      "limit=1001",
      "limit=99999",
      "limit=1000000",
      "limit=abc",
      "limit=-1",
      "limit=1.5",
      "limit=1e2",
      "limit=0x10",
      "limit=%201",
      "limit=+1",
      "limit=1;DROP",
      "limit=1&limit=2",
      "limit=1&limit=0",
    ],
    /limit.*1.*1,?000/,
    "bad_request",
  ],
  prefix: [["prefix=a&prefix=b"], /./, "bad_request"],
  at: [wrongTimes("at"), /at must be a time in whole milliseconds/, "bad_request"],
  from: [wrongTimes("from"), /from must be a time in whole milliseconds/, "bad_request"],
  to: [wrongTimes("to"), /to must be a time in whole milliseconds/, "bad_request"],
  user: [["user=", "user", "user=a&user=b"], /user (?:is empty|must be one id)/, "bad_request"],
  after: [
    ["after=", "after", "after=1", "after=a:-1", "after=a:1e3", "after=%F0%9F%98%80:1"],
    /after is not a revision/,
    "bad_query",
  ],
  types: [
    [
      "types=",
      "types",
      "types=member",
      "types=member.joined,",
      "types=room.*,x*",
      "types=__proto__",
    ],
    /there are no events of type/,
    "bad_query",
  ],
};

const wrongParameters = queried.flatMap(([id, operation]) =>
  Object.keys(operation.query?.entries ?? {}).flatMap((name) => {
    const [queries = [], said = /./, code = ""] = WRONG_PARAMETERS[name] ?? [];
    return queries.map((query) => ({ id, operation, query, said, code }));
  }),
);

test.each(wrongParameters)("$id cannot have ?$query", async ({ operation, query, said, code }) => {
  const answer = await ask(operation, { query: `?${query}` });
  expect(expectRefusal(operation, answer, 400, code)).toMatch(said);
  expect(workOf(ROOM, CHANNEL)).toEqual(work);
});

const paged = queried.filter(([, { query }]) => query && "cursor" in query.entries);

test.each(queried.filter(([, { query }]) => query && "from" in query.entries))(
  "%s cannot end before it begins",
  async (_id, operation) => {
    const answer = await ask(operation, { query: "?from=2000&to=1999" });
    expect(expectRefusal(operation, answer, 400, "bad_query")).toBe("from is later than to");
    expect(workOf(ROOM, CHANNEL)).toEqual(work);
  },
);

test.each(queried)("of each parameter of %s it is known what is wrong", (_id, operation) => {
  expect(["cursor", ...Object.keys(WRONG_PARAMETERS)]).toEqual(
    expect.arrayContaining(Object.keys(operation.query?.entries ?? {})),
  );
});

test("a room at an earlier moment wants a token that can admin, the room now does not", async () => {
  const operation = OPERATIONS.getRoom;
  for (const can of [[], ["watch"], ["join", "send"], ["watch", "join", "send"]]) {
    // oxlint-disable-next-line no-await-in-loop
    const answer = await ask(operation, { query: "?at=1", claims: { can } });
    expectRefusal(operation, answer, 403, "forbidden");
  }
  expect(workOf(ROOM, CHANNEL)).toEqual(work);
  expect((await ask(operation, { claims: { can: ["watch"] } })).status).toBe(200);
});

describe.each(paged)("the cursor of %s", (id, operation) => {
  test.each(WRONG_CURSORS)("cannot be %s", async (_name, cursor) => {
    const answer = await ask(operation, { query: `?cursor=${encodeURIComponent(cursor)}` });
    expect(expectRefusal(operation, answer, 400, "bad_cursor")).toContain("cursor");
    expect(workOf(ROOM, CHANNEL)).toEqual(work);
  });

  test.each(Object.entries(PLACES).filter(([other]) => other !== id))(
    "cannot be one of %s",
    async (_name, place) => {
      const answer = await ask(operation, { query: `?cursor=${encodeCursor(place)}` });
      expectRefusal(operation, answer, 400, "bad_cursor");
      expect(workOf(ROOM, CHANNEL)).toEqual(work);
    },
  );

  test("beyond all names ends the list, or is refused", async () => {
    const place = ["😀".repeat(1_000)];
    const answer = await ask(operation, { query: `?cursor=${encodeCursor(place)}` });
    expect([200, 400]).toContain(answer.status);
  });
});

describe.each(withBody)("the body of %s", (id, operation) => {
  const least = LEAST[id] ?? {};
  const entries = v.parse(v.object({ entries: v.record(v.string(), v.unknown()) }), operation.body);
  const fields = Object.keys(entries.entries);

  /** The least body, with one field more, as text. */
  function withField(field: string, json: string): string {
    const others = Object.entries(least).filter(([name]) => name !== field);
    const parts = others.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
    return `{${[...parts, `${JSON.stringify(field)}:${json}`].join(",")}}`;
  }

  async function refuse(options: CallOptions, status: number, code: RegExp): Promise<string> {
    const answer = await ask(operation, options);
    const error = errorOf(answer);
    expect(error).toMatchObject({ status, code: expect.stringMatching(code) });
    expect(operation.failures).toContain(status);
    expect(workOf(ROOM, CHANNEL)).toEqual(work);
    return error.message;
  }

  test("has no field of which it is not known what is wrong", () => {
    expect(Object.keys(WRONG_FIELDS)).toEqual(expect.arrayContaining(fields));
  });

  const needed = operation.isBodyOptional ? [] : Object.keys(least);

  test.each(needed)("cannot be missing, for it must have %s", async () => {
    for (const options of [{}, { headers: JSON_TYPE }, { headers: JSON_TYPE, raw: "" }]) {
      // oxlint-disable-next-line no-await-in-loop
      const message = await refuse(options, 400, /^bad_request$/);
      expect(message).toContain("body is missing");
    }
  });

  test.each(needed)("cannot lack %s", async (field) => {
    expect(await refuse({ body: {} }, 422, /^bad_body$/)).toBe(`${field} is missing`);
  });

  test.each(["{", "hello", "{'a':1}", "\u0000", " ", "{}{}", "NaN", "[1,]"])(
    "cannot be %j, which is not JSON",
    async (raw) => {
      const message = await refuse({ raw, headers: JSON_TYPE }, 400, /^bad_request$/);
      expect(message).toContain("not JSON");
    },
  );

  test.each([
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "application/json-seq",
    "text/html; application/json",
  ])("cannot be of the type %s", async (type) => {
    const raw = JSON.stringify(least);
    const message = await refuse({ raw, headers: { "content-type": type } }, 415, /^unsupported_/);
    expect(message).toContain("application/json");
  });

  test("cannot be of no type", async () => {
    const raw = new TextEncoder().encode(JSON.stringify(least));
    expect(await refuse({ raw }, 415, /^unsupported_/)).toContain("content type");
  });

  test.each([
    ["too large by a byte", BODY_MAX + 1],
    ["far too large", 3_000_000],
  ])("cannot be %s, with its length said before or not", async (_name, size) => {
    const text = JSON.stringify(least);
    const bytes = new TextEncoder().encode(text.padEnd(size));
    const length = { ...JSON_TYPE, "content-length": String(size) };
    const stream = () => new Blob([bytes]).stream();
    for (const options of [
      { raw: bytes, headers: JSON_TYPE },
      { raw: stream(), headers: JSON_TYPE },
      { raw: bytes, headers: length, variables: {} },
      { raw: stream(), headers: JSON_TYPE, variables: {} },
    ]) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await refuse(options, 413, /^body_too_large$/)).toContain("65,536 bytes");
    }
  });

  test.each([
    ["no token", null, 401],
    ["a token that may not", { can: ["watch"] }, 403],
  ])("is not read where there is %s", async (_name, claims, status) => {
    let pulls = 0;
    // A stream without a length, as a chunked body is.
    const raw = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulls += 1;
          controller.enqueue(new TextEncoder().encode("{"));
          if (pulls === 10) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const answer = await ask(operation, { claims, raw, headers: JSON_TYPE, variables: {} });
    expect(errorOf(answer).status).toBe(status);
    expect(pulls).toBe(0);
    expect(workOf(ROOM, CHANNEL)).toEqual(work);
  });

  test("has no integer that would be rounded", async () => {
    const raw = new TextEncoder().encode('{"payload":{"id":10765432100123456789}}');
    const message = await refuse({ raw, headers: JSON_TYPE }, 422, /^bad_body$/);
    expect(message).toMatch(/integer 10765432100123456789, .*2\^53; send it as a string$/);
  });

  test("is read only as far as it may go, however long it is", async () => {
    let pulls = 0;
    const chunk = new TextEncoder().encode(" ".repeat(BODY_MAX / 4));
    const raw = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulls += 1;
          controller.enqueue(chunk);
        },
      },
      { highWaterMark: 0 },
    );
    await refuse({ raw, headers: JSON_TYPE, variables: {} }, 413, /^body_too_large$/);
    expect(pulls).toBe(5);
  });

  test("cannot be too large, of whomever it is", async () => {
    const raw = new Uint8Array(BODY_MAX + 1);
    const answer = await ask(operation, { claims: null, raw, headers: JSON_TYPE });
    expect([401, 413]).toContain(errorOf(answer).status);
    expect(workOf(ROOM, CHANNEL)).toEqual(work);
  });

  test.each(["[]", "[1]", "[{}]", "null", '"text"', '""', "1", "true"])(
    "cannot be %s, which is no object",
    async (raw) => {
      const message = await refuse({ raw, headers: JSON_TYPE }, 422, /^bad_body$/);
      expect(message).toContain("object");
    },
  );

  test.each(["usr", "Payload", "reason", "constructor", "id", "0", "a b"])(
    "cannot have the unknown key %s",
    async (key) => {
      const raw = withField(key, '{"id":"ada"}');
      const message = await refuse({ raw, headers: JSON_TYPE }, 422, /^bad_body$/);
      expect(message).toContain(key);
    },
  );

  const wrong = fields.flatMap((field) =>
    (WRONG_FIELDS[field] ?? []).map(([name, json, said]) => [field, name, json, said] as const),
  );

  test.each(wrong)("its %s cannot be %s", async (field, _name, json, said) => {
    const raw = withField(field, json);
    expect(
      await refuse(
        { raw, headers: JSON_TYPE },
        422,
        /^(?:bad_(?:body|user|frame)|state_too_large)$/,
      ),
    ).toMatch(said);
  });

  const wrongCursors: [name: string, cursor: string][] = [
    ...WRONG_CURSORS,
    ["of a list of rooms", encodeCursorOf(["a"])],
    ["of a lobby that is none", encodeCursorOf([-1, "a"])],
    ["of half a lobby", encodeCursorOf([1.5, "a"])],
    ["of a lobby alone", encodeCursorOf([1])],
    ["of a lobby behind the last", encodeCursorOf([1_000, "a"])],
  ];

  test.each(fields.includes("cursor") ? wrongCursors : [])(
    "its cursor cannot be %s",
    async (_name, cursor) => {
      const message = await refuse({ body: { ...least, cursor } }, 400, /^bad_cursor$/);
      expect(message).toContain("cursor");
    },
  );
});

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const paths = Map.groupBy(operations, ([, { path }]) => path);
const addresses = [
  ...Array.from(paths, ([path, known]) => ({
    path: pathOf({ path }, encodeURIComponent(ROOM), encodeURIComponent(CHANNEL)),
    methods: known.map(([, { method }]) => method.toUpperCase()),
  })),
  { path: "/openapi.json", methods: ["GET"] },
];

describe.each(addresses)("$path", ({ path, methods }) => {
  test.each(METHODS.filter((method) => !methods.includes(method)))(
    "is 405 with %s, and says what it may be asked with",
    async (method) => {
      for (const claims of [{}, null]) {
        // oxlint-disable-next-line no-await-in-loop
        const answer = await call(method, path, { claims });
        expect(errorOf(answer)).toMatchObject({
          status: 405,
          code: "method_not_allowed",
          message: expect.stringContaining(method),
        });
        const allowed = methods.includes("GET") ? [...methods, "HEAD"] : methods;
        const allow = (answer.headers.get("allow") ?? "").split(", ");
        expect(allow.toSorted()).toEqual(allowed.toSorted());
      }
      expect(workOf(ROOM, CHANNEL)).toEqual(work);
    },
  );
});

describe.each(addresses.filter(({ methods }) => !methods.includes("GET")))("$path", ({ path }) => {
  test("is 405 with HEAD", async () => {
    const { status, body, headers } = await call("HEAD", path);
    expect({ status, body }).toEqual({ status: 405, body: null });
    expect(headers.get("allow")).not.toContain("HEAD");
    expect(workOf(ROOM, CHANNEL)).toEqual(work);
  });
});

describe.each(METHODS)("%s", (method) => {
  test.each([
    "/nothing",
    "/channels",
    "/prune",
    "/prune/",
    "/prune/all",
    "/prune/rooms/",
    "/prune/presences/a",
    "/rooms/a/nothing",
    "/rooms/a/presences/b/c",
    "/rooms/a/messages/b",
    "/rooms/a/prune/",
    "/channels/a/b",
    "/channels/a/touch/",
    "/channels/a/Touch",
    "/ROOMS",
    "/openapi",
    "//rooms",
  ])("%s is 404 in JSON", async (path) => {
    for (const claims of [{}, null]) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await call(method, path, { claims });
      expect(errorOf(answer)).toMatchObject({ status: 404, code: "not_found" });
    }
    expect(workOf(ROOM, CHANNEL)).toEqual(work);
  });
});

describe("what only the objects can know", () => {
  test("with more than 1 MiB of messages waiting in the room another is 429", async () => {
    const room = newRoom();
    const watcher = await openAs("ada", room, { query: { watch: "1" } });
    await watcher.next();
    await evict(room);
    holdTimers();
    const path = `${roomPath(room)}/messages`;
    const say = (payload: string) => call("POST", path, { body: { payload } });
    for (let count = 0; count < CLIENT_FRAMES_AT_ONCE; count += 1) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await say("at once")).status).toBe(202);
    }
    const long = "x".repeat(65_000);
    const answers: Answer[] = [];
    for (let count = 0; count < 17; count += 1) {
      // One after the other, for their order.
      // oxlint-disable-next-line no-await-in-loop
      answers.push(await say(`${count} ${long}`));
    }
    expect(answers.slice(0, 16).map(({ status }) => status)).toEqual(Array(16).fill(202));
    const refused = answers.at(-1);
    if (!refused) throw new Error("nothing was answered");
    const message = expectRefusal(OPERATIONS.sendMessage, refused, 429, "throttled");
    expect(message).toMatch(/1,048,576.*again/);
    await flush(room);
    expect((await say("later")).status).toBe(202);
    await flush(room);
    const heard: string[] = [];
    while (heard.at(-1) !== "later") {
      // oxlint-disable-next-line no-await-in-loop
      const { messages } = await watcher.nextOf("messages");
      heard.push(...messages.map(({ payload }) => v.parse(v.string(), payload)));
    }
    const told = heard.map((payload) => payload.replace(` ${long}`, ""));
    expect(told).toEqual([
      ...Array(CLIENT_FRAMES_AT_ONCE).fill("at once"),
      ...Array.from({ length: 16 }, (_, at) => `${at}`),
      "later",
    ]);
  });

  test("a channel that is in 1,000 rooms cannot be added to another: 422", async () => {
    const room = newRoom();
    const channel = `busy bot of ${room}`;
    await runInDurableObject(env.PRESENCE_CHANNEL.getByName(channel), (_, { storage }) => {
      const links = Array.from({ length: 1_000 }, (_one, index) => [`elsewhere ${index}`, 1]);
      storage.kv.put(`links:${channel}`, { rooms: links, gone: null });
    });
    const answer = await call("PUT", presencePath(room, channel));
    const message = expectRefusal(OPERATIONS.addPresence, answer, 422, "too_many_rooms");
    expect(message).toContain("1,000 rooms");
    expect(await presencesOf(room)).toEqual({ presences: [] });
    expect(await storageOf(room)).toEqual({ tables: 0, alarm: null });
  });
});

test("after all that was refused, all is as it was, and nobody has heard of anything", async () => {
  expect(await presencesOf(ROOM)).toEqual(kept);
  expect(await eve.heard()).toEqual([]);
  expect(eve.closes.all).toEqual([]);
  const { body } = await call("GET", channelPath(CHANNEL));
  expect(body).toMatchObject({ rooms: [ROOM], user: { id: "bot" } });
  const listed = await call("GET", `/rooms?prefix=${encodeURIComponent(ROOM.slice(0, 6))}`);
  expect(listed.body).toEqual({ rooms: [{ room: ROOM, since: expect.any(Number) }] });
});
