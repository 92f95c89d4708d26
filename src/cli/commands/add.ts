/** `add`: a channel comes into a room. */

import { printResult } from "../output.ts";
import { Api, presencePath } from "../api.ts";
import { TTL_SECONDS_MIN } from "../../core/limits.ts";
import { command, readJson, readNumber, SERVICE_OPTIONS } from "../command.ts";
import { UsageError } from "../command-error.ts";
import { ListedPresence } from "../shapes.ts";
import { Target } from "../target.ts";
import { printable, userText } from "../text.ts";

export const add = command({
  name: "add",
  summary: "Puts a channel into a room",
  details:
    "A channel without a socket is any name; touch it at least once in PRESENCE_MAX_AGE seconds, or in its --ttl, or it expires. One that is in the room already is refreshed, and what is left out stays as it is. State and ttl are for channels without a socket.",
  examples: [
    "lobby bot-1",
    `lobby bot-1 --id bot --info '{"name":"The bot"}'`,
    `lobby bot-1 --state '{"thinking":true}' --ttl 60`,
  ],
  args: {
    room: { type: "positional", description: "the room's name" },
    channel: { type: "positional", description: "the channel's name" },
    id: {
      type: "string",
      valueHint: "id",
      description: "the user's id (default: who it is; anonymous where it is new)",
    },
    info: {
      type: "string",
      valueHint: "json",
      description: "what everyone in the room may see of the user, a JSON object",
    },
    state: {
      type: "string",
      valueHint: "json",
      description: "what the presence says of itself, any JSON; null removes it",
    },
    ttl: {
      type: "string",
      valueHint: "seconds",
      description: "stays so long after each add and touch (default: PRESENCE_MAX_AGE)",
    },
    ...SERVICE_OPTIONS,
  },
  async run({ room, channel, id, info, state, ttl, url, json }) {
    const given = {
      ...readUser(id, info),
      ...(state !== undefined && { state: readJson("--state", state) }),
      ...(ttl !== undefined && { ttl: readNumber("--ttl", ttl, { min: TTL_SECONDS_MIN }) }),
    };
    const api = new Api(new Target(url));
    const { status, body } = await api.put(ListedPresence, presencePath(room, channel), given);
    const where = `${printable(channel)} ${status === 201 ? "is now" : "was already"} in ${printable(room)}`;
    const who = body.user === null ? "anonymously" : `as ${userText(body.user)}`;
    printResult(json, body, [
      status === 201 ? `${where}, ${who}.` : `${where}; refreshed, ${who}.`,
    ]);
  },
});

function readUser(id: string | undefined, info: string | undefined): { user?: object } {
  if (id === undefined) {
    if (info === undefined) return {};
    throw new UsageError("--info says something of a user; say who it is with --id");
  }
  const known = info === undefined ? {} : readJson("--info", info);
  if (typeof known === "object" && known !== null && !Array.isArray(known)) {
    return { user: { ...known, id } };
  }
  throw new UsageError(`--info must be a JSON object, such as '{"name":"Ada"}'`);
}
