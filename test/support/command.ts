/** The command line as a process of its own: what it prints, how it exits, and one that goes on until it is stopped. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Inbox } from "./inbox.ts";

export const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");

/** Where Node keeps what it has compiled: a hundred commands are run, and each would compile all of it again. */
const COMPILED = join(tmpdir(), "durable-presence-tests-compiled");

/** A command that does not come to an end by itself is killed after this time. */
const RUN_MS_MAX = 40_000;

/** What a command may know: nothing of whoever runs the tests. */
export type Surroundings = {
  env?: Record<string, string>;
  /** Where it looks for .dev.vars. */
  cwd?: string;
  /** Options for Node itself. */
  node?: string[];
};

/** What became of a command. */
export type Outcome = { code: number | null; stdout: string; stderr: string };

/** Runs a command to its end. */
export async function run(args: string[], surroundings: Surroundings = {}): Promise<Outcome> {
  const child = start(args, surroundings);
  const outcome = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (outcome.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (outcome.stderr += text));
  const timer = setTimeout(() => child.kill("SIGKILL"), RUN_MS_MAX);
  const [code]: unknown[] = await once(child, "close");
  clearTimeout(timer);
  return { ...outcome, code: typeof code === "number" ? code : null };
}

/** A command that goes on; its lines come in as it prints them. */
export class RunningCommand {
  readonly lines = new Inbox<string>();
  readonly errors = new Inbox<string>();
  readonly #child: ChildProcess;
  readonly #end: Promise<unknown[]>;

  constructor(args: string[], surroundings: Surroundings = {}) {
    this.#child = start(args, surroundings);
    this.#end = once(this.#child, "close");
    const { stdout, stderr } = this.#child;
    if (stdout) createInterface(stdout).on("line", (line) => this.lines.push(line));
    if (stderr) createInterface(stderr).on("line", (line) => this.errors.push(line));
  }

  /** The next line that says this; others before it are skipped. */
  says(pattern: RegExp): Promise<string> {
    return this.lines.until((line) => pattern.test(line));
  }

  /** Ctrl-C. Returns the exit code. */
  async interrupt(): Promise<unknown> {
    this.#child.kill("SIGINT");
    return this.ended();
  }

  /** Waits for its end. Returns the exit code. */
  async ended(): Promise<unknown> {
    const [code] = await this.#end;
    return code;
  }

  /** Ends it, however it is. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

function start(args: string[], { env = {}, cwd = tmpdir(), node = [] }: Surroundings) {
  return spawn(process.execPath, [...node, MAIN, ...args], {
    cwd,
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: COMPILED, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}
