/**
 * Whether somebody is at this page: they move, type or scroll, and the page is shown. Without input for a while, and
 * hidden for a shorter one, it is away.
 */

import type { PresenceStatus } from "../core/status.ts";
import { after } from "./timer.ts";

export type ActivityTimes = {
  /** Milliseconds without input. */
  readonly idleMs: number;
  /** Milliseconds in which the page is hidden. */
  readonly hiddenMs: number;
};

const INPUT = ["keydown", "pointerdown", "pointermove", "wheel"];
const VISIBILITY = "visibilitychange";

/** Tells the status at once, and each other one, until the function that it returns is called. */
export function watchActivity(
  { idleMs, hiddenMs }: ActivityTimes,
  tell: (status: PresenceStatus) => void,
): () => void {
  const stop = new AbortController();
  const isHidden = () => document.visibilityState === "hidden";
  let isAway = false;
  let usedAt = 0;
  let cancel = () => {};
  const check = () => {
    cancel();
    const restMs = usedAt + (isHidden() ? Math.min(idleMs, hiddenMs) : idleMs) - performance.now();
    isAway = restMs <= 0;
    if (!isAway) cancel = after(restMs, check);
    tell(isAway ? "away" : "active");
  };
  const used = ({ type }: { readonly type: string }) => {
    usedAt = performance.now();
    // A pointer moves a hundred times a second: the timer looks at when it last did.
    if (isAway || type === VISIBILITY) check();
  };
  for (const type of [...INPUT, VISIBILITY]) {
    // Ahead of the page, which may keep an event to itself.
    document.addEventListener(type, used, { capture: true, passive: true, signal: stop.signal });
  }
  used({ type: VISIBILITY });
  return () => {
    stop.abort();
    cancel();
  };
}
