/** What a command prints: for people, or one JSON document for scripts. */

import { jsonText } from "./text.ts";

/** Prints `lines`, or with `json` the response of the service. */
export function printResult(
  json: boolean | undefined,
  response: unknown,
  lines: readonly string[],
): void {
  console.log(json ? jsonText(response) : lines.join("\n"));
}
