/**
 * The Worker that `npm start` runs: the product's, and beside it the route that gives tokens to the pages on a
 * developer's own machine. It is never deployed: wrangler.toml names the product's own entry.
 */

import { Hono } from "hono";
import type { AppEnv } from "../../http/app-env.ts";
import { app } from "../../index.ts";
import { developmentToken } from "./development-token.ts";

export { Channel, Lobby, Room } from "../../index.ts";

const development = new Hono<AppEnv>();
development.route("/", developmentToken);
// As it came: what the product answers is not touched.
development.all("*", (c) => app.fetch(c.req.raw, c.env));

export default Object.assign(development, { scheduled: app.scheduled });
