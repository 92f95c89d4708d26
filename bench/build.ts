/** The Workers under test, bundled as for a deploy. */

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type TargetName } from "./targets.ts";

const PROJECT = join(import.meta.dirname, "..");
const WRANGLER = join(PROJECT, "node_modules/wrangler/bin/wrangler.js");
const WORKERS = join(import.meta.dirname, "workers");

/** Nothing is asked of the network, and nothing is told to it. */
const QUIET = {
  CI: "1",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_SEND_METRICS: "false",
};

/** Where `build` puts what it made. */
export const BUILT = join(import.meta.dirname, "dist");

export function build(target: TargetName | "naive"): void {
  const outdir = join(BUILT, target);
  mkdirSync(outdir, { recursive: true });
  const entry = join(WORKERS, `${target}.ts`);
  const config = join(WORKERS, "wrangler.toml");
  execFileSync(
    process.execPath,
    [WRANGLER, "deploy", entry, "--config", config, "--dry-run", "--outdir", outdir],
    { env: { ...process.env, ...QUIET }, stdio: ["ignore", "ignore", "inherit"] },
  );
}
