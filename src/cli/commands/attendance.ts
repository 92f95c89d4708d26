/** `attendance`: who was in a room, when, and for how long. */

import { Api, roomPath } from "../api.ts";
import { command, SERVICE_OPTIONS } from "../command.ts";
import { UsageError } from "../command-error.ts";
import { csvOf } from "../csv.ts";
import { MOMENT, readMoment } from "../moment.ts";
import { printResult } from "../output.ts";
import { paginate } from "../pagination.ts";
import { type Attendance, AttendancePage } from "../shapes.ts";
import { Target } from "../target.ts";
import {
  counted,
  duration,
  printable,
  tableOf,
  terminalColumns,
  timeText,
  userText,
} from "../text.ts";

type Span = { readonly from: number | undefined; readonly to: number | undefined };

export const attendance = command({
  name: "attendance",
  summary: "Shows who was in a room, when, and for how long",
  details:
    "As far back as the room keeps its log. Tabs of one user that overlap are one visit. With --csv a visit is a row, whose seconds are those within --from and --to; a name that a spreadsheet would take for a formula gets a ' in front.",
  examples: [
    "lobby",
    "lobby --from 1h",
    "lobby --from 2026-11-29T14:00Z --to 2026-11-29T15:00Z --csv",
  ],
  args: {
    room: { type: "positional", description: "the room's name" },
    from: { type: "string", valueHint: "time", description: MOMENT },
    to: { type: "string", valueHint: "time", description: "the same (default: now)" },
    csv: { type: "boolean", description: "prints a table for spreadsheets, by RFC 4180" },
    ...SERVICE_OPTIONS,
  },
  async run({ room, from, to, csv, url, json }) {
    if (csv && json) throw new UsageError("--csv and --json are two things to print; choose one");
    const span = { from: readMoment("--from", from), to: readMoment("--to", to) };
    const found = await listAttendance(new Api(new Target(url)), room, span);
    if (csv) process.stdout.write(csvOf(rowsOf(found.users, span)));
    else printResult(json, found, linesOf(room, found.users));
    if (!found.complete && !json) console.error("What was earlier is not kept any more.");
  },
});

async function listAttendance(api: Api, room: string, { from, to }: Span) {
  const users: Attendance[] = [];
  let complete = true;
  const ask = (cursor: string | undefined) =>
    api.get(AttendancePage, `${roomPath(room)}/attendance`, {
      from: from?.toFixed(),
      to: to?.toFixed(),
      limit: "1000",
      cursor,
    });
  for await (const page of paginate(ask)) {
    users.push(...page.users);
    complete &&= page.complete;
  }
  return { users, complete };
}

function linesOf(room: string, users: readonly Attendance[]): string[] {
  if (users.length === 0) return [`Nobody is known to have been in ${printable(room)}.`];
  const rows = users.map(({ user, presentMs, visits }) => {
    const [first, last] = [visits[0], visits.at(-1)];
    return [
      userText(user),
      duration(presentMs),
      String(visits.length),
      first ? timeText(first.from) : "",
      last?.to ? timeText(last.to) : "here",
      last?.reason ?? "",
    ];
  });
  const head = ["user", "present", "visits", "came", "went", ""];
  return [
    `${printable(room)}: ${counted(users.length, "user")}`,
    "",
    ...tableOf([head, ...rows], terminalColumns()),
  ];
}

function rowsOf(users: readonly Attendance[], { from = 0, to = Date.now() }: Span): string[][] {
  const now = Date.now();
  const rows = users.flatMap(({ user, visits }) =>
    visits.map((visit) => {
      const end = visit.to ?? now;
      const presentMs = Math.max(0, Math.min(end, to) - Math.max(visit.from, from));
      return [
        user.id,
        typeof user["name"] === "string" ? user["name"] : "",
        new Date(visit.from).toISOString(),
        visit.to === null ? "" : new Date(visit.to).toISOString(),
        visit.reason ?? "",
        String(Math.round(presentMs / 1_000)),
      ];
    }),
  );
  return [["user", "name", "from", "to", "reason", "seconds"], ...rows];
}
