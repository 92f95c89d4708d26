/** The demo where visitors without a token are not let in. */

import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { DEVELOPMENT, Server } from "../../support/server.ts";
import { launch } from "../../../src/dev/browser.ts";
import { Visitor } from "../../support/visitor.ts";

test("who may not look on is told so, and can come in with a name", async () => {
  const [server, browser] = await Promise.all([
    Server.start({ PRESENCE_DEV: "true", PRESENCE_ANONYMOUS: "deny" }, DEVELOPMENT),
    launch(),
  ]);
  try {
    await using ada = await Visitor.open(browser, `${server.url}/#${randomUUID()}`);
    await ada.sees("#status", /^Closed: .*token/);
    await ada.page.getByLabel("Come in as").fill("Ada");
    await ada.page.keyboard.press("Enter");
    await ada.sees("#status", "Here as Ada");
    expect(await ada.people()).toEqual(["Ada you"]);
  } finally {
    await Promise.all([browser.close(), server.stop()]);
  }
});
