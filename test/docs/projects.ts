/** The projects that the pages describe, file by file, put together from their blocks. */

import { readFileSync } from "node:fs";
import { dirname, join, parse } from "node:path/posix";
import { parse as parseToml, stringify } from "smol-toml";
import { type Block, PROJECT, type Runtime } from "./blocks.ts";

/** The project that this repository is, as blocks name it. */
const OWN = "durable-presence/";

export type File = {
  /** Its project first: "games/src/game.ts". */
  readonly path: string;
  readonly text: string;
  readonly runtime: Runtime | undefined;
  /** Where it comes from: "docs/library.md:210". */
  readonly place: string;
};

/** All files of all projects, by their paths. A file whose block is a fragment is the whole that it makes. */
export function filesOf(blocks: readonly Block[]): Map<string, File> {
  const files = new Map<string, File>();
  // A page may go on with a file of a page that comes behind it.
  const later = blocks.filter(({ continues }) => continues !== undefined);
  for (const block of blocks)
    if (block.file !== undefined && !later.includes(block)) add(files, whole(block, block.file));
  for (const block of later) add(files, continued(files, block));
  for (const block of blocks)
    for (const path of block.beside) add(files, beside(files, block, path));
  return files;
}

function add(files: Map<string, File>, file: File): void {
  const before = files.get(file.path);
  if (before) throw new Error(`${file.place}: ${before.place} has a file ${file.path}, too`);
  files.set(file.path, file);
}

function whole({ text, runtime, place }: Block, path: string): File {
  return { path, text, runtime, place };
}

function continued(files: ReadonlyMap<string, File>, block: Block): File {
  const { continues = "", insteadOf, place } = block;
  const { dir, name, ext } = parse(continues);
  const { text, runtime } = find(files, block, continues);
  const start = insteadOf === undefined ? text : without(text, insteadOf);
  const path = block.file ?? join(dir, `${name}.${place.replaceAll(/\W+/g, "-")}${ext}`);
  return { path, text: `${start}\n${block.text}`, runtime, place };
}

function without(toml: string, table: string): string {
  const { [table]: _, ...rest } = parseToml(toml);
  return stringify(rest);
}

function beside(files: ReadonlyMap<string, File>, block: Block, path: string): File {
  const { text } = find(files, block, path);
  const target = join(projectOf(block.file ?? ""), path.slice(projectOf(path).length + 1));
  return { path: target, text, runtime: undefined, place: block.place };
}

function find(
  files: ReadonlyMap<string, File>,
  { place }: Block,
  path: string,
): Pick<File, "text" | "runtime"> {
  const file = files.get(path);
  if (file) return file;
  if (!path.startsWith(OWN)) throw new Error(`${place}: no block is the file ${path}`);
  return { text: readFileSync(join(PROJECT, path.slice(OWN.length)), "utf8"), runtime: undefined };
}

/** "games" of "games/src/game.ts" */
export function projectOf(path: string): string {
  const [project = ""] = path.split("/");
  if (project === path || dirname(path) === ".") throw new Error(`"${path}" names no project`);
  return project;
}
