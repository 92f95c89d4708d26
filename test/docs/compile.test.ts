/**
 * The TypeScript and JavaScript of the pages, compiled against the package as strangers get it: strictly, as a bundler resolves
 * modules and as Node does. One run of the compiler for each way.
 */

import { writeFileSync } from "node:fs";
import * as v from "valibot";
import { describe, expect, inject, test } from "vitest";
import { blocks, type Runtime } from "./blocks.ts";
import { Installation } from "./installation.ts";
import { type File, filesOf, projectOf } from "./projects.ts";

const RESOLUTIONS = {
  bundler: { module: "esnext", moduleResolution: "bundler" },
  nodenext: { module: "nodenext", moduleResolution: "nodenext" },
};

/** What `strict` leaves out and new projects have, but for `noUnusedLocals`: a later block uses what one declares. */
const STRICT = {
  target: "es2024",
  lib: ["esnext"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noFallthroughCasesInSwitch: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noUncheckedIndexedAccess: true,
  noUnusedParameters: true,
  erasableSyntaxOnly: true,
  moduleDetection: "force",
  verbatimModuleSyntax: true,
  allowJs: true,
  checkJs: true,
  noEmit: true,
};

const WORKER_TYPES = "./worker-configuration.d.ts";
const PageConfig = v.object({ compilerOptions: v.object({ types: v.array(v.string()) }) });

const installed = new Installation(inject("installation"));
const files = [...filesOf(blocks()).values()];

function codeFor(wanted: Runtime): File[] {
  return files.filter(({ runtime }) => runtime === wanted);
}

/** Writes a tsconfig.json into `project`; returns its path. */
function writeConfig(
  project: string,
  name: string,
  code: readonly File[],
  options: object,
): string {
  const path = installed.path(project, `tsconfig.${name}.json`);
  const config = {
    compilerOptions: { ...STRICT, ...options },
    files: code.map((file) => installed.path(file.path)),
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

/** The types that the page's own tsconfig.json has, or those that every Worker has. */
function workerTypes(project: string): string[] {
  const config = files.find(({ path }) => path === `${project}/tsconfig.json`);
  if (!config) return [WORKER_TYPES];
  return v.parse(PageConfig, JSON.parse(config.text)).compilerOptions.types;
}

function bindingsOf({ path }: File): string {
  return installed.read(projectOf(path), "wrangler.toml");
}

/** One for all Workers that have the same bindings, for the code of one compilation shares them. */
function workerConfigs(name: string, way: object): string[] {
  return Array.from(Map.groupBy(codeFor("workers"), bindingsOf).values(), (code) => {
    const project = projectOf(code[0]?.path ?? "");
    // What `wrangler types` writes has module names that nodenext does not know.
    const options = { ...way, types: workerTypes(project), skipLibCheck: true };
    return writeConfig(project, `workers.${name}`, code, options);
  });
}

function configsOf(name: keyof typeof RESOLUTIONS): string[] {
  const way = RESOLUTIONS[name];
  const browser = { ...way, types: [], lib: ["esnext", "dom", "dom.iterable"], jsx: "react-jsx" };
  const node = { ...way, types: ["node"], skipLibCheck: true };
  return [
    writeConfig("", `browser.${name}`, codeFor("browser"), browser),
    writeConfig("", `node.${name}`, codeFor("node"), node),
    ...workerConfigs(name, way),
  ];
}

describe("the code of the pages compiles", () => {
  test.each(["bundler", "nodenext"] as const)("strictly, with moduleResolution %s", async (way) => {
    const { code, output } = await installed.run("", "tsc", "-b", ...configsOf(way));
    expect({ output, code }).toEqual({ output: "", code: 0 });
  });

  test.each(
    files.filter(({ path }) => /\/tsconfig[^/]*\.json$/.test(path)).map(({ path }) => path),
  )("with the page's own %s", async (path) => {
    const { code, output } = await installed.run("", "tsc", "-p", path);
    expect({ output, code }).toEqual({ output: "", code: 0 });
  });
});
