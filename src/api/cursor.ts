/** Opaque cursors: where a list goes on, as text that a client gives back as it got it. */

import * as v from "valibot";
import { ProtocolError } from "../core/protocol.ts";

/** Text that says where a list goes on. */
export function encodeCursor(place: readonly (string | number | boolean)[]): string {
  const bytes = new TextEncoder().encode(JSON.stringify(place));
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/**
 * What `encodeCursor` was given. Throws a ProtocolError `bad_cursor` where the text is not one of
 * its.
 */
export function placeOf<Schema extends v.GenericSchema>(
  schema: Schema,
  cursor: string,
): v.InferOutput<Schema> {
  try {
    const bytes = Uint8Array.fromBase64(cursor, { alphabet: "base64url" });
    return v.parse(schema, JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    throw new ProtocolError("bad_cursor", "the cursor is not one that this service gave out");
  }
}
