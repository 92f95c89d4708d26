/** Asking for the token of a connection. */

import { TOKEN_MS_MAX } from "../core/limits.ts";
import type { TokenSource } from "./options.ts";
import { after } from "./timer.ts";

/** The token to connect with. Rejects where the function throws, or takes longer than 20 s. */
export async function askForToken(source: TokenSource | undefined): Promise<string | undefined> {
  if (typeof source !== "function") return source;
  const asked = source();
  let cancel: (() => void) | undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = after(TOKEN_MS_MAX, () => reject(new Error("it took too long")));
  });
  return Promise.race([asked, late]).finally(() => cancel?.());
}
