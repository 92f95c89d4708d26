/** One connection of `room --watch`: frames as they come, heartbeats, and an end that is noticed. */

import * as v from "valibot";
import { HEARTBEAT } from "../core/protocol.ts";
import { WatchedFrame } from "./shapes.ts";
import { printable } from "./text.ts";

/** What does not open or answer in so much time is dead, whatever the network says. */
const ANSWER_MS_MAX = 10_000;

/** Why a connection ended, in words. */
export type End = { readonly code: number; readonly why: string };

type Listener = {
  /** A frame came; `null` where it is of no kind that tells who is in the room. */
  onFrame(said: unknown, frame: WatchedFrame | null): void;
};

export class WatchSocket {
  readonly #ws: WebSocket;
  readonly #listener: Listener;
  readonly #end = Promise.withResolvers<End>();
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #beats: ReturnType<typeof setInterval> | undefined;
  #refusal: string | undefined;
  #isOpen = false;

  constructor(url: string, token: string, listener: Listener) {
    this.#listener = listener;
    // In the subprotocol, not in the query: a URL gets into logs.
    this.#ws = new WebSocket(url, ["presence", `token.${token}`]);
    this.#ws.addEventListener("open", () => {
      this.#isOpen = true;
      this.#beat();
    });
    this.#ws.addEventListener("message", ({ data }) => this.#read(data));
    this.#ws.addEventListener("close", ({ code }) => this.#close(code));
    // A close follows.
    this.#ws.addEventListener("error", () => {});
    this.#expectNews();
  }

  /** Waits for the end of the connection, and ends it where `signal` says so. */
  async ended(signal: AbortSignal): Promise<End> {
    const abort = () => this.#finish({ code: 1000, why: "ended here" });
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    const end = await this.#end.promise;
    signal.removeEventListener("abort", abort);
    return end;
  }

  #read(data: unknown): void {
    clearTimeout(this.#watchdog);
    if (typeof data !== "string" || data === HEARTBEAT) return;
    const said: unknown = JSON.parse(data);
    const frame = v.is(WatchedFrame, said) ? said : null;
    if (frame?.type === "welcome") this.#beatEvery(frame.heartbeat);
    if (frame?.type === "error") this.#refusal = printable(frame.message);
    this.#listener.onFrame(said, frame);
  }

  #beatEvery(seconds: number): void {
    clearInterval(this.#beats);
    this.#beats = setInterval(() => this.#beat(), seconds * 1_000);
  }

  #beat(): void {
    this.#ws.send(HEARTBEAT);
    this.#expectNews();
  }

  #expectNews(): void {
    clearTimeout(this.#watchdog);
    const why = `no answer for ${ANSWER_MS_MAX / 1_000} seconds`;
    this.#watchdog = setTimeout(() => this.#finish({ code: 1006, why }), ANSWER_MS_MAX);
  }

  #close(code: number): void {
    const lost = this.#isOpen ? "the connection was lost" : "the server cannot be reached";
    this.#finish({ code, why: this.#refusal ?? lost });
  }

  #finish(end: End): void {
    clearTimeout(this.#watchdog);
    clearInterval(this.#beats);
    this.#end.resolve(end);
    this.#ws.close();
  }
}
