/** Users, each with a token of its own. Made before anything is measured. */

import { SignJWT } from "jose";
import { SECRET } from "./server.ts";

export type User = { readonly id: string; readonly token: string };

const key = new TextEncoder().encode(SECRET);
const made: User[] = [];

/** The first `count` users; the same ones each time. */
export async function users(count: number): Promise<readonly User[]> {
  const missing = Array.from({ length: Math.max(0, count - made.length) }, async (_, index) => {
    const id = `user-${made.length + index}`;
    return { id, token: await tokenFor(id) };
  });
  made.push(...(await Promise.all(missing)));
  return made.slice(0, count);
}

/** A token of a server. */
export function adminToken(): Promise<string> {
  return tokenFor("server", { can: ["admin"] });
}

function tokenFor(id: string, claims: object = {}): Promise<string> {
  return new SignJWT({ sub: id, ...claims }).setProtectedHeader({ alg: "HS256" }).sign(key);
}
