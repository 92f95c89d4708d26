/** The network between a client and a server: a TCP proxy that can lose everything, and refuse to connect. */

import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";

export class Proxy {
  readonly #server = createServer((socket) => this.#connect(socket));
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  #tell = (_address: string) => {};
  #rewrite: readonly [string, string] | undefined;
  /** While it is true, nothing passes and nobody is told: as for a laptop that lost its network. */
  #isLosing = false;
  /** How long everything takes, each way, in milliseconds. */
  #delayMs = 0;

  private constructor(port: number) {
    this.#port = port;
  }

  /** A proxy in front of a server on this machine. */
  static async to(port: number): Promise<Proxy> {
    const proxy = new Proxy(port);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** host:port */
  get host(): string {
    const address = this.#server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    return `127.0.0.1:${port}`;
  }

  /** From now on nothing passes. */
  lose(): void {
    this.#isLosing = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** From now on everything takes so long, each way. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** The network is back, and what TCP has kept meanwhile goes on its way. */
  restore(): void {
    this.#isLosing = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Calls `tell` with the address that each request asks for, from now on. */
  onRequest(tell: (address: string) => void): void {
    this.#tell = tell;
  }

  /** From now on the server says `after` wherever it says `before`, in as many bytes. */
  rewrite(before: string, after: string): void {
    this.#rewrite = [before, after];
  }

  /** Breaks every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #rewritten(data: Buffer): Buffer {
    if (!this.#rewrite) return data;
    // What is compressed cannot be rewritten, so nobody is to offer that.
    const text = data.toString("latin1").replace("permessage-deflate", "permessage-unknown");
    return Buffer.from(text.replace(...this.#rewrite), "latin1");
  }

  #later(pass: () => void): void {
    if (this.#delayMs === 0) pass();
    else setTimeout(pass, this.#delayMs);
  }

  #connect(inner: Socket): void {
    if (this.#isLosing) {
      inner.destroy();
      return;
    }
    inner.once("data", (data) => this.#tell(data.toString("latin1").split(" ")[1] ?? ""));
    const outer = createConnection(this.#port, "127.0.0.1");
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      this.#sockets.add(from);
      from.on("data", (data) => {
        const passed = this.#rewritten(data);
        this.#later(() => to.write(passed));
      });
      from.on("end", () => this.#later(() => to.end()));
      from.on("close", () => {
        this.#sockets.delete(from);
        this.#later(() => to.destroy());
      });
      // The close event follows.
      from.on("error", () => {});
    }
  }
}
