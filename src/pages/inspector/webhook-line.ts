/** How a room's webhooks go, in one line: nothing where it sends none. */

import { find, setText } from "../shared/element.ts";
import { clock, counted } from "../shared/format.ts";
import { RoomStats } from "./answers.ts";
import { type Api, roomPath } from "./api.ts";

const line = find("webhooks", HTMLElement);

/** Asks the room. Throws an ApiError. */
export async function loadWebhooks(api: Api, room: string, signal: AbortSignal): Promise<void> {
  const { webhook } = await api.call(RoomStats, "GET", roomPath(room, "stats"));
  if (signal.aborted) return;
  if (webhook) showWebhooks(webhook);
  else clearWebhooks();
}

export function clearWebhooks(): void {
  line.hidden = true;
  setText(line, "");
}

function showWebhooks(webhook: NonNullable<RoomStats["webhook"]>): void {
  line.hidden = false;
  line.classList.toggle("failing", webhook.failures > 0);
  setText(line, wordsOf(webhook));
}

function wordsOf(webhook: NonNullable<RoomStats["webhook"]>): string {
  const { pending, failures, lastError, nextAttemptAt } = webhook;
  if (failures === 0) {
    return pending === 0
      ? "Webhooks: all events delivered."
      : `Webhooks: ${counted(pending, "event")} on the way.`;
  }
  const failed = failures === 1 ? "the last attempt" : `the last ${failures} attempts`;
  const next = nextAttemptAt === undefined ? "none" : clock(nextAttemptAt);
  return `Webhooks: ${counted(pending, "event")} waiting; ${failed} failed (${lastError ?? "no answer"}); next attempt: ${next}.`;
}
