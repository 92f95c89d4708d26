/**
 * The one alarm of an object. Setting it is a billed row, so it is set again only for an earlier
 * time. An alarm that rings too early finds nothing to do.
 */
export class Alarm {
  readonly #storage: DurableObjectStorage;
  readonly #onRow: () => void;
  /** The alarm that is set rings no later than this. */
  #at = Number.POSITIVE_INFINITY;
  /** How often it was set or rang. */
  #turns = 0;

  /** `onRow` hears of each row that is written. */
  constructor(storage: DurableObjectStorage, onRow: () => void = () => {}) {
    this.#storage = storage;
    this.#onRow = onRow;
  }

  /** It has rung, or was deleted: none is set. */
  reset(): void {
    this.#turns += 1;
    this.#at = Number.POSITIVE_INFINITY;
  }

  /** Makes sure that it rings at `at` or earlier, in milliseconds since the epoch. */
  setBy(at: number): void {
    if (this.#at <= at) return;
    this.#turns += 1;
    this.#at = at;
    // Stored together with the rows of the same event. Should that fail, the object is reset as a
    // whole.
    void this.#storage.setAlarm(at);
    this.#onRow();
  }

  /**
   * The object slept with an alarm set for `at` or earlier. Sets it if it is gone: the platform can
   * lose one.
   */
  async restore(at: number): Promise<void> {
    // The next setting must not put off an alarm that is known to ring earlier.
    this.#at = Math.min(this.#at, at);
    const turns = this.#turns;
    const isSet = (await this.#storage.getAlarm()) !== null;
    // While the alarm itself runs none is set; the one that it sets need not be set twice.
    if (isSet || this.#turns !== turns) return;
    this.reset();
    this.setBy(at);
  }
}
