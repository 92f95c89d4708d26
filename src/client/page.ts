/** What a browser tells of its page and its network. Elsewhere there is no page, and nothing is told. */

export type PageListener = {
  /** The page is shown, thawed or online: what was left undone may be done now. */
  readonly woken: () => void;
  /** There is a network again. */
  readonly online: () => void;
  /** The network is gone, or so the browser thinks. */
  readonly offline: () => void;
  /** The page goes, by a reload, a link or the end of the tab. It may come back. */
  readonly hidden: () => void;
  /** The page came back from the browser's cache. */
  readonly restored: () => void;
};

/** Listens until the function that it returns is called. */
export function watchPage(listener: PageListener): () => void {
  if (typeof document === "undefined" || typeof addEventListener === "undefined") return () => {};
  const stop = new AbortController();
  const on = (target: EventTarget, type: string, then: (event: Event) => void) =>
    target.addEventListener(type, then, { signal: stop.signal });
  on(globalThis, "online", listener.online);
  on(globalThis, "offline", listener.offline);
  on(globalThis, "pagehide", listener.hidden);
  on(globalThis, "pageshow", (event) => {
    if ("persisted" in event && event.persisted === true) listener.restored();
    listener.woken();
  });
  on(document, "resume", listener.woken);
  on(document, "visibilitychange", () => {
    if (document.visibilityState === "visible") listener.woken();
  });
  return () => stop.abort();
}
