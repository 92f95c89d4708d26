/** Frames a second: a number, and a bar for each of the last seconds. */

import { find, create } from "../shared/element.ts";

const SECONDS = 40;

const number = find("number-frames", HTMLElement);
const chart = find("bars", HTMLElement);
let counts: number[] = [];
let current = 0;

/** A frame came. */
export function countFrame(): void {
  current += 1;
}

/** A second is over. */
export function tickFrameRate(): void {
  counts = [...counts, current].slice(-SECONDS);
  number.textContent = String(current);
  current = 0;
  const most = Math.max(10, ...counts);
  for (const [index, bar] of Array.from(chart.children).entries()) {
    const count = counts[counts.length - SECONDS + index] ?? 0;
    if (bar instanceof HTMLElement) bar.style.height = `${Math.max(4, (count / most) * 100)}%`;
  }
}

export function resetFrameRate(): void {
  counts = [];
  current = 0;
  chart.replaceChildren(...Array.from({ length: SECONDS }, () => create("i")));
  tickFrameRate();
}
