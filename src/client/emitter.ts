/** Listeners, by the name of their event. */

type Listener<T> = { readonly call: (event: T) => void };

export class Emitter<Events> {
  readonly #listeners: { [T in keyof Events]?: Set<Listener<Events[T]>> } = {};

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

  /**
   * Calls the listeners. Where one throws, the others are called all the same, and its error is
   * uncaught.
   */
  emit<T extends keyof Events>(type: T, event: Events[T]): void {
    for (const { call } of Array.from(this.#listeners[type] ?? [])) {
      try {
        call(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
