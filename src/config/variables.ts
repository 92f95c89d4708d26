/** What an operator may set, as strings. Only settings.ts reads them; the command line's `doctor` uses it for that too. */

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
  PRESENCE_SECRET_PREVIOUS?: string;
  PRESENCE_JWKS_URL?: string;
  PRESENCE_ISSUER?: string;
  PRESENCE_AUDIENCE?: string;
  /** Set by `npm start` alone: see development.ts. */
  PRESENCE_DEV?: string;
}
