/** Getting a token for a connection. */

import { TOKEN_MS_MAX } from "../core/limits.ts";
import type { TokenSource } from "./options.ts";
import { after } from "./timer.ts";

/** The token to connect with. Rejects where the function that gets it throws, or takes longer than 20 s. */
export async function askForToken(source: TokenSource | undefined): Promise<string | undefined> {
  if (typeof source !== "function") return source;
  const late = Promise.withResolvers<never>();
  const cancel = after(TOKEN_MS_MAX, () =>
    late.reject(new Error(`there was no token within ${TOKEN_MS_MAX / 1_000} s`)),
  );
  try {
    return await Promise.race([source(), late.promise]);
  } finally {
    cancel();
  }
}
