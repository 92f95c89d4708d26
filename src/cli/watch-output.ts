/**
 * Where a watched room is shown: a table that redraws in a terminal, lines in a pipe, frames for
 * scripts.
 */

import type { Change, WatchedRoom } from "./room-changes.ts";
import { ago, cut, jsonText, printable, stateText, tableOf, timeText, userText } from "./text.ts";

export interface WatchOutput {
  /** A frame came, with the text `frame`, and made these changes. */
  show(frame: string, changes: readonly Change[]): void;
  /** There is trouble with the connection; `null`: there is none any more. */
  notice(text: string | null): void;
  close(): void;
}

/** The frames as they came, a line each. */
export function framesOutput(): WatchOutput {
  return {
    show: (frame) => console.log(jsonText(JSON.parse(frame))),
    notice: (text) => {
      if (text !== null) console.error(text);
    },
    close: () => {},
  };
}

/** A line for each change, with its time. */
export function linesOutput(): WatchOutput {
  let isAway = false;
  return {
    show(_, changes) {
      for (const { what, text } of changes) printLine(what, text);
    },
    notice(text) {
      if (text !== null) printLine("away", text);
      else if (isAway) printLine("back", "connected again");
      isAway = text !== null;
    },
    close: () => {},
  };
}

/** Between two drawings of the table at least: more cannot be read. */
const DRAW_MS = 100;
/** Durations go on without news. */
const TICK_MS = 1_000;

const HOME = "\u001b[H";
const CLEAR_LINE_END = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
const CLEAR_ALL = "\u001b[2J";

/** The room as it is now, drawn over and over. */
export class TableOutput implements WatchOutput {
  readonly #name: string;
  readonly #room: WatchedRoom;
  readonly #ticks = setInterval(() => this.#draw(), TICK_MS);
  #drawing: ReturnType<typeof setTimeout> | undefined;
  #notice: string | null = "connecting …";
  readonly #drawSoon = () => {
    this.#drawing ??= setTimeout(() => this.#draw(), DRAW_MS);
  };

  constructor(name: string, room: WatchedRoom) {
    this.#name = name;
    this.#room = room;
    process.stdout.on("resize", this.#drawSoon).write(CLEAR_ALL);
  }

  show(): void {
    this.#drawSoon();
  }

  notice(text: string | null): void {
    this.#notice = text;
    this.#drawSoon();
  }

  close(): void {
    clearInterval(this.#ticks);
    clearTimeout(this.#drawing);
    process.stdout.off("resize", this.#drawSoon);
    this.#draw();
    process.stdout.write("\n");
  }

  #draw(): void {
    this.#drawing = undefined;
    // 0 in a terminal that does not know its size.
    const [rows, columns] = [process.stdout.rows || 24, process.stdout.columns || 80];
    const lines = this.#lines(rows - 1, columns);
    const text = lines.map((line) => cut(line, columns) + CLEAR_LINE_END).join("\n");
    process.stdout.write(HOME + text + CLEAR_BELOW);
  }

  #lines(height: number, columns: number): string[] {
    const room = this.#room;
    const head = [
      `${printable(this.#name)}: ${room.summary}`,
      this.#notice ?? "live, Ctrl-C ends",
      "",
    ];
    if (room.namesHidden) return [...head, "Too many to be named."];
    const rows = room.presences.map(({ user, channel, joinedAt, state }) => [
      userText(user),
      printable(channel),
      ago(joinedAt),
      stateText(state),
    ]);
    if (rows.length === 0) return [...head, "Nobody with a name is here."];
    const table = tableOf([["user", "channel", "joined", "state"], ...rows], columns);
    const space = Math.max(2, height - head.length);
    if (table.length <= space) return [...head, ...table];
    const shown = table.slice(0, space - 1);
    return [...head, ...shown, `… and ${table.length - shown.length} more`];
  }
}

function printLine(what: string, text: string): void {
  console.log(`${timeText(Date.now())}  ${what.padEnd(7)}  ${text}`);
}
