/** Many honest clients over TCP, that talk to each other, beat as pages do, and know how long each message took. */

import { once } from "node:events";
import { WebSocket } from "ws";
import { type Address, socketUrl, textOf, tokenFor } from "./client.ts";

const BEAT_MS = 3_000;

export class Honest {
  readonly ws: WebSocket;
  /** Milliseconds from sending to hearing, of each message that came. */
  latencies: number[] = [];
  /** Codes of closes and of errors: none, if all goes well. */
  readonly troubles: string[] = [];
  readonly #beats: ReturnType<typeof setInterval>;
  #isLeaving = false;

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on("message", (data) => this.#hear(textOf(data)));
    ws.on("close", (code) => {
      clearInterval(this.#beats);
      if (!this.#isLeaving) this.troubles.push(`closed with ${code}`);
    });
    ws.on("error", () => {});
    this.#beats = setInterval(() => {
      if (ws.readyState === WebSocket.OPEN) ws.send('"heartbeat"');
    }, BEAT_MS);
  }

  /** Connects, and waits for the first frame. */
  static async join(
    address: Address,
    room: string,
    sub: string,
    view: "list" | "diff" | "count",
  ): Promise<Honest> {
    const token = await tokenFor(sub);
    const ws = new WebSocket(socketUrl(address, room, { token, view }));
    const honest = new Honest(ws);
    await new Promise<void>((resolve, reject) => {
      ws.once("message", () => resolve());
      ws.once("close", (code) => reject(new Error(`${sub} was closed with ${code}`)));
    });
    return honest;
  }

  /** Says something that tells when it was said. */
  say(): void {
    this.ws.send(`{"type":"message","payload":{"at":${performance.now()}}}`);
  }

  setState(state: unknown): void {
    this.ws.send(JSON.stringify({ type: "state", state }));
  }

  /** So many messages have come. */
  async heard(count: number): Promise<void> {
    while (this.latencies.length < count) {
      if (this.ws.readyState !== WebSocket.OPEN) throw new Error(`closed: ${this.troubles.join()}`);
      // oxlint-disable-next-line no-await-in-loop
      await once(this.ws, "message");
    }
  }

  /** Closes as a page does, or drops the line; settles when the connection is over. */
  async leave(isClean = true): Promise<void> {
    this.#isLeaving = true;
    if (this.ws.readyState === WebSocket.CLOSED) return;
    const closed = new Promise((resolve) => {
      this.ws.once("close", resolve);
    });
    if (isClean) this.ws.close(1000);
    else this.ws.terminate();
    await closed;
  }

  #hear(text: string): void {
    if (text.startsWith('{"type":"messages"')) {
      const now = performance.now();
      for (const [, at] of text.matchAll(/"payload":\{"at":([\d.]+)\}/g)) {
        this.latencies.push(now - Number(at));
      }
    } else if (text.startsWith('{"type":"error"')) this.troubles.push(text);
  }
}

/** The value that so many of a hundred are not above. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0;
}
