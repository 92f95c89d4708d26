/** Tokens on a developer's machine, which the Worker makes where `npm start` runs it. */

import * as v from "valibot";
import { SERVICE } from "./address.ts";

/** A token is valid for a day. A page that is open for longer gets a new one when it reconnects. */
const FRESH_MS = 3_600_000;

const Answer = v.object({ token: v.string() });
const Refusal = v.object({ error: v.object({ message: v.string() }) });

/** The server makes no tokens: this is not a developer's machine, or not `npm start`. */
export class NoTokens extends Error {}

/**
 * Gets a first token for a user of this name, and returns a function for further ones. The name is
 * the id, too: two windows of one name are two tabs of one member. Throws NoTokens, or an Error
 * with the server's message.
 */
export async function tokenSource(name: string, room: string): Promise<() => Promise<string>> {
  const claims = { sub: idOf(name), info: { name }, rooms: [room] };
  let token = await mint(claims);
  let mintedAt = Date.now();
  return async () => {
    if (Date.now() - mintedAt < FRESH_MS) return token;
    token = await mint(claims);
    mintedAt = Date.now();
    return token;
  };
}

export function idOf(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}

async function mint(claims: object): Promise<string> {
  const response = await fetch(new URL("dev/token", SERVICE), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(claims),
  });
  if (response.status === 404) throw new NoTokens("this server makes no tokens");
  const body: unknown = await response.json();
  const refusal = v.safeParse(Refusal, body);
  if (refusal.success) throw new Error(refusal.output.error.message);
  return v.parse(Answer, body).token;
}
