/**
 * Part of `npm run build`: puts the pages together in dist/pages, from where the Worker serves
 * them. They load the published client file by file: no bundler, no CDN, and no import map, which
 * is an inline script that a strict Content-Security-Policy refuses. So the names of packages are
 * replaced by paths here.
 */

import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join, relative } from "node:path";
import { HEADERS, REDIRECTS } from "./page-rules.ts";

const PROJECT = join(import.meta.dirname, "../..");
const PAGES = join(PROJECT, "dist/pages");
const VIEWER_PACKAGE = dirname(
  createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"),
);
const MODULES = dirname(VIEWER_PACKAGE);

/** The viewer of /docs, as it is published; its licences go along. */
const VIEWER = [
  "swagger-ui.css",
  "swagger-ui-bundle.js",
  "swagger-ui-bundle.js.LICENSE.txt",
  "LICENSE",
  "NOTICE",
];

/** The packages that the client imports, with the files to serve; the first one is the module. */
const PACKAGES: Record<string, readonly [string, ...string[]]> = {
  valibot: ["valibot/dist/index.min.mjs", "valibot/LICENSE.md"],
};

/** Where a file of a package is served. As `.js`: not every server has a type for `.mjs`. */
function placeOf(file: string): string {
  return join("packages", file.replace("/dist/", "/").replace(/\.mjs$/, ".js"));
}

/** A module as a browser can load it, `depth` folders below the pages. */
function rewritten(source: string, depth: number): string {
  const root = "../".repeat(depth) || "./";
  return source.replaceAll(
    /(\bfrom |\bimport )"([^"]+)"/g,
    (line, before: string, name: string) => {
      const files = PACKAGES[name];
      if (files) return `${before}"${root}${placeOf(files[0])}"`;
      // In dist the client is beside the pages; where they are served, it is among them.
      const library = /^(?:\.\.\/)+((?:client|core)\/.*)$/.exec(name)?.[1];
      if (library !== undefined) return `${before}"${root}${library}"`;
      if (name.startsWith(".")) return line;
      throw new Error(`no page can load "${name}"; name its files in src/dev/pages.ts`);
    },
  );
}

/** The modules below `directory` of dist, rewritten into `target`; their maps go along. */
function copyModules(directory: string, target: string): void {
  const source = join(PROJECT, "dist", directory);
  for (const file of readdirSync(source, { recursive: true, encoding: "utf8" })) {
    if (!/\.js(?:\.map)?$/.test(file)) continue;
    const path = join(PAGES, target, file);
    mkdirSync(dirname(path), { recursive: true });
    const text = readFileSync(join(source, file), "utf8");
    const depth = relative(PAGES, dirname(path)).split("/").filter(Boolean).length;
    writeFileSync(path, extname(file) === ".js" ? rewritten(text, depth) : text);
  }
}

function copyFiles(files: readonly string[], from: string, to: (file: string) => string): void {
  for (const file of files) {
    const target = join(PAGES, to(file));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(from, file), target);
  }
}

cpSync(join(PROJECT, "src/pages"), PAGES, {
  recursive: true,
  filter: (path) => !/\.ts$|tsconfig\.json$/.test(path),
});
for (const folder of ["shared", "demo", "inspector"]) copyModules(`pages/${folder}`, folder);
copyModules("client", "client");
copyModules("core", "core");
copyFiles(Object.values(PACKAGES).flat(), MODULES, placeOf);
copyFiles(VIEWER, VIEWER_PACKAGE, (file) => join("swagger-ui", file));
writeFileSync(join(PAGES, "_headers"), HEADERS);
writeFileSync(join(PAGES, "_redirects"), REDIRECTS);
