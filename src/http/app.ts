/**
 * The HTTP side: the operations at their addresses, the document that describes them, and the cron
 * trigger.
 */

import { Hono } from "hono";
import { rooms } from "../api/rooms.ts";
import type { Bindings } from "../config/env.ts";
import type { AppEnv } from "./app-env.ts";
import { answerTo, notFound } from "./error-answers.ts";
import document from "./openapi.json" with { type: "json" };
import { register, registerOperations } from "./routes.ts";

const DOCUMENT = "/openapi.json";

const routes = new Hono<AppEnv>();

registerOperations(routes);

register(routes, DOCUMENT, {
  // The address of the API is where this document is, wherever the app is mounted.
  GET(c) {
    const { origin, pathname } = c.get("url");
    const url = origin + pathname.slice(0, -DOCUMENT.length);
    return c.json({ ...document, servers: [{ url }] });
  },
});

routes.notFound(notFound);
routes.onError(answerTo);

/** The hourly cron trigger of wrangler.toml: has the list of rooms checked. */
async function scheduled(_controller: unknown, env: Bindings): Promise<void> {
  await rooms(env).startPruning();
}

/**
 * A Hono app, and the handler of its cron trigger: use it as the Worker, or mount it under your own
 * with `app.route()` and export its `scheduled` beside your `fetch`.
 */
export const app = Object.assign(routes, { scheduled });
