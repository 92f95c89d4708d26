/** Listeners by the name of their event. */

type Listener<T> = { readonly hear: (event: T) => void };

export class Emitter<Events> {
  readonly #listeners: { [T in keyof Events]?: Set<Listener<Events[T]>> } = {};

  /** Adds a listener, each as often as it is added. The function that it returns removes it. */
  on<T extends keyof Events>(type: T, hear: (event: Events[T]) => void): () => void {
    const listeners: Set<Listener<Events[T]>> = this.#listeners[type] ?? new Set();
    this.#listeners[type] = listeners;
    const listener = { hear };
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** One listener that throws keeps no other from hearing; its error is reported as an uncaught one. */
  emit<T extends keyof Events>(type: T, event: Events[T]): void {
    for (const { hear } of Array.from(this.#listeners[type] ?? [])) {
      try {
        hear(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
