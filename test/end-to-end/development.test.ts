/** The development token's route: in the Worker that `npm start` runs, and in no bundle that is deployed. */

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { DEVELOPMENT, QUIET, Server } from "../support/server.ts";

const PROJECT = join(import.meta.dirname, "../..");
const WRANGLER = join(PROJECT, "node_modules/wrangler/bin/wrangler.js");

/** The Worker as wrangler bundles it; that of wrangler.toml, unless another entry is named. */
async function bundleOf(...entry: string[]): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "presence-bundle-"));
  try {
    const deploy = [WRANGLER, "deploy", ...entry, "--dry-run", "--outdir", directory];
    const env = { ...process.env, ...QUIET };
    await promisify(execFile)(process.execPath, deploy, { cwd: PROJECT, env });
    return readFileSync(join(directory, "index.js"), "utf8");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("it is in the Worker of npm start, and not in the one that is deployed", async () => {
  const route = /["'`]\/dev\/token/;
  expect(await bundleOf("src/dev/worker/index.ts")).toMatch(route);
  const deployed = await bundleOf();
  expect(deployed).toContain("/healthz");
  expect(deployed).not.toMatch(route);
  // Nor what it needs to sign one.
  expect(deployed).not.toContain("SignJWT");
});

test("it is reached ahead of the pages, as npm start serves them", async () => {
  const server = await Server.start({ PRESENCE_DEV: "true" }, DEVELOPMENT);
  try {
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"sub":"ada"}',
    };
    const asked = await fetch(`${server.url}/dev/token`, init);
    expect(asked.status).toBe(201);
    expect(await asked.json()).toEqual({ token: expect.any(String) });
  } finally {
    await server.stop();
  }
});
