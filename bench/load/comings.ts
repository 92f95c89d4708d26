/** Who comes to a crowd and who goes, and how long it takes until each of the others hears of it. */

import type { User } from "../tokens.ts";
import type { Crowd } from "./crowd.ts";
import type { Effect } from "./effects.ts";
import { textFrame } from "./frames.ts";
import { Histogram } from "./histogram.ts";
import type { Visitor } from "./visitor.ts";

export class Comings {
  /** Milliseconds, one for each of those who heard. */
  readonly joins = new Histogram();
  readonly leaves = new Histogram();
  readonly #crowd: Crowd;
  readonly #areAnnounced: boolean;
  /** When each user came, and when each key went. */
  readonly #cameAt = new Map<string, number>();
  readonly #wentAt = new Map<string, number>();

  /**
   * Where the server announces nobody, who comes and goes says so in a message, which all get: the least that
   * telling them can cost.
   */
  constructor(crowd: Crowd, { areAnnounced }: { readonly areAnnounced: boolean }) {
    this.#crowd = crowd;
    this.#areAnnounced = areAnnounced;
    crowd.onEffect = (visitor, effect) => this.#hear(visitor, effect);
    if (!areAnnounced) crowd.onOpen = (visitor) => announce("join", visitor);
  }

  join(user: User): void {
    this.#cameAt.set(user.id, performance.now());
    this.#crowd.join([user]);
  }

  leave(visitor: Visitor | undefined): void {
    if (!visitor) return;
    this.#wentAt.set(visitor.key, performance.now());
    if (!this.#areAnnounced) announce("leave", visitor);
    this.#crowd.leave([visitor]);
  }

  #hear(visitor: Visitor, { isWhole, joins, leaves }: Effect): void {
    if (isWhole) return;
    const now = performance.now();
    for (const { user } of joins) {
      const at = this.#cameAt.get(user);
      if (at !== undefined && user !== visitor.user.id) this.joins.add(now - at);
    }
    for (const key of leaves) {
      const at = this.#wentAt.get(key);
      if (at !== undefined) this.leaves.add(now - at);
    }
  }
}

function announce(type: "join" | "leave", { user, connection }: Visitor): void {
  connection.send(textFrame(JSON.stringify({ type, id: user.id })));
}
