/** `channel`, `touch` and `leave-all`: one channel, in all its rooms. */

import { printResult } from "../output.ts";
import { Api, channelPath } from "../api.ts";
import { command, SERVICE_OPTIONS } from "../command.ts";
import { RoomNames, Whereabouts } from "../shapes.ts";
import { Target } from "../target.ts";
import { ago, counted, printable, userText } from "../text.ts";

const ARGS = {
  channel: { type: "positional", description: "the channel's name" },
  ...SERVICE_OPTIONS,
} as const;

export const channel = command({
  name: "channel",
  summary: "Shows where a channel is",
  examples: ["bot-1", "'lobby!7GdQ0aX3kLm2' --json"],
  args: ARGS,
  async run({ channel: name, url, json }) {
    const found = await new Api(new Target(url)).get(Whereabouts, channelPath(name));
    printResult(json, found, [
      `channel    ${printable(found.channel)}`,
      `user       ${userText(found.user)}`,
      `rooms      ${namesOf(found.rooms)}`,
      `last seen  ${ago(found.lastSeen)}`,
    ]);
  },
});

export const touch = command({
  name: "touch",
  summary: "Keeps a channel's presences fresh, in all its rooms",
  examples: ["bot-1"],
  args: ARGS,
  async run({ channel: name, url, json }) {
    const api = new Api(new Target(url));
    const response = await api.post(RoomNames, `${channelPath(name)}/touch`);
    printResult(json, response, [
      response.rooms.length === 0
        ? `${printable(name)} is in no room: there was nothing to touch.`
        : `${printable(name)} is fresh in ${counted(response.rooms.length, "room")}: ${namesOf(response.rooms)}`,
    ]);
  },
});

export const leaveAll = command({
  name: "leave-all",
  summary: "Takes a channel out of all its rooms",
  details: "Its socket, if it has one, is closed with 4003.",
  examples: ["bot-1"],
  args: ARGS,
  async run({ channel: name, url, json }) {
    const response = await new Api(new Target(url)).delete(RoomNames, channelPath(name));
    printResult(json, response, [
      response.rooms.length === 0
        ? `${printable(name)} was in no room.`
        : `${printable(name)} left ${counted(response.rooms.length, "room")}: ${namesOf(response.rooms)}`,
    ]);
  },
});

function namesOf(rooms: readonly string[]): string {
  return rooms.map(printable).join(", ");
}
