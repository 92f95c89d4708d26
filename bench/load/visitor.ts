/** One client: its connection, and what it knows of the room. */

import type { User } from "../tokens.ts";
import { Connection } from "./connection.ts";
import type { Effect } from "./effects.ts";
import type { Texts } from "./texts.ts";

/** Is told of what happens to a visitor. */
export interface VisitorListener {
  opened(visitor: Visitor): void;
  /** After the visitor has taken it in; `bytes` is the length of the frame's payload. */
  heard(visitor: Visitor, effect: Effect, bytes: number): void;
  /** The connection is over; `code` is that of the close frame, if there was one. */
  ended(visitor: Visitor, code: number | null): void;
}

export type VisitorOptions = {
  readonly port: number;
  readonly path: string;
  /** Shared by all who hear the same. */
  readonly texts: Texts;
  readonly listener: VisitorListener;
};

export class Visitor {
  readonly user: User;
  readonly connection: Connection;
  /** The name that others know it by: its user's id, or the channel that a welcome gave it. */
  key: string;
  /** The secret with which a later connection takes up its place. */
  resume = "";
  /** How many it knows to be there, and the sum of their keys' hashes. */
  count = 0;
  sum = 0;
  /** Whether it was told who is there, not only how many. */
  knowsNames = true;

  constructor(user: User, { port, path, texts, listener }: VisitorOptions) {
    this.user = user;
    this.key = user.id;
    this.connection = new Connection(port, path, {
      opened: () => listener.opened(this),
      heard: (payload) => {
        const effect = texts.effect(payload);
        this.#takeIn(effect);
        listener.heard(this, effect, payload.length);
      },
      ended: (code) => listener.ended(this, code),
    });
  }

  leave(): void {
    this.connection.close();
  }

  cut(): void {
    this.connection.cut();
  }

  #takeIn({ self, isWhole, counted, count, sum }: Effect): void {
    if (self !== null) {
      this.key = self.channel;
      this.resume = self.resume;
    }
    if (isWhole) {
      this.count = this.sum = 0;
      this.knowsNames = true;
    }
    if (counted !== null) {
      this.count = counted;
      this.knowsNames = false;
    }
    this.count += count;
    this.sum = (this.sum + sum) | 0;
  }
}
