/**
 * Opens another window beside this one, as another user: one window alone shows little of presence.
 */

import type { Member } from "../../client/index.ts";
import { addressOf } from "./address.ts";
import { idOf } from "./token.ts";

const NAMES = ["Ada", "Grace", "Alan", "Radia", "Edsger", "Katherine", "Donald", "Margaret"];

/** A name that nobody here has; and one that is not in `taken`. */
export function freeName(members: readonly Member[], taken = ""): string {
  const ids = new Set([...members.map(({ id }) => id), idOf(taken)]);
  return NAMES.find((name) => !ids.has(idOf(name))) ?? `Guest ${members.length + 1}`;
}

/** Opens the demo on the right half of the screen. Returns whether the browser did. */
export function openBeside(room: string, name: string): boolean {
  const { availWidth, availHeight } = screen;
  const width = Math.max(360, Math.floor(availWidth / 2));
  const where = `popup,left=${availWidth - width},top=0,width=${width},height=${availHeight}`;
  return open(addressOf(room, name), "_blank", where) !== null;
}
