/** JSON values: their type, equality, depth, and the bytes that a text takes on the wire. */

import * as v from "valibot";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

// SAFETY: what is checked was parsed from JSON, so the only value that is none is `undefined`, a missing key.
export const AnyJson = /* @__PURE__ */ v.custom<Json>((value) => value !== undefined);

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether two JSON values mean the same; the order of an object's keys does not matter. */
export function jsonEqual(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => jsonEqual(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => {
      const [left, right] = [a[key], b[key]];
      return (
        left !== undefined && right !== undefined && Object.hasOwn(b, key) && jsonEqual(left, right)
      );
    })
  );
}

/**
 * Why parsed JSON cannot be sent on as it came, or `null`: nested deeper than `levels`, where it looks no
 * further, or with a number that is too large for JavaScript and would be sent on as `null`.
 */
export function flawOf(value: unknown, levels: number): "too deep" | "infinite" | null {
  if (typeof value === "number" && !Number.isFinite(value)) return "infinite";
  if (typeof value !== "object" || value === null) return null;
  if (levels === 0) return "too deep";
  for (const item of Object.values(value)) {
    const flaw = flawOf(item, levels - 1);
    if (flaw !== null) return flaw;
  }
  return null;
}

const STRING_OR_NUMBER = /"(?:\\.|[^"\\])*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * The first integer of a JSON text that a double cannot hold exactly, beyond 2^53, or `null`. To be
 * asked of the text: parsing has rounded it already. A number with a fraction or an exponent says
 * itself that it is not exact.
 */
export function unsafeIntegerIn(text: string): string | null {
  // Nearly every text is done with here: it takes 16 digits.
  if (!/\d{16}/.test(text)) return null;
  for (const [token] of text.matchAll(STRING_OR_NUMBER)) {
    if (/^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token))) return token;
  }
  return null;
}

/** Bytes of `text` in UTF-8. Counted by hand: core has no TextEncoder. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) bytes += 1;
    // Half of a surrogate pair takes 2 of the pair's 4 bytes, any other unit above 0x7ff takes 3.
    if (unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff)) bytes += 1;
  }
  return bytes;
}
