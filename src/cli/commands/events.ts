/** `events`: what happened in a room, and what happens from now on. */

import { Api, roomPath } from "../api.ts";
import { command, SERVICE_OPTIONS } from "../command.ts";
import { type EventQuery, EventReader, followEvents } from "../event-following.ts";
import { MOMENT, readMoment } from "../moment.ts";
import { printResult } from "../output.ts";
import type { RoomEvent } from "../shapes.ts";
import { Target } from "../target.ts";
import {
  duration,
  jsonText,
  printable,
  tableOf,
  terminalColumns,
  timeText,
  userText,
} from "../text.ts";

export const events = command({
  name: "events",
  summary: "Shows what happened in a room: who came and who went",
  details:
    "As far back as the room keeps its log. With --follow it goes on, an event a line, and misses nothing while the network is gone. Ctrl-C ends it.",
  examples: [
    "lobby",
    "lobby --from 10m --types 'member.*'",
    "lobby --from 2026-11-29T14:00Z",
    "lobby --follow --json | jq -r .user.id",
  ],
  args: {
    room: { type: "positional", description: "the room's name" },
    from: { type: "string", valueHint: "time", description: MOMENT },
    types: {
      type: "string",
      valueHint: "list",
      description: "only these, with commas between; each may end in * (default: all)",
    },
    follow: { type: "boolean", description: "goes on with what happens" },
    ...SERVICE_OPTIONS,
  },
  async run({ room, from, types, follow, url, json }) {
    const target = new Target(url);
    const query = { path: `${roomPath(room)}/events`, from: readMoment("--from", from), types };
    if (follow) return followEvents(target, query, (event) => printEvent(event, json === true));
    const found = await listEvents(new Api(target), query);
    printResult(json, found, linesOf(room, found.events));
    if (!found.complete && !json) console.error("What was earlier is not kept any more.");
  },
});

async function listEvents(api: Api, query: EventQuery) {
  const reader = new EventReader(api, query);
  const found: RoomEvent[] = [];
  for await (const page of reader.read()) found.push(...page);
  return { events: found, rev: reader.rev, complete: reader.isComplete };
}

function linesOf(room: string, found: readonly RoomEvent[]): string[] {
  if (found.length === 0) return [`No such events are known of ${printable(room)}.`];
  const head = ["time", "event", "user", "channel", "", "presences"];
  return tableOf([head, ...found.map(cellsOf)], terminalColumns());
}

function cellsOf(event: RoomEvent): string[] {
  const { at, type, user, channel, reason, presentMs, presences } = event;
  const isOfRoom = channel === null;
  const stay = presentMs === undefined ? "" : `after ${duration(presentMs)}`;
  return [
    timeText(at),
    type,
    isOfRoom ? "" : userText(user),
    isOfRoom ? "" : printable(channel),
    [reason, stay].filter(Boolean).join(" "),
    String(presences),
  ];
}

function printEvent(event: RoomEvent, isJson: boolean): void {
  const cells = cellsOf(event).slice(0, -1).filter(Boolean);
  console.log(isJson ? jsonText(event) : cells.join("  "));
}
