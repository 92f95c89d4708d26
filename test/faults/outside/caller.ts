/** Somebody who connects over a network that may lose everything: a real socket, through a proxy of their own. */

import type { View } from "../../../src/core/protocol.ts";
import { type Client, open, tokenFor } from "../../support/client.ts";
import { Proxy } from "../../support/proxy.ts";
import { Witness } from "../witness.ts";

/** Often enough for a machine that is busy: the maximum age is many times that. */
const BEAT_MS = 1_000;

type Kind = { readonly user: string | null; readonly view: View; readonly isWatching?: true };

const KINDS: readonly Kind[] = [
  { user: "ada", view: "diff" },
  { user: "ada", view: "diff" },
  { user: "ada", view: "list" },
  { user: "bob", view: "diff" },
  { user: "bob", view: "diff" },
  { user: "cid", view: "diff" },
  { user: "cid", view: "count" },
  { user: null, view: "diff" },
  { user: "dan", view: "diff" },
  { user: "eve", view: "diff", isWatching: true },
];

export type Resumption = { channel: string; resume: string };

export class Caller {
  readonly name: string;
  readonly user: string | null;
  readonly view: View;
  readonly isWatching: boolean;
  readonly home: string;
  channel: string | null = null;
  secret: string | null = null;
  client: Client | null = null;
  witness: Witness | null = null;
  /** The network swallows everything, and nobody has noticed yet. */
  isDeaf = false;
  /** When the connection was last known to be good. */
  goodAt = 0;
  #proxy: Proxy | null = null;
  readonly #old: { proxy: Proxy; client: Client }[] = [];

  private constructor(name: string, home: string, { user, view, isWatching }: Kind) {
    this.name = name;
    this.home = home;
    this.user = user;
    this.view = view;
    this.isWatching = isWatching === true;
  }

  static crowd(rooms: readonly string[]): Caller[] {
    return KINDS.map((kind, index) => {
      const room = rooms[index % 2 === 0 ? 0 : index % rooms.length] ?? "";
      return new Caller(`c${index}`, room, kind);
    });
  }

  /** Connects; beats from then on. What was there before is left to its fate. */
  async connect(port: number, resumption: Resumption | null): Promise<Client> {
    this.dismissed();
    const proxy = await Proxy.to(port);
    const query = { view: this.view, ...(this.isWatching ? { watch: "1" } : {}), ...resumption };
    const token = this.user === null ? {} : { token: await tokenFor(this.user) };
    const client = await open(proxy, this.home, { ...token, query });
    client.beatEvery(BEAT_MS);
    this.#proxy = proxy;
    this.client = client;
    this.witness = new Witness(client, { home: this.home, view: this.view });
    this.isDeaf = false;
    return client;
  }

  /** Nothing passes any more, in either direction, and nobody is told. */
  goDeaf(): void {
    this.#proxy?.lose();
    this.isDeaf = true;
    this.goodAt = Date.now();
  }

  /** Nothing passes for now; what TCP has kept comes with `catchUp`. */
  stall(): void {
    this.#proxy?.lose();
  }

  catchUp(): void {
    this.#proxy?.restore();
  }

  cut(): void {
    this.#proxy?.cut();
  }

  /** The connection is over, or of no use. */
  dismissed(): void {
    if (this.client && this.#proxy) this.#old.push({ proxy: this.#proxy, client: this.client });
    this.#proxy = null;
    this.client = null;
    this.witness = null;
    this.isDeaf = false;
    this.goodAt = Date.now();
  }

  /** Nothing is left of connections that are over. To be called when the server knows of their ends. */
  async clear(): Promise<void> {
    const old = this.#old.splice(0);
    for (const { client } of old) client.ws.terminate();
    await Promise.all(old.map(({ proxy }) => proxy.stop()));
  }
}
