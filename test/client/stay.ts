/** Waiting for a client of ours: for what it knows, never for time. */

import type { RoomClient } from "../../src/client/index.ts";

/** Far more than anything here should take, for a busy machine. */
const PATIENCE_MS = 40_000;

/** Settles when `isTrue`, which is asked whenever the view of the client changes. */
export function until(client: RoomClient<unknown>, isTrue: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`it has not come true; the view is ${JSON.stringify(client.view)}`));
    }, PATIENCE_MS);
    const stop = client.subscribe(check);
    function check(): void {
      if (!isTrue()) return;
      clearTimeout(timer);
      stop();
      resolve();
    }
    check();
  });
}

/** Settles when the client is in the room. */
export function here(client: RoomClient<unknown>): Promise<void> {
  return until(client, () => client.status === "here");
}

/** Settles when the client sees so many members. */
export function sees(client: RoomClient<unknown>, count: number): Promise<void> {
  return until(client, () => client.status === "here" && client.count === count);
}

/** Settles when the connection is lost. */
export function away(client: RoomClient<unknown>): Promise<void> {
  return until(client, () => client.status === "reconnecting");
}
