/** The events of a browser about its page and its network. Other runtimes have none. */

export interface PageListener {
  /**
   * The page was shown, hidden or thawed, or the browser believes that the network came or went.
   */
  wake(): void;
  /** Somebody uses the page, by input, or by showing or hiding it. */
  use(isInput: boolean): void;
  /** The page is left, by a reload, a link or the end of the tab. It may come back. */
  hide(): void;
  /** The page came back from the browser's back/forward cache. */
  restore(): void;
}

/** Listens until the function that it returns is called. */
export function watchPage(listener: PageListener): () => void {
  if (typeof document === "undefined") return () => {};
  const stop = new AbortController();
  // Ahead of the page, which may keep an event to itself.
  const options = { signal: stop.signal, capture: true, passive: true };
  const wake = () => listener.wake();
  const use = ({ type }: Event) => listener.use(type !== "visibilitychange");
  // An offline event does not prove that the connection is dead, but is a reason to check. So is
  // hiding the page: it may be the last chance for a long time.
  for (const [target, types, call] of [
    [globalThis, ["online", "offline", "pageshow"], wake],
    [document, ["resume", "visibilitychange"], wake],
    [globalThis, ["keydown", "pointerdown", "pointermove", "wheel", "visibilitychange"], use],
  ] as const) {
    for (const type of types) target.addEventListener(type, call, options);
  }
  addEventListener("pagehide", () => listener.hide(), options);
  addEventListener("pageshow", ({ persisted }) => persisted && listener.restore(), options);
  return () => stop.abort();
}
