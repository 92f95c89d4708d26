/**
 * Every number of the project that is not a setting, with its unit and its reason. Sizes are bytes of
 * UTF-8, times are milliseconds, unless the name says otherwise.
 */

/** Seconds between two heartbeats, where the maximum age allows it. Proxies cut a silent socket after about 100 s. */
export const HEARTBEAT_SECONDS = 25;

/** Heartbeats in one maximum age: 60 / 25. Two may be lost before a presence expires. */
export const HEARTBEATS_PER_MAX_AGE = 2.4;

/** How long a presence outlives close code 1001. A reload takes under 2 s; the promise is at most 3 s. */
export const RELOAD_GRACE_MS = 2_500;

/** The alarm waits this long after the first expiry, so that those who came together leave in one frame. */
export const EXPIRY_SLACK_MS = 2_000;

/** The slack is never more than this part of the maximum age, or a short one would be overshot. */
export const EXPIRY_SLACK_PART = 1 / 8;

/** An alarm that failed is tried again after this time. The platform's own retries end after six. */
export const ALARM_RETRY_MS = 5_000;

/** Frames a second to one client, on average. More cannot be seen, and a phone pays for each. */
export const CLIENT_FRAMES_PER_SECOND = 30;

/** Frames to one client in one go: a few people who come together are told of one by one. */
export const CLIENT_FRAMES_AT_ONCE = 8;

/** Seconds of `PRESENCE_ANNOUNCE_RATE` that a room may send in one go: a lone change is told at once in a room of a quarter of the rate. */
export const ROOM_FRAMES_AT_ONCE_SECONDS = 1 / 4;

/** No change and no message waits longer than this to be told, whatever the size of the room. */
export const GATHER_MS_MAX = 2_000;

/**
 * While newcomers wait to be admitted, what waits to be told may wait for them too, up to this time: one
 * flush for a crowd. As long as the pause of a room of a thousand; nobody sees it in a list of names that grows.
 */
export const GATHER_NEWCOMERS_MS_MAX = 200;

/** A room that told counts tells names again once it is below this part of the limit, or it would flap. */
export const NAMES_AGAIN_PART = 0.8;

/** Characters of all messages that wait for the next flush, as JSON. Above it their senders are throttled. */
export const GATHERED_MESSAGES_LENGTH_MAX = 1_048_576;

/** Characters that a room hands to its sockets in one turn: they take memory until the runtime has sent them. */
export const SENT_AT_ONCE_LENGTH_MAX = 1_048_576;

/**
 * Characters that a client may be sent without a sign of life of its own: the runtime keeps all that it
 * does not read …
 */
export const UNREAD_LENGTH_MAX = 4_194_304;

/** … for so long. A heartbeat would have come by then. */
export const UNREAD_MS_MAX = 30_000;

/** The time is never more than this part of the maximum age, by which heartbeats go, too. */
export const UNREAD_AGE_PART = 1 / 2;

/** A status of `active` that is not told again for so long becomes `away`: clients tell it every 4 minutes. */
export const ACTIVE_MS_MAX = 360_000;

/** The bucket of frames holds this many seconds' worth of the frame rate. */
export const FRAME_BURST_SECONDS = 2;

/** Dropped frames that one connection may owe, in seconds of the frame rate, before it is closed with 4129 … */
export const THROTTLED_SECONDS_MAX = 10;

/** … if it has been owing for so long: a client that sends what it has saved up in one burst may stay. */
export const THROTTLED_MS_MIN = 3_000;

/**
 * After so many frames that a room drops, whoever sends them, it takes none until the runtime has looked at the other
 * sockets. Left alone it reads a socket for as long as there is something to read, and all the others wait.
 */
export const DROPPED_PER_PAUSE = 10;

/** A snapshot is the dearest thing to ask for: it costs this many seconds' worth of the frame rate. */
export const SYNC_COST_SECONDS = 1;

/**
 * Presences that a room holds for each connection that it accepts, altogether and of one user. After a restart
 * each may be there twice, in its grace and anew; more than that only somebody makes who connects and cuts for sport.
 */
export const PRESENCES_PER_CONNECTION = 2;

/** Between two `throttled` frames to one connection: telling each dropped frame would double the flood. */
export const THROTTLED_NOTICE_MS = 1_000;

/** Characters of a frame that may be a goodbye: `{"type":"leave"}` with some white space. */
export const GOODBYE_LENGTH_MAX = 64;

/** Levels of nesting in a frame. Deeper ones serve only to exhaust a stack. */
export const JSON_DEPTH_MAX = 64;

/** The name of a room. The same for the name of a channel that a server chose. */
export const NAME_BYTES_MAX = 255;

/** Characters of a user's id, `sub` of a token. */
export const USER_ID_LENGTH_MAX = 128;

/** `info` of a token, as JSON: everyone in the room gets it. */
export const INFO_BYTES_MAX = 1_024;

/** A token: the claims above fit several times over, and a request's headers end at 16 KiB. */
export const TOKEN_LENGTH_MAX = 8_192;

/** Characters of a request's query: the longest token, and a channel with its secret, percent-encoded, fit in. */
export const QUERY_LENGTH_MAX = 12_288;

/** Characters of all headers of a request, names too: a token, and whatever cookies and proxies add. */
export const HEADERS_LENGTH_MAX = 32_768;

/** Seconds for which a browser remembers that a page of another origin may call: as long as any browser does. */
export const PREFLIGHT_SECONDS = 7_200;

/** How long an identity provider may take to tell its keys. Whoever waits for them is a person at a page. */
export const KEYS_WAIT_MS = 3_000;

/** Bytes of an identity provider's keys: large ones are some 30 KB, with their certificates. */
export const KEYS_BYTES_MAX = 131_072;

/** Keys are asked for again when they are used and this old: so long a key that was withdrawn may be believed. */
export const KEYS_FRESH_MS = 600_000;

/** Between two requests for keys, whatever strangers name as the key of their tokens. */
export const KEYS_EVERY_MS = 60_000;

/** The same while there are no keys yet: nobody can come in, so there is more of a hurry. */
export const KEYS_FIRST_EVERY_MS = 5_000;

/** Keys of HS256: RFC 7518, section 3.2 asks for as many bits as the hash has. */
export const SECRET_BYTES_MIN = 32;

/** Random bytes in a channel's name: 72 bits, unique among the few thousand of a room. */
export const CHANNEL_ID_BYTES = 9;

/** Random bytes in the name of one life of a room's log: 72 bits, so that no revision is of two rooms. */
export const LOG_LIFE_BYTES = 9;

/** Events that a client may have missed for a room to tell it those: more, and a snapshot is as cheap. */
export const CATCH_UP_EVENTS_MAX = 10_000;

/** Characters of a part of a room's log that is written anew with each commit: some forty comings and goings … */
export const LOG_PART_LENGTH = 8_192;

/** … and of one that is written once: a row holds 2 MiB, and a thousand that join at once should be few rows. */
export const LOG_PART_LENGTH_MAX = 131_072;

/** Comings and goings that one page of events looks at, be they wanted or not: some 3 MB of JSON. */
export const EVENT_PAGE_RECORDS_MAX = 10_000;

/** Visits in one page of an attendance: more, and it names fewer users. */
export const ATTENDANCE_VISITS_MAX = 10_000;

/** Random bytes in the secret that resumes a presence: 128 bits cannot be guessed. */
export const RESUME_SECRET_BYTES = 16;

/** A decorated method of somebody's own object touches a socket's channel at most this often: each is a request and a row. */
export const TOUCH_STEP_MS = 1_000;

/** Presences in one page of a list: some 300 KB of JSON with all that a user may be. */
export const PRESENCE_PAGE_MAX = 1_000;

/** Presences or rooms in one page of the HTTP API, if nothing else is asked for. */
export const HTTP_PAGE = 100;

/** Bytes of a body of the HTTP API: a user is 1 KiB, a message that many sockets get should not be much more. */
export const HTTP_BODY_MAX = 65_536;

/** Seconds that a presence may be given instead of the maximum age: two, as alarms are late, to a day. */
export const TTL_SECONDS_MIN = 2;
export const TTL_SECONDS_MAX = 86_400;

/** Rooms in one page of a list. Each of the lobbies is asked for so many. */
export const ROOM_PAGE_MAX = 1_000;

/** Rooms that one channel may be in. All of them are asked at each touch, and their names are one row. */
export const ROOMS_PER_CHANNEL_MAX = 1_000;

/** Characters of frames that wait for one other room. More than that, and its remote channels get a snapshot instead. */
export const DELIVERY_LENGTH_MAX = 4_194_304;

/** The same for all other rooms together: whoever is slow to listen must not fill the memory of who speaks. */
export const DELIVERIES_LENGTH_MAX = 16_777_216;

/** Attempts to reach an object, where the platform says that trying again is safe. It has tried by itself before. */
export const CALL_ATTEMPTS_MAX = 3;

/** Before the n-th repetition of a call: a random part of 2ⁿ times this. */
export const CALL_RETRY_MS = 50;

/** Calls that one event has open at a time. The platform has six connections, and queues what is more. */
export const CALLS_AT_ONCE = 6;

/** Lobby objects. Fixed for ever: a room's lobby is found by its name's hash. */
export const LOBBIES = 16;

/** Rooms that one step of a sweep visits: within the 50 calls that an event has on the free plan. */
export const ROOMS_PER_SWEEP_STEP = 40;

/** Steps of a sweep in one request, for the same reason. What is left is for the next request, by a cursor. */
export const SWEEP_STEPS_PER_CALL = 40;

/** Lines of one kind that a log takes at once … */
export const LOG_BURST = 50;

/** … and in each second after that. The lines that are written count those that are not. */
export const LOG_PER_SECOND = 5;

/** Kinds of lines that are counted by themselves: there are some forty. */
export const LOG_KINDS_MAX = 256;

/** Characters of one field of a line. The longest that is of use is a room's name. */
export const LOG_FIELD_LENGTH_MAX = 512;

/** Hibernating sockets in one Durable Object, set by the platform. */
export const SOCKETS_MAX = 32_768;

// Webhooks.

/** Bytes of a key that signs webhooks, as Standard Webhooks 1.0 has it … */
export const WEBHOOK_KEY_BYTES_MIN = 24;

/** … and at most. */
export const WEBHOOK_KEY_BYTES_MAX = 64;

/** Keys that sign: the new one and the old one, while receivers change over. */
export const WEBHOOK_SECRETS_MAX = 2;

/** Events of one call … */
export const WEBHOOK_EVENTS_MAX = 100;

/** … and bytes of its body: what receivers of webhooks read without being told. */
export const WEBHOOK_BYTES_MAX = 65_536;

/** Characters of a revision that is asked for: no room has given out a longer one. */
export const REVISION_LENGTH_MAX = 64;

/** Crashes without a delivery between them after which batches still end where they ended before. */
export const BATCH_ENDS_MAX = 16;

/** No answer of a receiver for so long: it has failed. Standard Webhooks asks for 15 to 30 seconds. */
export const WEBHOOK_ANSWER_MS_MAX = 15_000;

/** How old an undelivered event gets: a weekend and a day. */
export const WEBHOOK_AGE_MS_MAX = 259_200_000;

/** Each wait is that part longer or shorter, so that rooms do not come back together. */
export const WEBHOOK_RETRY_JITTER_PART = 0.2;

/** The shortest wait that a `retry-after` may ask for: each attempt that fails is a row. */
export const WEBHOOK_RETRY_AFTER_MS_MIN = 1_000;

/** The longest one: two more attempts fit into the age of an event. */
export const WEBHOOK_RETRY_AFTER_MS_MAX = 86_400_000;

// The client's numbers: how it beats, comes back and waits.

/** A heartbeat may come this part of its interval early, so that pages opened together do not beat together. */
export const HEARTBEAT_JITTER_PART = 0.1;

/** The shortest interval of heartbeats that a client takes from a server: 10 a second would be a mistake of theirs. */
export const HEARTBEAT_MS_MIN = 100;

/** No frame for so long after a heartbeat: the line is dead, whatever the browser says. The grace of the default settings. */
export const ANSWER_MS_MAX = 10_000;

/** An attempt to connect that took so long is given up: half of the default grace, so that another one fits in. */
export const CONNECT_MS_MAX = 5_000;

/** A token function that did not settle within this time has failed. Signing in may ask a slow server. */
export const TOKEN_MS_MAX = 20_000;

/**
 * The first retry comes at a random time within this one, and the time doubles for each further retry. Of
 * 200 clients cut off at once, 10 come back in each tenth of a second.
 */
export const RETRY_MS_FIRST = 2_000;

/** Longest wait for a retry: below the default grace of 10 s, with time to connect, so all are back within it. */
export const RETRY_MS_MAX = 8_000;

/** Longest wait where the server said "come back later": no presence is kept there, so there is no hurry. */
export const RETRY_LATER_MS_MAX = 60_000;

/** A connection that lasted so long was a good one: the next retry starts with the first wait again. */
export const STABLE_MS_MIN = 10_000;

/** Between two states of one client: 15 a second of the 20 frames that are allowed by default; the rest is for messages. */
export const STATE_EVERY_MS = 66;

/** A client tells again that it is active after this time: two thirds of `ACTIVE_MS_MAX`, so that one may be late. */
export const ACTIVE_EVERY_MS = 240_000;

/** Without input for so long somebody is away, if the page does not say otherwise: reading takes less. */
export const IDLE_MS = 300_000;

/** A page that is hidden for so long is away, if the page does not say otherwise: a look at another tab takes less. */
export const HIDDEN_MS = 60_000;

/** What a page may say instead: a second to a day. */
export const AWAY_MS_MIN = 1_000;
export const AWAY_MS_MAX = 86_400_000;

/** Frames a second that a client sends at most where the server does not say: the default of PRESENCE_FRAME_RATE. */
export const FRAME_RATE_DEFAULT = 20;

/** After `throttled` the latest state is sent once more, when the bucket has some drops again. */
export const STATE_AGAIN_MS = 1_000;

/** Messages of a client that wait for a connection, or for their turn where it sends faster than the server takes frames. */
export const QUEUED_MESSAGES_MAX = 32;

/** Frames that a client remembers, to tell which one was too large: more than it sends in a slow round trip of 3 s. */
export const WRITTEN_FRAMES_MAX = 64;

/** Messages that `useMessages` keeps if it is not told otherwise: more than a screen of them. */
export const KEPT_MESSAGES_MAX = 100;

/** A room that no component uses any more is left after this time: a route's change of components takes less. */
export const LINGER_MS = 300;

/** A reload finds its presence again within this time; later the room has let it go, in the default settings at least. */
export const RESUME_MS_MAX = 10_000;

// Bundlers write numbers into the code that reads them, but none that comes after a list: so this is the last.

/** Milliseconds between attempts, the last one again and again: a deploy, an outage, a night. */
export const WEBHOOK_RETRY_MS = [
  5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 28_800_000,
] as const;
