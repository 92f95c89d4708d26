/**
 * A list in the page that follows a list of data. An item that stays keeps its element, so its
 * focus and animation.
 */

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

  /**
   * Draws `items`, each by its key. An item that is the same object as before is not drawn again.
   */
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
