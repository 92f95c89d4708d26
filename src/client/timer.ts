/**
 * Timers that fire in time in a hidden page, too. Browsers slow the timers of a page that has been hidden for
 * some minutes down to one a minute; those of a worker they leave alone. So each timer is set in the page,
 * and while the page is hidden in a worker as well: whichever fires first counts. Where there is no worker,
 * or the page's policy forbids one made from a blob, the page's own timer remains.
 */

type Timer = { readonly fire: () => void; readonly dueAt: number };

/** Runs in the worker: answers each [id, milliseconds] with the id, when the time has come. */
const SOURCE = "onmessage=({data:[id,ms]})=>setTimeout(()=>postMessage(id),ms)";

class Timers {
  readonly #pending = new Map<number, Timer>();
  #lastId = 0;
  #worker: Worker | null | undefined;

  constructor() {
    if (typeof document === "undefined") return;
    document.addEventListener("visibilitychange", () => {
      for (const [id, timer] of this.#pending) this.#setInWorker(id, timer);
    });
  }

  set(ms: number, fire: () => void): () => void {
    this.#lastId += 1;
    const id = this.#lastId;
    const timer = { fire, dueAt: performance.now() + ms };
    const inPage = setTimeout(() => this.#fire(id), ms);
    this.#pending.set(id, timer);
    this.#setInWorker(id, timer);
    return () => {
      clearTimeout(inPage);
      this.#pending.delete(id);
    };
  }

  /** Whichever comes second finds nothing any more. */
  #fire(id: number): void {
    const timer = this.#pending.get(id);
    this.#pending.delete(id);
    timer?.fire();
  }

  #setInWorker(id: number, { dueAt }: Timer): void {
    if (typeof document === "undefined" || document.visibilityState !== "hidden") return;
    // Only once a page is hidden: most never need one.
    if (this.#worker === undefined) this.#worker = this.#makeWorker();
    this.#worker?.postMessage([id, Math.max(0, dueAt - performance.now())]);
  }

  #makeWorker(): Worker | null {
    try {
      const worker = new Worker(URL.createObjectURL(new Blob([SOURCE])));
      worker.addEventListener("message", ({ data }) => this.#fire(Number(data)));
      return worker;
    } catch {
      // The page's own timers do, only later.
      return null;
    }
  }
}

const timers = new Timers();

/** Calls `fire` once, `ms` milliseconds from now; the function that it returns takes that back. */
export function after(ms: number, fire: () => void): () => void {
  return timers.set(ms, fire);
}
