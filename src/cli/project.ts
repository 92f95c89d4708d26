/** What a deploy would take from the folder that a command runs in: wrangler's configuration, .dev.vars, the environment. */

import { existsSync, readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { parse as parseToml } from "smol-toml";
import * as v from "valibot";
import { type Finding, auditSettings } from "../config/settings-audit.ts";
import { Failure } from "./failure.ts";
import { printable } from "./text.ts";

const CONFIGS = ["wrangler.toml", "wrangler.jsonc", "wrangler.json"];
const VARS = ".dev.vars";

/** Secrets of the service: in a file that is committed they are none. */
const SECRETS = ["PRESENCE_SECRET", "PRESENCE_SECRET_PREVIOUS"];

/** Variables of the command line itself. */
const OWN = new Set(["PRESENCE_URL", "PRESENCE_TOKEN"]);

/** What is read of wrangler's configuration, at its top level. */
const Config = v.object({
  vars: v.optional(v.record(v.string(), v.unknown()), {}),
  ratelimits: v.optional(v.array(v.object({ name: v.string() })), []),
  observability: v.optional(
    v.object({
      enabled: v.optional(v.boolean(), false),
      redact_query_string: v.optional(v.boolean(), false),
    }),
    {},
  ),
});
type Config = v.InferOutput<typeof Config>;

/** What is unsafe in this folder, and what was read to tell. Throws a Failure where a deploy would fail, too. */
export function inspectProject(): { findings: readonly Finding[]; read: readonly string[] } {
  const file = CONFIGS.find((name) => existsSync(name));
  if (file === undefined) {
    throw new Failure(`there is no ${CONFIGS[0]} here; run this in the folder that has it`);
  }
  const config = readConfig(file);
  const local = existsSync(VARS) ? parseEnv(readFileSync(VARS, "utf8")) : {};
  const variables = {
    ...ofService(local),
    ...ofService(process.env),
    // What is committed is what is deployed; the others stand for secrets, which only the account knows.
    ...ofService(config.vars),
  };
  const bindings = new Set(config.ratelimits.map(({ name }) => name));
  const read = [file, ...(existsSync(VARS) ? [VARS] : []), "the environment"];
  try {
    const findings = auditSettings(variables, (name) => bindings.has(name));
    return { findings: [...findingsOfConfig(config, file), ...findings], read };
  } catch (error) {
    throw new Failure(printable(error instanceof Error ? error.message : String(error)));
  }
}

function findingsOfConfig({ vars, observability }: Config, file: string): Finding[] {
  const findings: Finding[] = SECRETS.filter((name) => name in vars).map((setting) => ({
    setting,
    problem: `stands in ${file}: whoever sees the repository can be anybody`,
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
    throw new Failure(`${file} cannot be read: ${printable(reason ?? "")}`);
  }
}

const STRING = String.raw`("(?:\\.|[^"\\])*")`;
const COMMENTS = new RegExp(String.raw`${STRING}|//[^\n]*|/\*[\s\S]*?\*/`, "g");
const LAST_COMMAS = new RegExp(String.raw`${STRING}|,(?=\s*[}\]])`, "g");

function keepString(_: string, string?: string): string {
  return string ?? "";
}

/** JSON with comments, and commas at the end of lists, as wrangler takes it. */
function parseJsonc(text: string): unknown {
  return JSON.parse(text.replaceAll(COMMENTS, keepString).replaceAll(LAST_COMMAS, keepString));
}
