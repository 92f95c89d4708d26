/** The version of this package. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";

const text = readFileSync(join(import.meta.dirname, "../../package.json"), "utf8");

export const { version } = v.parse(v.object({ version: v.string() }), JSON.parse(text));
