/**
 * Finding and making elements. Text is only ever set as text, never as HTML: strangers choose
 * names, states and messages.
 */

/** The element with this id, which must be in the page and of this kind. */
export function find<T extends Element>(id: string, kind: new () => T): T {
  const element = document.getElementById(id);
  if (element instanceof kind) return element;
  throw new Error(`the page has no ${kind.name} #${id}`);
}

type Content = string | Node;

/** A new element with classes and content. */
export function create<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  classes = "",
  ...content: Content[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (classes !== "") element.className = classes;
  element.append(...content);
  return element;
}

/**
 * Text that a stranger chose, isolated so that it cannot change the direction of the text around
 * it.
 */
export function untrusted(text: string, classes = ""): HTMLElement {
  return create("bdi", classes, text);
}

/** Sets a text where it differs: a live region speaks each time it is set. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
