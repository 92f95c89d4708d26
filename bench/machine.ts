/** On what, with what and when it was measured. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import workerd from "workerd";

const Manifest = v.object({ version: v.string() });
const BYTES_PER_GB = 1024 ** 3;

export function circumstances(): string[] {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? "an unknown processor";
  return [
    `- ${new Date().toISOString().slice(0, 10)}, commit ${commit()}`,
    `- ${processors.length} × ${model}, ${Math.round(totalmem() / BYTES_PER_GB)} GB, ${type()} ${release()}`,
    `- load over the last 15 minutes: ${loadavg()[2]?.toFixed(1)}; above 2, something else was running too`,
    `- workerd ${workerd.version}, Node ${process.versions.node}, partyserver ${versionOf("partyserver")}`,
  ];
}

function commit(): string {
  try {
    const isChanged = git("status", "--porcelain", "../src") !== "";
    return git("rev-parse", "--short", "HEAD") + (isChanged ? " with changes" : "");
  } catch {
    return "unknown";
  }
}

function git(...command: string[]): string {
  return execFileSync("git", command, { cwd: import.meta.dirname, encoding: "utf8" }).trim();
}

/** Of a package of the benchmark's own. */
function versionOf(name: string): string {
  const file = join(import.meta.dirname, "node_modules", name, "package.json");
  return v.parse(Manifest, JSON.parse(readFileSync(file, "utf8"))).version;
}
