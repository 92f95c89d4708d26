/** Somebody who comes and goes: one connection at a time, in a view, to one room, with what they know of it. */

import type { View } from "../../../src/core/protocol.ts";
import { open, tokenFor, type TestSocket } from "../../support/socket.ts";
import { type Known, Witness } from "../witness.ts";

type Kind = { readonly user: string | null; readonly view: View; readonly isWatching?: true };

/** Two tabs of Ada's are in one room, or in two; some are anonymous; some only look. */
const KINDS: readonly Kind[] = [
  { user: "ada", view: "diff" },
  { user: "ada", view: "diff" },
  { user: "ada", view: "list" },
  { user: "bob", view: "diff" },
  { user: "bob", view: "list" },
  { user: "cid", view: "diff" },
  { user: "cid", view: "count" },
  { user: "dan", view: "diff" },
  { user: null, view: "diff" },
  { user: null, view: "list" },
  { user: null, view: "diff" },
  { user: "eve", view: "diff" },
  { user: "eve", view: "list", isWatching: true },
  { user: "fay", view: "diff", isWatching: true },
  { user: null, view: "count", isWatching: true },
];

/** What takes a presence up again; or pretends to. */
export type Resumption = { channel: string; resume: string };

export class Person {
  readonly name: string;
  readonly user: string | null;
  readonly view: View;
  readonly isWatching: boolean;
  home: string;
  /** Of the presence that they have or had. In other views than `diff` nobody tells them. */
  channel: string | null = null;
  secret: string | null = null;
  /** While they are connected, for all that they need to know. */
  socket: TestSocket | null = null;
  witness: Witness | null = null;
  /** What they knew of `home` when they were last connected. */
  known: Known | null = null;
  /** The one before, which must come to its end. */
  #old: TestSocket[] = [];

  constructor(name: string, home: string, { user, view, isWatching }: Kind) {
    this.name = name;
    this.home = home;
    this.user = user;
    this.view = view;
    this.isWatching = isWatching === true;
  }

  /** One of each kind, half of them in the first room. */
  static crowd(rooms: readonly string[]): Person[] {
    return KINDS.map((kind, index) => {
      const room = rooms[index % 2 === 0 ? 0 : index % rooms.length] ?? "";
      return new Person(`p${index}`, room, kind);
    });
  }

  get isConnected(): boolean {
    return this.socket !== null;
  }

  /** Connects; the socket has its first frame. Nobody knows yet whether it is the presence from before. */
  async connect(resumption: Resumption | null): Promise<TestSocket> {
    const query = {
      view: this.view,
      ...(this.isWatching ? { watch: "1" } : {}),
      ...resumption,
      ...(this.known && { since: this.known.rev }),
    };
    const token = this.user === null ? {} : { token: await tokenFor(this.user) };
    const socket = await open(this.home, { ...token, query });
    return socket;
  }

  /** From now on this is their connection. */
  connected(socket: TestSocket): void {
    this.socket = socket;
    this.witness = new Witness(socket, { home: this.home, view: this.view }, this.known);
  }

  /** The connection is over, from whichever side. */
  dismissed(): void {
    if (this.socket) this.#old.push(this.socket);
    this.witness?.read();
    this.known = this.witness?.known ?? null;
    this.socket = null;
    this.witness = null;
  }

  /** Every connection that is over for the server is over for the client too. */
  async expectClosed(): Promise<void> {
    const old = this.#old;
    this.#old = [];
    // Marked as read by whoever waited for it before.
    await Promise.all(old.filter(({ closes }) => closes.all.length === 0).map(closed));
  }
}

async function closed({ closes }: TestSocket): Promise<void> {
  await closes.until(() => true);
}
