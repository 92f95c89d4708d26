/**
 * One room's frames as they come, from outside the room. The client's own parts, without the client: it would put
 * the token into an address, where logs may keep it, and an operator wants to see the frames.
 */

import { queryOf, socketAddress } from "../../client/address.ts";
import { Backoff, verdictOf } from "../../client/backoff.ts";
import { Heart, type HeartListener } from "../../client/heartbeat.ts";
import { decodeServerFrame, type Frame } from "../../client/server-frames.ts";
import { HEARTBEAT } from "../../core/protocol.ts";
import { SERVICE } from "./api.ts";

export type TapStatus = "connecting" | "here" | "reconnecting" | "closed";

export type TapListener = {
  /** The connection is in another state; why, in words, where something went wrong. */
  readonly status: (status: TapStatus, why: string) => void;
  readonly frame: (frame: Frame) => void;
};

export class Tap implements HeartListener {
  readonly #address: string;
  readonly #token: string;
  readonly #listener: TapListener;
  readonly #heart = new Heart(this);
  readonly #backoff = new Backoff();
  #socket: WebSocket | undefined;
  #retry = 0;
  #why = "";

  /** Throws a TypeError where no address can name the room. */
  constructor(room: string, token: string, listener: TapListener) {
    this.#address = socketAddress(SERVICE, room) + queryOf({ watch: "1" });
    this.#token = token;
    this.#listener = listener;
    this.#connect();
  }

  stop(): void {
    clearTimeout(this.#retry);
    this.#forget()?.close(1000);
  }

  beat(): void {
    this.#socket?.send(HEARTBEAT);
  }

  silent(): void {
    this.#why = "nothing came for 10 seconds";
    this.#forget()?.close(3000);
    this.#ended(1006);
  }

  #connect(): void {
    const socket = new WebSocket(this.#address, ["presence", `token.${this.#token}`]);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      if (socket !== this.#socket) return;
      this.#backoff.opened(performance.now());
      this.#heart.start();
    });
    socket.addEventListener("message", ({ data }) => {
      if (socket === this.#socket) this.#hear(data);
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket !== this.#socket) return;
      this.#forget();
      this.#ended(code);
    });
  }

  #hear(data: unknown): void {
    this.#heart.heard();
    const frame = decodeServerFrame(data);
    if (!frame) return;
    if (frame.type === "welcome") {
      this.#heart.setInterval(frame.heartbeat);
      this.#why = "";
      this.#listener.status("here", "");
    }
    if (frame.type === "error") this.#why = frame.message;
    this.#listener.frame(frame);
  }

  /** Whatever this socket says from now on is none of ours. */
  #forget(): WebSocket | undefined {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#heart.stop();
    return socket;
  }

  #ended(code: number): void {
    const verdict = verdictOf(code);
    const delay = this.#backoff.ended(verdict, performance.now(), Math.random());
    const why = this.#why || `there is no connection (${code})`;
    this.#why = "";
    if (verdict === "never") return this.#listener.status("closed", why);
    this.#listener.status("reconnecting", why);
    this.#retry = setTimeout(() => this.#connect(), delay);
  }
}
