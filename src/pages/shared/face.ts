/** How a user looks: a name, initials and a colour that is the same on every screen. */

import type { Json } from "../../core/json.ts";
import { create } from "./element.ts";

export type Person = { readonly id: string; readonly [info: string]: Json };

const NAME_LENGTH_MAX = 60;
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The name in the token's info, or the id, on one line and cut to 60 characters. */
export function nameOf({ id, name }: Person): string {
  const text = typeof name === "string" && name.trim() !== "" ? name : id;
  const letters = Array.from(graphemes.segment(text.replaceAll(/\s+/g, " ")), (s) => s.segment);
  const cut = letters.slice(0, NAME_LENGTH_MAX).join("");
  return letters.length > NAME_LENGTH_MAX ? `${cut}…` : cut;
}

/** The first letters of the first and of the last word. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s_.-]+/).filter(Boolean);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : [words[0] ?? name];
  return ends
    .map((word = "") => Array.from(graphemes.segment(word), (s) => s.segment)[0] ?? "")
    .join("")
    .toLocaleUpperCase();
}

/** An angle on the colour wheel, by the id alone. */
export function hueOf(id: string): number {
  let hash = 2_166_136_261;
  for (const letter of id) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 16_777_619);
  // Similar ids have similar hashes; the golden angle spreads their hues.
  return Math.round(((hash >>> 0) * 137.508) % 360);
}

/** Colours what is drawn for a user; the stylesheet makes colours of the hue. */
export function tint(element: HTMLElement | SVGElement, id: string): void {
  element.style.setProperty("--hue", String(hueOf(id)));
}

/** A disc with initials. Says nothing to a screen reader: the name stands beside it. */
export function faceOf(person: Person): HTMLElement {
  const face = create("span", "face", initialsOf(nameOf(person)));
  face.ariaHidden = "true";
  tint(face, person.id);
  return face;
}
