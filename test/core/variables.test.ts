/** What an editor shows of each setting is what the settings have. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RANGES } from "../../src/config/settings.ts";
import { formatCount } from "../../src/core/protocol.ts";

const source = readFileSync(join(import.meta.dirname, "../../src/config/variables.ts"), "utf8");

/** The words above a variable, in one line. */
function docstringOf(name: string): string {
  const [, text] =
    new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s+${name}\\?:`).exec(source) ?? [];
  return (text ?? "").replaceAll(/\s*\n\s*\* ?/g, " ").trim();
}

test.each(Object.entries(RANGES))("%s says its default, its range and its unit", (name, range) => {
  const { standard, min, max, unit } = range;
  const numbers = `Default ${formatCount(standard)}, from ${formatCount(min)} to ${formatCount(max)} ${unit}.`;
  expect(docstringOf(name)).toContain(numbers);
});

test("every variable says what it is", () => {
  const names = Array.from(source.matchAll(/^ {2}(PRESENCE_\w+)\?:/gm), ([, name]) => name ?? "");
  expect(names.length).toBeGreaterThan(Object.keys(RANGES).length);
  expect(names.filter((name) => docstringOf(name) === "")).toEqual([]);
});
