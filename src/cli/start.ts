/**
 * `npm start`: the service on this machine, with nothing to set up. Makes a secret where there is
 * none, runs wrangler without any call to the outside, and says what to try. Arguments go to
 * `wrangler dev`.
 */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { mint } from "./mint.ts";
import { ensureSecret, readSecret } from "./secret.ts";

/** Keeps wrangler from using the network: the nearest data centre, updates, telemetry. */
const QUIET = {
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_SEND_METRICS: "false",
};

/**
 * Makes the service give the pages on this machine tokens: the product's Worker with a route beside it, and
 * the variable that opens the route. Nothing else may run it or set it: see src/dev/worker/development-token.ts.
 */
const DEVELOPMENT = ["src/dev/worker/index.ts", "--var", "PRESENCE_DEV:true"];

async function whatToTry(url: string): Promise<string> {
  const token = await mint({ sub: "ada", info: { name: "Ada" } }, readSecret() ?? "", "24h");
  const socket = `${url.replace(/^http/, "ws")}/rooms/lobby/ws`;
  return `
  Who is here?           ${url}
  For operators:         ${url}/inspector

  Look from a terminal:  npx wscat -c ${socket}
  Come in as Ada:        npx wscat -c '${socket}?token=${token}'
  A token for another:   npm run -s token -- --sub bob --info '{"name":"Bob"}'
  One for the inspector: npm run -s token -- --sub me --can admin
`;
}

if (ensureSecret()) console.log("Made a random PRESENCE_SECRET in .dev.vars.");
const wrangler = spawn("wrangler", ["dev", ...DEVELOPMENT, ...process.argv.slice(2)], {
  env: { ...process.env, ...QUIET },
  stdio: ["inherit", "pipe", "inherit"],
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => wrangler.kill(signal));
}
wrangler.on("exit", (code) => {
  process.exitCode = code ?? 0;
});
for await (const line of createInterface(wrangler.stdout)) {
  console.log(line);
  const url = /Ready on (https?:\/\/\S+)/.exec(line)?.[1];
  if (url !== undefined) console.log(await whatToTry(url));
}
