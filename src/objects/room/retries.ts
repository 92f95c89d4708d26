/** What could not be done, to be tried again at the room's next alarm. */

import type { Alarm } from "../alarm.ts";
import { ALARM_RETRY_MS } from "../../core/limits.ts";
import type { View } from "../../core/protocol.ts";
import { type LogFields, logError } from "../../telemetry/log.ts";

export class Retries {
  readonly #room: string;
  readonly #alarm: Alarm;
  /** Channels whose further rooms must send them a snapshot, with the view of it. */
  readonly #resyncs = new Map<string, View>();

  constructor(room: string, alarm: Alarm) {
    this.#room = room;
    this.#alarm = alarm;
  }

  /** Something failed that the alarm does by itself. Logs it, and makes the alarm ring soon. */
  schedule(event: string, error: unknown, fields: LogFields = {}): void {
    logError(event, error, { room: this.#room, ...fields });
    this.#alarm.setBy(Date.now() + ALARM_RETRY_MS);
  }

  /** Further rooms of a channel could not be asked for a snapshot. */
  scheduleResync(channel: string, view: View, error: unknown): void {
    this.#resyncs.set(channel, view);
    this.schedule("a further room could not be asked to repeat itself", error, { channel });
  }

  takeResyncs(): ReadonlyMap<string, View> {
    const channels = new Map(this.#resyncs);
    this.#resyncs.clear();
    return channels;
  }
}
