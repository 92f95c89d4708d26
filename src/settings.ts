/** Vars and secrets → Settings. The only reader of env strings, and the only place that knows their ranges. */

import { SECRET_BYTES_MIN, SOCKETS_MAX } from "./core/limits.ts";
import { formatCount } from "./core/protocol.ts";
import type { Variables } from "./env.ts";

/** What a connection without a token may do. */
export type AnonymousPolicy = "join" | "watch" | "deny";

export type Settings = {
  /** Milliseconds since the last sign of life after which a presence is expired. */
  readonly maxAgeMs: number;
  /** Milliseconds that a presence outlives a connection lost without a goodbye. */
  readonly graceMs: number;
  /** Presences in a room above which it announces counts instead of names. */
  readonly announceMax: number;
  /** Frames a second that one room sends at most. */
  readonly announceRate: number;
  /** Connections that one room accepts, watchers included. */
  readonly roomMax: number;
  /** Connections that one user may have in a room. */
  readonly userMax: number;
  /** Bytes of one frame from a client. */
  readonly frameMax: number;
  /** Bytes of one presence's state, as JSON. */
  readonly stateMax: number;
  /** Frames a second from one connection. */
  readonly frameRate: number;
  /** Origins that a browser may connect from; `null` for any. */
  readonly origins: readonly string[] | null;
  readonly anonymous: AnonymousPolicy;
  /** Key of HS256 tokens. Without one nobody has an identity and the HTTP API is closed. */
  readonly secret: Uint8Array | null;
};

type Range = {
  readonly standard: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
};

const RANGES = {
  PRESENCE_MAX_AGE: { standard: 60, min: 1, max: 86_400, unit: "seconds" },
  PRESENCE_GRACE: { standard: 10, min: 0, max: 3_600, unit: "seconds" },
  PRESENCE_ANNOUNCE_MAX: { standard: 1_000, min: 0, max: SOCKETS_MAX, unit: "presences" },
  PRESENCE_ANNOUNCE_RATE: { standard: 10_000, min: 1, max: 1_000_000, unit: "frames a second" },
  PRESENCE_ROOM_MAX: { standard: 10_000, min: 1, max: SOCKETS_MAX, unit: "connections" },
  PRESENCE_USER_MAX: { standard: 20, min: 1, max: SOCKETS_MAX, unit: "connections" },
  PRESENCE_FRAME_MAX: { standard: 16_384, min: 64, max: 1_048_576, unit: "bytes" },
  // A state must fit into a socket's attachment of 16 KiB, at two bytes a character, beside the user.
  PRESENCE_STATE_MAX: { standard: 2_048, min: 2, max: 4_096, unit: "bytes" },
  PRESENCE_FRAME_RATE: { standard: 20, min: 1, max: 10_000, unit: "frames a second" },
} as const satisfies Partial<Record<keyof Variables, Range>>;

const cache = new WeakMap<Variables, Settings>();

/** The settings in `env`, read once. Throws an Error that names the variable, its value and its range. */
export function readSettings(env: Variables): Settings {
  const known = cache.get(env);
  if (known) return known;
  checkUnsupported(env);
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
    origins: readOrigins(env.PRESENCE_ORIGINS),
    anonymous: readAnonymous(env.PRESENCE_ANONYMOUS),
    secret: readSecret(env.PRESENCE_SECRET),
  };
  cache.set(env, settings);
  return settings;
}

/** Whether this was started by `npm start`. No setting of the service: no file may have it. */
export function isDevelopment({ PRESENCE_DEV }: Variables): boolean {
  return PRESENCE_DEV === "true";
}

/** A service that ignored these would take for a stranger whom its operator meant to know. */
function checkUnsupported(env: Variables): void {
  for (const name of ["PRESENCE_JWKS_URL", "PRESENCE_ISSUER", "PRESENCE_AUDIENCE"] as const) {
    if (!env[name]) continue;
    throw new Error(`${name} is set; this version knows no identity providers yet: unset it`);
  }
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

function readSecret(text = ""): Uint8Array | null {
  if (text === "") return null;
  const secret = new TextEncoder().encode(text);
  if (secret.length >= SECRET_BYTES_MIN) return secret;
  throw new Error(
    `PRESENCE_SECRET is ${secret.length} bytes; it must be ${SECRET_BYTES_MIN} or more, such as the output of: openssl rand -base64 32`,
  );
}
