/**
 * The service in the runtime alone, without the proxy and the watchers of `wrangler dev`: one process, whose
 * memory and storage are the service's. For tests of what much traffic does to it.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { type Heap, HEAP_LOG_FLAGS, HeapLog } from "./heap-log.ts";
import { freePort, GUARD, isAlive, killGroup, QUIET, SECRET, until, type Vars } from "./server.ts";

const PROJECT = join(import.meta.dirname, "../..");
const WRANGLER = join(PROJECT, "node_modules/wrangler/bin/wrangler.js");
const WORKERD = join(PROJECT, "node_modules/.bin/workerd");
const CLASSES = ["Room", "Channel", "Lobby"];

/** Far more than a start takes. */
const START_MS_MAX = 30_000;

/** How often a file may be caught while the runtime writes it. */
const ATTEMPTS_MAX = 10;

/** What a service has stored: rows of all objects, and bytes of their databases, journals not counted. */
export type Stored = { readonly rows: number; readonly bytes: number };

export class Runtime {
  readonly port: number;
  readonly #directory: string;
  #child: ChildProcess;
  #output = "";
  readonly #heapLog = new HeapLog();

  private constructor(port: number, directory: string) {
    this.port = port;
    this.#directory = directory;
    this.#child = this.#spawn();
  }

  /** Bundles the Worker as it is deployed, starts it with empty storage, and waits until it answers. */
  static async start(vars: Vars = {}): Promise<Runtime> {
    const directory = mkdtempSync(join(tmpdir(), "presence-runtime-"));
    const port = await freePort();
    const bundle = [WRANGLER, "deploy", "--dry-run", "--outdir", join(directory, "bundle")];
    await promisify(execFile)(process.execPath, bundle, {
      cwd: PROJECT,
      env: { ...process.env, ...QUIET },
    });
    mkdirSync(join(directory, "disk"));
    writeFileSync(join(directory, "config.capnp"), configOf(port, directory, vars));
    const runtime = new Runtime(port, directory);
    try {
      await runtime.#answers();
    } catch (error) {
      await runtime.stop();
      throw error;
    }
    return runtime;
  }

  /** host:port */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** The last of what the runtime and the Worker have logged. */
  get output(): string {
    return this.#output;
  }

  /** The JavaScript heap in it, which all objects share. */
  get heap(): Heap {
    return this.#heapLog.heap;
  }

  /** Bytes of memory that the process holds. */
  memory(): number {
    for (const pid of readdirSync("/proc")) {
      const directory = `/proc/${pid}`;
      if (!/^\d+$/.test(pid) || !existsSync(`${directory}/stat`)) continue;
      const [name, rest = ""] = readFileSync(`${directory}/stat`, "latin1").split(") ");
      if (Number(rest.split(" ")[2]) !== this.#child.pid || !name?.includes("(workerd")) continue;
      const status = readFileSync(`${directory}/status`, "latin1");
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
    }
    throw new Error(`the runtime does not run; it said:\n${this.#output}`);
  }

  /** What is on disk, whichever object's it is. Wakes nobody. */
  stored(): Stored {
    const found = { rows: 0, bytes: 0 };
    for (const directory of CLASSES.map((name) => join(this.#directory, "disk", name))) {
      if (!existsSync(directory)) continue;
      for (const name of readdirSync(directory)) {
        if (!/^[0-9a-f]+\.sqlite$/.test(name)) continue;
        const { rows, bytes } = again(() => storedIn(join(directory, name)));
        found.rows += rows;
        found.bytes += bytes;
      }
    }
    return found;
  }

  /** Kills it at once, with no time for goodbyes, and starts it again on the same storage and the same port. */
  async restart(): Promise<void> {
    await this.#kill();
    this.#child = this.#spawn();
    await this.#answers();
  }

  /** Ends it, and deletes what it stored. */
  async stop(): Promise<void> {
    await this.#kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #spawn(): ChildProcess {
    const workerd = [WORKERD, "serve", "--experimental", "config.capnp"];
    const child = spawn("sh", ["-c", GUARD, this.#directory, ...workerd], {
      cwd: this.#directory,
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#log(this.#heapLog.read(text));
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => this.#log(text));
    return child;
  }

  async #kill(): Promise<void> {
    const group = this.#child.pid;
    if (group === undefined) return;
    const exit = this.#child.exitCode === null ? once(this.#child, "exit") : undefined;
    killGroup(group);
    await exit;
    await until(() => !isAlive(group), 1);
  }

  #log(text: string): void {
    this.#output = (this.#output + text).slice(-8_000);
  }

  async #answers(): Promise<void> {
    const deadline = Date.now() + START_MS_MAX;
    await until(async () => {
      if (Date.now() > deadline || this.#child.exitCode !== null) {
        throw new Error(`workerd does not answer; it said:\n${this.#output}`);
      }
      try {
        return (await fetch(`${this.url}/healthz`)).ok;
      } catch {
        return false;
      }
    }, 20);
  }
}

/** Rows of the key-value interface, which is all that objects here write to; none in storage that was forgotten. */
function storedIn(file: string): Stored {
  // Read from a copy: the runtime's own locks are none that other processes know of.
  const directory = mkdtempSync(join(tmpdir(), "presence-copy-"));
  try {
    for (const end of ["", "-wal"]) {
      if (existsSync(file + end)) copyFileSync(file + end, join(directory, `copy${end}`));
    }
    return countIn(join(directory, "copy"));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function countIn(file: string): Stored {
  const database = new DatabaseSync(file);
  const number = (query: string) =>
    Number(Object.values(database.prepare(query).get() ?? {})[0] ?? 0);
  try {
    const isForgotten = number("SELECT count(*) FROM sqlite_master WHERE name = '_cf_KV'") === 0;
    return {
      rows: isForgotten ? 0 : number("SELECT count(*) FROM _cf_KV"),
      bytes: number("PRAGMA page_count") * number("PRAGMA page_size"),
    };
  } finally {
    database.close();
  }
}

/** What may fail while the runtime writes, and works a moment later. */
function again<Result>(attempt: () => Result): Result {
  for (let turn = 1; ; turn += 1) {
    try {
      return attempt();
    } catch (error) {
      if (turn === ATTEMPTS_MAX) throw error;
    }
  }
}

function configOf(port: number, directory: string, vars: Vars): string {
  const [, date = ""] =
    /^compatibility_date = "(.*)"$/m.exec(readFileSync(join(PROJECT, "wrangler.toml"), "utf8")) ??
    [];
  const namespaces = CLASSES.map(
    (name) => `(className = "${name}", uniqueKey = "${name}", enableSql = true)`,
  );
  const objects = CLASSES.map(
    (name) => `(name = "PRESENCE_${name.toUpperCase()}", durableObjectNamespace = "${name}")`,
  );
  const texts = Object.entries({ PRESENCE_SECRET: SECRET, ...vars }).map(
    ([name, value]) => `(name = "${name}", text = ${JSON.stringify(value)})`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  v8Flags = ${JSON.stringify(HEAP_LOG_FLAGS)},
  services = [
    (name = "main", worker = (
      modules = [(name = "index.js", esModule = embed "bundle/index.js")],
      compatibilityDate = "${date}",
      durableObjectNamespaces = [${namespaces.join(", ")}],
      durableObjectStorage = (localDisk = "disk"),
      bindings = [${[...objects, ...texts].join(", ")}])),
    (name = "disk", disk = (path = "${join(directory, "disk")}", writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`;
}
