/** What the windows of this demo say to each other. Messages come from strangers: whatever else they send is passed over. */

import type { Json, JsonObject } from "../../core/json.ts";

/** A place in the shared area, each way from 0 to 1. */
export type Place = { readonly x: number; readonly y: number };

export type Signal =
  /** Somebody's pointer is at a place, or is gone. Cursors are messages, not states: nothing keeps them. */
  | { readonly type: "cursor"; readonly at: Place | null }
  /** Somebody clicked there. */
  | { readonly type: "ripple"; readonly at: Place }
  | { readonly type: "text"; readonly text: string };

const TEXT_LENGTH_MAX = 500;

/** As it is sent. */
export function payloadOf(signal: Signal): Json {
  return signal;
}

/** What a message says, or `null` where it is none of this demo's. */
export function signalOf(payload: Json): Signal | null {
  if (typeof payload === "string") return { type: "text", text: payload.slice(0, TEXT_LENGTH_MAX) };
  const { type, at, text } = fieldsOf(payload);
  if (type === "text" && typeof text === "string") {
    return { type, text: text.slice(0, TEXT_LENGTH_MAX) };
  }
  const place = placeOf(at);
  if (type === "cursor") return { type, at: place };
  return type === "ripple" && place ? { type, at: place } : null;
}

/** Whether a state says that its tab is typing. */
export function isTyping(state: Json | undefined): boolean {
  return fieldsOf(state)["typing"] === true;
}

function placeOf(value: Json | undefined): Place | null {
  const { x, y } = fieldsOf(value);
  return isPart(x) && isPart(y) ? { x, y } : null;
}

function isPart(value: Json | undefined): value is number {
  return typeof value === "number" && value >= 0 && value <= 1;
}

function fieldsOf(value: Json | undefined): Partial<JsonObject> {
  return isObject(value) ? value : {};
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
