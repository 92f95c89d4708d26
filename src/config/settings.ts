/**
 * Vars and secrets → Settings. The only reader of env strings, and the only place that knows their
 * ranges.
 */

import {
  SECRET_BYTES_MIN,
  SOCKETS_MAX,
  WEBHOOK_KEY_BYTES_MAX,
  WEBHOOK_KEY_BYTES_MIN,
  WEBHOOK_SECRETS_MAX,
} from "../core/limits.ts";
import { matchesAny } from "../core/names.ts";
import { formatCount } from "../core/protocol.ts";
import { EVENT_TYPES } from "../core/room-events.ts";
import type { Variables } from "./variables.ts";

/** What a connection without a token may do. */
export type AnonymousPolicy = "join" | "watch" | "deny";

/** The settings as the code has them. For defaults and ranges see the variable of each. */
export type Settings = {
  /**
   * Milliseconds since the last sign of life after which a presence is expired. {@link
   * Variables.PRESENCE_MAX_AGE}
   */
  readonly maxAgeMs: number;
  /**
   * Milliseconds that a presence outlives a connection lost without a goodbye. {@link
   * Variables.PRESENCE_GRACE}
   */
  readonly graceMs: number;
  /**
   * Presences in a room above which it announces counts instead of names. {@link
   * Variables.PRESENCE_ANNOUNCE_MAX}
   */
  readonly announceMax: number;
  /** Frames a second that one room sends at most. {@link Variables.PRESENCE_ANNOUNCE_RATE} */
  readonly announceRate: number;
  /** Connections that one room accepts, watchers included. {@link Variables.PRESENCE_ROOM_MAX} */
  readonly roomMax: number;
  /** Connections that one user may have in a room. {@link Variables.PRESENCE_USER_MAX} */
  readonly userMax: number;
  /** Bytes of one frame from a client. {@link Variables.PRESENCE_FRAME_MAX} */
  readonly frameMax: number;
  /** Bytes of one presence's state, as JSON. {@link Variables.PRESENCE_STATE_MAX} */
  readonly stateMax: number;
  /** Frames a second from one connection. {@link Variables.PRESENCE_FRAME_RATE} */
  readonly frameRate: number;
  /**
   * Milliseconds for which a room keeps its comings and goings; 0: not at all. {@link
   * Variables.PRESENCE_HISTORY}
   */
  readonly historyMs: number;
  /** Events that one room keeps. {@link Variables.PRESENCE_HISTORY_MAX} */
  readonly historyMax: number;
  /** Origins that a browser may connect from; `null` for any. */
  readonly origins: readonly string[] | null;
  readonly anonymous: AnonymousPolicy;
  /** Key of HS256 tokens. */
  readonly secret: Uint8Array | null;
  /** The key before that one: its tokens are good too, while they are being replaced. */
  readonly previousSecret: Uint8Array | null;
  readonly provider: Provider | null;
  /** Where events are posted, and by which keys they are signed. */
  readonly webhook: Webhook | null;
  /** Types of events that are sent, each of which may end in `*`. {@link Variables.PRESENCE_WEBHOOK_EVENTS} */
  readonly webhookEvents: readonly string[];
  /** Rooms whose events are sent, each of which may end in `*`. {@link Variables.PRESENCE_WEBHOOK_ROOMS} */
  readonly webhookRooms: readonly string[];
};

/** An identity provider, and what its tokens must say; `null` where that is not checked. */
export type Provider = {
  readonly jwksUrl: string;
  readonly issuer: string | null;
  readonly audience: string | null;
};

/** A receiver of webhooks. Neither may stand in a log, an error or an answer. */
export type Webhook = {
  readonly url: string;
  /** One, or two while one replaces the other: each signs. */
  readonly secrets: readonly Uint8Array<ArrayBuffer>[];
};

type Range = {
  readonly standard: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
};

/**
 * The one source of defaults and ranges; variables.ts says them where an editor shows them, and a
 * test compares.
 */
export const RANGES = {
  PRESENCE_MAX_AGE: { standard: 60, min: 1, max: 86_400, unit: "seconds" },
  PRESENCE_GRACE: { standard: 10, min: 0, max: 3_600, unit: "seconds" },
  PRESENCE_ANNOUNCE_MAX: { standard: 1_000, min: 0, max: SOCKETS_MAX, unit: "presences" },
  PRESENCE_ANNOUNCE_RATE: { standard: 10_000, min: 1, max: 1_000_000, unit: "frames a second" },
  PRESENCE_ROOM_MAX: { standard: 10_000, min: 1, max: SOCKETS_MAX, unit: "connections" },
  PRESENCE_USER_MAX: { standard: 20, min: 1, max: SOCKETS_MAX, unit: "connections" },
  PRESENCE_FRAME_MAX: { standard: 16_384, min: 64, max: 1_048_576, unit: "bytes" },
  // A state must fit into a socket's attachment of 16 KiB, at two bytes a character, beside the
  // user.
  PRESENCE_STATE_MAX: { standard: 2_048, min: 2, max: 4_096, unit: "bytes" },
  PRESENCE_FRAME_RATE: { standard: 20, min: 1, max: 10_000, unit: "frames a second" },
  PRESENCE_HISTORY: { standard: 120, min: 0, max: 2_592_000, unit: "seconds" },
  PRESENCE_HISTORY_MAX: { standard: 10_000, min: 100, max: 1_000_000, unit: "events" },
} as const satisfies Partial<Record<keyof Variables, Range>>;

/** What is sent where PRESENCE_WEBHOOK_EVENTS says nothing. */
const WEBHOOK_EVENTS = "room.*,member.*";

const cache = new WeakMap<Variables, Settings>();

/**
 * The settings in `env`, read once. Throws an Error that names the variable, its value and its
 * range.
 */
export function readSettings(env: Variables): Settings {
  const known = cache.get(env);
  if (known) return known;
  const settings: Settings = {
    maxAgeMs: readNumber(env, "PRESENCE_MAX_AGE") * 1_000,
    graceMs: readNumber(env, "PRESENCE_GRACE") * 1_000,
    announceMax: readNumber(env, "PRESENCE_ANNOUNCE_MAX"),
    announceRate: readNumber(env, "PRESENCE_ANNOUNCE_RATE"),
    roomMax: readNumber(env, "PRESENCE_ROOM_MAX"),
    userMax: readNumber(env, "PRESENCE_USER_MAX"),
    frameMax: readNumber(env, "PRESENCE_FRAME_MAX"),
    stateMax: readNumber(env, "PRESENCE_STATE_MAX"),
    frameRate: readNumber(env, "PRESENCE_FRAME_RATE"),
    historyMs: readNumber(env, "PRESENCE_HISTORY") * 1_000,
    historyMax: readNumber(env, "PRESENCE_HISTORY_MAX"),
    origins: readOrigins(env.PRESENCE_ORIGINS),
    anonymous: readAnonymous(env.PRESENCE_ANONYMOUS),
    secret: readSecret(env, "PRESENCE_SECRET"),
    previousSecret: readPreviousSecret(env),
    provider: readProvider(env),
    webhook: readWebhook(env),
    ...readWebhookSelection(env),
  };
  cache.set(env, settings);
  return settings;
}

/** Whether this was started by `npm start`. No setting of the service: no file may have it. */
export function isDevelopment({ PRESENCE_DEV }: Variables): boolean {
  return PRESENCE_DEV === "true";
}

/**
 * Whether anybody can have an identity here. Where not, all are anonymous and the HTTP API is
 * closed.
 */
export function takesTokens({ secret, provider }: Settings): boolean {
  return secret !== null || provider !== null;
}

function readNumber(env: Variables, name: keyof typeof RANGES): number {
  const { standard, min, max, unit }: Range = RANGES[name];
  const text = String(env[name] ?? "").trim();
  if (text === "") return standard;
  const value = Number(text);
  if (value >= min && value <= max && (unit === "seconds" || Number.isInteger(value))) return value;
  const kind = unit === "seconds" ? "a number" : "a whole number";
  throw new Error(
    `${name} is "${text}"; it must be ${kind} from ${formatCount(min)} to ${formatCount(max)} (${unit}), ${formatCount(standard)} if it is not set`,
  );
}

function readOrigins(text = ""): readonly string[] | null {
  const origins = text.split(",").map((origin) => origin.trim());
  if (text.trim() === "" || origins.includes("*")) return null;
  for (const origin of origins) {
    const isPlain = URL.canParse(origin) && new URL(origin).origin === origin;
    if (isPlain && !origin.includes("*")) continue;
    throw new Error(
      `PRESENCE_ORIGINS has "${origin}"; it must be * or origins such as https://example.com, separated by commas`,
    );
  }
  return origins;
}

function readAnonymous(setting = ""): AnonymousPolicy {
  const text = setting.trim() || "join";
  if (text === "join" || text === "watch" || text === "deny") return text;
  throw new Error(`PRESENCE_ANONYMOUS is "${text}"; it must be join, watch or deny`);
}

function readSecret(
  env: Variables,
  name: "PRESENCE_SECRET" | "PRESENCE_SECRET_PREVIOUS",
): Uint8Array | null {
  const text = env[name] ?? "";
  if (text === "") return null;
  const secret = new TextEncoder().encode(text);
  if (secret.length >= SECRET_BYTES_MIN) return secret;
  throw new Error(
    `${name} is ${secret.length} bytes; it must be ${SECRET_BYTES_MIN} or more, such as the output of: openssl rand -base64 32`,
  );
}

function readPreviousSecret(env: Variables): Uint8Array | null {
  const previous = readSecret(env, "PRESENCE_SECRET_PREVIOUS");
  if (previous === null || env.PRESENCE_SECRET) return previous;
  throw new Error(
    "PRESENCE_SECRET_PREVIOUS is set without PRESENCE_SECRET; it is for the secret before that one: set both, or unset it",
  );
}

function readProvider(env: Variables): Provider | null {
  const jwksUrl = (env.PRESENCE_JWKS_URL ?? "").trim();
  const issuer = env.PRESENCE_ISSUER?.trim() || null;
  const audience = env.PRESENCE_AUDIENCE?.trim() || null;
  if (jwksUrl !== "") return { jwksUrl: checkJwksUrl(jwksUrl), issuer, audience };
  if (issuer === null && audience === null) return null;
  const name = issuer === null ? "PRESENCE_AUDIENCE" : "PRESENCE_ISSUER";
  throw new Error(
    `${name} is set without PRESENCE_JWKS_URL; it is for tokens of an identity provider: set the address of its keys, or unset it`,
  );
}

/** Whoever can change what is fetched there can be anybody: so not over an open network. */
function checkJwksUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLocal(url));
  const hasUser = url !== null && (url.username !== "" || url.password !== "");
  if (url !== null && isSafe && !hasUser) return url.href;
  // A user may come with a password, which must not stand in a log.
  const said = hasUser ? "names a user" : `is "${text}"`;
  throw new Error(
    `PRESENCE_JWKS_URL ${said}; it must be an address such as https://id.example.com/.well-known/jwks.json (http on localhost only)`,
  );
}

function readWebhook(env: Variables): Webhook | null {
  const url = (env.PRESENCE_WEBHOOK_URL ?? "").trim();
  const secrets = (env.PRESENCE_WEBHOOK_SECRET ?? "").split(/\s+/).filter((text) => text !== "");
  if (url === "" && secrets.length === 0) return null;
  if (url === "") {
    throw new Error(
      "PRESENCE_WEBHOOK_SECRET is set without PRESENCE_WEBHOOK_URL; set the address that events are posted to, or unset it",
    );
  }
  if (secrets.length === 0) {
    throw new Error(`PRESENCE_WEBHOOK_URL is set without PRESENCE_WEBHOOK_SECRET; ${NEW_KEY}`);
  }
  if (secrets.length > WEBHOOK_SECRETS_MAX) {
    throw new Error(
      `PRESENCE_WEBHOOK_SECRET has ${secrets.length} secrets; it must be one, or ${WEBHOOK_SECRETS_MAX} separated by a space while one replaces the other`,
    );
  }
  if (readNumber(env, "PRESENCE_HISTORY") === 0) {
    throw new Error(
      "PRESENCE_WEBHOOK_URL is set and PRESENCE_HISTORY is 0; webhooks are read from the log: let rooms keep one, 120 seconds if it is not set, or unset the address",
    );
  }
  return { url: checkWebhookUrl(url), secrets: secrets.map(webhookKeyOf) };
}

const NEW_KEY = 'make one with: echo "whsec_$(openssl rand -base64 32)"';

/** Says nothing of the value: an address of a webhook is often a secret itself. */
function checkWebhookUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLocal(url));
  if (url !== null && isSafe && url.username === "" && url.password === "") return url.href;
  throw new Error(
    "PRESENCE_WEBHOOK_URL must be an address such as https://example.com/hooks/presence (http on localhost only), without a user",
  );
}

/** The bytes behind `whsec_`. Says nothing of the value. */
function webhookKeyOf(text: string): Uint8Array<ArrayBuffer> {
  const [, base64 = ""] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  const bytes = base64.length % 4 === 0 ? Uint8Array.from(atob(base64), codeOf) : new Uint8Array();
  if (bytes.length >= WEBHOOK_KEY_BYTES_MIN && bytes.length <= WEBHOOK_KEY_BYTES_MAX) return bytes;
  throw new Error(
    `PRESENCE_WEBHOOK_SECRET must be whsec_ and the base64 of ${WEBHOOK_KEY_BYTES_MIN} to ${WEBHOOK_KEY_BYTES_MAX} bytes; ${NEW_KEY}`,
  );
}

function codeOf(character: string): number {
  return character.charCodeAt(0);
}

function readWebhookSelection(env: Variables): Pick<Settings, "webhookEvents" | "webhookRooms"> {
  const webhookEvents = listOf(env.PRESENCE_WEBHOOK_EVENTS, WEBHOOK_EVENTS);
  const unknown = webhookEvents.find(
    (pattern) => !EVENT_TYPES.some((type) => matchesAny([pattern], type)),
  );
  if (unknown !== undefined) {
    throw new Error(
      `PRESENCE_WEBHOOK_EVENTS has "${unknown}"; it must be types out of ${EVENT_TYPES.join(", ")}, separated by commas, each of which may end in *`,
    );
  }
  return { webhookEvents, webhookRooms: listOf(env.PRESENCE_WEBHOOK_ROOMS, "*") };
}

/** What is separated by commas; `standard` where that is nothing. */
function listOf(text: string | undefined, standard: string): string[] {
  const items = (text ?? "").split(",").map((item) => item.trim());
  const known = items.filter((item) => item !== "");
  return known.length > 0 ? known : standard.split(",");
}

const LOCAL_HOSTS = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Whether an address is of the very machine that this runs on: no deployed Worker has one. */
export function isLocal({ hostname }: Pick<URL, "hostname">): boolean {
  return LOCAL_HOSTS.has(hostname);
}
