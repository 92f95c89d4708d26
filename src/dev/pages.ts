/** Part of `npm run build`: puts the pages together in dist/pages, from where the Worker serves them. */

import { copyFileSync, cpSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const PROJECT = join(import.meta.dirname, "../..");
const PAGES = join(PROJECT, "dist/pages");

/** The viewer of /docs, as it is published; its licences go along. */
const VIEWER = [
  "swagger-ui.css",
  "swagger-ui-bundle.js",
  "swagger-ui-bundle.js.LICENSE.txt",
  "LICENSE",
  "NOTICE",
];

const viewer = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
cpSync(join(PROJECT, "src/pages"), PAGES, { recursive: true });
mkdirSync(join(PAGES, "swagger-ui"), { recursive: true });
for (const file of VIEWER) copyFileSync(join(viewer, file), join(PAGES, "swagger-ui", file));
