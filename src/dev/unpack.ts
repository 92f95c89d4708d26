/**
 * Unpacks the browser of @sparticuz/chromium into TMPDIR. A program of its own, started by browser.ts: the package
 * takes the folder from nothing but the environment, which the tests' processes share with everything else in them.
 */

import chromium from "@sparticuz/chromium";

await chromium.executablePath();
