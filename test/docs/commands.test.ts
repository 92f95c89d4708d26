/** The commands of `durable-presence` in the pages, run against the Worker of docs/library.md, as it is. */

import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { SECRET, Server } from "../support/server.ts";
import { blocks } from "./blocks.ts";
import { commandsIn } from "./commands.ts";
import { Installation } from "./installation.ts";

const installed = new Installation(inject("installation"));
let server: Server;
beforeAll(async () => {
  const config = installed.path("presence/wrangler.toml");
  server = await Server.start({}, { config, health: "/healthz" });
});
afterAll(() => server.stop());

/** What comes before the arguments: where the package is installed, in this repository, and what that is short for. */
const PREFIXES: [RegExp, string][] = [
  [/^npx durable-presence /, "durable-presence "],
  [/^npm run -s presence -- /, "durable-presence "],
  [/^npm run -s token -- /, "durable-presence token "],
];

/** Without what a pipe does with the output. `--watch` never ends: test/end-to-end/cli.test.ts has it. */
function ownCommands(): [string, string][] {
  return blocks().flatMap((block) => {
    if (block.language !== "sh") return [];
    const plain = commandsIn(block).map((command) => {
      const [prefix, short] = PREFIXES.find(([start]) => start.test(command)) ?? [/^/, ""];
      return command.replace(prefix, short).replace(/ \| .*$/, "");
    });
    const own = plain.filter((command) => command.startsWith("durable-presence "));
    return own
      .filter((command) => !command.includes("--watch"))
      .map((command): [string, string] => [block.place, command]);
  });
}

test.concurrent.each(ownCommands())("%s: %s", async (_, command) => {
  const settings = `PRESENCE_URL=${server.url} PRESENCE_SECRET='${SECRET}'`;
  const script = `${settings} node_modules/.bin/${command}`;
  const { code, output } = await installed.shell(script);
  expect({ code, output }).toEqual({ code: 0, output: expect.any(String) });
});
