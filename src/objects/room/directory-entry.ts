/**
 * The room's place on the list of occupied rooms, which its lobby keeps. The room notifies its
 * lobby when it fills and when it empties, and after a crash at its next alarm.
 */

import { call, type Namespace } from "../../rpc/call.ts";
import { lobbyOf } from "../../rpc/lobbies.ts";
import type { LobbyStub } from "../../rpc/stubs.ts";
import type { Store } from "./store.ts";

export class DirectoryEntry {
  readonly #room: string;
  readonly #lobbies: Namespace<LobbyStub>;
  readonly #store: Store;
  #isOccupied: boolean | undefined;
  /** The last state that the lobby has confirmed, in this life of the object. */
  #notifiedOf: boolean | undefined;
  #notifying: Promise<void> | undefined;

  constructor(room: string, lobbies: Namespace<LobbyStub>, store: Store) {
    this.#room = room;
    this.#lobbies = lobbies;
    this.#store = store;
  }

  /** The room was hydrated. The lobby knows this state, or will be notified by the next alarm. */
  restore(isOccupied: boolean): void {
    this.#isOccupied = isOccupied;
  }

  /** Whether that differs from the last state. */
  isNews(isOccupied: boolean): boolean {
    return isOccupied !== this.#isOccupied;
  }

  /**
   * The room filled or emptied. Call it in the transaction that stores the change, and `notify`
   * after that.
   */
  change(isOccupied: boolean): void {
    this.#isOccupied = isOccupied;
    if (!isOccupied) this.#store.isListed = false;
  }

  /**
   * Notifies the lobby if it does not know the state. Throws where it cannot be reached: call it
   * again later.
   */
  notify(): Promise<void> {
    this.#notifying ??= this.#notifyUntilTrue();
    return this.#notifying;
  }

  /**
   * Makes sure that the lobby knows the state even if the room crashed before it could notify it. A
   * row remembers that, so an occupied room repeats itself at its first alarm only. A room that
   * empties before that writes no row.
   */
  async confirm(): Promise<void> {
    if (this.#isOccupied && this.#store.isListed) return;
    await this.notify();
    if (this.#isOccupied) this.#store.isListed = true;
  }

  /** The lobby may know something else: the next `notify` tells it again. */
  invalidate(): void {
    this.#notifiedOf = undefined;
  }

  async #notifyUntilTrue(): Promise<void> {
    await Promise.resolve();
    try {
      while (this.#notifiedOf !== this.#isOccupied) {
        const isOccupied = this.#isOccupied === true;
        // Until the lobby answers, it may know either.
        this.#notifiedOf = undefined;
        // One after the other, so that they arrive in order.
        // oxlint-disable-next-line no-await-in-loop
        await call(this.#lobbies, lobbyOf(this.#room), (lobby) =>
          isOccupied ? lobby.fill(this.#room) : lobby.empty(this.#room),
        );
        this.#notifiedOf = isOccupied;
      }
    } finally {
      // In the turn that ended the loop, or nobody would be notified of a change right after it.
      this.#notifying = undefined;
    }
  }
}
