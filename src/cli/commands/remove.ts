/** `remove`: a channel goes out of a room. */

import * as v from "valibot";
import { printResult } from "../output.ts";
import { Api, presencePath } from "../api.ts";
import { command, SERVICE_OPTIONS } from "../command.ts";
import { Target } from "../target.ts";
import { printable } from "../text.ts";

export const remove = command({
  name: "remove",
  summary: "Takes a channel out of a room",
  details: "If its socket is in this room, it is closed with 4003.",
  examples: ["lobby bot-1", "lobby 'lobby!7GdQ0aX3kLm2'"],
  args: {
    room: { type: "positional", description: "the room's name" },
    channel: { type: "positional", description: "the channel's name" },
    ...SERVICE_OPTIONS,
  },
  async run({ room, channel, url, json }) {
    const api = new Api(new Target(url));
    // 204 in both cases: whether it was there, the service does not tell.
    await api.delete(v.undefined(), presencePath(room, channel));
    printResult(json, {}, [`${printable(channel)} is not in ${printable(room)} any more.`]);
  },
});
