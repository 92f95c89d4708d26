/** The events of a browser about its page and its network. Other runtimes have none. */

export interface PageListener {
  /**
   * The page was shown, hidden or thawed, or the browser believes that the network came or went.
   */
  wake(): void;
  /** The page is left, by a reload, a link or the end of the tab. It may come back. */
  hide(): void;
  /** The page came back from the browser's back/forward cache. */
  restore(): void;
}

/** Listens until the function that it returns is called. */
export function watchPage(listener: PageListener): () => void {
  if (typeof document === "undefined") return () => {};
  const stop = new AbortController();
  const { signal } = stop;
  const wake = () => listener.wake();
  // An offline event does not prove that the connection is dead, but is a reason to check. So is
  // hiding the page: it may be the last chance for a long time.
  for (const [target, types] of [
    [globalThis, ["online", "offline", "pageshow"]],
    [document, ["resume", "visibilitychange"]],
  ] as const) {
    for (const type of types) target.addEventListener(type, wake, { signal });
  }
  addEventListener("pagehide", () => listener.hide(), { signal });
  addEventListener("pageshow", ({ persisted }) => persisted && listener.restore(), { signal });
  return () => stop.abort();
}
