/** A list in the page that follows a list of data. What stays keeps its element, and with it focus and motion. */

export type Drawing<T> = {
  readonly keyOf: (item: T) => string;
  readonly create: (item: T) => HTMLElement;
  /** Called after `create` too. */
  readonly update: (element: HTMLElement, item: T) => void;
};

export class KeyedList<T> {
  readonly #parent: Element;
  readonly #drawing: Drawing<T>;
  #drawn = new Map<string, { element: HTMLElement; item: T }>();

  constructor(parent: Element, drawing: Drawing<T>) {
    this.#parent = parent;
    this.#drawing = drawing;
  }

  /** Draws `items`, each under its own key. One that is the same object as before is left as it is. */
  show(items: Iterable<T>): void {
    const before = this.#drawn;
    this.#drawn = new Map();
    let next = this.#parent.firstElementChild;
    for (const item of items) {
      const key = this.#drawing.keyOf(item);
      const known = before.get(key);
      before.delete(key);
      const element = known?.element ?? this.#drawing.create(item);
      if (known?.item !== item) this.#drawing.update(element, item);
      this.#drawn.set(key, { element, item });
      if (element === next) next = next.nextElementSibling;
      else this.#parent.insertBefore(element, next);
    }
    for (const { element } of before.values()) element.remove();
  }
}
