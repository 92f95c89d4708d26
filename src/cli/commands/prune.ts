/** `prune-presences` and `prune-rooms`: the two management commands of django-channels-presence. */

import { printResult } from "../output.ts";
import { Api, roomPath } from "../api.ts";
import { command, readNumber, SERVICE_OPTIONS } from "../command.ts";
import { CommandError } from "../command-error.ts";
import { paginate } from "../pagination.ts";
import { PrunedEverywhere, PrunedPresences, RemovedRooms } from "../shapes.ts";
import { Target } from "../target.ts";
import { ago, counted, printable, tableOf, terminalColumns, userText } from "../text.ts";

const CURSOR = {
  cursor: {
    type: "string",
    valueHint: "cursor",
    description: "goes on where a call was interrupted",
  },
} as const;

export const prunePresences = command({
  name: "prune-presences",
  summary: "Removes presences that have been silent for too long",
  details: "Rooms do it by themselves after PRESENCE_MAX_AGE; a smaller age is stricter.",
  examples: ["", "--age 30", "--age 30 --room lobby"],
  args: {
    age: {
      type: "string",
      valueHint: "seconds",
      description: "since the last sign of life (default: PRESENCE_MAX_AGE of the service)",
    },
    room: { type: "string", valueHint: "name", description: "in this room only (default: in all)" },
    ...CURSOR,
    ...SERVICE_OPTIONS,
  },
  async run({ age, room, cursor, url, json }) {
    const ages = age === undefined ? {} : { age: readNumber("--age", age, { min: 0 }) };
    const api = new Api(new Target(url));
    if (room === undefined) return pruneAll(api, ages, { cursor, json });
    const response = await api.post(PrunedPresences, `${roomPath(room)}/prune`, ages);
    const rows = response.pruned.map((each) => [
      userText(each.user),
      printable(each.channel),
      ago(each.lastSeen),
    ]);
    const table = tableOf([["user", "channel", "last seen"], ...rows], terminalColumns());
    const total = `Removed ${counted(rows.length, "presence")} from ${printable(room)}.`;
    printResult(json, response, rows.length === 0 ? [total] : [...table, "", total]);
  },
});

export const pruneRooms = command({
  name: "prune-rooms",
  summary: "Takes rooms that are empty off the list",
  details: "Rooms do it by themselves; this puts right what a crash may have left.",
  examples: ["", "--json"],
  args: { ...CURSOR, ...SERVICE_OPTIONS },
  async run({ cursor, url, json }) {
    const api = new Api(new Target(url));
    const ask = (from?: string) => api.post(RemovedRooms, "/prune/rooms", bodyOf(from));
    let [removed, failed] = [0, 0];
    const soFar = () => `${counted(removed, "room")} taken off the list`;
    for await (const page of resumable(paginate(ask, cursor), soFar)) {
      removed += page.removed;
      failed += page.failed ?? 0;
    }
    printResult(json, { removed, ...failures(failed) }, [
      `Took ${counted(removed, "empty room")} off the list.`,
    ]);
    checkFailures(failed);
  },
});

type PruneOptions = { readonly cursor?: string | undefined; readonly json?: boolean | undefined };

async function pruneAll(api: Api, ages: object, { cursor, json }: PruneOptions): Promise<void> {
  const ask = (from?: string) =>
    api.post(PrunedEverywhere, "/prune/presences", { ...ages, ...bodyOf(from) });
  let [rooms, pruned, failed] = [0, 0, 0];
  const soFar = () => `${counted(rooms, "room")} visited, ${counted(pruned, "presence")} removed`;
  for await (const page of resumable(paginate(ask, cursor), soFar)) {
    rooms += page.rooms;
    pruned += page.pruned;
    failed += page.failed ?? 0;
  }
  printResult(json, { rooms, pruned, ...failures(failed) }, [
    `Visited ${counted(rooms, "room")} and removed ${counted(pruned, "presence")}.`,
  ]);
  checkFailures(failed);
}

/** As the API says it: left out where there are none. */
function failures(failed: number): { failed?: number } {
  return failed > 0 ? { failed } : {};
}

function checkFailures(failed: number): void {
  if (failed === 0) return;
  throw new CommandError(
    `${counted(failed, "room")} could not be pruned; the service's log says why. Try again.`,
  );
}

function bodyOf(cursor: string | undefined): object {
  return cursor === undefined ? {} : { cursor };
}

/**
 * Prints its progress on standard error after each page but the last, and where to go on if one
 * fails.
 */
async function* resumable<Page extends { readonly cursor?: string }>(
  pages: AsyncGenerator<Page>,
  soFar: () => string,
): AsyncGenerator<Page> {
  let next: string | undefined;
  try {
    for await (const page of pages) {
      yield page;
      next = page.cursor;
      if (next !== undefined) console.error(`${soFar()}, going on …`);
    }
  } catch (error) {
    if (next === undefined || !(error instanceof Error)) throw error;
    throw new CommandError(`${error.message}\nUntil then: ${soFar()}. Go on with --cursor ${next}`);
  }
}
