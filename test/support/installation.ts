/**
 * The package as strangers get it: built and packed from a copy of the sources, and installed into a copy of the
 * application in test/fixture. The tools that its package.json names are linked to this repository's.
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

const PROJECT = join(import.meta.dirname, "../..");
const FIXTURE = join(PROJECT, "test/fixture");

/** What the build reads and the package holds. Built in a copy: others may build in this place right now. */
const SOURCES = [
  "package.json",
  "tsconfig.json",
  "src",
  "docs",
  "README.md",
  "CHANGELOG.md",
  "SECURITY.md",
  "LICENSE",
];

/** None of these takes more than some seconds on an idle machine. */
const RUN_MS_MAX = 60_000;

const Dependencies = v.optional(v.record(v.string(), v.string()), {});
const Manifest = v.looseObject({
  name: v.string(),
  version: v.optional(v.string(), ""),
  dependencies: Dependencies,
  devDependencies: Dependencies,
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
  /** The application's project. */
  readonly directory: string;
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
    this.directory = join(root, "application");
  }

  /** Packs and installs, and writes the types of the application's bindings. */
  static async create(): Promise<Installation> {
    const installation = new Installation(mkdtempSync(join(tmpdir(), "presence-package-")));
    try {
      await installation.#install(await installation.#pack());
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

  /** Runs a program of the application's tools in its directory; a failure is a code that is not 0. */
  run(program: string, ...args: string[]): Promise<Run> {
    return run(this.directory, this.path("node_modules/.bin", program), args);
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** Returns the path of the tarball. */
  async #pack(): Promise<string> {
    const copy = join(this.#root, "package");
    for (const name of SOURCES) cpSync(join(PROJECT, name), join(copy, name), { recursive: true });
    symlinkSync(join(PROJECT, "node_modules"), join(copy, "node_modules"));
    await succeed(copy, "npm", ["run", "-s", "build"]);
    await succeed(copy, "npm", ["pack", "--ignore-scripts", "--pack-destination", this.#root]);
    const { name, version } = manifestIn(copy);
    return join(this.#root, `${name}-${version}.tgz`);
  }

  async #install(tarball: string): Promise<void> {
    cpSync(FIXTURE, this.directory, { recursive: true });
    const { devDependencies: tools, ...manifest } = manifestIn(FIXTURE);
    const own = manifestIn(PROJECT);
    const application = {
      ...manifest,
      dependencies: { ...manifest.dependencies, [own.name]: `file:${tarball}` },
    };
    writeFileSync(this.path("package.json"), JSON.stringify(application));
    writeFileSync(this.path("package-lock.json"), JSON.stringify(lockOf(application, own)));
    const quietly = ["--prefer-offline", "--no-audit", "--no-fund"];
    await succeed(this.directory, "npm", ["install", ...quietly]);
    for (const tool of Object.keys(tools)) this.#link(tool);
    for (const program of ["node", "tsc", "vitest", "wrangler"]) this.#link(join(".bin", program));
    const wrangler = this.path("node_modules/.bin/wrangler");
    await succeed(this.directory, wrangler, ["types", "--include-runtime=false"]);
  }

  #link(name: string): void {
    const link = this.path("node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(PROJECT, "node_modules", name), link);
  }
}

function manifestIn(directory: string): Manifest {
  return v.parse(Manifest, JSON.parse(readFileSync(join(directory, "package.json"), "utf8")));
}

/** The versions that are installed here, so that npm finds them in its cache and asks nobody. */
function lockOf(application: object, own: Manifest): object {
  const lock: unknown = JSON.parse(readFileSync(join(PROJECT, "package-lock.json"), "utf8"));
  const { packages } = v.parse(Lock, lock);
  const wanted = new Set(Object.keys({ ...own.dependencies, hono: "" }));
  const locked: Record<string, object> = { "": application };
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
