/** `stats`: what a room has counted. */

import { printResult } from "../output.ts";
import { Api, roomPath } from "../api.ts";
import { command, SERVICE_OPTIONS } from "../command.ts";
import { Stats } from "../shapes.ts";
import type { RoomStats } from "../../core/http-shapes.ts";
import { Target } from "../target.ts";
import { ago, counted, printable, tableOf } from "../text.ts";

export const stats = command({
  name: "stats",
  summary: "Shows what a room has counted: joins, leaves, frames, rows",
  details: "Since the first of those who are connected now came, or since the last crash.",
  examples: ["lobby", "lobby --json"],
  args: {
    room: { type: "positional", description: "the room's name" },
    ...SERVICE_OPTIONS,
  },
  async run({ room, url, json }) {
    const found = await new Api(new Target(url)).get(Stats, `${roomPath(room)}/stats`);
    const { left, lost, expired, removed, replaced } = found.leaves;
    printResult(json, found, [
      `${printable(room)}: ${counted(found.connections, "connection")}, ${counted(found.presences, "presence")}`,
      "",
      ...tableOf([
        ["counting since", ago(found.since)],
        ["joins", `${found.joins}, and ${counted(found.resumes, "presence")} taken up again`],
        [
          "leaves",
          `${left} left, ${lost} lost, ${expired} expired, ${removed} removed, ${replaced} replaced`,
        ],
        ["frames", `${found.frames.in} in, ${found.frames.out} out, in ${found.batches} batches`],
        ["throttled", `${found.throttled} frames`],
        ["alarms", String(found.alarms)],
        ["rows written", String(found.rowsWritten)],
        ...webhookRows(found),
      ]),
    ]);
  },
});

/** How its webhooks go; nothing where it sends none. */
function webhookRows({ webhook }: RoomStats): string[][] {
  if (webhook === undefined) return [];
  const { pending, failures, lastError, nextAttemptAt } = webhook;
  const why = lastError === undefined ? "" : `: ${printable(lastError)}`;
  const next =
    nextAttemptAt === undefined ? [] : [["next attempt", new Date(nextAttemptAt).toISOString()]];
  return [
    ["webhooks", `${counted(pending, "event")} to be delivered`],
    ...(failures === 0 ? [] : [["failed", `${counted(failures, "attempt")}${why}`]]),
    ...next,
  ];
}
