/** How many connections a room has, altogether and of each user, so that asking costs nothing. */

export class ConnectionCounts {
  readonly #users = new Map<WebSocket, string | null>();
  readonly #byUser = new Map<string, number>();

  /** How many there are. */
  get size(): number {
    return this.#users.size;
  }

  /** How many a user has; 0 of those without a name, whom nobody can tell from each other. */
  of(user: string | null): number {
    return user === null ? 0 : (this.#byUser.get(user) ?? 0);
  }

  /** A connection that is new, or belongs to another user now. */
  put(ws: WebSocket, user: string | null): void {
    this.remove(ws);
    this.#users.set(ws, user);
    if (user !== null) this.#byUser.set(user, this.of(user) + 1);
  }

  remove(ws: WebSocket): void {
    const user = this.#users.get(ws);
    if (!this.#users.delete(ws) || user === null || user === undefined) return;
    const left = this.of(user) - 1;
    if (left > 0) this.#byUser.set(user, left);
    else this.#byUser.delete(user);
  }
}
