/** Whether a selection is another one than before. */

/** `now`, or what was there `before` if it is the same or has the same items. */
export function sameOrNew<T>(before: { readonly value: T } | undefined, now: T): T {
  return before && isSame(before.value, now) ? before.value : now;
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!isPlain(a) || !isPlain(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))];
  return (
    left.length === right.size &&
    left.every(([key, value]) => right.has(key) && Object.is(value, right.get(key)))
  );
}

/** A list, or an object of no class. A Map or a Date shows nothing of itself as its entries. */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}
