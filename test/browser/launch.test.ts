/** Which browser the other tests get: the machine's, and where it has none the one that npm installed. */

import { expect, test } from "vitest";
import { findBrowser, launch, type Machine, PACKAGED } from "../../src/dev/browser.ts";

/** A machine on which these files are, and no other. */
function machine(files: readonly string[], settings: Partial<Machine> = {}): Machine {
  return {
    platform: "linux",
    arch: "x64",
    env: { PATH: "/opt/bin:/usr/bin" },
    exists: (path) => files.includes(path),
    ...settings,
  };
}

test("CHROMIUM comes before everything that is installed", () => {
  const env = { PATH: "/usr/bin", CHROMIUM: "/home/ada/chrome" };
  const files = ["/usr/bin/chromium", "/home/ada/chrome"];
  expect(findBrowser(machine(files, { env }))).toBe("/home/ada/chrome");
  expect(findBrowser(machine(files, { env: { ...env, CHROMIUM: "" } }))).toBe("/usr/bin/chromium");
  expect(findBrowser(machine(files, { env: { ...env, CHROMIUM: PACKAGED } }))).toBe(PACKAGED);
});

test("a CHROMIUM that is not there is an error, whatever is installed", () => {
  const env = { PATH: "/usr/bin", CHROMIUM: "/gone/chrome" };
  expect(() => findBrowser(machine(["/usr/bin/chromium"], { env }))).toThrow(
    'CHROMIUM is "/gone/chrome", and no file is there; set CHROMIUM to a browser\'s path',
  );
});

test.for([
  ["/opt/bin/chromium", "/usr/bin/chromium"],
  ["/usr/bin/chromium", "/opt/bin/google-chrome"],
  ["/opt/bin/chromium-browser", "/usr/bin/google-chrome"],
  ["/usr/bin/google-chrome", "/usr/bin/google-chrome-stable"],
  ["/usr/bin/google-chrome-stable", "/usr/bin/microsoft-edge"],
  ["/usr/bin/microsoft-edge", "/usr/bin/microsoft-edge-stable"],
  ["/usr/bin/microsoft-edge-stable", "/opt/google/chrome/chrome"],
  ["/usr/local/bin/chromium", "/snap/bin/chromium"],
  ["/snap/bin/chromium", "/opt/google/chrome/chrome"],
  ["/opt/google/chrome/chrome", "/opt/microsoft/msedge/msedge"],
  ["/opt/microsoft/msedge/msedge"],
])("on Linux %s is found first", (files) => {
  expect(findBrowser(machine(files.toReversed()))).toBe(files[0]);
});

test.for([
  ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"],
  ["/Users/ada/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"],
  ["/Applications/Chromium.app/Contents/MacOS/Chromium"],
  ["/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge"],
])("on macOS %s is found", ([path = ""]) => {
  const mac = machine([path], { platform: "darwin", arch: "arm64", env: { HOME: "/Users/ada" } });
  expect(findBrowser(mac)).toBe(path);
});

test.for([
  ["C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe"],
  ["C:\\Users\\ada\\AppData\\Local\\Google\\Chrome\\Application\\chrome.exe"],
  ["C:\\Users\\ada\\AppData\\Local\\Chromium\\Application\\chrome.exe"],
  ["C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe"],
])("on Windows %s is found", ([path = ""]) => {
  const env = {
    PROGRAMFILES: "C:\\Program Files",
    "PROGRAMFILES(X86)": "C:\\Program Files (x86)",
    LOCALAPPDATA: "C:\\Users\\ada\\AppData\\Local",
  };
  expect(findBrowser(machine([path], { platform: "win32", env }))).toBe(path);
});

test("where nothing is installed npm's browser comes in, and an error where npm has none", () => {
  expect(findBrowser(machine([]))).toBe(PACKAGED);
  expect(findBrowser(machine([], { env: {} }))).toBe(PACKAGED);
  const mac = machine([], { platform: "darwin", arch: "arm64", env: {} });
  expect(() => findBrowser(mac)).toThrow(
    'npm has no browser for darwin on arm64, nor is one installed; set CHROMIUM to a browser\'s path, or run "npx playwright-core install chromium"',
  );
  const named = { ...mac, env: { CHROMIUM: PACKAGED } };
  expect(() => findBrowser(named)).toThrow("npm has no browser for darwin on arm64; set CHROMIUM");
});

test("what is no browser is named in the error", async () => {
  const env = { CHROMIUM: import.meta.filename };
  await expect(launch(machine([import.meta.filename], { env }))).rejects.toThrow(
    `${import.meta.filename} does not start; set CHROMIUM`,
  );
});

/** npm has one for Linux on x64. Elsewhere launch throws, as it must. */
const hasPackaged = process.platform === "linux" && process.arch === "x64";
const packaged = { timeout: 60_000, fails: !hasPackaged };

test("npm's browser shows text, in a font of its own", packaged, async () => {
  const { platform, arch } = process;
  const browser = await launch(machine([], { platform, arch, env: {} }));
  try {
    const page = await browser.newPage();
    await page.setContent("<b>Who is here?</b>");
    expect(await page.locator("b").innerText()).toBe("Who is here?");
    expect((await page.locator("b").boundingBox())?.width).toBeGreaterThan(50);
    expect((await page.screenshot()).length).toBeGreaterThan(1_000);
  } finally {
    await browser.close();
  }
});
