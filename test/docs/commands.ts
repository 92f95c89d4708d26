/** The commands in the pages' blocks of shell. */

import type { Block } from "./blocks.ts";

/** A package that a page has its reader install, with the version that it names. */
export type Tool = { readonly name: string; readonly range: string; readonly place: string };

/** The commands of a block, each in one line and without its comment. */
export function commandsIn({ text }: Block): string[] {
  const lines = text.replaceAll("\\\n", "").split("\n");
  return lines.map((line) => line.replace(/\s+#.*$/, "").trim()).filter((line) => line !== "");
}

/** What the pages have installed by `npm install --save-dev`. */
export function toolsIn(blocks: readonly Block[]): Tool[] {
  return blocks
    .filter(({ language }) => language === "sh")
    .flatMap((block) =>
      commandsIn(block).flatMap((command) => {
        const [, packages] = /^npm install --save-dev (.+)$/.exec(command) ?? [];
        return packages?.split(" ").map((named) => toolOf(named, block.place)) ?? [];
      }),
    );
}

function toolOf(named: string, place: string): Tool {
  const at = named.lastIndexOf("@");
  if (at > 0) return { name: named.slice(0, at), range: named.slice(at + 1), place };
  throw new Error(`${place}: ${named} is installed in whatever version; name one`);
}
