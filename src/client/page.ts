/** What a browser tells of its page and its network. Elsewhere there is no page, and nothing is told. */

export interface PageListener {
  /** The page is shown or thawed: what was left undone may be done now. */
  wake(): void;
  /** There is a network again. */
  online(): void;
  /** The network is gone, or so the browser thinks. */
  offline(): void;
  /** The page goes, by a reload, a link or the end of the tab. It may come back. */
  hide(): void;
  /** The page came back from the browser's cache. */
  restore(): void;
}

/** Listens until the function that it returns is called. */
export function watchPage(listener: PageListener): () => void {
  if (typeof document === "undefined") return () => {};
  const stop = new AbortController();
  const on = (target: EventTarget, type: string, hear: (event: Event) => void) =>
    target.addEventListener(type, hear, { signal: stop.signal });
  on(globalThis, "online", () => listener.online());
  on(globalThis, "offline", () => listener.offline());
  on(globalThis, "pagehide", () => listener.hide());
  on(globalThis, "pageshow", (event) => {
    if ("persisted" in event && event.persisted) listener.restore();
    listener.wake();
  });
  on(document, "resume", () => listener.wake());
  on(document, "visibilitychange", () => {
    if (document.visibilityState === "visible") listener.wake();
  });
  return () => stop.abort();
}
