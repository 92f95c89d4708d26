/**
 * The room's place on the list of occupied rooms, which its lobby keeps. The lobby hears of it when the room
 * fills and when it empties; whatever a crash kept from it, it hears at the room's next alarm.
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
  /** What the lobby was notified of last, in this life of the object. */
  #notifiedOf: boolean | undefined;
  #notifying: Promise<void> | undefined;

  constructor(room: string, lobbies: Namespace<LobbyStub>, store: Store) {
    this.#room = room;
    this.#lobbies = lobbies;
    this.#store = store;
  }

  /** The room was hydrated. Of what it was, the lobby has been notified, or will be by the next alarm. */
  restore(isOccupied: boolean): void {
    this.#isOccupied = isOccupied;
  }

  /** Whether the lobby does not know that. */
  isNews(isOccupied: boolean): boolean {
    return isOccupied !== this.#isOccupied;
  }

  /** The room filled or emptied. To be called in the transaction that stores it; then call `notify`. */
  change(isOccupied: boolean): void {
    this.#isOccupied = isOccupied;
    if (!isOccupied) this.#store.isListed = false;
  }

  /** Notifies the lobby of what it does not know. Throws where it cannot be reached: then call it again later. */
  notify(): Promise<void> {
    this.#notifying ??= this.#notifyUntilTrue();
    return this.#notifying;
  }

  /**
   * Makes sure that the lobby knows, even after a crash in between. One row remembers it, so an occupied room
   * says it once more at its first alarm and never again; one that comes and goes between two alarms saves the row.
   */
  async confirm(): Promise<void> {
    if (this.#isOccupied && this.#store.isListed) return;
    await this.notify();
    if (this.#isOccupied) this.#store.isListed = true;
  }

  /** It is not known what the lobby knows: the next `notify` tells it once more. */
  invalidate(): void {
    this.#notifiedOf = undefined;
  }

  async #notifyUntilTrue(): Promise<void> {
    await Promise.resolve();
    try {
      while (this.#notifiedOf !== this.#isOccupied) {
        const isOccupied = this.#isOccupied === true;
        // Until it answers, nobody can tell what it knows.
        this.#notifiedOf = undefined;
        // One after the other, or the lobby could hear them in another order.
        // oxlint-disable-next-line no-await-in-loop
        await call(this.#lobbies, lobbyOf(this.#room), (lobby) =>
          isOccupied ? lobby.fill(this.#room) : lobby.empty(this.#room),
        );
        this.#notifiedOf = isOccupied;
      }
    } finally {
      // In the same turn in which both were the same, or a change right after would not be told.
      this.#notifying = undefined;
    }
  }
}
