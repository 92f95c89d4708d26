/**
 * The blocks of code in README.md, SECURITY.md and docs/, and what each says of itself behind the three backticks
 * (no page shows it), as in
 *
 *     ```ts file=games/src/game.ts runtime=workers
 *
 * - `file`: where it belongs, its project first. Projects are of all pages: one page may go on with another's.
 * - `continues`: a file whose end it is written to. Without a `file` the result is one more file beside that one.
 *   `durable-presence` is the project of this repository.
 * - `instead-of`: in TOML, the table that the continued file loses.
 * - `beside`: files of other projects, with commas between, that its project has, too.
 * - `runtime`: whose types TypeScript and JavaScript see. A fragment has that of the file that it continues.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const PROJECT = join(import.meta.dirname, "../..");

/** Where code of the pages runs. Of React Native no types are installed, so its code is not compiled. */
const RUNTIMES = ["workers", "browser", "node", "react-native"] as const;
export type Runtime = (typeof RUNTIMES)[number];

const ATTRIBUTES = new Set(["file", "continues", "instead-of", "beside", "runtime"]);

export class Block {
  /** From the root of this repository: "docs/library.md". */
  readonly page: string;
  /** That of the opening backticks, from 1 on. */
  readonly line: number;
  /** The first word behind the backticks: "ts"; "" where there is none. */
  readonly language: string;
  /** With the line break at its end. */
  readonly text: string;
  readonly #attributes: ReadonlyMap<string, string>;

  constructor(page: string, line: number, info: string, text: string) {
    const [language = "", ...words] = info.split(/\s+/);
    this.page = page;
    this.line = line;
    this.language = language;
    this.text = text;
    this.#attributes = new Map(words.map((word) => this.#attribute(word)));
  }

  /** "docs/library.md:32" */
  get place(): string {
    return `${this.page}:${this.line}`;
  }

  get file(): string | undefined {
    return this.#attributes.get("file");
  }

  get continues(): string | undefined {
    return this.#attributes.get("continues");
  }

  get insteadOf(): string | undefined {
    return this.#attributes.get("instead-of");
  }

  get beside(): string[] {
    return this.#attributes.get("beside")?.split(",") ?? [];
  }

  get runtime(): Runtime | undefined {
    const named = this.#attributes.get("runtime");
    const known = RUNTIMES.find((runtime) => runtime === named);
    if (named === known) return known;
    throw new Error(`${this.place}: runtime is "${named}"; it may be ${RUNTIMES.join(", ")}`);
  }

  #attribute(word: string): [string, string] {
    const [name = "", value = ""] = word.split("=", 2);
    if (ATTRIBUTES.has(name) && value !== "") return [name, value];
    const all = [...ATTRIBUTES].join("=…, ");
    throw new Error(`${this.place}: "${word}" says nothing of a block; what does: ${all}=…`);
  }
}

/** From the root of this repository, sorted. */
export function pages(): string[] {
  const docs = readdirSync(join(PROJECT, "docs"), { recursive: true, encoding: "utf8" });
  const below = docs.filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`);
  return ["README.md", "SECURITY.md", ...below].toSorted();
}

export function blocks(): Block[] {
  return pages().flatMap((page) => blocksIn(page, readFileSync(join(PROJECT, page), "utf8")));
}

/** The blocks of one page. What is indented, below an item of a list, loses the indentation. */
export function blocksIn(page: string, markdown: string): Block[] {
  const fences = /^( *)```(?!`)(.*)\n((?:.*\n)*?)\1```$/gm;
  return Array.from(
    markdown.matchAll(fences),
    ({ 1: indent = "", 2: info = "", 3: text = "", index }) => {
      const line = markdown.slice(0, index).split("\n").length;
      const flush = indent === "" ? text : text.replaceAll(new RegExp(`^${indent}`, "gm"), "");
      return new Block(page, line, info.trim(), flush);
    },
  );
}
