/**
 * Every type that something public takes or returns can be imported from its entry. Reads the declarations that are
 * published: of each that an entry exports, the names that it uses and that are ours must be exported there, too.
 */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const DIST = join(import.meta.dirname, "../../dist");
const ENTRIES = ["index.d.ts", "client/index.d.ts", "react/index.d.ts", "webhooks/index.d.ts"];

/**
 * Objects of the platform, and what binds them: the methods of an object are called by the runtime and by the other
 * objects through a stub, never by an application.
 */
const OBJECTS = new Set(["Room", "Channel", "Lobby", "Env"]);

type Export = { readonly name: string; readonly file: string };

function exportsOf(entry: string): Export[] {
  const text = readFileSync(join(DIST, entry), "utf8");
  const lists = text.matchAll(/export (?:type )?\{([^}]*)\} from "(\.[^"]*)\.[jt]s"/g);
  return Array.from(lists, ([, names = "", path = ""]) =>
    names
      .split(",")
      .map((name) => name.trim().replace(/^type /, ""))
      .filter((name) => name !== "")
      .map((name) => ({ name, file: join(DIST, dirname(entry), `${path}.d.ts`) })),
  ).flat();
}

/** What a file declares and imports of ours, by the names that it has there. */
function namesOfOurs(text: string): Set<string> {
  const declared = text.matchAll(/^(?:export )?(?:declare )?(?:type|interface|class) (\w+)/gm);
  const imported = text.matchAll(/import (?:type )?\{([^}]*)\} from "\./g);
  return new Set([
    ...Array.from(declared, ([, name = ""]) => name),
    ...Array.from(imported, ([, names = ""]) => names.split(","))
      .flat()
      .map((name) => name.trim().replace(/^type /, "")),
  ]);
}

/** The declarations of a name, without comments, values and what is internal. */
function declarationsOf(name: string, text: string): string {
  const shown = text
    .replaceAll(/\/\*\*(?:(?!\*\/)[\s\S])*@internal\s*\*\/\s*[^;]*;/g, "")
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/\btypeof \w+/g, "");
  const parts = shown.split(/^(?=export |declare |type |interface )/m);
  const head = new RegExp(
    `^export (?:declare )?(?:abstract )?(?:type|interface|class|function|const) ${name}\\b`,
  );
  return parts
    .filter((part) => head.test(part) && !isSchema(part))
    .map((part) => part.replace(head, ""))
    .join("\n");
}

/** A schema beside the type of its name: it comes along with the file, and is not what the entry exports. */
function isSchema(part: string): boolean {
  return /^export declare const \w+: v\./.test(part);
}

test.each(ENTRIES)("%s exports all types that what it exports uses", (entry) => {
  const known = exportsOf(entry);
  const names = new Set(known.map(({ name }) => name));
  expect(names.size).toBeGreaterThan(3);
  const missing = known
    .filter(({ name }) => !OBJECTS.has(name))
    .flatMap(({ name, file }) => {
      const text = readFileSync(file, "utf8");
      const ours = namesOfOurs(text);
      const used = declarationsOf(name, text).match(/\b[A-Z]\w*\b/g) ?? [];
      return used
        .filter((type) => ours.has(type) && !names.has(type))
        .map((type) => `${name} uses ${type}`);
    });
  expect([...new Set(missing)]).toEqual([]);
});
