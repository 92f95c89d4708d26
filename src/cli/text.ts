/** Text for a terminal: strangers' text made harmless, columns that line up, readable durations. */

import stringWidth from "string-width";
import type { Json } from "../core/json.ts";
import type { User } from "../core/presence.ts";
import { formatCount } from "../core/protocol.ts";

/** Characters that control a terminal, break a line or change the direction of the text. */
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\p{Cs}]/gu;

/**
 * `text` on one line, with every character that could control a terminal escaped: strangers choose
 * names and states.
 */
export function printable(text: string): string {
  return text.replaceAll(STEERING, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** JSON on one line, and harmless: JSON itself does not escape everything that a terminal obeys. */
export function jsonText(value: unknown): string {
  return printable(JSON.stringify(value));
}

/** A state, or nothing where there is none. */
export function stateText(state: Json | undefined): string {
  return state === undefined || state === null ? "" : jsonText(state);
}

/** `ada (Ada)`: the id, and the name where the user has another one. */
export function userText(user: User | null): string {
  if (user === null) return "(anonymous)";
  const { id, name } = user;
  return printable(typeof name === "string" && name !== id ? `${id} (${name})` : id);
}

/** `1 room`, `12,031 rooms`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** How long ago `time` was: `5s ago`, `2h 10m ago`. */
export function ago(time: number, now = Date.now()): string {
  // The clocks of two machines differ: no time is in the future.
  return `${duration(Math.max(0, now - time))} ago`;
}

/** A time in UTC, to the second. */
export function timeText(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+/, "");
}

/** Milliseconds in their two largest units: `5s`, `2h 10m`. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days}d ${hours}h`;
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${seconds % 60}s` : `${seconds}s`;
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** `text` cut to `columns`, with an ellipsis where something is missing. */
export function cut(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let [kept, used] = ["", 1];
  for (const { segment } of graphemes.segment(text)) {
    used += stringWidth(segment);
    if (used > columns) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Words of `text` in lines of at most `columns`. */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && stringWidth(line) + 1 + stringWidth(word) <= columns) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines;
}

/** Lines of a table: the first row is the heading. No line is longer than `columns`. */
export function tableOf(rows: readonly (readonly string[])[], columns = Infinity): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, stringWidth(cell));
    }
  }
  return rows.map((row) => {
    const cells = row.map(
      (cell, index) => cell + " ".repeat((widths[index] ?? 0) - stringWidth(cell)),
    );
    return cut(cells.join("  ").trimEnd(), columns);
  });
}

/** Columns of the terminal; unlimited where the output goes into a file or a pipe. */
export function terminalColumns(): number {
  return process.stdout.isTTY ? process.stdout.columns || 80 : Infinity;
}
