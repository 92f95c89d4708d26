/** What wrangler.toml binds and what an operator may set. Only settings.ts reads the strings. */

import type { ChannelStub, LobbyStub, Namespace, RoomStub } from "./stubs.ts";

/** The variables of the service; their meaning and ranges are in settings.ts. A var in TOML may be a number. */
export interface Variables {
  PRESENCE_MAX_AGE?: string | number;
  PRESENCE_GRACE?: string | number;
  PRESENCE_ANNOUNCE_MAX?: string | number;
  PRESENCE_ANNOUNCE_RATE?: string | number;
  PRESENCE_ROOM_MAX?: string | number;
  PRESENCE_FRAME_MAX?: string | number;
  PRESENCE_STATE_MAX?: string | number;
  PRESENCE_FRAME_RATE?: string | number;
  PRESENCE_ORIGINS?: string;
  PRESENCE_ANONYMOUS?: string;
  PRESENCE_SECRET?: string;
  PRESENCE_JWKS_URL?: string;
  PRESENCE_ISSUER?: string;
  PRESENCE_AUDIENCE?: string;
}

/** What wrangler.toml must bind beside what is optional. */
const BINDINGS = ["ROOM", "CHANNEL", "LOBBY"] as const;

export interface Env extends Variables {
  ROOM: Namespace<RoomStub>;
  CHANNEL: Namespace<ChannelStub>;
  LOBBY: Namespace<LobbyStub>;
}

/** Throws an Error that names a binding that is missing. */
export function checkBindings(env: object): asserts env is Env {
  for (const name of BINDINGS) {
    if (name in env) continue;
    const className = name.charAt(0) + name.slice(1).toLowerCase();
    throw new Error(
      `wrangler.toml binds no ${name}; add [[durable_objects.bindings]] with name = "${name}", class_name = "${className}"`,
    );
  }
}
