#!/usr/bin/env node
/**
 * The command line, `durable-presence`: finds the command, and turns errors into messages and exit
 * codes. 0: done. 1: the service refused, or something failed or is unsafe. 2: wrong usage.
 */

import { parseArgs } from "node:util";
import { type Command, PROGRAM } from "./command.ts";
import { add } from "./commands/add.ts";
import { attendance } from "./commands/attendance.ts";
import { channel, leaveAll, touch } from "./commands/channel.ts";
import { doctor } from "./commands/doctor.ts";
import { events } from "./commands/events.ts";
import { prunePresences, pruneRooms } from "./commands/prune.ts";
import { remove } from "./commands/remove.ts";
import { room } from "./commands/room.ts";
import { rooms } from "./commands/rooms.ts";
import { send } from "./commands/send.ts";
import { stats } from "./commands/stats.ts";
import { token } from "./commands/token.ts";
import { replayWebhooks, testWebhook } from "./commands/webhooks.ts";
import { UsageError } from "./command-error.ts";
import { printable, tableOf } from "./text.ts";

const COMMANDS: readonly Command[] = [
  rooms,
  room,
  stats,
  events,
  attendance,
  add,
  remove,
  send,
  channel,
  touch,
  leaveAll,
  prunePresences,
  pruneRooms,
  testWebhook,
  replayWebhooks,
  token,
  doctor,
];

const NAMES = COMMANDS.map(({ name }) => name).join(", ");

const HELP = [
  "Who is in this room right now? The command line of a durable-presence service.",
  "",
  `  ${PROGRAM} <command> [options]`,
  "",
  ...tableOf(COMMANDS.map(({ name, summary }) => [`  ${name}`, summary])),
  "",
  "Environment:",
  ...tableOf([
    ["  PRESENCE_URL", "where the service is (default: http://localhost:8787); --url goes first"],
    ["  PRESENCE_TOKEN", "a token that can admin; for the service of this machine one is made"],
    ["", "with PRESENCE_SECRET, of the environment or of .dev.vars"],
  ]),
  "",
  "Examples:",
  `  ${PROGRAM} rooms --prefix game-`,
  `  ${PROGRAM} room lobby --watch`,
  `  ${PROGRAM} events lobby --from 10m --follow`,
  `  ${PROGRAM} prune-presences --age 30`,
  "",
  `More about a command: ${PROGRAM} <command> --help`,
  `The version: ${PROGRAM} --version`,
  "Exit codes: 0 done, 1 the service refused, something failed or is unsafe, 2 wrong usage.",
].join("\n");

/** Options that may stand before the command. */
const LEADING = {
  url: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "v" },
} as const;

async function main(args: string[]): Promise<void> {
  const { values, tokens } = parseArgs({
    args,
    options: LEADING,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const first = tokens.find((each) => each.kind === "positional");
  if (first === undefined) {
    if (values.help) return console.log(HELP);
    if (values.version) return console.log((await import("./version.ts")).version);
    throw new UsageError(`which command? There are ${NAMES}`);
  }
  if (first.value === "help") return console.log(HELP);
  const found = COMMANDS.find(({ name }) => name === first.value);
  if (found === undefined) {
    throw new UsageError(`there is no command "${printable(first.value)}"; there are ${NAMES}`);
  }
  try {
    await found.run([...args.slice(0, first.index), ...args.slice(first.index + 1)]);
  } catch (error) {
    fail(error, found.name);
  }
}

function fail(error: unknown, name?: string): void {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
  if (!(error instanceof UsageError)) return;
  console.error(`See: ${[PROGRAM, name, "--help"].filter(Boolean).join(" ")}`);
  process.exitCode = 2;
}

// Whoever reads the output has closed the pipe, as `head` does.
process.stdout.on("error", () => process.exit());
// Errors that no command expects are printed as messages, too.
process.on("uncaughtException", (error) => {
  fail(error);
  process.exit();
});

try {
  await main(process.argv.slice(2));
} catch (error) {
  fail(error);
}
