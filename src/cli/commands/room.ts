/** `room`: who is in a room, now or from now on. */

import { printResult } from "../output.ts";
import { Api, roomPath } from "../api.ts";
import { command, SERVICE_OPTIONS } from "../command.ts";
import { paginate } from "../pagination.ts";
import { type ListedPresence, PresencePage } from "../shapes.ts";
import { Target } from "../target.ts";
import { ago, counted, printable, stateText, tableOf, terminalColumns, userText } from "../text.ts";
import { followRoom } from "../watch.ts";

export const room = command({
  name: "room",
  summary: "Shows who is in a room",
  details:
    "With --watch it goes on: as a table in a terminal, as a line for each change in a pipe, with --json as the frames of the socket, a line each. Ctrl-C ends it.",
  examples: ["lobby", "lobby --watch", "'game 7/blue' --json", "-- -a-name-with-a-dash-"],
  args: {
    room: { type: "positional", description: "the room's name" },
    watch: { type: "boolean", description: "follows the room live (Node 22 or newer)" },
    ...SERVICE_OPTIONS,
  },
  async run({ room: name, watch, url, json }) {
    const target = new Target(url);
    if (watch) return followRoom(target, name, { isJson: json === true });
    const presences = await listPresences(new Api(target), name);
    printResult(json, { presences }, linesOf(name, presences));
  },
});

async function listPresences(api: Api, name: string): Promise<ListedPresence[]> {
  const path = `${roomPath(name)}/presences`;
  const found: ListedPresence[] = [];
  const ask = (cursor: string | undefined) =>
    api.get(PresencePage, path, { cursor, limit: "1000" });
  for await (const page of paginate(ask)) found.push(...page.presences);
  return found;
}

function linesOf(name: string, presences: readonly ListedPresence[]): string[] {
  if (presences.length === 0) return [`Nobody is in ${printable(name)}.`];
  const ids = presences.flatMap(({ user }) => (user === null ? [] : [user.id]));
  const members = counted(new Set(ids).size, "member");
  const lurkers = counted(presences.length - ids.length, "lurker");
  const rows = presences.map(({ channel, user, joinedAt, lastSeen, state }) => [
    userText(user),
    printable(channel),
    ago(joinedAt),
    ago(lastSeen),
    stateText(state),
  ]);
  return [
    `${printable(name)}: ${members}, ${lurkers}, ${counted(presences.length, "presence")}`,
    "",
    ...tableOf([["user", "channel", "joined", "last seen", "state"], ...rows], terminalColumns()),
  ];
}
