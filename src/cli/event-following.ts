/** The events of a room as the commands read them: those that are known, then what comes. */

import { setTimeout as wait } from "node:timers/promises";
import { Api } from "./api.ts";
import { CommandError } from "./command-error.ts";
import { EventPage, type RoomEvent } from "./shapes.ts";
import type { Target } from "./target.ts";

export type EventQuery = {
  /** Of the room's events. */
  readonly path: string;
  /** In milliseconds since the epoch. */
  readonly from: number | undefined;
  readonly types: string | undefined;
};

/** How often news are asked for. */
const EVERY_MS = 1_000;
/** The longest pause between two attempts to reach the service. */
const RETRY_MS_MAX = 15_000;
const GONE = 410;

/** Reads on from where it got to. */
export class EventReader {
  readonly #api: Api;
  readonly #query: EventQuery;
  /** The revision up to which everything was read. */
  rev: string | undefined;
  /** Whether the first page had all that was asked for. */
  isComplete = true;
  #cursor: string | undefined;

  constructor(api: Api, query: EventQuery) {
    this.#api = api;
    this.#query = query;
  }

  /** The pages that there are, each requested when the one before has been read. */
  async *read(): AsyncGenerator<readonly RoomEvent[], void> {
    const { path, from, types } = this.#query;
    do {
      // Each page says where the next begins.
      // oxlint-disable-next-line no-await-in-loop
      const page = await this.#api.get(EventPage, path, {
        types,
        limit: "1000",
        after: this.rev,
        from: this.rev === undefined && from !== undefined ? String(from) : undefined,
        cursor: this.#cursor,
      });
      yield page.events;
      this.#cursor = page.cursor;
      if (this.rev === undefined && page.cursor === undefined) this.isComplete = page.complete;
      if (page.cursor === undefined) this.rev = page.rev;
    } while (this.#cursor !== undefined);
  }

  /** What follows is not known any more: goes on with the oldest that is. */
  restart(): void {
    this.rev = undefined;
    this.#cursor = undefined;
  }
}

/**
 * Shows each event until Ctrl-C. Throws a CommandError where the service refuses for good; while it cannot
 * be reached, it is tried again.
 */
export async function followEvents(
  target: Target,
  query: EventQuery,
  show: (event: RoomEvent) => void,
): Promise<void> {
  const ending = new AbortController();
  const { signal } = ending;
  const interrupt = () => ending.abort();
  process.once("SIGINT", interrupt);
  const reader = new EventReader(new Api(target, signal), query);
  let failures = 0;
  try {
    while (!signal.aborted) {
      // One request after the other is the point.
      /* oxlint-disable no-await-in-loop */
      try {
        for await (const events of reader.read()) for (const event of events) show(event);
        if (failures > 0) console.error("connected again");
        failures = 0;
        await wait(EVERY_MS, undefined, { signal });
      } catch (error) {
        if (signal.aborted) return;
        failures = await recover(error, reader, failures, signal);
      }
      /* oxlint-enable no-await-in-loop */
    }
  } finally {
    process.off("SIGINT", interrupt);
  }
}

/** Waits where a new attempt may help. The number of failures in a row; throws where none can. */
async function recover(
  error: unknown,
  reader: EventReader,
  failures: number,
  signal: AbortSignal,
): Promise<number> {
  if (!(error instanceof CommandError)) throw error;
  const { status, message } = error;
  if (status === GONE) {
    console.error("some events are not kept any more; going on with the oldest that is");
    reader.restart();
    return failures;
  }
  const mayPass = status === undefined || status === 429 || status >= 500;
  if (!mayPass) throw error;
  const delay = Math.min(RETRY_MS_MAX, EVERY_MS * 2 ** failures);
  console.error(`${message}; trying again in ${delay / 1_000} s`);
  try {
    await wait(delay, undefined, { signal });
  } catch (interruption) {
    if (!signal.aborted) throw interruption;
  }
  return failures + 1;
}
