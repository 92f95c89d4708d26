/** A command: its arguments, its help, and the check that nothing else was written. */

import { parseArgs } from "node:util";
import { UsageError } from "./command-error.ts";
import { printable, tableOf, wrapped } from "./text.ts";

/** What the program is called, in `bin` of package.json. */
export const PROGRAM = "durable-presence";

type Positional = { readonly type: "positional"; readonly description: string };

type Option = {
  readonly type: "string" | "boolean";
  readonly description: string;
  /** The placeholder for the value in the help. */
  readonly valueHint?: string;
};

/**
 * Arguments, by name. Positional ones are in the order in which they are written, and all are
 * needed.
 */
type Definitions = Readonly<Record<string, Positional | Option>>;

type Values<Args extends Definitions> = {
  readonly [Name in keyof Args]: Args[Name]["type"] extends "positional"
    ? string
    : (Args[Name]["type"] extends "boolean" ? boolean : string) | undefined;
};

/** Options of every command that asks the service. */
export const SERVICE_OPTIONS = {
  url: {
    type: "string",
    valueHint: "url",
    description: "where the service is (default: PRESENCE_URL, or http://localhost:8787)",
  },
  json: { type: "boolean", description: "prints the API's JSON, for scripts" },
} as const satisfies Definitions;

/** The width of the help: it fits any terminal. */
const HELP_COLUMNS = 80;

const HELP_OPTION = ["  -h, --help", "prints this"];

type Definition<Args extends Definitions> = {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What else there is to know. */
  readonly details?: string;
  /** Arguments as one would type them, without the program and the command. */
  readonly examples: readonly string[];
  readonly args: Args;
  readonly run: (args: Values<Args>) => void | Promise<void>;
};

export type Command = {
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  /** Runs it, or prints its help. Throws a UsageError where `rawArgs` are not its arguments. */
  run(rawArgs: string[]): Promise<void>;
};

export function command<const Args extends Definitions>(definition: Definition<Args>): Command {
  const { name, summary, args, run } = definition;
  const help = helpOf(definition);
  return {
    name,
    summary,
    help,
    async run(rawArgs) {
      if (asksForHelp(rawArgs, args)) return console.log(help);
      const values = readArguments(name, args, rawArgs);
      // SAFETY: each is of the type that its definition says, and no positional one is missing.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      await run(values as Values<Args>);
    },
  };
}

/** Reads an option that must be a number, `min` or more. Throws a UsageError. */
export function readNumber(option: string, text: string, { min }: { min: number }): number {
  const number = Number(text);
  if (text.trim() !== "" && Number.isFinite(number) && number >= min) return number;
  throw new UsageError(`${option} is "${printable(text)}"; it must be a number, ${min} or more`);
}

/** Reads an option that must be JSON. Throws a UsageError that says where it goes wrong. */
export function readJson(option: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? ` (${printable(error.message)})` : "";
    throw new UsageError(`${option} is not JSON: ${printable(text)}${reason}`);
  }
}

function tokensOf(rawArgs: string[], args: Definitions) {
  const options = Object.fromEntries(optionsOf(args).map(([name, { type }]) => [name, { type }]));
  return parseArgs({ args: rawArgs, options, strict: false, allowPositionals: true, tokens: true })
    .tokens;
}

function asksForHelp(rawArgs: string[], args: Definitions): boolean {
  return tokensOf(rawArgs, args).some(
    (token) => token.kind === "option" && (token.name === "help" || token.rawName === "-h"),
  );
}

/**
 * The values of arguments, by name. Throws a UsageError for what the parser lets pass: options that
 * are not known, and an option that is taken for the value of another.
 */
function readArguments(
  name: string,
  args: Definitions,
  rawArgs: string[],
): Record<string, string | boolean> {
  const known = new Map(optionsOf(args));
  const values: Record<string, string | boolean> = {};
  const positionals: string[] = [];
  for (const token of tokensOf(rawArgs, args)) {
    if (token.kind === "positional") positionals.push(token.value);
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
      values[token.name] = true;
    } else if (value === undefined || (!isInline && /^-\D/.test(value))) {
      throw new UsageError(
        `${rawName} needs a value; one that begins with - is written ${rawName}=-…`,
      );
    } else values[token.name] = value;
  }
  return { ...values, ...readPositionals(name, positionalsOf(args), positionals) };
}

function readPositionals(name: string, wanted: string[], given: string[]): Record<string, string> {
  const missing = wanted.slice(given.length);
  if (missing.length > 0) {
    throw new UsageError(`${name} needs ${missing.map((each) => `<${each}>`).join(" and ")}`);
  }
  const extra = given[wanted.length];
  if (extra !== undefined) {
    throw new UsageError(
      `${name} does not know what to do with "${printable(extra)}"; a name with spaces needs quotes`,
    );
  }
  return Object.fromEntries(wanted.map((each, index) => [each, given[index] ?? ""]));
}

function positionalsOf(args: Definitions): string[] {
  return Object.keys(args).filter((name) => args[name]?.type === "positional");
}

function optionsOf(args: Definitions): [string, Option][] {
  return Object.entries(args).flatMap(([name, definition]) =>
    definition.type === "positional" ? [] : [[name, definition] satisfies [string, Option]],
  );
}

function helpOf({
  name,
  summary,
  details,
  examples,
  args,
}: Omit<Definition<Definitions>, "run">): string {
  const positionals = positionalsOf(args);
  const usage = [PROGRAM, name, ...positionals.map((each) => `<${each}>`), "[options]"].join(" ");
  const rows = [
    ...positionals.map((each) => [`  <${each}>`, args[each]?.description ?? ""]),
    ...optionsOf(args).map(([each, { valueHint, description }]) => [
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
