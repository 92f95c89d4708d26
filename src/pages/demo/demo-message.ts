/**
 * The messages that the windows of this demo send each other. Whatever else strangers send is
 * ignored.
 */

import type { Json, JsonObject } from "../../core/json.ts";

/** A position in the shared area, each way from 0 to 1. */
export type Position = { readonly x: number; readonly y: number };

export type DemoMessage =
  /** Somebody's pointer moved, or is gone. Messages, not states: nobody needs an old position. */
  | { readonly type: "cursor"; readonly at: Position | null }
  /** Somebody clicked there. */
  | { readonly type: "ripple"; readonly at: Position }
  | { readonly type: "text"; readonly text: string };

const TEXT_LENGTH_MAX = 500;

/** Decodes a message; `null` where it is not one of this demo's. */
export function decodeMessage(payload: Json): DemoMessage | null {
  if (typeof payload === "string") return { type: "text", text: payload.slice(0, TEXT_LENGTH_MAX) };
  const { type, at, text } = fieldsOf(payload);
  if (type === "text" && typeof text === "string") {
    return { type, text: text.slice(0, TEXT_LENGTH_MAX) };
  }
  const position = positionOf(at);
  if (type === "cursor") return { type, at: position };
  return type === "ripple" && position ? { type, at: position } : null;
}

/** Whether a state says that its tab is typing. */
export function isTyping(state: Json | undefined): boolean {
  return fieldsOf(state)["typing"] === true;
}

/** Whether a state says that its presence is thinking, as a bot's does. */
export function isThinking(state: Json | undefined): boolean {
  return fieldsOf(state)["thinking"] === true;
}

function positionOf(value: Json | undefined): Position | null {
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
