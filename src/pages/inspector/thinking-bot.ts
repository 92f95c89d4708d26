/**
 * A bot without a socket, as a server would set one: it says a few times that it thinks and that it does not,
 * then falls silent, and its ttl lets it expire.
 */

import type { ActionContext } from "./actions.ts";
import { ListedPresence } from "./answers.ts";
import { roomPath } from "./api.ts";

const STEP_MS = 2_000;
const TTL_SECONDS = 6;
/** What it does after it has come, one step after the other. */
const STEPS = [false, true, false] as const;

/** Adds one more bot, which goes on by itself until `signal` is aborted. */
export function addBot({ api, room, attempt, signal }: ActionContext): void {
  const channel = `bot-${crypto.randomUUID().slice(0, 8)}`;
  const say = (given: object) =>
    api.call(ListedPresence, "PUT", roomPath(room, "presences", channel), given);
  function step(index: number): void {
    const thinking = STEPS[index];
    if (thinking === undefined || signal.aborted) return;
    attempt(async () => {
      await say({ state: { thinking } });
      setTimeout(step, STEP_MS, index + 1);
      if (index + 1 < STEPS.length) return `${channel} ${thinking ? "thinks again" : "is idle"}.`;
      return `${channel} has fallen silent, and expires in ${TTL_SECONDS} seconds.`;
    });
  }
  attempt(async () => {
    const user = { id: channel, name: "A bot" };
    await say({ user, state: { thinking: true }, ttl: TTL_SECONDS });
    setTimeout(step, STEP_MS, 0);
    return `Added ${channel}, which thinks.`;
  });
}
