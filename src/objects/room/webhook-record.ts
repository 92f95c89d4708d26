/**
 * What storage has of a room's webhooks beside the position that the log carries: how the last
 * attempts failed. Written when one fails, when one arrives after that, and for a replay.
 */

import * as v from "valibot";
import { DeliveryPosition } from "../../core/delivery-position.ts";

const WEBHOOK = "webhook";

export const WebhookRecord = v.object({
  /** Of which life of the log. */
  life: v.string(),
  position: DeliveryPosition,
  /** In a row; 0 where the last attempt arrived. */
  failures: v.number(),
  /** Milliseconds since the epoch. */
  nextAttemptAt: v.number(),
  lastError: v.nullable(v.string()),
  /** The receiver that wants nothing more, as its transport names it. */
  stoppedFor: v.nullable(v.string()),
});
export type WebhookRecord = v.InferOutput<typeof WebhookRecord>;

export class WebhookStore {
  readonly #storage: DurableObjectStorage;
  readonly #onRow: () => void;

  /** `onRow` hears of each row that is written. */
  constructor(storage: DurableObjectStorage, onRow: () => void) {
    this.#storage = storage;
    this.#onRow = onRow;
  }

  /** `null` for none, or one of another life of the log or another version. */
  load(life: string): WebhookRecord | null {
    const result = v.safeParse(WebhookRecord, this.#storage.kv.get(WEBHOOK));
    return result.success && result.output.life === life ? result.output : null;
  }

  save(record: WebhookRecord): void {
    this.#storage.kv.put(WEBHOOK, record);
    this.#onRow();
  }
}
