/** The service as `npm start` runs it, on a port of its own and with storage that nobody else uses. */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";

const START = join(import.meta.dirname, "../cli/start.ts");

export type Service = { readonly url: string; readonly stop: () => void };

export async function startService(storage: string, secret: string): Promise<Service> {
  const where = ["--port", "0", "--inspector-port", "0", "--persist-to", storage];
  const child = spawn(process.execPath, [START, ...where, "--var", `PRESENCE_SECRET:${secret}`], {
    // A secret of the environment: none is written to a file.
    env: { ...process.env, PRESENCE_SECRET: secret },
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface(child.stdout)) {
    const url = /Ready on (https?:\/\/\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    // What it says later is read by nobody, and must not fill the pipe.
    child.stdout.resume();
    return { url, stop: () => child.kill("SIGTERM") };
  }
  throw new Error("npm start ended before it was ready");
}
