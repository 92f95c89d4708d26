/** What a socket got, to be awaited frame by frame: a test waits for the n-th frame, never for time. */

/** How long a frame may take before the test fails: far more than it should, for a busy machine. */
const PATIENCE_MS = 10_000;

type Waiter<T> = { isWanted: (item: T) => boolean; resolve: (item: T) => void };

export class Inbox<T> {
  /** Everything that came, in order. */
  readonly all: T[] = [];
  #read = 0;
  #waiters: Waiter<T>[] = [];

  push(item: T): void {
    this.all.push(item);
    this.#serve();
  }

  /** The next item that was not read yet. */
  next(): Promise<T> {
    return this.until(() => true);
  }

  /** The next unread item that is wanted; what comes before it counts as read. */
  until(isWanted: (item: T) => boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const seen = JSON.stringify(this.all.slice(-5));
        reject(new Error(`nothing wanted came within ${PATIENCE_MS} ms; the last items: ${seen}`));
      }, PATIENCE_MS);
      const settle = (item: T) => {
        clearTimeout(timer);
        resolve(item);
      };
      this.#waiters.push({ isWanted, resolve: settle });
      this.#serve();
    });
  }

  /** What came and was not read yet. */
  unread(): T[] {
    return this.all.slice(this.#read);
  }

  /** Counts the next `count` items as read. */
  skip(count: number): void {
    this.#read += count;
  }

  #serve(): void {
    for (let waiter = this.#waiters[0]; waiter; waiter = this.#waiters[0]) {
      const { isWanted, resolve } = waiter;
      const offset = this.all.slice(this.#read).findIndex((item) => isWanted(item));
      const item = this.all[this.#read + offset];
      if (offset === -1 || item === undefined) return;
      this.#read += offset + 1;
      this.#waiters.shift();
      resolve(item);
    }
  }
}
