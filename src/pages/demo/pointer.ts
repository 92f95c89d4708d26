/**
 * This user's pointer in the shared area, by mouse, finger, pen or arrow keys, sent to the others.
 */

import { find } from "../shared/element.ts";
import type { Position, DemoMessage } from "./demo-message.ts";

/**
 * Fifteen positions a second. A connection may send 20 frames a second by default, and typing must
 * fit in beside them. The stylesheet animates the others' pointers from one position to the next.
 */
const EVERY_MS = 66;
const KEY_STEP = 0.04;

const KEYS: Partial<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-KEY_STEP, 0],
  ArrowRight: [KEY_STEP, 0],
  ArrowUp: [0, -KEY_STEP],
  ArrowDown: [0, KEY_STEP],
};

const area = find("area", HTMLElement);

/**
 * Calls `send` with messages for the others, and `showOwn` where no mouse shows the user's
 * position.
 */
export function watchPointer(
  send: (message: DemoMessage) => void,
  showOwn: (position: Position | null) => void,
): void {
  let position: Position = { x: 0.5, y: 0.5 };
  let sentAt = 0;
  let waiting = 0;

  function move(next: Position): void {
    position = next;
    if (waiting !== 0) return;
    const wait = Math.max(0, sentAt + EVERY_MS - performance.now());
    waiting = setTimeout(flush, wait);
  }

  function flush(): void {
    waiting = 0;
    sentAt = performance.now();
    send({ type: "cursor", at: position });
  }

  function end(): void {
    clearTimeout(waiting);
    waiting = 0;
    showOwn(null);
    send({ type: "cursor", at: null });
  }

  area.addEventListener("pointermove", (event) => {
    showOwn(null);
    move(positionIn(event));
  });
  area.addEventListener("pointerleave", end);
  area.addEventListener("pointercancel", end);
  area.addEventListener("pointerdown", (event) => send({ type: "ripple", at: positionIn(event) }));
  area.addEventListener("blur", end);
  area.addEventListener("keydown", (event) => {
    const step = KEYS[event.key];
    const isClick = event.key === "Enter" || event.key === " ";
    if (!step && !isClick) return;
    event.preventDefault();
    if (isClick) return send({ type: "ripple", at: position });
    move({ x: within(position.x + (step?.[0] ?? 0)), y: within(position.y + (step?.[1] ?? 0)) });
    showOwn(position);
  });
}

function positionIn({ clientX, clientY }: PointerEvent): Position {
  const { left, top, width, height } = area.getBoundingClientRect();
  return { x: within((clientX - left) / width), y: within((clientY - top) / height) };
}

/** Rounded to four digits: finer than a screen, and short on the wire. */
function within(position: number): number {
  return Math.round(Math.min(1, Math.max(0, position)) * 10_000) / 10_000;
}
