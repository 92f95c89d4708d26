/** The text box: others see that this user is typing, and then the text. */

import { find } from "../shared/element.ts";

/** After so long without input the user is not typing any more. */
const PAUSE_MS = 2_500;

export type Writing = {
  /** Returns whether the text is on its way; otherwise it stays in the box. */
  readonly send: (text: string) => boolean;
  /** Called once when the user starts typing, and once when they stop. */
  readonly typing: (isTyping: boolean) => void;
};

const form = find("text-form", HTMLFormElement);
const box = find("text", HTMLInputElement);
const button = find("send", HTMLButtonElement);

export function watchTextBox({ send, typing }: Writing): void {
  let isTyping = false;
  let pause = 0;

  function tell(next: boolean): void {
    clearTimeout(pause);
    if (next) pause = setTimeout(() => tell(false), PAUSE_MS);
    if (next === isTyping) return;
    isTyping = next;
    typing(next);
  }

  box.addEventListener("input", () => tell(box.value !== ""));
  box.addEventListener("blur", () => tell(false));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (text === "" || !send(text)) return;
    box.value = "";
    tell(false);
  });
}

/** Enables the box while the user is in the room, and the button while they are connected, too. */
export function enableTextBox(isIn: boolean, isHere: boolean): void {
  box.disabled = !isIn;
  button.disabled = !isIn || !isHere;
  box.placeholder = isIn ? "Write to everybody here" : "Come in to write";
}

export function focusTextBox(): void {
  box.focus({ preventScroll: true });
}
