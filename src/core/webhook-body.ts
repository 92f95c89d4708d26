/** What is posted to a receiver of webhooks, and put into a queue. Standard Webhooks 1.0 has the envelope. */

import * as v from "valibot";
import { WEBHOOK_BYTES_MAX, WEBHOOK_EVENTS_MAX } from "./limits.ts";
import { utf8Length } from "./json.ts";
import { RoomEvent } from "./room-events.ts";
import type { NumberedEvent } from "./room-log.ts";

/** `webhook.test` has no events: it shows that a receiver is reached and believes the signature. */
export const WEBHOOK_TYPES = ["presence.events", "webhook.test"] as const;

export const WebhookBody = v.object({
  type: v.picklist(WEBHOOK_TYPES),
  /** ISO 8601: when the last of the events happened. */
  timestamp: v.string(),
  data: v.object({
    /** Of one room, the oldest first. */
    events: v.pipe(v.array(RoomEvent), v.readonly()),
  }),
});

/** The body of a webhook. A later version may have further types; ignore those that you do not know. */
export type WebhookBody = Readonly<v.InferOutput<typeof WebhookBody>>;

/** Events of one call. */
export type Batch = {
  readonly first: number;
  readonly last: number;
  readonly events: readonly RoomEvent[];
};

/** Bytes of a body beside its events, with room for the longest time stamp. */
const ENVELOPE_BYTES = 100;

/**
 * As many of `events` as one call may have; `null` where there are none. Looks at no more of them
 * than it needs, and the same events are the same batch each time.
 */
export function batchOf(events: Iterable<NumberedEvent>): Batch | null {
  const taken: NumberedEvent[] = [];
  let bytes = ENVELOPE_BYTES;
  for (const each of events) {
    bytes += utf8Length(JSON.stringify(each.event)) + 1;
    // One event always fits: a name, a user and a channel have limits of their own.
    if (taken.length > 0 && bytes > WEBHOOK_BYTES_MAX) break;
    taken.push(each);
    if (taken.length === WEBHOOK_EVENTS_MAX) break;
  }
  const [first, last] = [taken[0], taken.at(-1)];
  if (!first || !last) return null;
  return { first: first.number, last: last.number, events: taken.map(({ event }) => event) };
}

/**
 * The `webhook-id` of a batch: the same whenever it is sent again. A replay that a server asked for
 * is not a repetition, so it has ids of its own.
 */
export function webhookId(life: string, turn: number, { first, last }: Batch): string {
  return `msg_${life}_${first}_${last}${turn > 0 ? `_r${turn}` : ""}`;
}
