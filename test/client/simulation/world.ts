/**
 * A server of one room and the network before it, on a clock of their own. What the server does is what
 * docs/protocol.md says of view `diff`, in its plainest form.
 */

import { Throttle } from "../../../src/core/throttle.ts";
import type { Clock, Dice } from "./clock.ts";

const GRACE_MS = 10_000;
const MAX_AGE_MS = 60_000;
const FRAME_RATE = 20;
const CONNECT_MS_MAX = 5_000;

export type Held = {
  readonly channel: string;
  readonly user: { readonly id: string; readonly name: string };
  readonly joinedAt: number;
  state?: unknown;
};

type Holding = Held & { resume: string; socket: SimulatedSocket | null; seenAt: number };

/** What becomes of an attempt to connect. */
type Handshake = "opens" | "refused" | "hangs" | "cut after the server accepted";

export class World {
  readonly clock: Clock;
  readonly dice: Dice;
  readonly sockets: SimulatedSocket[] = [];
  readonly violations: string[] = [];
  /** Messages that reached the room. */
  readonly messages: unknown[] = [];
  readonly presences = new Map<string, Holding>();
  handshake: () => Handshake = () => "opens";
  #last = 0;

  constructor(clock: Clock, dice: Dice) {
    this.clock = clock;
    this.dice = dice;
    Object.assign(globalThis, { WebSocket: socketsOf(this) });
  }

  /** Sockets that are open or may open yet. */
  get living(): SimulatedSocket[] {
    return this.sockets.filter(({ readyState }) => readyState < 2);
  }

  /** What the room says to somebody who comes now. */
  get list(): Held[] {
    return Array.from(this.presences.values(), presenceOf);
  }

  latency(): number {
    return this.dice.chance(0.9) ? 5 + this.dice.upTo(100) : this.dice.upTo(900);
  }

  /** Somebody else comes, goes, or changes. */
  stir(): void {
    const { dice } = this;
    const first = [...this.presences.values()].find(({ user }) => user.id.startsWith("other"));
    const what = first ? dice.pick(["come", "come", "go", "set a state", "rename"]) : "come";
    if (!first || what === "come") {
      this.add({ id: `other-${dice.upTo(3)}`, name: "x" }, null, Infinity);
    } else if (what === "go") this.remove(first.channel, "left");
    else if (what === "rename") this.setUser(first, { ...first.user, name: `n-${dice.upTo(5)}` });
    else this.setState(first, dice.upTo(5));
  }

  add(user: Held["user"], socket: SimulatedSocket | null, seenAt: number): Holding {
    this.#last += 1;
    const channel = `room!${this.#last}`;
    const joinedAt = this.clock.now;
    const held = { channel, user, joinedAt, resume: `r${this.#last}`, socket, seenAt };
    this.presences.set(channel, held);
    this.tell({ joins: [presenceOf(held)] }, socket);
    return held;
  }

  remove(channel: string, reason: string): void {
    if (this.presences.delete(channel)) this.tell({ leaves: [{ channel, reason }] });
  }

  setState(held: Holding, state: unknown): void {
    if (JSON.stringify(held.state ?? null) === JSON.stringify(state)) return;
    if (state === null) delete held.state;
    else held.state = state;
    this.tell({ updates: [{ channel: held.channel, state }] });
  }

  setUser(held: Holding, user: Held["user"]): void {
    if (held.user.name === user.name) return;
    this.presences.set(held.channel, Object.assign(held, { user }));
    this.tell({ updates: [{ channel: held.channel, user }] });
  }

  tell(changes: object, except: SimulatedSocket | null = null): void {
    const diff = { type: "diff", room: "room", joins: [], updates: [], leaves: [], lurkers: 0 };
    const text = JSON.stringify({ ...diff, ...changes });
    for (const socket of this.sockets) if (socket !== except) socket.fromServer(text);
  }

  /** Removes whoever was silent for too long. */
  expire(): void {
    for (const { channel, seenAt } of this.presences.values()) {
      if (this.clock.now - seenAt > MAX_AGE_MS) this.remove(channel, "expired");
    }
  }
}

/** The class of sockets that the runtime would have. */
function socketsOf(world: World): object {
  return class extends SimulatedSocket {
    constructor(url: string) {
      super(world, url);
    }
  };
}

function presenceOf({ channel, user, joinedAt, state }: Held): Held {
  return { channel, user, joinedAt, ...(state === undefined ? {} : { state }) };
}

/** Both ends of a connection, and the line between them. */
export class SimulatedSocket extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readyState = 0;
  readonly #world: World;
  readonly #url: URL;
  readonly #madeAt: number;
  readonly #throttle: Throttle;
  #channel: string | null = null;
  /** The server's end. */
  #isServed = false;
  /** Nothing passes any more, and nobody is told. */
  #isSilent = false;
  #upAt = 0;
  #downAt = 0;

  constructor(world: World, url: string) {
    super();
    this.#world = world;
    this.#url = new URL(url);
    this.#madeAt = world.clock.now;
    this.#throttle = new Throttle(FRAME_RATE, world.clock.now);
    world.sockets.push(this);
    const fate = world.handshake();
    if (fate === "hangs") return;
    if (fate === "refused") world.clock.schedule(world.latency(), () => this.#closed(1006));
    else this.#up(() => this.#accept(fate === "opens"));
  }

  send(text: string): void {
    if (this.readyState === 1) this.#up(() => this.#receive(text));
  }

  close(code = 1005): void {
    const { clock, violations } = this.#world;
    if (this.readyState === 0) {
      const isTimeout = clock.now - this.#madeAt >= CONNECT_MS_MAX;
      if (!isTimeout) violations.push("a socket was closed before it was open");
      this.#closed(1006);
      this.#up(() => this.#lose());
      return;
    }
    if (this.readyState > 1) return;
    this.readyState = 2;
    this.#up(() => {
      this.#end(code);
      this.#down(() => this.#closed(code));
    });
  }

  /** The connection breaks; who hears of it? */
  cut(who: "both" | "client" | "server" | "nobody"): void {
    this.#isSilent = true;
    const { clock } = this.#world;
    if (who !== "server" && who !== "nobody") clock.schedule(20, () => this.#closed(1006));
    if (who !== "client" && who !== "nobody") clock.schedule(20, () => this.#lose());
  }

  fromServer(text: string): void {
    if (this.#isServed) this.#down(() => this.#dispatch(text));
  }

  /** The server refuses, or ends the connection. */
  refuse(code: number, name: string): void {
    this.#down(() => this.#dispatch(JSON.stringify({ type: "error", code: name, message: name })));
    this.#isServed = false;
    this.#down(() => this.#closed(code));
  }

  get channel(): string | null {
    return this.#isServed ? this.#channel : null;
  }

  #accept(isTold: boolean): void {
    const { presences, clock } = this.#world;
    if (isTold) this.#down(() => this.#opened());
    else this.cut("both");
    const query = this.#url.searchParams;
    const [kind, id = "", name = ""] = (query.get("token") ?? "").split(".");
    if (kind === "expired") return this.refuse(4101, "token_expired");
    if (kind !== "good") return this.refuse(4001, "unauthorized");
    this.#isServed = true;
    const known = presences.get(query.get("channel") ?? "");
    const isKnown = known?.resume === query.get("resume") && known.user.id === id;
    if (known && isKnown) {
      if (known.socket && known.socket !== this) known.socket.refuse(4009, "replaced");
      known.socket = this;
      known.seenAt = clock.now;
      this.#world.setUser(known, { id, name });
      this.#welcome(known);
    } else this.#welcome(this.#world.add({ id, name }, this, clock.now));
  }

  #welcome({ channel, resume, user }: Holding): void {
    this.#channel = channel;
    const frameRate = FRAME_RATE;
    const first = {
      type: "welcome",
      room: "room",
      channel,
      resume,
      user,
      heartbeat: 25,
      frameRate,
    };
    this.fromServer(JSON.stringify(first));
    this.#sync();
  }

  #sync(): void {
    const presences = this.#world.list;
    this.fromServer(JSON.stringify({ type: "sync", room: "room", presences, lurkers: 0 }));
  }

  #receive(text: string): void {
    const held = this.#world.presences.get(this.#channel ?? "");
    if (!this.#isServed || !held) return;
    held.seenAt = this.#world.clock.now;
    if (text === '"heartbeat"') return this.fromServer(text);
    const frame = JSON.parse(text);
    if (frame.type === "leave") return this.#end(1000);
    try {
      if (!this.#throttle.admits(this.#world.clock.now)) return;
    } catch {
      this.#world.violations.push("the server had to throttle the client");
      return;
    }
    if (frame.type === "sync") return this.#sync();
    if (frame.type === "state") return this.#world.setState(held, frame.state);
    this.#world.messages.push(frame.payload);
    const from = { channel: held.channel, user: held.user };
    const messages = [{ from, payload: frame.payload }];
    this.fromServer(JSON.stringify({ type: "messages", room: "room", messages }));
  }

  /** The server heard a close, or a goodbye. */
  #end(code: number): void {
    if (!this.#isServed) return;
    if (code !== 1000 && code !== 1005) return this.#lose();
    this.#isServed = false;
    if (this.#channel !== null) this.#world.remove(this.#channel, "left");
  }

  /** The server lost the connection: the presence has its grace. */
  #lose(): void {
    if (!this.#isServed) return;
    this.#isServed = false;
    const held = this.#world.presences.get(this.#channel ?? "");
    if (held?.socket !== this) return;
    held.socket = null;
    this.#world.clock.schedule(GRACE_MS, () => {
      if (held.socket === null) this.#world.remove(held.channel, "lost");
    });
  }

  #opened(): void {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  #dispatch(data: string): void {
    if (this.readyState === 1) this.dispatchEvent(new MessageEvent("message", { data }));
  }

  #closed(code: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }

  /** Towards the server, in order. */
  #up(call: () => void): void {
    const { clock } = this.#world;
    this.#upAt = Math.max(this.#upAt, clock.now + this.#world.latency());
    clock.schedule(this.#upAt - clock.now, () => !this.#isSilent && call());
  }

  /** Towards the client, in order. */
  #down(call: () => void): void {
    const { clock } = this.#world;
    this.#downAt = Math.max(this.#downAt, clock.now + this.#world.latency());
    clock.schedule(this.#downAt - clock.now, () => !this.#isSilent && call());
  }
}
