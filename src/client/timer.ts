/**
 * Timers that are on time in a hidden page, too. Browsers slow the timers of a page that has been
 * hidden for some minutes down to one a minute, and leave those of a worker alone. So while the
 * page is hidden each timer is set in a worker as well as in the page, and whichever fires first
 * counts. Where there is no worker, or the page's policy forbids one made from a blob, the page's
 * own timer remains.
 */

type Timer = { readonly call: () => void; readonly dueAt: number };

/** Runs in the worker: answers each [id, milliseconds] with the id, after that time. */
const SOURCE = "onmessage=({data:[id,ms]})=>setTimeout(()=>postMessage(id),ms)";

/** All timers of the page: they share one worker. */
const pending = new Map<number, Timer>();
let lastId = 0;
let worker: Worker | null | undefined;

if (typeof document !== "undefined") {
  document.addEventListener("visibilitychange", () => {
    for (const [id, timer] of pending) setInWorker(id, timer);
  });
}

/** Calls `call` once, `ms` milliseconds from now. Returns a function that cancels it. */
export function after(ms: number, call: () => void): () => void {
  lastId += 1;
  const id = lastId;
  const timer = { call, dueAt: performance.now() + ms };
  const inPage = setTimeout(() => fire(id), ms);
  pending.set(id, timer);
  setInWorker(id, timer);
  return () => {
    clearTimeout(inPage);
    pending.delete(id);
  };
}

/** The second of the two timers finds nothing to call. */
function fire(id: number): void {
  const timer = pending.get(id);
  pending.delete(id);
  timer?.call();
}

function setInWorker(id: number, { dueAt }: Timer): void {
  if (typeof document === "undefined" || document.visibilityState !== "hidden") return;
  // Not before a page is hidden: most pages never need a worker.
  if (worker === undefined) worker = makeWorker();
  // A worker has no origin to name.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  worker?.postMessage([id, dueAt - performance.now()]);
}

function makeWorker(): Worker | null {
  try {
    const made = new Worker(URL.createObjectURL(new Blob([SOURCE])));
    made.addEventListener("message", ({ data }) => fire(Number(data)));
    return made;
  } catch {
    // The page's own timers remain, and are late.
    return null;
  }
}
