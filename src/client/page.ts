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
  const on = (type: string, hear: (event: Event) => void, target: EventTarget = globalThis) =>
    target.addEventListener(type, hear, { signal: stop.signal });
  const wake = () => listener.wake();
  on("online", wake);
  // No proof that the connection is dead, but a reason to ask.
  on("offline", wake);
  on("resume", wake, document);
  // When it is hidden too, for it may be the last time that it can for long.
  on("visibilitychange", wake, document);
  on("pagehide", () => listener.hide());
  on("pageshow", (event) => {
    if ("persisted" in event && event.persisted) listener.restore();
    listener.wake();
  });
  return () => stop.abort();
}
