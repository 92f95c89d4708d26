/** A command: its arguments, its help, and the check that nothing else was written. */

import { type ArgsDef, defineCommand, type ParsedArgs, runCommand } from "citty";
import { parseArgs } from "node:util";
import { UsageError } from "./failure.ts";
import { printable, tableOf, wrapped } from "./text.ts";

/** What the program is called, in `bin` of package.json. */
export const PROGRAM = "durable-presence";

/** Options of every command that asks the service. */
export const SERVICE_OPTIONS = {
  url: {
    type: "string",
    valueHint: "url",
    description: "where the service is (default: PRESENCE_URL, or http://localhost:8787)",
  },
  json: { type: "boolean", description: "prints the API's JSON, for scripts" },
} as const satisfies ArgsDef;

/** What help is wrapped to: readable in any terminal. */
const HELP_COLUMNS = 80;

const HELP_OPTION = ["  -h, --help", "prints this"];

type Definition<Args extends ArgsDef> = {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What else there is to know. */
  readonly details?: string;
  /** Arguments as one would type them, without the program and the command. */
  readonly examples: readonly string[];
  readonly args: Args;
  readonly run: (args: ParsedArgs<Args>) => void | Promise<void>;
};

export type Command = {
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  /** Runs it, or prints its help. Throws a UsageError where `rawArgs` are not its arguments. */
  run(rawArgs: string[]): Promise<void>;
};

export function command<const Args extends ArgsDef>(definition: Definition<Args>): Command {
  const { name, summary, args, run } = definition;
  const parsed = defineCommand({ meta: { name }, args, run: (context) => run(context.args) });
  const help = helpOf(definition);
  return {
    name,
    summary,
    help,
    async run(rawArgs) {
      if (asksForHelp(rawArgs, args)) return console.log(help);
      checkUsage(name, args, rawArgs);
      await runCommand(parsed, { rawArgs });
    },
  };
}

/** A number that an option must be. Throws a UsageError. */
export function readNumber(option: string, text: string, { min }: { min: number }): number {
  const number = Number(text);
  if (text.trim() !== "" && Number.isFinite(number) && number >= min) return number;
  throw new UsageError(`${option} is "${printable(text)}"; it must be a number, ${min} or more`);
}

/** JSON that an option must be. Throws a UsageError that says where it goes wrong. */
export function readJson(option: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? ` (${printable(error.message)})` : "";
    throw new UsageError(`${option} is not JSON: ${printable(text)}${reason}`);
  }
}

function tokensOf(rawArgs: string[], args: ArgsDef) {
  const options = Object.fromEntries(
    optionsOf(args).map(([name, { type }]) => [
      name,
      { type: type === "boolean" ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  return parseArgs({ args: rawArgs, options, strict: false, allowPositionals: true, tokens: true })
    .tokens;
}

function asksForHelp(rawArgs: string[], args: ArgsDef): boolean {
  return tokensOf(rawArgs, args).some(
    (token) => token.kind === "option" && (token.name === "help" || token.rawName === "-h"),
  );
}

/** The parser ignores what it does not know, and takes an option for the value of another: here that is an error. */
function checkUsage(name: string, args: ArgsDef, rawArgs: string[]): void {
  const known = new Map(optionsOf(args));
  const values: string[] = [];
  for (const token of tokensOf(rawArgs, args)) {
    if (token.kind === "positional") values.push(token.value);
    if (token.kind !== "option") continue;
    const { rawName, value, inlineValue: isInline = false } = token;
    const option = known.get(token.name);
    if (option === undefined || !rawName.startsWith("--")) {
      throw new UsageError(
        `${name} has no option ${printable(rawName)}; a name that begins with - goes behind --`,
      );
    }
    if (option.type === "boolean") {
      if (value !== undefined) throw new UsageError(`${rawName} takes no value`);
    } else if (value === undefined || (!isInline && /^-\D/.test(value))) {
      throw new UsageError(
        `${rawName} needs a value; one that begins with - is written ${rawName}=-…`,
      );
    }
  }
  checkPositionals(name, positionalsOf(args), values);
}

function checkPositionals(name: string, wanted: string[], values: string[]): void {
  const missing = wanted.slice(values.length);
  if (missing.length > 0) {
    throw new UsageError(`${name} needs ${missing.map((each) => `<${each}>`).join(" and ")}`);
  }
  const extra = values[wanted.length];
  if (extra !== undefined) {
    throw new UsageError(
      `${name} does not know what to do with "${printable(extra)}"; a name with spaces needs quotes`,
    );
  }
}

function positionalsOf(args: ArgsDef): string[] {
  return Object.keys(args).filter((name) => args[name]?.type === "positional");
}

function optionsOf(args: ArgsDef) {
  return Object.entries(args).filter(([, { type }]) => type !== "positional");
}

function helpOf({
  name,
  summary,
  details,
  examples,
  args,
}: Omit<Definition<ArgsDef>, "run">): string {
  const positionals = positionalsOf(args);
  const usage = [PROGRAM, name, ...positionals.map((each) => `<${each}>`), "[options]"].join(" ");
  const rows = [
    ...positionals.map((each) => [`  <${each}>`, args[each]?.description ?? ""]),
    ...optionsOf(args).map(([each, { valueHint, description = "" }]) => [
      `  --${each}${valueHint === undefined ? "" : ` <${valueHint}>`}`,
      description,
    ]),
    HELP_OPTION,
  ];
  return [
    `${summary}.`,
    ...(details === undefined ? [] : wrapped(details, HELP_COLUMNS)),
    "",
    `  ${usage}`,
    "",
    ...tableOf(rows),
    "",
    "Examples:",
    ...examples.map((example) => `  ${`${PROGRAM} ${name} ${example}`.trimEnd()}`),
  ].join("\n");
}
