/** Tokens of a developer's own machine, which the Worker makes where `npm start` runs it. */

import * as v from "valibot";
import { SERVICE } from "./address.ts";

/** One lives for a day. A page that is open for longer gets a new one with one of its connections. */
const FRESH_MS = 3_600_000;

const Answer = v.object({ token: v.string() });
const Refusal = v.object({ error: v.object({ message: v.string() }) });

/** The server makes no tokens: this is not a developer's machine, or not `npm start`. */
export class NoTokens extends Error {}

/**
 * A source of tokens for somebody of this name in a room, who has got a first one already. Names are ids here: two
 * windows of one name are two tabs of one member. Throws NoTokens, or an Error with the server's words.
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
