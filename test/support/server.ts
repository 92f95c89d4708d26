/**
 * The whole service as it runs on a developer's machine: `wrangler dev`, with storage of its own. It can be
 * killed in the middle of everything and started again on what was on disk by then.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

/** The key of the tokens that every server here believes. */
export const SECRET = "a secret of the tests, 32 bytes or more";

/** A start takes 2 to 3 s; a machine with other work to do may need several times that. */
const START_MS_MAX = 45_000;
const ASK_AGAIN_MS = 50;
/** How long a file may be locked by the runtime that writes it. */
const LOCK_MS_MAX = 5_000;

/** What is kept of what a server said. */
const OUTPUT_LENGTH_MAX = 100_000;

const PROJECT = join(import.meta.dirname, "../..");
const WRANGLER = join(PROJECT, "node_modules/wrangler/bin/wrangler.js");

/** Nothing is asked of the network, and nothing is told to it. */
export const QUIET = {
  CI: "1",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_SEND_METRICS: "false",
};

/**
 * Runs its arguments, and kills its process group when they end, or when its standard input does: that is
 * when this process is gone, however it went. Then the storage, its argument 0, goes too.
 */
export const GUARD = '("$@"; kill -KILL 0) & cat; rm -rf "$0"; kill -KILL 0';

/** Settings of the service, by the names of their variables. */
export type Vars = Record<string, string>;

/**
 * Which Worker to run: the configuration of its project, its entry if it is not that of the configuration, and a path
 * that answers when it runs.
 */
export type Worker = { readonly config: string; readonly main?: string; readonly health: string };

/** The classes of objects, as the files of their storage are named. */
type ObjectClass = "Room" | "Channel" | "Lobby";

const SERVICE: Worker = { config: join(PROJECT, "wrangler.toml"), health: "/healthz" };

/** The service as `npm start` runs it, with tokens for the asking. */
export const DEVELOPMENT: Worker = { ...SERVICE, main: "src/dev/worker/index.ts" };

export class Server {
  readonly port: number;
  readonly #vars: Vars;
  readonly #worker: Worker;
  readonly #directory = mkdtempSync(join(tmpdir(), "presence-"));
  #child: ChildProcess | undefined;
  #output = "";

  private constructor(port: number, vars: Vars, worker: Worker) {
    this.port = port;
    this.#worker = worker;
    this.#vars = { PRESENCE_SECRET: SECRET, ...vars };
    // In place of the .dev.vars of whoever runs the tests.
    writeFileSync(this.#envFile, "");
  }

  /** Starts a server with empty storage, this project's or that of another, and waits until it answers. */
  static async start(vars: Vars = {}, worker = SERVICE): Promise<Server> {
    const server = new Server(await freePort(), vars, worker);
    try {
      await server.start();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** host:port */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** What it said, the lines of its log too: warnings and errors. */
  get output(): string {
    return this.#output;
  }

  /** Starts it again on the same storage and the same port, with other settings if need be, and waits until it answers. */
  async start(others: Vars = {}): Promise<void> {
    const vars = Object.entries({ ...this.#vars, ...others }).flatMap(([name, value]) => [
      "--var",
      `${name}:${value}`,
    ]);
    const where = ["--ip", "127.0.0.1", "--port", String(this.port), "--inspector-port", "0"];
    const storage = ["--persist-to", join(this.#directory, "state"), "--env-file", this.#envFile];
    const { config, main = [] } = this.#worker;
    const wrangler = [process.execPath, WRANGLER, "dev"].concat(main);
    const quiet = ["--config", config, "--log-level", "warn"];
    this.#output = "";
    // A process group of its own, so that all of it can be killed at once.
    const child = spawn(
      "sh",
      ["-c", GUARD, this.#directory, ...wrangler, ...quiet, ...where, ...storage, ...vars],
      {
        cwd: dirname(config),
        detached: true,
        env: {
          ...process.env,
          ...QUIET,
          WRANGLER_REGISTRY_PATH: join(this.#directory, "registry"),
        },
        stdio: ["pipe", "pipe", "pipe"],
      },
    );
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_LENGTH_MAX);
      });
    }
    await this.#answers(child);
  }

  /** Kills the server and the runtime under it at once, with no time for goodbyes. */
  async kill(): Promise<void> {
    const child = this.#child;
    const group = child?.pid;
    if (child === undefined || group === undefined) return;
    this.#child = undefined;
    const isOver = child.exitCode !== null || child.signalCode !== null;
    const exit = isOver ? undefined : once(child, "exit");
    killGroup(group);
    await exit;
    // The runtime is a grandchild: nobody tells when it is gone and its files are free.
    await until(() => !isAlive(group), 1);
  }

  /** Ends it, and deletes what it stored. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** The tables that objects of a class have on disk: none where none of them keeps anything. Wakes nobody. */
  async tables(objects: ObjectClass = "Room"): Promise<string[]> {
    const all = await this.#read(objects, (database) =>
      database.prepare("SELECT name FROM sqlite_master").all(),
    );
    // The local runtime has a table of its own, for the name of an object that anybody asked for.
    return all.map((row) => String(row["name"])).filter((name) => !name.startsWith("__miniflare"));
  }

  /** The keys of all rows that objects of a class have on disk. Wakes nobody. */
  async keys(objects: ObjectClass): Promise<string[]> {
    const all = await this.#read(objects, (database) => {
      const has = database.prepare("SELECT 1 FROM sqlite_master WHERE name = '_cf_KV'").all();
      return has.length === 0 ? [] : database.prepare("SELECT key FROM _cf_KV").all();
    });
    return all.map((row) => String(row["key"]));
  }

  /** Reads every file of a class. */
  async #read<T>(objects: ObjectClass, look: (database: DatabaseSync) => T[]): Promise<T[]> {
    // Experimental in Node 24, which says so: only to whom it concerns.
    const { DatabaseSync } = await import("node:sqlite");
    const directory = join(this.#directory, `state/v3/do/durable-presence-${objects}`);
    if (!existsSync(directory)) return [];
    const files = readdirSync(directory).filter((name) => /^[0-9a-f]+\.sqlite$/.test(name));
    return files.flatMap((name) => {
      const database = new DatabaseSync(join(directory, name), {
        readOnly: true,
        timeout: LOCK_MS_MAX,
      });
      const rows = look(database);
      database.close();
      return rows;
    });
  }

  get #envFile(): string {
    return join(this.#directory, "env");
  }

  async #isUp(): Promise<boolean> {
    try {
      return (await fetch(this.url + this.#worker.health)).ok;
    } catch {
      return false;
    }
  }

  async #answers(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + START_MS_MAX;
    let isUp = false;
    await until(async () => {
      isUp = await this.#isUp();
      return isUp || Date.now() > deadline || child.signalCode !== null;
    }, ASK_AGAIN_MS);
    if (isUp) return;
    await this.kill();
    throw new Error(`wrangler dev does not answer; it said:\n${this.#output}`);
  }
}

/** Waits for what tells nobody when it happens. */
export async function until(
  isTrue: () => boolean | Promise<boolean>,
  everyMs: number,
): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop
  while (!(await isTrue())) await delay(everyMs);
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (typeof address === "object" && address !== null) return address.port;
  throw new Error("no port is free");
}

export function killGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // All of it is gone already.
    return;
  }
}

/** Whether a process of the group runs. Those that are dead but not yet buried do not count. */
export function isAlive(group: number): boolean {
  return readdirSync("/proc").some((pid) => {
    const file = `/proc/${pid}/stat`;
    if (!/^\d+$/.test(pid) || !existsSync(file)) return false;
    try {
      // The fields after the name, which may hold anything: state, parent, group.
      const [state, , pgrp] = readFileSync(file, "latin1").split(") ").at(-1)?.split(" ") ?? [];
      return Number(pgrp) === group && state !== "Z";
    } catch {
      return false;
    }
  });
}
