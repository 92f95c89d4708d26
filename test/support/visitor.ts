/** Somebody who looks at the pages in a browser window of their own. A page that complains of anything fails the test. */

import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { complaintsOf } from "./complaints.ts";

type Opening = BrowserContextOptions & { readonly allowed?: RegExp };

export class Visitor implements AsyncDisposable {
  readonly page: Page;
  readonly complaints: string[];

  constructor(page: Page, allowed?: RegExp) {
    this.page = page;
    this.complaints = complaintsOf(page, allowed);
  }

  /** Opens an address in a window. */
  static async open(
    browser: Browser,
    url: string,
    { allowed, ...options }: Opening = {},
  ): Promise<Visitor> {
    const page = await browser.newPage(options);
    page.setDefaultTimeout(30_000);
    const visitor = new Visitor(page, allowed);
    await page.goto(url);
    return visitor;
  }

  /** Opens the demo and comes in by a name. */
  static async enter(
    browser: Browser,
    url: string,
    name: string,
    opening?: Opening,
  ): Promise<Visitor> {
    const visitor = await Visitor.open(browser, url, opening);
    await visitor.page.getByLabel("Come in as").fill(name);
    await visitor.page.getByRole("button", { name: "Come in" }).click();
    await visitor.sees("#status", `Here as ${name}`);
    return visitor;
  }

  /** Waits until an element has this text. */
  async sees(selector: string, text: string | RegExp): Promise<void> {
    await this.page.locator(selector).filter({ hasText: text }).first().waitFor();
  }

  /** Waits until no element has this text. */
  async seesNo(selector: string, text: string | RegExp): Promise<void> {
    const found = this.page.locator(selector).filter({ hasText: text });
    await found.first().waitFor({ state: "detached" });
  }

  /** The people that the demo shows, each on one line. */
  async people(): Promise<string[]> {
    const items: Locator = this.page.locator("#people .who");
    return (await items.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, " ").trim());
  }

  /** Moves the mouse to a part of the demo's shared area. */
  async pointAt(x: number, y: number): Promise<void> {
    const area = this.page.locator("#area");
    await area.scrollIntoViewIfNeeded();
    const box = await area.boundingBox();
    if (!box) throw new Error("the shared area is not shown");
    await this.page.mouse.move(box.x + box.width * x, box.y + box.height * y, { steps: 5 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
    if (this.complaints.length > 0)
      throw new Error(`the page complains: ${this.complaints.join("\n")}`);
  }
}
