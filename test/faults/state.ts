/** States as the model and its witnesses compare them. */

/** A state as text; `null` for none. */
export function textOf(state: unknown): string | null {
  return state === undefined || state === null ? null : JSON.stringify(state);
}
