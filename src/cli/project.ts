/**
 * What a deploy from the current folder would use: wrangler's configuration, .dev.vars and the
 * environment.
 */

import { existsSync, readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { parse as parseJson, type ParseError, printParseErrorCode } from "jsonc-parser";
import { parse as parseToml } from "smol-toml";
import * as v from "valibot";
import { type Finding, auditSettings } from "../config/settings-audit.ts";
import { CommandError } from "./command-error.ts";
import { printable } from "./text.ts";

const CONFIGS = ["wrangler.toml", "wrangler.jsonc", "wrangler.json"];
const VARS = ".dev.vars";

/** Secrets of the service. In a file that is committed they are not secret. */
const SECRETS = ["PRESENCE_SECRET", "PRESENCE_SECRET_PREVIOUS", "PRESENCE_WEBHOOK_SECRET"];

/** Variables of the command line itself. */
const OWN = new Set(["PRESENCE_URL", "PRESENCE_TOKEN"]);

/** What is read of wrangler's configuration, at its top level. */
const Config = v.object({
  vars: v.optional(v.record(v.string(), v.unknown()), {}),
  ratelimits: v.optional(v.array(v.object({ name: v.string() })), []),
  queues: v.optional(
    v.object({ producers: v.optional(v.array(v.object({ binding: v.string() })), []) }),
    {},
  ),
  observability: v.optional(
    v.object({
      enabled: v.optional(v.boolean(), false),
      redact_query_string: v.optional(v.boolean(), false),
    }),
    {},
  ),
});
type Config = v.InferOutput<typeof Config>;

/**
 * What is unsafe in this folder, and which files were read. Throws a CommandError where a deploy
 * would fail, too.
 */
export function inspectProject(): { findings: readonly Finding[]; read: readonly string[] } {
  const file = CONFIGS.find((name) => existsSync(name));
  if (file === undefined) {
    throw new CommandError(`there is no ${CONFIGS[0]} here; run this in the folder that has it`);
  }
  const config = readConfig(file);
  const local = existsSync(VARS) ? parseEnv(readFileSync(VARS, "utf8")) : {};
  const variables = {
    ...ofService(local),
    ...ofService(process.env),
    // What is committed is deployed. The other two stand for the account's secrets, which cannot be
    // read.
    ...ofService(config.vars),
  };
  const bindings = new Set([
    ...config.ratelimits.map(({ name }) => name),
    ...config.queues.producers.map(({ binding }) => binding),
  ]);
  const read = [file, ...(existsSync(VARS) ? [VARS] : []), "the environment"];
  try {
    const findings = auditSettings(variables, (name) => bindings.has(name));
    return { findings: [...findingsOfConfig(config, file), ...findings], read };
  } catch (error) {
    throw new CommandError(printable(error instanceof Error ? error.message : String(error)));
  }
}

function findingsOfConfig({ vars, observability }: Config, file: string): Finding[] {
  const findings: Finding[] = SECRETS.filter((name) => name in vars).map((setting) => ({
    setting,
    problem: `stands in ${file}: ${setting === "PRESENCE_WEBHOOK_SECRET" ? "whoever sees the repository can send events as this service" : "whoever sees the repository can be anybody"}`,
    remedy: `take it out, make a new one, and set it with: npx wrangler secret put ${setting}`,
  }));
  if (observability.enabled && !observability.redact_query_string) {
    findings.push({
      setting: "observability.redact_query_string",
      problem: "is off: the tokens that browsers send in the query stand in the log",
      remedy: `set it to true in ${file}`,
    });
  }
  return findings;
}

/** The variables of the service, as text: a number is one in TOML. */
function ofService(values: Readonly<Record<string, unknown>>): Record<string, string> {
  const known = Object.entries(values).filter(
    ([name, value]) => name.startsWith("PRESENCE_") && !OWN.has(name) && isScalar(value),
  );
  return Object.fromEntries(known.map(([name, value]) => [name, String(value)]));
}

function isScalar(value: unknown): boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}

function readConfig(file: string): Config {
  const text = readFileSync(file, "utf8");
  try {
    return v.parse(Config, file.endsWith(".toml") ? parseToml(text) : parseJsonc(text));
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new CommandError(`${file} cannot be read: ${printable(reason ?? "")}`);
  }
}

/** JSON with comments, and commas at the end of lists, as wrangler takes it. */
function parseJsonc(text: string): unknown {
  const errors: ParseError[] = [];
  const value: unknown = parseJson(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first === undefined) return value;
  const line = text.slice(0, first.offset).split("\n").length;
  throw new Error(`${printParseErrorCode(first.error)} in line ${line}`);
}
