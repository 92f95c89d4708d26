/**
 * One WebSocket of the load client, on a plain TCP socket: frames are counted as they stand in the stream,
 * and a payload is looked at only by who asks for it. Thousands of these fit into one process.
 */

import { connect, type Socket } from "node:net";
import { CLOSE, closeFrame, FrameReader } from "./frames.ts";

/** All sockets read into the same memory: what is read is used before the next read, or copied. */
const INPUT = Buffer.allocUnsafe(1 << 20);

const HEAD_END = "\r\n\r\n";

export type Listener = {
  /** A text frame; `payload` is overwritten as soon as this returns. */
  heard?(payload: Buffer): void;
  opened?(): void;
  /** The connection is over; `code` is that of the close frame, if there was one. */
  ended?(code: number | null): void;
};

export class Connection {
  isOpen = false;
  /** When the handshake's request was written, by `performance.now()`. */
  requestedAt = Infinity;
  readonly #listener: Listener;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  #head = "";
  #closeCode: number | null = null;

  constructor(port: number, path: string, listener: Listener = {}) {
    this.#listener = listener;
    this.#reader = new FrameReader((opcode, payload) => this.#received(opcode, payload));
    this.#socket = connect({
      host: "127.0.0.1",
      port,
      noDelay: true,
      onread: {
        buffer: INPUT,
        callback: (length) => {
          this.#read(INPUT.subarray(0, length));
          return true;
        },
      },
    });
    // An error is followed by the end, which says it all.
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.isOpen = false;
      this.#listener.ended?.(this.#closeCode);
    });
    // What is written before then goes out now.
    this.#socket.on("connect", () => {
      this.requestedAt = performance.now();
    });
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    );
  }

  /** Sends a frame of `textFrame`. */
  send(frame: Buffer): void {
    this.#socket.write(frame);
  }

  /** Says goodbye. */
  close(): void {
    this.#socket.write(closeFrame(1000));
  }

  /** Ends without a word. */
  cut(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.isOpen) {
      this.#reader.read(chunk);
      return;
    }
    this.#head += chunk.toString("latin1");
    const end = this.#head.indexOf(HEAD_END);
    if (end === -1) return;
    if (!this.#head.startsWith("HTTP/1.1 101 ")) {
      this.cut();
      return;
    }
    const rest = Buffer.from(this.#head.slice(end + HEAD_END.length), "latin1");
    this.#head = "";
    this.isOpen = true;
    this.#listener.opened?.();
    if (rest.length > 0) this.#reader.read(rest);
  }

  #received(opcode: number, payload: Buffer): void {
    if (opcode === CLOSE) {
      this.#closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.#socket.end();
      return;
    }
    this.#listener.heard?.(payload);
  }
}
