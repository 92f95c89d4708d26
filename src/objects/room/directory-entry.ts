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
  /** What the lobby was told last in this life of the object. */
  #told: boolean | undefined;
  #telling: Promise<void> | undefined;

  constructor(room: string, lobbies: Namespace<LobbyStub>, store: Store) {
    this.#room = room;
    this.#lobbies = lobbies;
    this.#store = store;
  }

  /** The room woke up. Of what it was, the lobby has been told, or will be at the next alarm. */
  begin(isOccupied: boolean): void {
    this.#isOccupied = isOccupied;
  }

  /** To be told of each change, in the same event. Whether the lobby must hear of it: then call `tell`. */
  changed(isOccupied: boolean): boolean {
    if (isOccupied === this.#isOccupied) return false;
    this.#isOccupied = isOccupied;
    if (!isOccupied) this.#store.isListed = false;
    return true;
  }

  /** Tells the lobby what it does not know. Throws where it could not be reached: then call it again later. */
  tell(): Promise<void> {
    this.#telling ??= this.#tellUntilTrue();
    return this.#telling;
  }

  /**
   * Makes sure that the lobby knows, even after a crash in between. One row remembers it, so an occupied room
   * says it once more at its first alarm and never again; one that comes and goes between two alarms saves the row.
   */
  async confirm(): Promise<void> {
    if (this.#isOccupied && this.#store.isListed) return;
    await this.tell();
    if (this.#isOccupied) this.#store.isListed = true;
  }

  /** The lobby may know anything: tell it once more. */
  doubt(): void {
    this.#told = undefined;
  }

  async #tellUntilTrue(): Promise<void> {
    await Promise.resolve();
    try {
      while (this.#told !== this.#isOccupied) {
        const isOccupied = this.#isOccupied === true;
        // Until it answers, nobody can tell what it knows.
        this.#told = undefined;
        // One after the other, or the lobby could hear them in another order.
        // oxlint-disable-next-line no-await-in-loop
        await call(this.#lobbies, lobbyOf(this.#room), (lobby) =>
          isOccupied ? lobby.fill(this.#room) : lobby.empty(this.#room),
        );
        this.#told = isOccupied;
      }
    } finally {
      // In the same turn in which both were the same, or a change right after would not be told.
      this.#telling = undefined;
    }
  }
}
