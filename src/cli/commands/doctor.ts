/** `doctor`: names unsafe settings, by the rules of the Worker's start-up and some more. */

import { printResult } from "../output.ts";
import { command } from "../command.ts";
import { inspectProject } from "../project.ts";
import { inspectService } from "../service-check.ts";
import { Target } from "../target.ts";
import { counted, printable, wrapped } from "../text.ts";

const COLUMNS = 100;

export const doctor = command({
  name: "doctor",
  summary: "Names unsafe settings of the folder it runs in, and of a running service",
  details:
    "Reads wrangler.toml (or wrangler.jsonc), .dev.vars and the environment, and says what to do about each. Secrets of an account cannot be read: those of .dev.vars or of the environment stand for them. Exits with 1 where something is unsafe.",
  examples: ["", "--url https://presence.example.com", "--json | jq -r '.unsafe[].setting'"],
  args: {
    url: {
      type: "string",
      valueHint: "url",
      description: "also asks the service that runs there, as a stranger would",
    },
    json: { type: "boolean", description: 'prints {"unsafe": […], "checked": […]}, for scripts' },
  },
  async run({ url, json }) {
    const target = url === undefined ? null : new Target(url);
    const { findings, read } = inspectProject();
    const unsafe = [...findings, ...(target === null ? [] : await inspectService(target))];
    const checked = [...read, ...(target === null ? [] : [target.url])];
    const lines = unsafe.flatMap(({ setting, problem, remedy }) => [
      ...wrapped(printable(`${setting} ${problem}.`), COLUMNS),
      ...wrapped(printable(remedy), COLUMNS - 4).map((line, index) =>
        index === 0 ? `  → ${line}` : `    ${line}`,
      ),
      "",
    ]);
    const found = unsafe.length === 0 ? "Nothing unsafe" : counted(unsafe.length, "unsafe thing");
    printResult(json, { unsafe, checked }, [...lines, `${found} in ${checked.join(", ")}.`]);
    if (unsafe.length > 0) process.exitCode = 1;
  },
});
