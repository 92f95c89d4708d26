/** What a command prints: for people, or one JSON document for scripts. */

import { jsonText } from "./text.ts";

/** Prints `lines`, or with `json` what the service said. */
export function answer(json: boolean | undefined, said: unknown, lines: readonly string[]): void {
  console.log(json ? jsonText(said) : lines.join("\n"));
}
