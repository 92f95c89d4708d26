/** What wrangler.toml binds and what an operator may set. Only settings.ts reads the strings. */

import type { PresenceFrame } from "./core/protocol.ts";

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

/**
 * What others may call on a Room. Written out: the mapped types that the platform derives from a class do
 * not come to an end on JSON, which contains itself.
 */
export interface RoomStub {
  fetch(request: Request): Promise<Response>;
  occupants(): Promise<PresenceFrame["payload"]>;
}

/** What the class behind a stub must look like. */
export type Behind<Stub> = {
  [Name in keyof Stub]: Stub[Name] extends (...args: infer Args) => Promise<infer Result>
    ? (...args: Args) => Result | Promise<Result>
    : never;
};

export interface Env extends Variables {
  ROOM: { getByName(name: string): RoomStub };
}
