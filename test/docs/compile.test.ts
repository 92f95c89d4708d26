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

/** Writes a tsconfig.json for what runs in `runtime`; returns its path. */
function configFor(
  runtime: Runtime,
  way: keyof typeof RESOLUTIONS,
  { project = "", types = [], ...more }: { project?: string; types?: string[]; lib?: string[]; jsx?: string; skipLibCheck?: boolean },
): string {
  const path = installed.path(project, `tsconfig.${runtime}.${way}.json`);
  const config = {
    compilerOptions: { ...STRICT, ...RESOLUTIONS[way], ...more, types },
    files: codeFor(runtime)
      .filter((file) => project === "" || projectOf(file.path) === project)
      .map((file) => installed.path(file.path)),
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

function codeFor(wanted: Runtime): File[] {
  return files.filter(({ runtime }) => runtime === wanted);
}

/** The types that the page's own tsconfig.json has, or those that every Worker has. */
function workerTypes(project: string): string[] {
  const config = files.find(({ path }) => path === `${project}/tsconfig.json`);
  if (!config) return [WORKER_TYPES];
  return v.parse(PageConfig, JSON.parse(config.text)).compilerOptions.types;
}

/** Of a Worker everybody sees the bindings, so each project is compiled by itself. */
function configsOf(way: keyof typeof RESOLUTIONS): string[] {
  const workers = new Set(codeFor("workers").map(({ path }) => projectOf(path)));
  return [
    configFor("browser", way, { lib: ["esnext", "dom", "dom.iterable"], jsx: "react-jsx" }),
    configFor("node", way, { types: ["node"], skipLibCheck: true }),
    // What `wrangler types` writes has module names that nodenext does not know.
    ...Array.from(workers, (project) =>
      configFor("workers", way, { project, types: workerTypes(project), skipLibCheck: true }),
    ),
  ];
}

describe.concurrent("the code of the pages compiles", () => {
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
