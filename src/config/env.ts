/** What wrangler.toml binds. */

import type { WebhookBody } from "../core/webhook-body.ts";
import type { Namespace } from "../rpc/call.ts";
import type { ChannelStub, LobbyStub, RoomStub } from "../rpc/stubs.ts";
import type { Variables } from "./variables.ts";

export type { Variables } from "./variables.ts";

/** What wrangler.toml must bind beside what is optional, with the class that each binding names. */
const CLASSES = {
  PRESENCE_ROOM: "Room",
  PRESENCE_CHANNEL: "Channel",
  PRESENCE_LOBBY: "Lobby",
} as const;
const BINDINGS = ["PRESENCE_ROOM", "PRESENCE_CHANNEL", "PRESENCE_LOBBY"] as const;

/**
 * A rate limiting binding: counts a key, and says whether it is still within the limit of
 * wrangler.toml.
 */
export interface Limiter {
  limit(options: { readonly key: string }): Promise<{ readonly success: boolean }>;
}

export interface Env extends Variables {
  PRESENCE_ROOM: Namespace<RoomStub>;
  PRESENCE_CHANNEL: Namespace<ChannelStub>;
  PRESENCE_LOBBY: Namespace<LobbyStub>;
  /** Gets what rooms have counted, where wrangler.toml binds it. */
  ANALYTICS?: AnalyticsEngineDataset;
  /**
   * Gets the events of rooms, where wrangler.toml binds it and PRESENCE_WEBHOOK_URL is not set: the
   * bodies of webhooks, as JSON.
   */
  PRESENCE_EVENTS?: Queue<WebhookBody>;
  /** Sockets and calls of the HTTP API from one address. Without it there is no such limit. */
  ADDRESS_LIMITER?: Limiter;
  /** Sockets of one user. Without it there is no such limit. */
  USER_LIMITER?: Limiter;
}

/**
 * The bindings as an application's own types have them. By name only: to compare what `wrangler
 * types` derives from the classes with our stubs, the compiler would never come to an end.
 */
export type Bindings = Readonly<Record<(typeof BINDINGS)[number], object>>;

/** The bindings of a Worker. Throws an Error that names one that is missing. */
export function bindingsOf(env: unknown): Env {
  if (isBound(env)) return env;
  const names = typeof env === "object" && env !== null ? Object.keys(env) : [];
  const missing = BINDINGS.find((name) => !names.includes(name)) ?? BINDINGS[0];
  const className = CLASSES[missing];
  throw new Error(
    `wrangler.toml binds no ${missing}; add [[durable_objects.bindings]] with name = "${missing}", class_name = "${className}"`,
  );
}

/** By their names: what a binding is bound to, the runtime has checked. */
function isBound(env: unknown): env is Env {
  return typeof env === "object" && env !== null && BINDINGS.every((name) => name in env);
}
