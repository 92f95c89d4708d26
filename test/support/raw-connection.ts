/** A connection that says what no client would: bytes as they are, and what comes back in a few words. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";

const PATIENCE_MS = 10_000;

export class RawConnection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #isOver = false;
  #wake = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#wake();
    });
    for (const event of ["close", "end", "error"]) {
      socket.on(event, () => {
        this.#isOver = true;
        this.#wake();
      });
    }
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return new RawConnection(socket);
  }

  write(bytes: string | Buffer): void {
    if (!this.#isOver) this.#socket.write(bytes);
  }

  /** This side has said all that it has to say. */
  end(): void {
    this.#socket.end();
  }

  /** Reads nothing from now on. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** What came so far, which `take` has not taken. */
  get received(): string {
    return this.#received.toString("latin1");
  }

  /** The next answer over HTTP: its status, and the code of the error that its body tells of; or `cut`. */
  async answer(): Promise<string> {
    await this.#until(() => this.received.includes("\r\n\r\n"));
    const [head = "", rest] = this.received.split(/\r\n\r\n(.*)/s);
    const status = /^HTTP\/1\.1 (\d+)/.exec(head)?.[1];
    if (status === undefined) return "cut";
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    await this.#until(() => this.#received.length >= head.length + 4 + length);
    const body = this.received.slice(head.length + 4, head.length + 4 + length);
    this.#received = this.#received.subarray(head.length + 4 + length);
    const code = /"code":"(\w+)"/.exec(body)?.[1];
    return code === undefined || rest === undefined ? status : `${status} ${code}`;
  }

  /** The next frame of a WebSocket: a text as it is, or its opcode; a close with its code. `cut` at the end. */
  async frame(): Promise<string> {
    const size = () => sizeOf(this.#received);
    await this.#until(() => {
      const known = size();
      return known !== undefined && this.#received.length >= known.header + known.payload;
    });
    const known = size();
    if (!known || this.#received.length < known.header + known.payload) return "cut";
    const opcode = (this.#received[0] ?? 0) & 0x0f;
    const payload = this.#received.subarray(known.header, known.header + known.payload);
    this.#received = this.#received.subarray(known.header + known.payload);
    if (opcode === 8) return payload.length < 2 ? "close" : `close ${payload.readUInt16BE(0)}`;
    if (opcode === 9) return `ping ${payload.toString()}`;
    if (opcode === 10) return `pong ${payload.toString()}`;
    return payload.toString();
  }

  async #until(isTrue: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!isTrue() && !this.#isOver) {
      // oxlint-disable-next-line no-await-in-loop
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(0, deadline - performance.now()));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (performance.now() >= deadline) {
        throw new Error(`nothing came within ${PATIENCE_MS} ms; before: ${this.received}`);
      }
    }
  }
}

/** The bytes of the first frame, as far as they can be told yet. A server masks nothing. */
function sizeOf(bytes: Buffer): { header: number; payload: number } | undefined {
  const short = (bytes[1] ?? 0) & 0x7f;
  if (bytes.length < 2) return undefined;
  if (short < 126) return { header: 2, payload: short };
  if (short === 126)
    return bytes.length < 4 ? undefined : { header: 4, payload: bytes.readUInt16BE(2) };
  return bytes.length < 10 ? undefined : { header: 10, payload: Number(bytes.readBigUInt64BE(2)) };
}
