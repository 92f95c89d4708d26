/**
 * The package as strangers get it, and the projects that the pages describe beside each other: the package built and packed from a copy of
 * the sources, and installed as the pages tell. The tools that the pages name are linked to this repository's.
 */

import { execFile } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { blocks, PROJECT } from "./blocks.ts";
import { packagesIn, toolsIn } from "./commands.ts";
import { type File, filesOf, projectOf } from "./projects.ts";

/** What the build reads and the package holds. Built in a copy: others may build in this place right now. */
const SOURCES = [
  "package.json",
  "tsconfig.json",
  "tsconfig.base.json",
  "tsconfig.build.json",
  "src",
  "docs",
  "README.md",
  "CHANGELOG.md",
  "SECURITY.md",
  "LICENSE",
];

/** What a project that uses React has anyway. */
const REACT = ["react", "@types/react"];
const PROGRAMS = ["node", "tsc", "vitest", "wrangler"];

/** None of these takes more than some seconds on an idle machine; tests may last a little longer. */
const RUN_MS_MAX = 110_000;

const Dependencies = v.optional(v.record(v.string(), v.string()), {});
const Manifest = v.looseObject({
  name: v.string(),
  version: v.string(),
  dependencies: Dependencies,
});
type Manifest = v.InferOutput<typeof Manifest>;

/** What is in package-lock.json of one package, as far as it is of interest here. */
const Locked = v.looseObject({
  version: v.optional(v.string(), ""),
  dependencies: Dependencies,
});
const Lock = v.object({ packages: v.record(v.string(), Locked) });

/** How a program ended, and all that it said. */
export type Run = { readonly code: number | string; readonly output: string };

export class Installation {
  /** Holds the projects, and node_modules for all of them. */
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Packs and installs, writes the projects, and has wrangler write the types of their bindings. */
  static async create(): Promise<Installation> {
    const installation = new Installation(mkdtempSync(join(tmpdir(), "presence-docs-")));
    try {
      await installation.#pack();
      await installation.#install();
      await installation.#write([...filesOf(blocks()).values()]);
    } catch (error) {
      installation.remove();
      throw error;
    }
    return installation;
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  read(...names: string[]): string {
    return readFileSync(this.path(...names), "utf8");
  }

  /** Runs a program of the installed tools in a project, "" for the folder of all; a failure is a code that is not 0. */
  run(project: string, program: string, ...args: string[]): Promise<Run> {
    return run(this.path(project), this.path("node_modules/.bin", program), args);
  }

  /** Runs a module in the folder of all, under the Node of the tests. */
  runNode(module: string): Promise<Run> {
    return run(this.directory, process.execPath, [module]);
  }

  /** Runs a line of shell in the folder of all. */
  shell(line: string): Promise<Run> {
    return run(this.directory, "bash", ["-c", line]);
  }

  /** Installs the package and nothing else into an empty folder. */
  async installAlone(name: string): Promise<Installation> {
    const alone = new Installation(this.path(name));
    mkdirSync(alone.directory);
    await alone.#npmInstall(this.path("durable-presence.tgz"), []);
    return alone;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #pack(): Promise<void> {
    const copy = this.path("package");
    for (const name of SOURCES) cpSync(join(PROJECT, name), join(copy, name), { recursive: true });
    symlinkSync(join(PROJECT, "node_modules"), join(copy, "node_modules"));
    await succeed(copy, "npm", ["run", "-s", "build"]);
    await succeed(copy, "npm", ["pack", "--ignore-scripts", "--pack-destination", this.directory]);
    const { name, version } = manifest();
    cpSync(this.path(`${name}-${version}.tgz`), this.path(`${name}.tgz`));
    rmSync(copy, { recursive: true });
  }

  async #install(): Promise<void> {
    const all = blocks();
    const others = packagesIn(all).filter((name) => name !== manifest().name);
    await this.#npmInstall(this.path("durable-presence.tgz"), others);
    const tools = new Set([...toolsIn(all).map(({ name }) => name), ...REACT]);
    for (const name of tools) this.#link(name);
    for (const program of PROGRAMS) this.#link(join(".bin", program));
  }

  async #npmInstall(tarball: string, others: readonly string[]): Promise<void> {
    const own = manifest();
    const ranges = Object.fromEntries(others.map((name) => [name, "*"]));
    const project = {
      name: "strangers",
      private: true,
      type: "module",
      dependencies: { [own.name]: `file:${tarball}`, ...ranges },
    };
    writeFileSync(this.path("package.json"), JSON.stringify(project));
    writeFileSync(this.path("package-lock.json"), JSON.stringify(lockOf(project, own, others)));
    await succeed(this.directory, "npm", [
      "install",
      "--prefer-offline",
      "--no-audit",
      "--no-fund",
    ]);
  }

  #link(name: string): void {
    const link = this.path("node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(PROJECT, "node_modules", name), link);
  }

  async #write(files: readonly File[]): Promise<void> {
    for (const { path, text } of files) {
      mkdirSync(dirname(this.path(path)), { recursive: true });
      writeFileSync(this.path(path), text);
    }
    const projects = new Set(files.map(({ path }) => projectOf(path)));
    for (const project of projects) {
      symlinkSync(this.path("node_modules"), this.path(project, "node_modules"));
    }
    await this.#writeTypes(files);
  }

  /** Runs wrangler once for each wrangler.toml: projects may have the same one. */
  async #writeTypes(files: readonly File[]): Promise<void> {
    const written = new Map<string, Promise<string>>();
    const inWorkers = files.filter(({ runtime }) => runtime === "workers");
    const writing = [...new Set(inWorkers.map(({ path }) => projectOf(path)))].map(
      async (project) => {
        const config = this.read(project, "wrangler.toml");
        const types = written.get(config) ?? this.#typesOf(project);
        written.set(config, types);
        writeFileSync(this.path(project, "worker-configuration.d.ts"), await types);
      },
    );
    await Promise.all(writing);
  }

  async #typesOf(project: string): Promise<string> {
    await succeed(this.path(project), this.path("node_modules/.bin/wrangler"), ["types"]);
    return this.read(project, "worker-configuration.d.ts");
  }
}

/** This repository's package.json. */
function manifest(): Manifest {
  return v.parse(Manifest, JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")));
}

/** The versions that are installed here, so that npm finds them in its cache and asks nobody. */
function lockOf(project: object, own: Manifest, others: readonly string[]): object {
  const lock: unknown = JSON.parse(readFileSync(join(PROJECT, "package-lock.json"), "utf8"));
  const { packages } = v.parse(Lock, lock);
  const wanted = new Set([...Object.keys(own.dependencies), ...others]);
  const locked: Record<string, object> = { "": project };
  // A set that grows goes on with what was added.
  for (const name of wanted) {
    const known = packages[`node_modules/${name}`];
    if (!known) continue;
    const file = `${name.replace(/^.*\//, "")}-${known.version}.tgz`;
    const resolved = `https://registry.npmjs.org/${name}/-/${file}`;
    locked[`node_modules/${name}`] = { ...known, dev: false, resolved };
    for (const further of Object.keys(known.dependencies)) wanted.add(further);
  }
  return { lockfileVersion: 3, requires: true, packages: locked };
}

async function succeed(directory: string, program: string, args: readonly string[]): Promise<void> {
  const { code, output } = await run(directory, program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}:\n${output}`);
}

function run(directory: string, program: string, args: readonly string[]): Promise<Run> {
  const options = { cwd: directory, env: environment(), timeout: RUN_MS_MAX, maxBuffer: 2 ** 24 };
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? "a signal") : 0, output: stdout + stderr });
    });
  });
}

/** That of a developer's terminal: without what npm and vitest tell their children of themselves. */
function environment(): NodeJS.ProcessEnv {
  const own = /^(npm_|VITEST|NODE_ENV$|NODE_OPTIONS$|FORCE_COLOR$)/;
  const rest = Object.entries(process.env).filter(([name]) => !own.test(name));
  return {
    ...Object.fromEntries(rest),
    CI: "1",
    NO_COLOR: "1",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_SEND_METRICS: "false",
  };
}
