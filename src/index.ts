/** The Worker: the app as default, the object's class, and nothing else. */

import { env } from "cloudflare:workers";
import { app } from "./app.ts";
import { readSettings } from "./settings.ts";

// A setting that is out of range stops the start-up here, not the first visitor.
readSettings(env);

export { app } from "./app.ts";
export { Room } from "./room.ts";
export default app;
