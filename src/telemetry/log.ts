/**
 * What an operator is told: a line of JSON for each refusal, each error and each alarm that did
 * something. While something happens far too often, only some of its lines are written, and they
 * count the others.
 */

import { LOG_FIELD_LENGTH_MAX } from "../core/limits.ts";
import { LogSampler } from "../core/log-sampler.ts";

/** What a line may say beside its event. Never a token, a secret or what somebody sent. */
export type LogFields = {
  readonly room?: string;
  readonly channel?: string;
  /** The room that holds the socket of a remote channel. */
  readonly owner?: string;
  /** Why somebody was refused: a code of an `error` frame, or of an error over HTTP. */
  readonly code?: string;
  readonly status?: number;
  readonly user?: string | null;
  readonly key?: string;
  readonly pruned?: number;
  readonly forgotten?: boolean;
  readonly error?: string;
  /** Settings that are unsafe, in words of ours. */
  readonly settings?: readonly string[];
};

const sampler = new LogSampler();

/**
 * The three parts of a JWT, or what begins like one: an error of somebody else's may quote what it
 * was given.
 */
const TOKEN = /\b(?:token\.)?ey[\w-]{8,}(?:\.[\w-]*){0,2}/g;

/**
 * Something failed, or was found, that should not. `null` for an error where nothing was thrown.
 */
export function logError(event: string, error: unknown, fields: LogFields = {}): void {
  const thrown =
    error === null ? {} : { error: error instanceof Error ? String(error) : JSON.stringify(error) };
  write("error", event, { ...fields, ...thrown });
}

/** Something works, and an operator should change it. */
export function logWarning(event: string, fields: LogFields): void {
  write("warn", event, fields);
}

/** Somebody was refused, and was told why. */
export function logRefusal(event: string, fields: LogFields): void {
  write("warn", event, fields);
}

/** Something was done that nobody asked for. */
export function logDeed(event: string, fields: LogFields): void {
  write("info", event, fields);
}

function write(level: "error" | "warn" | "info", event: string, fields: LogFields): void {
  const skipped = sampler.admits(`${event} ${fields.code ?? ""}`, Date.now());
  if (skipped === null) return;
  const line = { event, ...safe(fields), ...(skipped > 0 ? { skipped } : {}) };
  console[level](JSON.stringify(line));
}

function safe(fields: LogFields): LogFields {
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === "string" ? printable(value) : value,
  ]);
  return Object.fromEntries(entries);
}

function printable(text: string): string {
  const known = text.slice(0, LOG_FIELD_LENGTH_MAX);
  return known.replaceAll(TOKEN, "[token]");
}
