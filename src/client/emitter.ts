/**
 * Listeners, by the name of their event. Events are queued: what a listener causes is emitted after
 * what it was called for, so that all listeners hear of everything in the same order.
 */

type Listener<T> = { readonly call: (event: T) => void };

export class Emitter<Events> {
  readonly #listeners: { [T in keyof Events]?: Set<Listener<Events[T]>> } = {};
  readonly #queue: (() => void)[] = [];
  #isEmitting = false;

  /**
   * Adds a listener; one that is added twice is called twice. Returns a function that removes it.
   */
  on<T extends keyof Events>(type: T, call: (event: Events[T]) => void): () => void {
    const listeners: Set<Listener<Events[T]>> = this.#listeners[type] ?? new Set();
    this.#listeners[type] = listeners;
    const listener = { call };
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Calls the listeners, unless another event is being emitted: then after that. */
  emit<T extends keyof Events>(type: T, event: Events[T]): void {
    this.batch(() => this.#queue.push(() => this.#call(type, event)));
  }

  /** Emits what `emit` is called with meanwhile, in order, when `make` is done. */
  batch(make: () => void): void {
    if (this.#isEmitting) return make();
    this.#isEmitting = true;
    try {
      make();
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) next();
    } finally {
      this.#isEmitting = false;
    }
  }

  /** Where a listener throws, the others are called all the same, and its error is uncaught. */
  #call<T extends keyof Events>(type: T, event: Events[T]): void {
    const listeners: Set<Listener<Events[T]>> = this.#listeners[type] ?? new Set();
    for (const listener of Array.from(listeners)) {
      // An earlier one may have removed it.
      if (!listeners.has(listener)) continue;
      try {
        listener.call(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
