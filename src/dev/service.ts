/**
 * The service as `npm start` runs it, on a port of its own and with storage that nobody else uses.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";

const START = join(import.meta.dirname, "../cli/start.ts");

export type Service = { readonly url: string; readonly stop: () => Promise<void> };

export async function startService(storage: string, secret: string): Promise<Service> {
  const where = ["--port", "0", "--inspector-port", "0", "--persist-to", storage];
  const child = spawn(process.execPath, [START, ...where, "--var", `PRESENCE_SECRET:${secret}`], {
    // A secret of the environment: none is written to a file.
    env: { ...process.env, PRESENCE_SECRET: secret },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  for await (const line of createInterface(child.stdout)) {
    const url = /Ready on (https?:\/\/\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    // What it says later is read by nobody, and must not fill the pipe.
    child.stdout.resume();
    const exit = once(child, "exit");
    return {
      url,
      async stop() {
        child.kill("SIGTERM");
        await exit;
      },
    };
  }
  throw new Error(`npm start ended before it was ready; it said:\n${complaints}`);
}
