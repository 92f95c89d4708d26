/** What a page complains of: errors, what it logs as one, and what it asked for in vain. Nothing, as a rule. */

import type { Page } from "playwright-core";

/** Collects from now on. What matches `allowed` is part of what the test is about. */
export function complaintsOf(page: Page, allowed?: RegExp): string[] {
  const complaints: string[] = [];
  function note(text: string): void {
    if (allowed?.test(text) !== true) complaints.push(text);
  }
  page.on("pageerror", (error) => note(String(error)));
  page.on("console", (line) => {
    if (line.type() === "error" || line.type() === "warning") note(line.text());
  });
  page.on("requestfailed", (request) => {
    // Who leaves a page takes back what it was still asking for.
    const isTakenBack = request.failure()?.errorText === "net::ERR_ABORTED";
    if (!isTakenBack) note(`failed: ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) note(`${response.status()}: ${response.url()}`);
  });
  return complaints;
}
