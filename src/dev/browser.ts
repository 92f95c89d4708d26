/**
 * The browser of the tests and of the pictures: one that the machine has, else the one that npm installed with
 * @sparticuz/chromium.
 */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, posix, win32 } from "node:path";
import { promisify } from "node:util";
import { type Browser, chromium, type LaunchOptions } from "playwright-core";

/** What to look for a browser in: the process and its file system, or what a test puts in their place. */
export type Machine = {
  readonly platform: NodeJS.Platform;
  readonly arch: NodeJS.Architecture;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly exists: (path: string) => boolean;
};

/** The value of CHROMIUM that stands for npm's browser, whatever else the machine has. */
export const PACKAGED = "packaged";

const COMMANDS = [
  "chromium",
  "chromium-browser",
  "google-chrome",
  "google-chrome-stable",
  "microsoft-edge",
  "microsoft-edge-stable",
];

/** Where packages put the commands, for a PATH that lacks it, and the programs, for those without a command. */
const LINUX_FOLDERS = ["/usr/bin", "/usr/local/bin", "/snap/bin"];
const LINUX_PROGRAMS = ["/opt/google/chrome/chrome", "/opt/microsoft/msedge/msedge"];

const MAC_APPLICATIONS = ["Google Chrome", "Chromium", "Microsoft Edge"];

const WINDOWS_FOLDERS = ["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"];
const WINDOWS_PROGRAMS = [
  "Google\\Chrome\\Application\\chrome.exe",
  "Chromium\\Application\\chrome.exe",
  "Microsoft\\Edge\\Application\\msedge.exe",
];

const WAY_OUT = `set CHROMIUM to a browser's path, or run "npx playwright-core install chromium"`;

const thisMachine: Machine = {
  platform: process.platform,
  arch: process.arch,
  env: process.env,
  exists: existsSync,
};

/**
 * The path of the browser to start, or PACKAGED: what CHROMIUM says; else the first of Chromium, Chrome and Edge
 * that the machine has; else the one that Playwright downloaded, if it did; else npm's.
 *
 * @throws if there is none, or none where CHROMIUM says.
 */
export function findBrowser(machine = thisMachine): string {
  const named = machine.env["CHROMIUM"];
  if (named && named !== PACKAGED && !machine.exists(named)) {
    throw new Error(`CHROMIUM is "${named}", and no file is there; ${WAY_OUT}`);
  }
  const found = named || [...places(machine), chromium.executablePath()].find(machine.exists);
  if (found !== undefined && found !== PACKAGED) return found;
  // Those for which the package has a binary.
  if (machine.platform === "linux" && machine.arch === "x64") return PACKAGED;
  const where = `${machine.platform} on ${machine.arch}`;
  throw new Error(
    `npm has no browser for ${where}${found ? "" : ", nor is one installed"}; ${WAY_OUT}`,
  );
}

/** Where the machine could have a browser, the first choice first. */
function places({ platform, env }: Machine): readonly string[] {
  if (platform === "win32") {
    const folders = WINDOWS_FOLDERS.flatMap((name) => env[name] ?? []);
    return pairs(WINDOWS_PROGRAMS, folders).map(([program, dir]) => win32.join(dir, program));
  }
  if (platform === "darwin") {
    const folders = ["/Applications", ...(env["HOME"] ? [`${env["HOME"]}/Applications`] : [])];
    return pairs(MAC_APPLICATIONS, folders).map(
      ([name, dir]) => `${dir}/${name}.app/Contents/MacOS/${name}`,
    );
  }
  const path = (env["PATH"] ?? "").split(":").filter((dir) => dir !== "");
  const commands = pairs(COMMANDS, [...path, ...LINUX_FOLDERS]);
  return [...commands.map(([command, dir]) => posix.join(dir, command)), ...LINUX_PROGRAMS];
}

/** Each name with each folder, so that an earlier name wins over an earlier folder. */
function pairs(names: readonly string[], folders: readonly string[]): [string, string][] {
  return names.flatMap((name) => folders.map((folder): [string, string] => [name, folder]));
}

/**
 * Starts the browser that findBrowser finds, without a window.
 *
 * @throws if there is none, or it does not start.
 */
export async function launch(machine = thisMachine): Promise<Browser> {
  const path = findBrowser(machine);
  const options = path === PACKAGED ? await packaged() : { executablePath: path };
  try {
    // Its sandbox needs rights that containers do not have; the pages are our own.
    return await chromium.launch({ ...options, args: ["--no-sandbox"] });
  } catch (cause) {
    throw new Error(`${options.executablePath} does not start; ${WAY_OUT}`, { cause });
  }
}

type Started = LaunchOptions & { readonly executablePath: string };

/** npm's browser, unpacked at the first call: with libraries and fonts of its own, since a bare machine has neither. */
async function packaged(): Promise<Started> {
  const home = join(dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium")), "..");
  const folder = join(home, "unpacked");
  if (!existsSync(folder)) await unpack(home, folder);
  return {
    executablePath: join(folder, "chromium"),
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(folder, "al2023/lib"),
      FONTCONFIG_FILE: join(folder, "fonts.conf"),
    },
  };
}

/** Others may be unpacking too. The folder appears at once and complete, and whoever is first provides it. */
async function unpack(home: string, folder: string): Promise<void> {
  const draft = await mkdtemp(join(home, "unpacking-"));
  try {
    await promisify(execFile)(process.execPath, [join(import.meta.dirname, "unpack.ts")], {
      // The package adds the libraries where it takes the machine for Amazon's.
      env: { ...process.env, TMPDIR: draft, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x" },
    });
    await writeFile(join(draft, "fonts.conf"), fontsIn(join(folder, "fonts")));
    await rename(draft, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** The machine's fonts, if it has any, and the package's, whose own configuration names folders of Amazon's. */
function fontsIn(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${folder}</dir>
  <cachedir>${join(folder, "cache")}</cachedir>
</fontconfig>
`;
}
