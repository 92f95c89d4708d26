/** The pointers of the others in the shared area. */

import type { Member } from "../../client/index.ts";
import { foreign, make, part } from "../shared/element.ts";
import { nameOf, type Person, tint } from "../shared/face.ts";
import type { Place } from "./signal.ts";

/** Fifty pointers at once are as many as one can look at, and as a page should move. */
const CURSORS_MAX = 50;
/** A pointer that rests for so long fades. */
const IDLE_MS = 8_000;
const SVG = "http://www.w3.org/2000/svg";
const ARROW = "M2 1.5 18 9.2l-7 1.9-3.4 6.6z";

type Cursor = { readonly element: HTMLElement; place: Place; idle: number };

const area = part("area", HTMLElement);
const cursors = new Map<string, Cursor>();
let isDrawing = false;

/** Somebody's pointer is at a place, or gone. By channel: one who has two windows has two pointers. */
export function moveCursor(channel: string, person: Person, place: Place | null): void {
  const known = cursors.get(channel);
  if (!place) return removeCursor(channel);
  if (!known && cursors.size >= CURSORS_MAX) return;
  const cursor = known ?? { element: elementOf(person), place, idle: 0 };
  cursors.set(channel, cursor);
  cursor.place = place;
  clearTimeout(cursor.idle);
  cursor.element.classList.remove("idle");
  cursor.idle = setTimeout(() => cursor.element.classList.add("idle"), IDLE_MS);
  if (!known) put(cursor.element, place);
  if (!known) area.append(cursor.element);
  drawSoon();
}

/** A click of somebody's: a ring that widens and is gone. */
export function showRipple(person: Person, place: Place): void {
  const ripple = make("span", "ripple", make("span", "ring"));
  ripple.ariaHidden = "true";
  tint(ripple, person.id);
  put(ripple, place);
  area.append(ripple);
  setTimeout(() => ripple.remove(), 900);
}

/** Only those who are in the room have a pointer. */
export function keepCursors(members: readonly Member[]): void {
  const here = new Set(members.flatMap(({ presences }) => presences.map(({ channel }) => channel)));
  for (const channel of cursors.keys()) if (!here.has(channel)) removeCursor(channel);
}

export function clearCursors(): void {
  for (const channel of cursors.keys()) removeCursor(channel);
}

function removeCursor(channel: string): void {
  const cursor = cursors.get(channel);
  cursors.delete(channel);
  clearTimeout(cursor?.idle);
  cursor?.element.remove();
}

/** Once a frame, however many messages come: thirty batches a second, with fifty moves in each. */
function drawSoon(): void {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    for (const { element, place } of cursors.values()) put(element, place);
  });
}

/** A cursor's element is as large as the area, so parts of its own size are parts of the area. */
function put(element: HTMLElement, { x, y }: Place): void {
  element.style.transform = `translate(${(x * 100).toFixed(2)}%, ${(y * 100).toFixed(2)}%)`;
}

function elementOf(person: Person): HTMLElement {
  const arrow = document.createElementNS(SVG, "svg");
  arrow.setAttribute("viewBox", "0 0 20 20");
  arrow.append(document.createElementNS(SVG, "path"));
  arrow.firstElementChild?.setAttribute("d", ARROW);
  const element = make("div", "cursor", arrow, foreign(nameOf(person), "flag"));
  // Where others point is nothing that can be told in words; who is here, the list tells.
  element.ariaHidden = "true";
  tint(element, person.id);
  return element;
}
