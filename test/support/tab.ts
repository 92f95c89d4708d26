/** A tab of a real Chromium that is in a room, by the page of site.ts. */

import type { Browser, Page } from "playwright-core";

export class Tab {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Opens the page in a browser context of its own, and waits until it is in the room. */
  static async open(browser: Browser, address: string, script?: string): Promise<Tab> {
    const context = await browser.newContext();
    if (script !== undefined) await context.addInitScript(script);
    const tab = new Tab(await context.newPage());
    await tab.page.goto(address);
    await tab.isHere();
    return tab;
  }

  /** Waits until an expression about `room` and `events` is true in the page. */
  async until(expression: string): Promise<void> {
    await this.page.waitForFunction(expression, undefined, { polling: 50, timeout: 40_000 });
  }

  isHere(): Promise<void> {
    return this.until("globalThis.room?.status === 'here'");
  }

  /** The ids of the members that the page sees. */
  ids(): Promise<unknown> {
    return this.page.evaluate("[...room].map(({ id }) => id).sort()");
  }

  channel(): Promise<unknown> {
    return this.page.evaluate("room.self.channel");
  }

  /** What happened in the page since it was loaded, but for lists and statuses: comings, goings, states. */
  changes(): Promise<unknown> {
    return this.page.evaluate(
      "events.filter(({ type }) => ['join', 'leave', 'update'].includes(type)).map(({ type, event }) => `${type} ${(event.member ?? event).id}`)",
    );
  }

  /** Stops everything in the page, as a closed lid does: no timer fires, nothing that comes is looked at. */
  async sleep(): Promise<{ wake: () => Promise<void> }> {
    const session = await this.page.context().newCDPSession(this.page);
    await session.send("Debugger.enable");
    const asleep = new Promise<void>((resolve) => session.once("Debugger.paused", () => resolve()));
    await session.send("Runtime.evaluate", { expression: "setTimeout(() => { debugger; })" });
    await asleep;
    return {
      wake: async () => {
        await session.send("Debugger.resume");
        await session.detach();
      },
    };
  }

  close(): Promise<void> {
    return this.page.context().close();
  }
}
