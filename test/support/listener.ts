/** What a client of a test hears and says, whichever socket it uses. */

import type { ServerFrame } from "../../src/core/protocol.ts";
import { Inbox } from "./inbox.ts";

export type Close = { code: number; reason: string };

/** A frame as it came: decoded, since tests look into it. */
export type Frame = ServerFrame | "heartbeat";

export abstract class Listener {
  readonly frames = new Inbox<Frame>();
  readonly closes = new Inbox<Close>();

  /** Sends a frame as it is, good or bad. */
  protected abstract write(text: string): void;

  send(frame: unknown): void {
    this.write(JSON.stringify(frame));
  }

  next(): Promise<Frame> {
    return this.frames.next();
  }

  /** The next frame of a type; others before it are skipped. */
  async nextOf<T extends ServerFrame["type"]>(type: T): Promise<Extract<ServerFrame, { type: T }>> {
    const frame = await this.frames.until((item) => item !== "heartbeat" && item.type === type);
    // SAFETY: only a frame of this type is wanted.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return frame as Extract<ServerFrame, { type: T }>;
  }

  /** Sends a heartbeat and waits for its answer. */
  async beat(): Promise<void> {
    this.send("heartbeat");
    await this.frames.until((frame) => frame === "heartbeat");
  }

  /** Everything that the room has said so far has come: its answer to a bad frame comes after it. */
  async settled(): Promise<Frame[]> {
    const before = this.frames.unread();
    this.write("?");
    await this.frames.until((frame) => frame !== "heartbeat" && frame.type === "error");
    return before;
  }
}
