/** The pointers of the others in the shared area. */

import type { Member } from "../../client/index.ts";
import { untrusted, create, find } from "../shared/element.ts";
import { nameOf, type Person, tint } from "../shared/face.ts";
import type { Position } from "./demo-message.ts";

/** Fifty pointers at once are as many as one can look at, and as a page should move. */
const CURSORS_MAX = 50;
/** A pointer that rests for so long fades. */
const IDLE_MS = 8_000;
const SVG = "http://www.w3.org/2000/svg";
const ARROW = "M2 1.5 18 9.2l-7 1.9-3.4 6.6z";

type Cursor = { readonly element: HTMLElement; position: Position; idle: number };

const area = find("area", HTMLElement);
const cursors = new Map<string, Cursor>();
let isDrawing = false;

/** Moves or removes somebody's pointer. By channel: a user with two windows has two pointers. */
export function moveCursor(channel: string, person: Person, position: Position | null): void {
  const known = cursors.get(channel);
  if (!position) return removeCursor(channel);
  if (!known && cursors.size >= CURSORS_MAX) return;
  const cursor = known ?? { element: elementOf(person), position, idle: 0 };
  cursors.set(channel, cursor);
  cursor.position = position;
  clearTimeout(cursor.idle);
  cursor.element.classList.remove("idle");
  cursor.idle = setTimeout(() => cursor.element.classList.add("idle"), IDLE_MS);
  if (!known) put(cursor.element, position);
  if (!known) area.append(cursor.element);
  drawSoon();
}

/** Shows somebody's click: a ring that widens and fades. */
export function showRipple(person: Person, position: Position): void {
  const ripple = create("span", "ripple", create("span", "ring"));
  ripple.ariaHidden = "true";
  tint(ripple, person.id);
  put(ripple, position);
  area.append(ripple);
  setTimeout(() => ripple.remove(), 900);
}

/** Removes the pointers of those who are not in the room. */
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

/**
 * Draws once in each animation frame, however many messages come: up to 30 batches a second of 50
 * moves.
 */
function drawSoon(): void {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    for (const { element, position } of cursors.values()) put(element, position);
  });
}

/** A cursor's element is as large as the area, so parts of its own size are parts of the area. */
function put(element: HTMLElement, { x, y }: Position): void {
  element.style.transform = `translate(${(x * 100).toFixed(2)}%, ${(y * 100).toFixed(2)}%)`;
}

function elementOf(person: Person): HTMLElement {
  const arrow = document.createElementNS(SVG, "svg");
  arrow.setAttribute("viewBox", "0 0 20 20");
  arrow.append(document.createElementNS(SVG, "path"));
  arrow.firstElementChild?.setAttribute("d", ARROW);
  const element = create("div", "cursor", arrow, untrusted(nameOf(person), "flag"));
  // A screen reader cannot use positions; the list says who is here.
  element.ariaHidden = "true";
  tint(element, person.id);
  return element;
}
