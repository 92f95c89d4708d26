/** A room that has its people in it already, before anything is measured. */

import type { Server } from "../server.ts";
import { users } from "../tokens.ts";
import { Crowd } from "./crowd.ts";

/** So many connect at once: a storm is not what is measured here. */
const AT_ONCE = 100;

/** `n` are in a room, each knows it, and the server is at rest. They are the first of `users`. */
export async function assemble(server: Server, n: number): Promise<Crowd> {
  const all = await users(n);
  const crowd = new Crowd(server);
  for (let begin = 0; begin < n; begin += AT_ONCE) {
    crowd.join(all.slice(begin, begin + AT_ONCE));
    // oxlint-disable-next-line no-await-in-loop
    await crowd.opened();
  }
  await server.rest();
  return crowd;
}
