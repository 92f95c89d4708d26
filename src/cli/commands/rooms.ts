/** `rooms`: the occupied rooms. */

import { Api } from "../api.ts";
import { printResult } from "../output.ts";
import { command, readNumber, SERVICE_OPTIONS } from "../command.ts";
import { UsageError } from "../command-error.ts";
import { paginate } from "../pagination.ts";
import { RoomPage } from "../shapes.ts";
import { Target } from "../target.ts";
import { ago, counted, printable, tableOf, terminalColumns } from "../text.ts";

type ListedRoom = { readonly room: string; readonly since: number };
type Options = { readonly prefix?: string | undefined; readonly limit: number };

/** Rooms in one request: as many as the service returns at most. */
const REQUEST_LIMIT = 1_000;

export const rooms = command({
  name: "rooms",
  summary: "Lists the rooms that somebody is in, by name",
  examples: ["", "--prefix game- --limit 20", "--json | jq -r '.rooms[].room'"],
  args: {
    prefix: { type: "string", valueHint: "text", description: "only names that begin with it" },
    limit: { type: "string", valueHint: "n", description: "at most so many (default: all)" },
    ...SERVICE_OPTIONS,
  },
  async run({ prefix, limit, url, json }) {
    const max = limit === undefined ? Infinity : readLimit(limit);
    const list = await listRooms(new Api(new Target(url)), { prefix, limit: max });
    printResult(json, list, linesOf(list.rooms, { prefix, isCut: list.cursor !== undefined }));
  },
});

function readLimit(text: string): number {
  const limit = readNumber("--limit", text, { min: 1 });
  if (Number.isInteger(limit)) return limit;
  throw new UsageError(`--limit is ${text}; it must be a whole number`);
}

async function listRooms(
  api: Api,
  { prefix, limit }: Options,
): Promise<{ rooms: ListedRoom[]; cursor?: string }> {
  const found: ListedRoom[] = [];
  const ask = (cursor: string | undefined) => {
    const size = Math.min(REQUEST_LIMIT, limit - found.length);
    return api.get(RoomPage, "/rooms", { prefix, cursor, limit: String(size) });
  };
  for await (const page of paginate(ask)) {
    found.push(...page.rooms);
    if (found.length < limit) continue;
    return page.cursor === undefined ? { rooms: found } : { rooms: found, cursor: page.cursor };
  }
  return { rooms: found };
}

function linesOf(
  list: readonly ListedRoom[],
  { prefix, isCut }: { prefix?: string | undefined; isCut: boolean },
): string[] {
  if (list.length === 0) {
    return [
      prefix === undefined
        ? "Nobody is in any room."
        : `Nobody is in a room whose name begins with "${printable(prefix)}".`,
    ];
  }
  const rows = list.map(({ room, since }) => [printable(room), ago(since)]);
  const end = isCut
    ? `The first ${counted(list.length, "room")}; there are more.`
    : counted(list.length, "room");
  return [...tableOf([["room", "occupied since"], ...rows], terminalColumns()), "", end];
}
