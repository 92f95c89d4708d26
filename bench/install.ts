/** The packages of the benchmark's own, installed where they are missing or of another lock than this one. */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const HERE = import.meta.dirname;
const LOCK = join(HERE, "package-lock.json");
/** The lock that was installed last. */
const INSTALLED = join(HERE, "node_modules/.installed-lock.json");

export function install(): void {
  const lock = readFileSync(LOCK, "utf8");
  if (installedLock() === lock) return;
  console.log("installing the benchmark's packages …");
  execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: HERE,
    stdio: "inherit",
  });
  writeFileSync(INSTALLED, lock);
}

function installedLock(): string | null {
  try {
    return readFileSync(INSTALLED, "utf8");
  } catch {
    return null;
  }
}
