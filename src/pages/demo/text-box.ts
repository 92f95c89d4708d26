/** The box that one writes into: others see that one types, and then what. */

import { find } from "../shared/element.ts";

/** Who has written nothing for so long is not typing, only thinking. */
const PAUSE_MS = 2_500;

export type Writing = {
  /** Returns whether the text is on its way; otherwise it stays in the box. */
  readonly send: (text: string) => boolean;
  /** That one types now, or does not any more. Told once each. */
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

/** Whether one can write now. While a connection is lost, what is in the box stays and can be edited. */
export function enableTextBox(isIn: boolean, isHere: boolean): void {
  box.disabled = !isIn;
  button.disabled = !isIn || !isHere;
  box.placeholder = isIn ? "Write to everybody here" : "Come in to write";
}

export function focusTextBox(): void {
  box.focus({ preventScroll: true });
}
