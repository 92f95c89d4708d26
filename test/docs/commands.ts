/** The commands in the pages' blocks of shell. */

import type { Block } from "./blocks.ts";

/** A package that a page has its reader install, with the version that it names. */
export type Tool = { readonly name: string; readonly range: string; readonly place: string };

/** The commands of a block, each in one line and without its comment. */
export function commandsIn({ text }: Block): string[] {
  const lines = text.replaceAll("\\\n", "").split("\n");
  return lines.map((line) => line.replace(/\s+#.*$/, "").trim()).filter((line) => line !== "");
}

/** What the pages have installed by `npm install`, each once. */
export function packagesIn(blocks: readonly Block[]): string[] {
  return [...new Set(installs(blocks, /^npm install ((?!-).+)$/).map(([name]) => name))];
}

/** What the pages have installed by `npm install --save-dev`. */
export function toolsIn(blocks: readonly Block[]): Tool[] {
  const named = installs(blocks, /^npm install --save-dev (.+)$/);
  return named.map(([name, place]) => toolOf(name, place));
}

/** What follows in the commands that fit, word by word, and where. */
function installs(blocks: readonly Block[], command: RegExp): [name: string, place: string][] {
  const scripts = blocks.filter(({ language }) => language === "sh");
  return scripts.flatMap((block) =>
    commandsIn(block).flatMap((line) => {
      const names = command.exec(line)?.[1]?.split(" ") ?? [];
      return names.map((name): [string, string] => [name, block.place]);
    }),
  );
}

function toolOf(named: string, place: string): Tool {
  const at = named.lastIndexOf("@");
  if (at > 0) return { name: named.slice(0, at), range: named.slice(at + 1), place };
  throw new Error(`${place}: ${named} is installed in whatever version; name one`);
}
