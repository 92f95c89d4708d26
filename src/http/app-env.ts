/** What Hono's context carries through a request of the HTTP API. */

import type { Context } from "hono";
import type { Env } from "../config/env.ts";

export type AppEnv = {
  Bindings: Env;
  Variables: {
    /** The request's address, parsed once. */
    url: URL;
    /** Who and what is refused, as far as that is known by then. */
    subject: { readonly room?: string; readonly user?: string | null } | undefined;
  };
};

export type AppContext = Context<AppEnv>;
