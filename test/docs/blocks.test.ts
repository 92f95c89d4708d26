/**
 * Every block of the pages, by its language. compile.test.ts has TypeScript and JavaScript, commands.test.ts the commands,
 * test/browser/readme.test.ts the HTML; the rest is here. What nothing checks is named, with the reason.
 */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import * as v from "valibot";
import { afterEach, describe, expect, inject, test, vi } from "vitest";
import { unstable_readConfig as readConfig } from "wrangler";
import { type Block, blocks, blocksIn, pages, PROJECT } from "./blocks.ts";
import { commandsIn, toolsIn } from "./commands.ts";
import { Installation } from "./installation.ts";
import { filesOf } from "./projects.ts";

const CODE = ["ts", "tsx", "js"];
const CHECKED = [...CODE, "html", "json", "jsonc", "sh", "toml"];

/** Not every machine that these tests run on has what reads it. */
const UNCHECKED: Record<string, string> = {
  python: "wants Django, and Python",
  sql: "is read by Cloudflare's Analytics Engine alone",
  "": "is what a program prints",
};

const Scripts = v.object({ scripts: v.record(v.string(), v.string()) });
const Versioned = v.object({ version: v.string() });

const installed = new Installation(inject("installation"));
const all = blocks();
const files = [...filesOf(all).values()];

afterEach(() => {
  vi.restoreAllMocks();
});

function inLanguage(...languages: string[]): [string, Block][] {
  const found = all.filter(({ language }) => languages.includes(language));
  if (found.length === 0) throw new Error(`no block is in ${languages.join(" or ")}`);
  return found.map((block) => [block.place, block]);
}

/** JSON without its comments. */
function withoutComments(jsonc: string): string {
  const comments = /"(?:[^"\\]|\\.)*"|\/\/.*|\/\*.*?\*\//g;
  return jsonc.replaceAll(comments, (part) => (part.startsWith('"') ? part : ""));
}

function versionOf(name: string): string {
  const text = readFileSync(join(PROJECT, "node_modules", name, "package.json"), "utf8");
  return v.parse(Versioned, JSON.parse(text)).version;
}

describe("a block", () => {
  test("is found, wherever the backticks are", () => {
    const text =
      "- item\n\n  ```ts file=a/b.ts\n  if (x) {\n    y();\n  }\n  ```\n\n```sh\nls\n```\n";
    const found = blocksIn("page.md", text);
    expect(found.map(({ place, text: code }) => [place, code])).toEqual([
      ["page.md:3", "if (x) {\n  y();\n}\n"],
      ["page.md:9", "ls\n"],
    ]);
    const fences = pages().map((page) => {
      const lines = readFileSync(join(PROJECT, page), "utf8").split("\n");
      return lines.filter((line) => /^\s*(?:```|~~~)/.test(line)).length;
    });
    expect(all).toHaveLength(fences.reduce((sum, count) => sum + count) / 2);
  });

  test("that says what nobody understands is refused, as is a second file of the same name", () => {
    expect(() => blocksIn("page.md", "```ts fil=a/b.ts\n```\n")).toThrow(
      'page.md:1: "fil=a/b.ts" says nothing of a block',
    );
    const twice = blocksIn("page.md", "```ts file=a/b.ts\n```\n```ts file=a/b.ts\n```\n");
    expect(() => filesOf(twice)).toThrow("page.md:3: page.md:1 has a file a/b.ts, too");
    const lost = blocksIn("page.md", "```ts continues=a/b.ts\n```\n");
    expect(() => filesOf(lost)).toThrow("page.md:1: no block is the file a/b.ts");
  });

  test("is in a language that is checked, or of which is known why it is not", () => {
    const known = new Set([...CHECKED, ...Object.keys(UNCHECKED)]);
    expect(all.filter(({ language }) => !known.has(language)).map(({ place }) => place)).toEqual(
      [],
    );
  });

  test.each(inLanguage(...CODE, "toml"))("%s says of which file it is", (_, block) => {
    expect(block.file ?? block.continues).toBeDefined();
  });

  test.each(inLanguage(...CODE))("%s runs somewhere", (place) => {
    expect(files.find((file) => file.place === place)?.runtime).toBeDefined();
  });
});

describe("what is not compiled for want of types", () => {
  const native = files.filter(({ runtime }) => runtime === "react-native");
  test.each(native.map(({ place, text }) => [place, text]))("%s is TypeScript", (_, text) => {
    expect(stripTypeScriptTypes(text)).toContain("import");
    expect(() => stripTypeScriptTypes(`${text}}`)).toThrow(SyntaxError);
  });
});

describe("wrangler reads", () => {
  const toml = files.filter(({ path }) => path.endsWith(".toml"));
  test.each(toml.map(({ path, place }) => [place, path]))("%s, as %s", (_, path) => {
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    const { durable_objects: objects } = readConfig({ config: installed.path(path) });
    expect(warned.mock.calls).toEqual([]);
    expect(objects.bindings).toContainEqual({ name: "PRESENCE_ROOM", class_name: "Room" });
  });

  test("nothing that it does not know", () => {
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    const config = installed.path("presence/wrangler.unknown.toml");
    const known = installed.read("presence/wrangler.toml");
    writeFileSync(config, `unheard_of = 1\n${known}`);
    readConfig({ config });
    expect(String(warned.mock.calls)).toContain("unheard_of");
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("JSON", () => {
  test.each(inLanguage("json"))("%s is valid", (_, { text }) => {
    expect(() => void JSON.parse(text)).not.toThrow();
  });

  test.each(inLanguage("jsonc"))(
    "%s is a value, or one in each line, and comments",
    (_, { text }) => {
      const bare = withoutComments(text);
      const lines = bare.split("\n").filter((line) => line.trim() !== "");
      expect(lines.length).toBeGreaterThan(0);
      expect(isJson(bare) || lines.every((line) => isJson(line))).toBe(true);
    },
  );
});

describe("shell", () => {
  const { scripts } = v.parse(
    Scripts,
    JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")),
  );

  test.each(inLanguage("sh"))("%s is valid", (_, { text }) => {
    expect(execFileSync("bash", ["-n"], { input: text, encoding: "utf8" })).toBe("");
  });

  test.each(inLanguage("sh"))("%s names scripts and tests that there are", (_, block) => {
    const text = commandsIn(block).join("\n");
    const named = Array.from(text.matchAll(/npm run (?:-s )?([\w:]+)/g), ([, name = ""]) => name);
    for (const name of named) expect(scripts).toHaveProperty([name]);
    const paths = text.match(/\btest\/[\w/.-]+\.ts\b/g) ?? [];
    expect(paths.filter((path) => !existsSync(join(PROJECT, path)))).toEqual([]);
  });

  test.each(toolsIn(all).map((tool) => [tool.place, tool.name, tool] as const))(
    "%s installs the %s that these tests run with",
    (_, name, { range }) => {
      expect(range.replace(/^\^/, "")).toBe(versionOf(name));
    },
  );
});
