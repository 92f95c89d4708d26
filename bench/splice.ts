/** Puts what was measured into a page that people write: between two comments, so that the prose stays. */

import { readFileSync, writeFileSync } from "node:fs";

export function splice(file: string, name: string, content: string): void {
  const [begin, end] = [`<!-- measured: ${name} -->\n`, "\n<!-- end -->"];
  const page = readFileSync(file, "utf8");
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from === -1 || to === -1) throw new Error(`${file} has no place for "${name}"`);
  writeFileSync(file, `${page.slice(0, from + begin.length)}\n${content}\n${page.slice(to)}`);
}
