/** `add`: a channel comes into a room. */

import { printResult } from "../output.ts";
import { Api, presencePath } from "../api.ts";
import { command, readJson, SERVICE_OPTIONS } from "../command.ts";
import { UsageError } from "../command-error.ts";
import { ListedPresence } from "../shapes.ts";
import { Target } from "../target.ts";
import { printable, userText } from "../text.ts";

export const add = command({
  name: "add",
  summary: "Puts a channel into a room",
  details:
    "A channel without a socket is any name; touch it at least once in PRESENCE_MAX_AGE seconds or it expires. One that is in the room already is refreshed and gets the user.",
  examples: ["lobby bot-1", `lobby bot-1 --id bot --info '{"name":"The bot"}'`],
  args: {
    room: { type: "positional", description: "the room's name" },
    channel: { type: "positional", description: "the channel's name" },
    id: { type: "string", valueHint: "id", description: "the user's id (default: anonymous)" },
    info: {
      type: "string",
      valueHint: "json",
      description: "what everyone in the room may see of the user, a JSON object",
    },
    ...SERVICE_OPTIONS,
  },
  async run({ room, channel, id, info, url, json }) {
    const user = readUser(id, info);
    const api = new Api(new Target(url));
    const { status, body } = await api.put(ListedPresence, presencePath(room, channel), { user });
    const where = `${printable(channel)} ${status === 201 ? "is now" : "was already"} in ${printable(room)}`;
    const who = body.user === null ? "anonymously" : `as ${userText(body.user)}`;
    printResult(json, body, [
      status === 201 ? `${where}, ${who}.` : `${where}; refreshed, ${who}.`,
    ]);
  },
});

function readUser(id: string | undefined, info: string | undefined): object | null {
  if (id === undefined) {
    if (info === undefined) return null;
    throw new UsageError("--info says something of a user; say who it is with --id");
  }
  const known = info === undefined ? {} : readJson("--info", info);
  if (typeof known === "object" && known !== null && !Array.isArray(known)) return { ...known, id };
  throw new UsageError(`--info must be a JSON object, such as '{"name":"Ada"}'`);
}
