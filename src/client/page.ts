/** What a browser tells of its page and its network. Elsewhere there is no page, and nothing is told. */

export interface PageListener {
  /** Something may have changed: the page is shown or thawed, the network is back, or gone as the browser thinks. */
  wake(): void;
  /** The page goes, by a reload, a link or the end of the tab. It may come back. */
  hide(): void;
  /** The page came back from the browser's cache. */
  restore(): void;
}

/** Listens until the function that it returns is called. */
export function watchPage(listener: PageListener): () => void {
  if (typeof document === "undefined") return () => {};
  const stop = new AbortController();
  const { signal } = stop;
  const wake = () => listener.wake();
  // An offline event is no proof that the connection is dead, but a reason to ask. A page that is hidden asks,
  // too, for it may be the last time that it can for long.
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
