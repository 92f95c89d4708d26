/** One client of a crowd: its connection, and what it knows of the room. */

import type { User } from "../tokens.ts";
import { Connection } from "./connection.ts";
import type { Crowd } from "./crowd.ts";

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
  /** Whether it knows of as many as there are. */
  isComplete = false;

  constructor(crowd: Crowd, user: User, { port, path }: { port: number; path: string }) {
    this.user = user;
    this.key = user.id;
    this.connection = new Connection(port, path, {
      opened: () => crowd.isOpen(),
      heard: (payload) => {
        const effect = crowd.texts.effect(payload);
        if (effect.self !== null) {
          this.key = effect.self.channel;
          this.resume = effect.self.resume;
        }
        if (effect.isWhole) {
          this.count = this.sum = 0;
          this.knowsNames = true;
        }
        if (effect.counted !== null) {
          this.count = effect.counted;
          this.knowsNames = false;
        }
        this.count += effect.count;
        this.sum = (this.sum + effect.sum) | 0;
        crowd.heardNews(this, effect, payload.length);
      },
      ended: (code) => crowd.hasEnded(this, code),
    });
  }

  leave(): void {
    this.connection.close();
  }

  cut(): void {
    this.connection.cut();
  }
}
