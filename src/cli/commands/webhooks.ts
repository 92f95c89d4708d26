/** `test-webhook` and `replay-webhooks`: whether the receiver of webhooks is there, and to send it more. */

import { printResult } from "../output.ts";
import { Api, roomPath } from "../api.ts";
import { command, readNumber, SERVICE_OPTIONS } from "../command.ts";
import { UsageError } from "../command-error.ts";
import { Replayed, WebhookTested } from "../shapes.ts";
import { Target } from "../target.ts";
import { counted, printable } from "../text.ts";

export const testWebhook = command({
  name: "test-webhook",
  summary: "Sends a test to the receiver of webhooks, and shows what it answers",
  details:
    "A body of type webhook.test, without events, signed as all others are. Exits with 1 where the receiver does not answer with a status of 200 to 299.",
  examples: ["", "--json | jq .status"],
  args: SERVICE_OPTIONS,
  async run({ url, json }) {
    const tested = await new Api(new Target(url)).post(WebhookTested, "/webhooks/test");
    const { status, error } = tested;
    const answered =
      status === null ? `No answer: ${error ?? "nobody knows why"}` : `It answered ${status}`;
    printResult(json, tested, [`${printable(answered)}.`]);
    if (status === null || status < 200 || status > 299) process.exitCode = 1;
  },
});

export const replayWebhooks = command({
  name: "replay-webhooks",
  summary: "Sends events of a room to the receiver of webhooks once more",
  details:
    "All that the room keeps, or those behind a revision, or from a time on. They come in order, before anything else of this room, and with other ids than before.",
  examples: ["lobby", "lobby --from 2026-11-29T14:05Z", "lobby --after k3f9Qw:408"],
  args: {
    room: { type: "positional", description: "the room's name" },
    after: {
      type: "string",
      valueHint: "rev",
      description: "the rev of the last event that need not come again",
    },
    from: {
      type: "string",
      valueHint: "time",
      description: "ISO 8601, or milliseconds since 1970",
    },
    ...SERVICE_OPTIONS,
  },
  async run({ room, after, from, url, json }) {
    if (after !== undefined && from !== undefined) {
      throw new UsageError("--after and --from cannot both be given");
    }
    const body = {
      ...(after === undefined ? {} : { after }),
      ...(from === undefined ? {} : { from: readTime("--from", from) }),
    };
    const path = `${roomPath(room)}/webhooks/replay`;
    const replayed = await new Api(new Target(url)).post(Replayed, path, body);
    const words = `${counted(replayed.events, "event")} of ${printable(room)}`;
    printResult(json, replayed, [`${words} will be sent once more.`]);
  },
});

/** Milliseconds since the epoch. Throws a UsageError. */
function readTime(option: string, text: string): number {
  if (/^\d+$/.test(text)) return readNumber(option, text, { min: 0 });
  const at = Date.parse(text);
  if (!Number.isNaN(at) && at >= 0) return at;
  throw new UsageError(
    `${option} is "${printable(text)}"; it must be a time such as 2026-11-29T14:05Z`,
  );
}
