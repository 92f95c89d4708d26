/**
 * `npm run pictures`: takes docs/demo.png from a real run of `npm start`, two windows side by side.
 * With a directory as its argument it puts pictures of both pages there, light, dark and narrow, to
 * look at.
 */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { mint } from "../cli/mint.ts";
import { launch } from "./browser.ts";
import { startService } from "./service.ts";

const DEMO = join(import.meta.dirname, "../../docs/demo.png");
const SECRET = "a secret of the pictures, 32 bytes or more";

type Scheme = "light" | "dark";
type Window = { readonly width: number; readonly height: number; readonly scheme?: Scheme };

let url = "";

async function openWindow(browser: Browser, path: string, window: Window): Promise<Page> {
  const { width, height, scheme = "light" } = window;
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: scheme,
    deviceScaleFactor: 2,
    reducedMotion: "reduce",
  });
  await page.goto(url + path);
  return page;
}

/** Two people in two windows, and a lurker, who write, point and type. */
async function play(browser: Browser, room: string, window: Window): Promise<[Page, Page]> {
  const ada = await openWindow(browser, `/?name=Ada#${room}`, window);
  const grace = await openWindow(browser, `/?name=Grace#${room}`, window);
  const others = await Promise.all([
    openWindow(browser, `/?name=Grace#${room}`, window),
    openWindow(browser, `/?name=Alan#${room}`, window),
    openWindow(browser, `/#${room}`, window),
  ]);
  await ada.getByText("3 people are here").waitFor();
  await ada.getByText("1 lurker").waitFor();
  await write(ada, "Did you see me come in?");
  await write(grace, "Before you finished the question :)");
  await pointAt(others[1], 0.2, 0.62);
  await pointAt(ada, 0.36, 0.3);
  await pointAt(grace, 0.68, 0.5);
  await others[1].locator("#text").pressSequentially("hello ev");
  await ada.getByText("Alan is typing").waitFor();
  await Promise.all([ada, grace].map((page) => page.waitForTimeout(300)));
  return [ada, grace];
}

async function write(page: Page, text: string): Promise<void> {
  await page.locator("#text").fill(text);
  await page.keyboard.press("Enter");
  await page.locator(".own .text").last().waitFor();
}

async function pointAt(page: Page, x: number, y: number): Promise<void> {
  const box = await page.locator("#area").boundingBox();
  if (!box) throw new Error("the shared area is not shown");
  await page.mouse.move(box.x + box.width * x, box.y + box.height * y, { steps: 4 });
  await page.waitForTimeout(150);
}

/** Both windows on one desk, as a page of its own that is photographed. */
async function photograph(browser: Browser, windows: readonly Page[]): Promise<void> {
  const shots = await Promise.all(windows.map((page) => page.screenshot()));
  const desk = await browser.newPage({
    viewport: { width: 1_400, height: 860 },
    deviceScaleFactor: 1.5,
  });
  const frames = shots.map(
    (shot) =>
      `<figure><i></i><img src="data:image/png;base64,${shot.toString("base64")}"></figure>`,
  );
  await desk.setContent(`<style>
    body { display: flex; gap: 28px; margin: 0; padding: 34px; height: 860px; box-sizing: border-box;
      background: linear-gradient(130deg, #cfe6da, #e9dfc9 60%, #d9d4ea); }
    figure { flex: 1; margin: 0; overflow: hidden; border-radius: 14px; background: #e6e4dd;
      box-shadow: 0 18px 50px #1a20233d; }
    i { display: block; width: 12px; height: 12px; margin: 10px 14px; border-radius: 50%; background: #e0685e;
      box-shadow: 20px 0 #e3b341, 40px 0 #5bb974; }
    img { display: block; width: 100%; }
  </style>${frames.join("")}`);
  await desk.screenshot({ path: DEMO });
  await desk.close();
}

/** Pictures to look at: no test can tell whether a page is beautiful. */
async function look(browser: Browser, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const token = await mint({ sub: "operator", can: ["admin"] }, SECRET, "1h");
  for (const scheme of ["light", "dark"] as const) {
    for (const width of [360, 1_280]) {
      const window = { width, height: 800, scheme };
      const name = `${scheme}-${width}`;
      /* oxlint-disable no-await-in-loop -- one after the other, as one looks at them */
      const lurker = await openWindow(browser, `/#quiet-${scheme}`, window);
      await lurker.getByText("1 lurker").waitFor();
      await lurker.screenshot({ path: join(directory, `demo-lurker-${name}.png`), fullPage: true });
      const [ada] = await play(browser, name, window);
      await ada.screenshot({ path: join(directory, `demo-${name}.png`), fullPage: true });
      const inspector = await openWindow(browser, "/inspector", window);
      await inspector.screenshot({ path: join(directory, `inspector-gate-${name}.png`) });
      await inspector.locator("#token").fill(token);
      await inspector.keyboard.press("Enter");
      await inspector.locator(`[data-room="${name}"]`).click();
      await inspector.getByText("Alan").first().waitFor();
      await write(ada, "Somebody is looking.");
      await inspector.waitForTimeout(1_500);
      await inspector.screenshot({
        path: join(directory, `inspector-${name}.png`),
        fullPage: true,
      });
      for (const context of browser.contexts()) await context.close();
      /* oxlint-enable no-await-in-loop */
    }
  }
}

const storage = mkdtempSync(join(tmpdir(), "presence-pictures-"));
const service = await startService(storage, SECRET);
const browser = await launch();
try {
  url = service.url;
  const [directory] = process.argv.slice(2);
  if (directory !== undefined) await look(browser, directory);
  else await photograph(browser, await play(browser, "lobby", { width: 700, height: 797 }));
} finally {
  await browser.close();
  await service.stop();
  rmSync(storage, { recursive: true, force: true });
}
