/**
 * The runtime itself, with one Worker and a storage of its own on disk: no proxy, no development server, so
 * that what is measured is the object and what carries it. It may be killed and started again.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import * as v from "valibot";
import workerd from "workerd";
import { BUILT } from "./build.ts";
import { cpuSeconds, type Memory, memory } from "./process-tree.ts";
import type { Target } from "./targets.ts";

/** The key of the tokens that ours believes. */
export const SECRET = "a secret of the benchmark, 32 bytes or more";

const COMPATIBILITY_DATE = "2026-10-20";
const START_MS_MAX = 20_000;
const ASK_AGAIN_MS = 20;

/** A server is at rest after so many looks in a row at which its CPU time stood still. */
const REST_LOOKS = 3;
const REST_MS = 50;
const REST_MS_MAX = 60_000;

/** What the objects did: lives, rows written and read, and events by class; and frames sent. */
const Counters = v.object({
  frames: v.number(),
  classes: v.record(
    v.string(),
    v.object({
      constructed: v.number(),
      rows: v.number(),
      reads: v.number(),
      events: v.record(v.string(), v.number()),
    }),
  ),
});
export type Counters = v.InferOutput<typeof Counters>;

/** Settings of the Worker, by the names of their variables. */
export type Vars = Readonly<Record<string, string>>;

export class Server {
  readonly target: Target;
  readonly port: number;
  /** Where the runtime's inspector listens. */
  readonly inspectorPort: number;
  readonly #directory = mkdtempSync(join(tmpdir(), "presence-bench-"));
  #child: ChildProcess | undefined;

  private constructor(target: Target, [port = 0, inspectorPort = 0]: number[], vars: Vars) {
    this.target = target;
    this.port = port;
    this.inspectorPort = inspectorPort;
    mkdirSync(this.#storage);
    copyFileSync(join(BUILT, target.name, `${target.name}.js`), join(this.#directory, "worker.js"));
    writeFileSync(this.#config, configOf(target, { port, storage: this.#storage, vars }));
  }

  static async start(target: Target, vars: Vars = {}, isInspected = false): Promise<Server> {
    const server = new Server(target, [await freePort(), await freePort()], vars);
    await server.start({ isInspected });
    return server;
  }

  /** Starts it, again on the same storage, and waits until it answers. */
  async start({ isInspected = false } = {}): Promise<void> {
    const inspector = isInspected ? ["--inspector-addr", `127.0.0.1:${this.inspectorPort}`] : [];
    const child = spawn(workerd.default, ["serve", this.#config, "config", ...inspector], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    this.#child = child;
    // Neither it nor what it stored must outlive the benchmark, however that ends.
    const orphaned = () => {
      child.kill("SIGKILL");
      this.#delete();
    };
    process.once("exit", orphaned);
    child.once("exit", () => process.off("exit", orphaned));
    const deadline = Date.now() + START_MS_MAX;
    // oxlint-disable-next-line no-await-in-loop
    while (!(await this.#answers())) {
      if (child.exitCode !== null) throw new Error("the runtime ended at its start");
      if (Date.now() > deadline) throw new Error("the runtime does not answer");
      // oxlint-disable-next-line no-await-in-loop
      await delay(ASK_AGAIN_MS);
    }
  }

  /** Seconds of CPU so far. */
  get cpu(): number {
    return cpuSeconds(this.#pid);
  }

  get memory(): Memory {
    return memory(this.#pid);
  }

  /** Reading them wakes no object. */
  async counters(): Promise<Counters> {
    const response = await fetch(`http://127.0.0.1:${this.port}/bench/counters`);
    return v.parse(Counters, await response.json());
  }

  /** Waits until it has done all there is to do: its CPU time stands still. */
  async rest(): Promise<void> {
    const deadline = Date.now() + REST_MS_MAX;
    for (let looks = 0, last = -1; looks < REST_LOOKS && Date.now() < deadline;) {
      const now = this.cpu;
      looks = now === last ? looks + 1 : 0;
      last = now;
      // oxlint-disable-next-line no-await-in-loop
      await delay(REST_MS);
    }
  }

  /** Kills it at once, with no time for goodbyes. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  /** Ends it, and deletes what it stored. */
  async stop(): Promise<void> {
    await this.kill();
    this.#delete();
  }

  #delete(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #pid(): number {
    return this.#child?.pid ?? 0;
  }

  get #config(): string {
    return join(this.#directory, "config.capnp");
  }

  get #storage(): string {
    return join(this.#directory, "storage");
  }

  async #answers(): Promise<boolean> {
    try {
      await this.counters();
      return true;
    } catch {
      return false;
    }
  }
}

function configOf(
  { bindings }: Target,
  { port, storage, vars }: { port: number; storage: string; vars: Vars },
): string {
  const classes = Object.values(bindings);
  const allBindings = [
    ...Object.entries({ PRESENCE_SECRET: SECRET, ...vars }).map(
      ([variable, value]) => `(name = ${text(variable)}, text = ${text(value)})`,
    ),
    ...Object.entries(bindings).map(
      ([binding, className]) =>
        `(name = ${text(binding)}, durableObjectNamespace = (className = ${text(className)}))`,
    ),
  ];
  const namespaces = classes.map(
    (className) =>
      `(className = ${text(className)}, uniqueKey = ${text(className)}, enableSql = true)`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = (
      modules = [(name = "worker", esModule = embed "worker.js")],
      compatibilityDate = ${text(COMPATIBILITY_DATE)},
      bindings = [${allBindings.join(", ")}],
      durableObjectNamespaces = [${namespaces.join(", ")}],
      durableObjectStorage = (localDisk = "storage"),
    )),
    (name = "storage", disk = (path = ${text(storage)}, writable = true)),
    (name = "internet", network = (allow = ["local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "worker")],
);
`;
}

/** A text of Cap'n Proto's language is escaped as one of JSON is. */
function text(value: string): string {
  return JSON.stringify(value);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (typeof address === "object" && address !== null) return address.port;
  throw new Error("no port is free");
}
