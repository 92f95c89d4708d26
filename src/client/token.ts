/** Asking for the token of a connection. */

import { isToken, type TokenRequest, type TokenSource } from "./options.ts";

/** The token to connect with. Rejects where the function throws, or returns something else. */
export async function askForToken(
  source: TokenSource | null | undefined,
  request: TokenRequest,
): Promise<string | undefined> {
  const token: unknown = typeof source === "function" ? await source(request) : source;
  if (isToken(token)) return token ?? undefined;
  throw new TypeError(`the token function returned a ${typeof token}`);
}
