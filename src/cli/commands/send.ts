/** `send`: a message to everybody in a room. */

import { printResult } from "../output.ts";
import { Api, roomPath } from "../api.ts";
import { command, readJson, SERVICE_OPTIONS } from "../command.ts";
import { Connections } from "../shapes.ts";
import { Target } from "../target.ts";
import { counted } from "../text.ts";

export const send = command({
  name: "send",
  summary: "Sends a message to every connection in a room",
  details:
    "What begins as JSON does must be JSON; anything else is text. It comes from nobody, and is not stored.",
  examples: ["lobby hello", `lobby '{"closing":true,"in":300}'`, "lobby 42 --text"],
  args: {
    room: { type: "positional", description: "the room's name" },
    payload: { type: "positional", description: "JSON, or text" },
    text: { type: "boolean", description: "sends the payload as text, whatever it looks like" },
    ...SERVICE_OPTIONS,
  },
  async run({ room, payload, text, url, json }) {
    const message = { payload: text ? payload : readPayload(payload) };
    const api = new Api(new Target(url));
    const response = await api.post(Connections, `${roomPath(room)}/messages`, message);
    printResult(json, response, [
      response.connections === 0
        ? "Nobody is connected there: no one got it."
        : `Sent to ${counted(response.connections, "connection")}.`,
    ]);
  },
});

/** JSON with a slip in it must not go out as text. */
function readPayload(text: string): unknown {
  if (/^\s*[[{"]/.test(text)) return readJson("the payload", text);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
