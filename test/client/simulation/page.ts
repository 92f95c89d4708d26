/** What a browser has around a page: its events, and a storage that outlives a reload. */

export class Page {
  readonly #stored = new Map<string, string>();
  #window = new EventTarget();
  #document = newDocument();

  /** Takes the place of the runtime's globals until the function that it returns is called. */
  install(): () => void {
    const sessionStorage = {
      getItem: (key: string) => this.#stored.get(key) ?? null,
      setItem: (key: string, text: string) => this.#stored.set(key, text),
      removeItem: (key: string) => this.#stored.delete(key),
    };
    const addEventListener = (...args: Parameters<EventTarget["addEventListener"]>) =>
      this.#window.addEventListener(...args);
    const globals = { sessionStorage, addEventListener };
    for (const [name, value] of Object.entries(globals)) {
      Object.defineProperty(globalThis, name, { value, configurable: true });
    }
    const get = () => this.#document;
    Object.defineProperty(globalThis, "document", { get, configurable: true });
    return () => {
      for (const name of [...Object.keys(globals), "document"])
        Reflect.deleteProperty(globalThis, name);
    };
  }

  /** The page goes, and its listeners with it. */
  unload(): void {
    this.#window.dispatchEvent(new Event("pagehide"));
    this.#load();
  }

  /** A tab of its own, where nothing is stored. */
  renew(): void {
    this.#stored.clear();
    this.#load();
  }

  #load(): void {
    this.#window = new EventTarget();
    this.#document = newDocument();
  }
}

function newDocument(): EventTarget {
  return Object.assign(new EventTarget(), { visibilityState: "visible" });
}
