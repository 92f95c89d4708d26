/** What strangers ask over HTTP, and by what they ask for a socket, row by row, each with its answer. See inside/refusals.test.ts. */

/** A token: claims that are signed as they should be, unless it says otherwise, or text that is sent as it is. */
export type TokenRow = {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly secret?: string;
  readonly text?: string;
};

const LONG_AGO = 1_000_000_000;
const FAR_AHEAD = 99_999_999_999;
const x = (length: number) => "x".repeat(length);
const server = { sub: "server", can: ["admin"] };

/** A good token but for its end. Over HTTP it is 401 `unauthorized`, to a socket 4101 `token_expired`. */
export const EXPIRED_TOKEN = { claims: { ...server, exp: LONG_AGO } };

/** Tokens that prove nothing. Over HTTP each is 401 `unauthorized`, to a socket 4001 `unauthorized`. */
export const BAD_TOKENS: readonly (readonly [what: string, token: TokenRow])[] = [
  ["text", { text: "admin" }],
  ["two parts", { text: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ" }],
  ["four parts", { text: "a.b.c.d" }],
  ["five parts, as an encrypted one", { text: "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..a.b.c" }],
  ["dots", { text: ".." }],
  ["no JSON in it", { text: "e30.bm90IGpzb24.e30" }],
  ["padding", { text: "e30=.e30=.e30=" }],
  ["null for its claims", { text: "eyJhbGciOiJIUzI1NiJ9.bnVsbA.AAAA" }],
  ["algorithm none", { header: { alg: "none" }, claims: server, secret: "" }],
  ["algorithm None", { header: { alg: "None" }, claims: server }],
  ["algorithm HS384, well signed", { header: { alg: "HS384" }, claims: server }],
  ["algorithm HS512, well signed", { header: { alg: "HS512" }, claims: server }],
  ["algorithm RS256, signed with the secret", { header: { alg: "RS256" }, claims: server }],
  ["an algorithm that is a list", { header: { alg: ["HS256"] }, claims: server }],
  ["an algorithm of Object.prototype", { header: { alg: "constructor" }, claims: server }],
  ["no algorithm", { header: {}, claims: server }],
  [
    "a critical header that nobody knows",
    { header: { alg: "HS256", crit: ["x"], x: 1 }, claims: server },
  ],
  ["an unencoded payload", { header: { alg: "HS256", b64: false, crit: ["b64"] }, claims: server }],
  ["another secret", { claims: server, secret: "another secret, of 32 bytes or more" }],
  [
    "a key of its own",
    { header: { alg: "HS256", jwk: { kty: "oct", k: "eA" } }, claims: server, secret: x(32) },
  ],
  [
    "the address of a key",
    { header: { alg: "HS256", jku: "https://evil.test/" }, claims: server, secret: x(32) },
  ],
  [
    "a key that is a path",
    { header: { alg: "HS256", kid: "../../dev/null" }, claims: server, secret: "\0".repeat(32) },
  ],
  ["an end that is text", { claims: { ...server, exp: "never" } }],
  ["a beginning far ahead", { claims: { ...server, nbf: FAR_AHEAD } }],
  ["a beginning that is no number", { claims: { ...server, nbf: {} } }],
  ["no user", { claims: { can: ["admin"] } }],
  ["a user that is empty", { claims: { ...server, sub: "" } }],
  ["a user that is a number", { claims: { ...server, sub: 7 } }],
  ["a user that is null", { claims: { ...server, sub: null } }],
  ["a user that is an object", { claims: { ...server, sub: { id: "ada" } } }],
  ["a user of 129 characters", { claims: { ...server, sub: x(129) } }],
  ["a user that is half a character", { claims: { ...server, sub: "\ud800" } }],
  ["info that is text", { claims: { ...server, info: "admin" } }],
  ["info that is a list", { claims: { ...server, info: [] } }],
  ["info that is null", { claims: { ...server, info: null } }],
  ["info of 1,025 bytes", { claims: { ...server, info: { a: x(1_017) } } }],
  ["rooms that are text", { claims: { ...server, rooms: "*" } }],
  ["rooms that are null", { claims: { ...server, rooms: null } }],
  ["a room that is a number", { claims: { ...server, rooms: ["*", 1] } }],
  ["rooms that are an object", { claims: { ...server, rooms: { 0: "*", length: 1 } } }],
  ["permissions that are text", { claims: { ...server, can: "admin" } }],
  ["a permission that nobody knows", { claims: { ...server, can: ["admin", "root"] } }],
  ["a permission in capitals", { claims: { ...server, can: ["ADMIN"] } }],
  ["8,193 characters", { text: x(8_193) }],
  ["8,193 characters, well signed", { claims: { ...server, padding: x(6_100) } }],
];

/** How a request that is not a socket's asks, and what it is answered: status and code. */
export type RequestRow = readonly [
  what: string,
  request: string,
  options: {
    /** Of an administrator if left out; `null` for none. */
    readonly claims?: Record<string, unknown> | null;
    readonly headers?: Record<string, string>;
    /** As it goes out; JSON, unless the headers say otherwise. */
    readonly body?: string;
  },
  answer: string,
];

const NAME_MAX = x(255);
const JOIN = { sub: "ada" };
const TEXT = { "content-type": "text/plain" };

/** `{room}` is a room that nobody was ever in. Whatever is not 2xx has reached no object. */
export const REQUESTS: readonly RequestRow[] = [
  // Addresses
  ["nothing", "GET /nothing", {}, "404 not_found"],
  ["the root of nothing", "GET //", {}, "404 not_found"],
  ["the rooms with a slash", "GET /rooms/", {}, "400 bad_room"],
  ["a room with a slash behind", "GET /rooms/{room}/", {}, "404 not_found"],
  ["a room below a room", "GET /rooms/{room}/{room}", {}, "404 not_found"],
  ["a file of the server", "GET /rooms/..%2f..%2fetc%2fpasswd%00", {}, "400 bad_room"],
  ["Object.prototype", "GET /__proto__/constructor", {}, "404 not_found"],
  [
    "a development token",
    "POST /dev/token",
    { body: '{"sub":"ada","rooms":["*"]}' },
    "404 not_found",
  ],
  ["other capitals", "GET /ROOMS/{room}", {}, "404 not_found"],
  ["a method that does not fit", "POST /rooms/{room}", { body: "{}" }, "405 method_not_allowed"],
  ["a method nobody knows", "PROPFIND /rooms/{room}", {}, "405 method_not_allowed"],
  ["the deletion of everything", "DELETE /rooms", {}, "405 method_not_allowed"],
  ["the deletion of a room", "DELETE /rooms/{room}", {}, "405 method_not_allowed"],
  ["a patch of the document", "PATCH /openapi.json", {}, "405 method_not_allowed"],
  [
    "a method in a header",
    "GET /rooms/{room}/messages",
    { headers: { "x-http-method-override": "POST" } },
    "405 method_not_allowed",
  ],
  ["a socket without an upgrade", "GET /rooms/{room}/ws", { claims: null }, "426 upgrade_required"],
  [
    "a socket that is posted",
    "POST /rooms/{room}/ws",
    { claims: null, body: "{}" },
    "405 method_not_allowed",
  ],
  [
    "a socket of another protocol",
    "GET /rooms/{room}/ws",
    { claims: null, headers: { upgrade: "h2c" } },
    "426 upgrade_required",
  ],

  // Names
  ["no name", "GET /rooms//presences", {}, "400 bad_room"],
  ["a name of 256 bytes", `GET /rooms/${NAME_MAX}x`, {}, "400 bad_room"],
  [
    "a name of 256 bytes in 128 characters",
    `GET /rooms/${"%C3%A9".repeat(128)}`,
    {},
    "400 bad_room",
  ],
  ["a zero", "GET /rooms/a%00b", {}, "400 bad_room"],
  ["line breaks", "GET /rooms/a%0D%0AX-Evil:%201", {}, "400 bad_room"],
  ["a delete", "GET /rooms/%7F", {}, "400 bad_room"],
  ["a C1 control", "GET /rooms/%C2%85", {}, "400 bad_room"],
  ["no UTF-8", "GET /rooms/%FF", {}, "400 bad_room"],
  ["an overlong slash", "GET /rooms/%C0%AF", {}, "400 bad_room"],
  ["an overlong zero", "GET /rooms/%C0%80", {}, "400 bad_room"],
  ["a surrogate", "GET /rooms/%ED%A0%80", {}, "400 bad_room"],
  ["half a character", "GET /rooms/%E2%82", {}, "400 bad_room"],
  ["beyond Unicode", "GET /rooms/%F4%90%80%80", {}, "400 bad_room"],
  ["half an escape", "GET /rooms/a%", {}, "400 bad_room"],
  ["an escape that is none", "GET /rooms/%zz", {}, "400 bad_room"],
  ["an escape of UTF-16", "GET /rooms/%u0041", {}, "400 bad_room"],
  ["a channel without a name", "PUT /rooms/{room}/presences/", { body: "{}" }, "400 bad_channel"],
  [
    "a channel of 256 bytes",
    `PUT /rooms/{room}/presences/${NAME_MAX}x`,
    { body: "{}" },
    "400 bad_channel",
  ],
  ["a channel with a zero", "DELETE /channels/a%00", {}, "400 bad_channel"],
  ["a channel that is no UTF-8", "GET /channels/%FF", {}, "400 bad_channel"],
  [
    "a channel of a room that is none",
    `GET /channels/${NAME_MAX}x!AAAAAAAAAAAA`,
    {},
    "400 bad_channel",
  ],
  ["a touch of nothing", "POST /channels//touch", {}, "400 bad_channel"],

  // Rights
  ["no token", "GET /rooms/{room}", { claims: null }, "401 unauthorized"],
  [
    "a token in the query",
    "GET /rooms/{room}?token=e30.e30.e30",
    { claims: null },
    "401 unauthorized",
  ],
  [
    "a token in a cookie",
    "GET /rooms/{room}",
    { claims: null, headers: { cookie: "token=e30.e30.e30" } },
    "401 unauthorized",
  ],
  [
    "another scheme",
    "GET /rooms/{room}",
    { claims: null, headers: { authorization: "Basic YWRtaW46YWRtaW4=" } },
    "401 unauthorized",
  ],
  [
    "two tokens",
    "GET /rooms/{room}",
    { claims: null, headers: { authorization: "Bearer a.b.c, Bearer d.e.f" } },
    "401 unauthorized",
  ],
  ["a user who lists", "GET /rooms", { claims: JOIN }, "403 forbidden"],
  [
    "a user who adds",
    "PUT /rooms/{room}/presences/a",
    { claims: JOIN, body: "{}" },
    "403 forbidden",
  ],
  ["a user who removes", "DELETE /rooms/{room}/presences/a", { claims: JOIN }, "403 forbidden"],
  [
    "a user who sends as the server",
    "POST /rooms/{room}/messages",
    { claims: { ...JOIN, can: ["join", "watch", "send"] }, body: '{"payload":1}' },
    "403 forbidden",
  ],
  [
    "a user who prunes everything",
    "POST /prune/presences",
    { claims: JOIN, body: '{"age":0}' },
    "403 forbidden",
  ],
  ["a user who touches a channel", "POST /channels/a/touch", { claims: JOIN }, "403 forbidden"],
  ["a user who ends a channel", "DELETE /channels/a", { claims: JOIN }, "403 forbidden"],
  ["a user who reads counters", "GET /rooms/{room}/stats", { claims: JOIN }, "403 forbidden"],
  [
    "an admin of other rooms",
    "GET /rooms/{room}",
    { claims: { ...server, rooms: ["other"] } },
    "403 forbidden",
  ],
  [
    "an admin of no room",
    "GET /rooms/{room}/stats",
    { claims: { ...server, rooms: [] } },
    "403 forbidden",
  ],
  [
    "an admin of a pattern in the middle",
    "GET /rooms/{room}",
    { claims: { ...server, rooms: ["*{room}"] } },
    "403 forbidden",
  ],
  [
    "one that can nothing",
    "GET /rooms/{room}",
    { claims: { ...server, can: [] } },
    "403 forbidden",
  ],
  [
    "a channel of another room",
    "PUT /rooms/{room}/presences/other!AAAAAAAAAAAA",
    { claims: { ...server, rooms: ["{room}"] }, body: "{}" },
    "403 forbidden",
  ],

  // Queries
  ["no limit", "GET /rooms?limit=0", {}, "400 bad_request"],
  ["a limit of 1,001", "GET /rooms?limit=1001", {}, "400 bad_request"],
  ["a negative limit", "GET /rooms?limit=-1", {}, "400 bad_request"],
  ["a limit in hex", "GET /rooms?limit=0x10", {}, "400 bad_request"],
  ["a limit with an exponent", "GET /rooms?limit=1e2", {}, "400 bad_request"],
  ["two limits", "GET /rooms?limit=1&limit=2", {}, "400 bad_request"],
  ["two prefixes", "GET /rooms?prefix=a&prefix=b", {}, "400 bad_request"],
  ["a million events", "GET /rooms/{room}/events?limit=1000000", {}, "400 bad_request"],
  ["events after nothing", "GET /rooms/{room}/events?after=nothing", {}, "400 bad_query"],
  ["events that end first", "GET /rooms/{room}/events?from=2&to=1", {}, "400 bad_query"],
  ["events of no type", "GET /rooms/{room}/events?types=constructor", {}, "400 bad_query"],
  [
    "events behind a user",
    `GET /rooms/{room}/events?cursor=${btoa('["attendance","a"]')}`,
    {},
    "400 bad_cursor",
  ],
  [
    "events behind half a revision",
    `GET /rooms/{room}/events?cursor=${btoa('["event","a:",true]')}`,
    {},
    "400 bad_cursor",
  ],
  ["an attendance before 1970", "GET /rooms/{room}/attendance?from=-1", {}, "400 bad_request"],
  ["a room after all time", "GET /rooms/{room}?at=1e99", {}, "400 bad_request"],
  ["a cursor that is garbage", "GET /rooms?cursor=%00%FF", {}, "400 bad_cursor"],
  [
    "a cursor of another list",
    `GET /rooms?cursor=${btoa('["presence","a"]')}`,
    {},
    "400 bad_cursor",
  ],
  [
    "a cursor with a key too many",
    `GET /rooms?cursor=${btoa('["room","a","b"]')}`,
    {},
    "400 bad_cursor",
  ],
  [
    "a cursor beyond the last lobby",
    "POST /prune/rooms",
    { body: `{"cursor":"${btoa('[16,""]')}"}` },
    "400 bad_cursor",
  ],

  ["a query of 12,289 characters", `GET /rooms?prefix=${x(12_289 - 8)}`, {}, "400 bad_request"],
  [
    "headers of 32,769 characters",
    "GET /rooms/{room}",
    { headers: { a: x(17_000), b: x(16_000) } },
    "400 bad_request",
  ],

  // Bodies
  ["no body", "POST /rooms/{room}/messages", {}, "400 bad_request"],
  ["no JSON", "POST /rooms/{room}/messages", { body: "{" }, "400 bad_request"],
  [
    "a mark of byte order",
    "POST /rooms/{room}/messages",
    { body: '\ufeff\ufeff{"payload":1}' },
    "400 bad_request",
  ],
  ["nothing but white space", "POST /rooms/{room}/messages", { body: "  " }, "400 bad_request"],
  ["a number that is none", "POST /rooms/{room}/prune", { body: '{"age":NaN}' }, "400 bad_request"],
  [
    "text for a body",
    "POST /rooms/{room}/messages",
    { body: '{"payload":1}', headers: TEXT },
    "415 unsupported_media_type",
  ],
  [
    "a form",
    "POST /rooms/{room}/messages",
    { body: "payload=1", headers: { "content-type": "application/x-www-form-urlencoded" } },
    "415 unsupported_media_type",
  ],
  [
    "nearly JSON",
    "POST /rooms/{room}/messages",
    { body: '{"payload":1}', headers: { "content-type": "application/jsonp" } },
    "415 unsupported_media_type",
  ],
  ["a body that is text", "POST /rooms/{room}/messages", { body: '"payload"' }, "422 bad_body"],
  ["a body that is null", "POST /rooms/{room}/messages", { body: "null" }, "422 bad_body"],
  [
    "a body that is a list",
    "POST /rooms/{room}/messages",
    { body: '[{"payload":1}]' },
    "422 bad_body",
  ],
  ["a body without the field", "POST /rooms/{room}/messages", { body: "{}" }, "422 bad_body"],
  [
    "a field by prototype",
    "POST /rooms/{room}/messages",
    { body: '{"__proto__":{"payload":1}}' },
    "422 bad_body",
  ],
  [
    "a field too many",
    "POST /rooms/{room}/messages",
    { body: '{"payload":1,"from":{"channel":"a"}}' },
    "422 bad_body",
  ],
  [
    "a field called constructor",
    "POST /rooms/{room}/messages",
    { body: '{"payload":1,"constructor":1}' },
    "422 bad_body",
  ],
  [
    "a payload nested 65 deep",
    "POST /rooms/{room}/messages",
    { body: `{"payload":${"[".repeat(65)}${"]".repeat(65)}}` },
    "422 bad_frame",
  ],
  [
    "a payload nested 30,000 deep",
    "POST /rooms/{room}/messages",
    { body: `{"payload":${"[".repeat(30_000)}${"]".repeat(30_000)}}` },
    "422 bad_frame",
  ],
  [
    "a payload beyond numbers",
    "POST /rooms/{room}/messages",
    { body: '{"payload":1e999}' },
    "422 bad_frame",
  ],
  [
    "a body of 65,537 bytes",
    "POST /rooms/{room}/messages",
    { body: `{"payload":"${x(65_537 - 14)}"}` },
    "413 body_too_large",
  ],
  ["a body of 1 MB", "PUT /rooms/{room}/presences/a", { body: x(1_000_000) }, "413 body_too_large"],
  [
    "a user without an id",
    "PUT /rooms/{room}/presences/a",
    { body: '{"user":{}}' },
    "422 bad_user",
  ],
  [
    "a user that is text",
    "PUT /rooms/{room}/presences/a",
    { body: '{"user":"ada"}' },
    "422 bad_user",
  ],
  [
    "a user that is a list",
    "PUT /rooms/{room}/presences/a",
    { body: '{"user":[]}' },
    "422 bad_user",
  ],
  [
    "a user whose id is empty",
    "PUT /rooms/{room}/presences/a",
    { body: '{"user":{"id":""}}' },
    "422 bad_user",
  ],
  [
    "a user whose id is half a character",
    "PUT /rooms/{room}/presences/a",
    { body: '{"user":{"id":"\\ud800"}}' },
    "422 bad_user",
  ],
  [
    "a user whose id is of the prototype",
    "PUT /rooms/{room}/presences/a",
    { body: '{"user":{"__proto__":{"id":"ada"}}}' },
    "422 bad_user",
  ],
  [
    "a user with 1,025 bytes",
    "PUT /rooms/{room}/presences/a",
    { body: `{"user":{"id":"a","b":"${x(1_017)}"}}` },
    "422 bad_user",
  ],
  [
    "a state of 2,049 bytes",
    "PUT /rooms/{room}/presences/a",
    { body: `{"state":"${x(2_047)}"}` },
    "422 state_too_large",
  ],
  [
    "a state nested 30,000 deep",
    "PUT /rooms/{room}/presences/a",
    { body: `{"state":${"[".repeat(30_000)}${"]".repeat(30_000)}}` },
    "422 bad_frame",
  ],
  [
    "a state with an infinite number",
    "PUT /rooms/{room}/presences/a",
    { body: '{"state":[1e999]}' },
    "422 bad_frame",
  ],
  [
    "a state with an integer that would be rounded",
    "PUT /rooms/{room}/presences/a",
    { body: '{"state":10765432100123456789}' },
    "422 bad_body",
  ],
  ["a ttl of a second", "PUT /rooms/{room}/presences/a", { body: '{"ttl":1}' }, "422 bad_body"],
  [
    "a ttl of more than a day",
    "PUT /rooms/{room}/presences/a",
    { body: '{"ttl":86401}' },
    "422 bad_body",
  ],
  ["a ttl that is text", "PUT /rooms/{room}/presences/a", { body: '{"ttl":"60"}' }, "422 bad_body"],
  ["an infinite ttl", "PUT /rooms/{room}/presences/a", { body: '{"ttl":1e999}' }, "422 bad_body"],
  ["a negative age", "POST /rooms/{room}/prune", { body: '{"age":-1}' }, "422 bad_body"],
  ["an infinite age", "POST /rooms/{room}/prune", { body: '{"age":1e999}' }, "422 bad_body"],
  ["an age that is text", "POST /prune/presences", { body: '{"age":"0"}' }, "422 bad_body"],
];

/** How a socket is asked for, and how it ends: the code of the close and that of the error. */
export type UpgradeRow = readonly [
  what: string,
  path: string,
  options: {
    readonly claims?: Record<string, unknown>;
    readonly headers?: Record<string, string>;
  },
  answer: string,
];

export const UPGRADES: readonly UpgradeRow[] = [
  ["no name", "/rooms//ws", {}, "4004 bad_room"],
  ["a query of 12,289 characters", `/rooms/{room}/ws?x=${x(12_289 - 3)}`, {}, "4000 bad_request"],
  [
    "headers of 32,769 characters",
    "/rooms/{room}/ws",
    { headers: { a: x(17_000), b: x(16_000) } },
    "4000 bad_request",
  ],
  ["a name of 256 bytes", `/rooms/${NAME_MAX}x/ws`, {}, "4004 bad_room"],
  [
    "a name of 256 bytes in 64 characters",
    `/rooms/${"%F0%9F%91%8B".repeat(64)}/ws`,
    {},
    "4004 bad_room",
  ],
  ["a zero", "/rooms/a%00/ws", {}, "4004 bad_room"],
  ["a line break", "/rooms/a%0Ab/ws", {}, "4004 bad_room"],
  ["no UTF-8", "/rooms/%FF/ws", {}, "4004 bad_room"],
  ["an overlong slash", "/rooms/%C0%AFx/ws", {}, "4004 bad_room"],
  ["a surrogate pair in two", "/rooms/%ED%A0%BD%ED%B1%8B/ws", {}, "4004 bad_room"],
  ["half an escape", "/rooms/%E/ws", {}, "4004 bad_room"],
  ["a room below a room", "/rooms/{room}/b/ws", {}, "404 not_found"],
  ["a socket of a presence", "/rooms/{room}/presences/ws", {}, "405 method_not_allowed"],
  ["a socket of all rooms", "/rooms/ws", {}, "401 unauthorized"],
  ["an upgrade of another address", "/healthz", {}, "200"],
  [
    "two protocols to upgrade to",
    "/rooms/{room}/ws",
    { headers: { upgrade: "websocket, h2c" } },
    "426 upgrade_required",
  ],
  ["an empty token", "/rooms/{room}/ws?token=", {}, "4001 unauthorized"],
  ["two tokens", "/rooms/{room}/ws?token=a.b.c&token=d.e.f", {}, "4001 unauthorized"],
  ["a token that was not filled in", "/rooms/{room}/ws?token=undefined", {}, "4001 unauthorized"],
  [
    "a subprotocol for a token",
    "/rooms/{room}/ws",
    { headers: { "sec-websocket-protocol": "presence, token.a.b.c" } },
    "4001 unauthorized",
  ],
  [
    "an empty token in a subprotocol",
    "/rooms/{room}/ws",
    { headers: { "sec-websocket-protocol": "presence, token." } },
    "4001 unauthorized",
  ],
  [
    "a bearer of nothing",
    "/rooms/{room}/ws",
    { headers: { authorization: "Bearer " } },
    "4001 unauthorized",
  ],
  [
    "a good token in the query behind a bad header",
    "/rooms/{room}/ws?token={token}",
    { headers: { authorization: "Bearer a.b.c" } },
    "4001 unauthorized",
  ],
  [
    "a token of another room",
    "/rooms/{room}/ws?token={token}",
    { claims: { sub: "ada", rooms: ["other"] } },
    "4001 unauthorized",
  ],
  [
    "a token of no room",
    "/rooms/{room}/ws?token={token}",
    { claims: { sub: "ada", rooms: [] } },
    "4001 unauthorized",
  ],
  [
    "a token of a star in the middle",
    "/rooms/{room}/ws?token={token}",
    { claims: { sub: "ada", rooms: ["r*{room}"] } },
    "4001 unauthorized",
  ],
  [
    "a token that can only send",
    "/rooms/{room}/ws?token={token}",
    { claims: { sub: "ada", can: ["send"] } },
    "4001 unauthorized",
  ],
  [
    "a token that can only watch",
    "/rooms/{room}/ws?token={token}",
    { claims: { sub: "ada", can: ["watch"] } },
    "4001 unauthorized",
  ],
  [
    "a token that can nothing and watches",
    "/rooms/{room}/ws?watch=1&token={token}",
    { claims: { sub: "ada", can: [] } },
    "4001 unauthorized",
  ],
];
