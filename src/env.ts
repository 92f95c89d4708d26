/** What wrangler.toml binds and what an operator may set. Only settings.ts reads the strings. */

import type { ChannelStub, LobbyStub, Namespace, RoomStub } from "./stubs.ts";

/** The variables of the service; their meaning and ranges are in settings.ts. A var in TOML may be a number. */
export interface Variables {
  PRESENCE_MAX_AGE?: string | number;
  PRESENCE_GRACE?: string | number;
  PRESENCE_ANNOUNCE_MAX?: string | number;
  PRESENCE_ANNOUNCE_RATE?: string | number;
  PRESENCE_ROOM_MAX?: string | number;
  PRESENCE_USER_MAX?: string | number;
  PRESENCE_FRAME_MAX?: string | number;
  PRESENCE_STATE_MAX?: string | number;
  PRESENCE_FRAME_RATE?: string | number;
  PRESENCE_ORIGINS?: string;
  PRESENCE_ANONYMOUS?: string;
  PRESENCE_SECRET?: string;
  PRESENCE_JWKS_URL?: string;
  PRESENCE_ISSUER?: string;
  PRESENCE_AUDIENCE?: string;
  /** Set by `npm start` alone: see development.ts. */
  PRESENCE_DEV?: string;
}

/** What wrangler.toml must bind beside what is optional. */
const BINDINGS = ["ROOM", "CHANNEL", "LOBBY"] as const;

export interface Env extends Variables {
  ROOM: Namespace<RoomStub>;
  CHANNEL: Namespace<ChannelStub>;
  LOBBY: Namespace<LobbyStub>;
  /** Gets what rooms have counted, where wrangler.toml binds it. */
  ANALYTICS?: AnalyticsEngineDataset;
}

/**
 * The bindings as an application's own types have them. By name only: to compare what `wrangler types` derives from
 * the classes with our stubs, the compiler would never come to an end.
 */
export type Bindings = Readonly<Record<(typeof BINDINGS)[number], object>>;

/** The bindings of a Worker. Throws an Error that names one that is missing. */
export function bindingsOf(env: unknown): Env {
  if (isBound(env)) return env;
  const names = typeof env === "object" && env !== null ? Object.keys(env) : [];
  const missing = BINDINGS.find((name) => !names.includes(name)) ?? BINDINGS[0];
  const className = missing.charAt(0) + missing.slice(1).toLowerCase();
  throw new Error(
    `wrangler.toml binds no ${missing}; add [[durable_objects.bindings]] with name = "${missing}", class_name = "${className}"`,
  );
}

/** By their names: what a binding is bound to, the runtime has checked. */
function isBound(env: unknown): env is Env {
  return typeof env === "object" && env !== null && BINDINGS.every((name) => name in env);
}
