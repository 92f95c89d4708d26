/**
 * A server of one room and the network before it, on a clock of their own. What the server does is what
 * docs/protocol.md says of view `diff`, in its plainest form.
 */

import { Throttle } from "../../../src/core/throttle.ts";
import type { Clock, Dice } from "./clock.ts";

const GRACE_MS = 10_000;
/** What a presence has after the close of a page. */
const RELOAD_GRACE_MS = 2_500;
/** Characters; what is longer is refused. */
const STATE_MAX = 40;
const FRAME_MAX = 200;
const MAX_AGE_MS = 60_000;
const FRAME_RATE = 20;
const CONNECT_MS_MAX = 5_000;
/** Older ones are forgotten, so that a snapshot comes now and then. */
const KEPT_REVISIONS = 12;

export type Held = {
  readonly channel: string;
  readonly user: { readonly id: string; readonly name: string } | null;
  readonly joinedAt: number;
  state?: unknown;
};

type Holding = Held & {
  readonly resume: string;
  /** Of somebody else, who has no socket here. */
  readonly isOther: boolean;
  socket: SimulatedSocket | null;
  seenAt: number;
};

type Named = Held & { readonly user: NonNullable<Held["user"]> };

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
  /** How often somebody was told what they missed, instead of everything. */
  catchUps = 0;
  handshake: () => Handshake = () => "opens";
  #isCounting = false;
  #last = 0;
  #rev = 0;
  /** Who was there at the newest revisions. */
  readonly #history = new Map<string, ReadonlyMap<string, Named>>();

  constructor(clock: Clock, dice: Dice) {
    this.clock = clock;
    this.dice = dice;
    Object.assign(globalThis, { WebSocket: socketsOf(this) });
  }

  /** Sockets that are open or may open yet. */
  get living(): SimulatedSocket[] {
    return this.sockets.filter(({ readyState }) => readyState < 2);
  }

  /** Users who are in the room: what it says to somebody who comes now. */
  get list(): Named[] {
    return this.own("everybody").flatMap(({ user, channel, joinedAt, state }) =>
      user ? [{ channel, user, joinedAt, ...(state === undefined ? {} : { state }) }] : [],
    );
  }

  get lurkers(): number {
    return this.own("everybody").filter(({ user }) => user === null).length;
  }

  /** Presences of the client alone, or all that there are. */
  own(whose: "the client's" | "everybody" = "the client's"): Holding[] {
    const all = [...this.presences.values()];
    return whose === "everybody" ? all : all.filter(({ isOther }) => !isOther);
  }

  /** Who is in the room, in the frame that a newcomer gets. */
  get occupancy(): object {
    const { list: presences, lurkers } = this;
    const sync = { type: "sync", room: "room", presences, lurkers, rev: this.rev };
    const members = new Set(presences.map(({ user }) => user.id)).size;
    const count = { type: "count", room: "room", members, presences: this.presences.size, lurkers };
    return this.#isCounting ? count : sync;
  }

  get rev(): string {
    return `life:${this.#rev}`;
  }

  /** What somebody missed who knew the room at a revision; `null` where that is forgotten, or of no use. */
  missedSince(since: string, formerChannel: string | null): object | null {
    const known = this.#history.get(since);
    if (!known || this.#isCounting) return null;
    const { list, lurkers, rev } = this;
    const joins = list.filter(({ channel }) => !known.has(channel));
    const here = new Set(list.map(({ channel }) => channel));
    const gone = new Set([...known.keys()].filter((channel) => !here.has(channel)));
    if (formerChannel !== null && !here.has(formerChannel)) gone.add(formerChannel);
    const updates = list.flatMap(({ channel, state, user }) => {
      const before = known.get(channel);
      if (!before || (state === undefined && before.user.name === user.name)) return [];
      return [{ channel, state: state ?? null, user }];
    });
    const leaves = [...gone].map((channel) => ({ channel, reason: "lost" }));
    return { type: "diff", room: "room", joins, updates, leaves, lurkers, since, rev };
  }

  /** Somebody came, went or was renamed. */
  #move(): void {
    this.#rev += 1;
    this.#history.set(this.rev, new Map(this.list.map((named) => [named.channel, named])));
    for (const [rev] of this.#history) {
      if (this.#history.size > KEPT_REVISIONS) this.#history.delete(rev);
    }
  }

  /** From now on the room tells numbers, or names again. */
  setCounting(isCounting: boolean): void {
    if (this.#isCounting === isCounting) return;
    this.#isCounting = isCounting;
    this.#broadcast(this.occupancy);
  }

  latency(): number {
    return this.dice.chance(0.9) ? 5 + this.dice.upTo(100) : this.dice.upTo(900);
  }

  /** Somebody else comes, goes, or changes. */
  stir(): void {
    const { dice } = this;
    const first = this.own("everybody").find(({ isOther }) => isOther);
    const what = first ? dice.pick(["come", "come", "go", "set a state", "rename"]) : "come";
    if (!first || what === "come") {
      const user = dice.chance(0.2) ? null : { id: `other-${dice.upTo(3)}`, name: "x" };
      this.add(user, null);
    } else if (what === "go") this.remove(first.channel, "left");
    else if (what === "set a state") this.setState(first, dice.upTo(5));
    else if (first.user) this.setUser(first, { ...first.user, name: `n-${dice.upTo(5)}` });
  }

  add(user: Held["user"], socket: SimulatedSocket | null): Holding {
    this.#last += 1;
    const channel = `room!${this.#last}`;
    const [joinedAt, isOther] = [this.clock.now, socket === null];
    const seenAt = isOther ? Infinity : joinedAt;
    const resume = `r${this.#last}`;
    const held: Holding = { channel, user, joinedAt, resume, socket, seenAt, isOther };
    this.presences.set(channel, held);
    this.#move();
    this.tell({ joins: this.list.filter((named) => named.channel === channel) }, socket);
    return held;
  }

  remove(channel: string, reason: string): void {
    const held = this.presences.get(channel);
    this.presences.delete(channel);
    this.#move();
    if (held) this.tell({ leaves: held.user ? [{ channel, reason }] : [] });
  }

  setState(held: Holding, state: unknown): void {
    if (JSON.stringify(held.state ?? null) === JSON.stringify(state)) return;
    if (state === null) delete held.state;
    else held.state = state;
    if (held.user) this.tell({ updates: [{ channel: held.channel, state }] });
  }

  setUser(held: Holding, user: Held["user"]): void {
    if (held.user?.name === user?.name) return;
    this.presences.set(held.channel, Object.assign(held, { user }));
    this.#move();
    this.tell({ updates: [{ channel: held.channel, user }] });
  }

  tell(changes: object, except: SimulatedSocket | null = null): void {
    const { lurkers } = this;
    const lists = { joins: [], updates: [], leaves: [] };
    const diff = { type: "diff", room: "room", ...lists, lurkers, rev: this.rev };
    this.#broadcast(this.#isCounting ? this.occupancy : { ...diff, ...changes }, except);
  }

  #broadcast(frame: object, except: SimulatedSocket | null = null): void {
    const text = JSON.stringify(frame);
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

  /** The page is gone, and its browser says so where it can. */
  unload(): void {
    const isOpen = this.readyState === 1;
    this.readyState = 3;
    this.#up(() => this.#lose(isOpen ? RELOAD_GRACE_MS : GRACE_MS));
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
    const token = query.get("token");
    const [kind, id = "", name = ""] = (token ?? "").split(".");
    if (kind === "expired") return this.refuse(4101, "token_expired");
    if (token !== null && kind !== "good") return this.refuse(4001, "unauthorized");
    this.#isServed = true;
    const user = token === null ? null : { id, name };
    if (query.get("watch") === "1") return this.#welcome({ user });
    const known = presences.get(query.get("channel") ?? "");
    const isKnown = known?.resume === query.get("resume") && known.user?.id === user?.id;
    if (known && isKnown) {
      if (known.socket && known.socket !== this) known.socket.refuse(4009, "replaced");
      known.socket = this;
      known.seenAt = clock.now;
      this.#world.setUser(known, user);
      this.#welcome(known);
    } else this.#welcome(this.#world.add(user, this));
  }

  #welcome({ channel, resume, user }: Pick<Holding, "user"> & Partial<Holding>): void {
    this.#channel = channel ?? null;
    const rates = { heartbeat: 25, frameRate: FRAME_RATE };
    const first = { type: "welcome", room: "room", channel, resume, user, ...rates };
    this.fromServer(JSON.stringify(first));
    const query = this.#url.searchParams;
    const missed = this.#world.missedSince(query.get("since") ?? "", query.get("channel"));
    if (missed) this.#world.catchUps += 1;
    if (missed) this.fromServer(JSON.stringify(missed));
    else this.#sync();
  }

  #sync(): void {
    this.fromServer(JSON.stringify(this.#world.occupancy));
  }

  #receive(text: string): void {
    if (!this.#isServed) return;
    const held = this.#world.presences.get(this.#channel ?? "");
    if (held) held.seenAt = this.#world.clock.now;
    if (text === '"heartbeat"') return this.fromServer(text);
    const frame = JSON.parse(text);
    if (frame.type === "leave") return this.#end(1000);
    if (text.length > FRAME_MAX) {
      this.#lose();
      return this.refuse(1009, "frame_too_large");
    }
    try {
      if (!this.#throttle.admits(this.#world.clock.now)) return;
    } catch {
      this.#world.violations.push("the server had to throttle the client");
      return;
    }
    if (frame.type === "sync") return this.#sync();
    if (frame.type === "state") return this.#setState(held, frame.state);
    this.#world.messages.push(frame.payload);
    const from = { channel: this.#channel ?? "nobody", user: held?.user ?? null };
    const messages = [{ from, payload: frame.payload }];
    this.fromServer(JSON.stringify({ type: "messages", room: "room", messages }));
  }

  #setState(held: Holding | undefined, state: unknown): void {
    if (!held) return this.#refuseFrame("forbidden");
    if (JSON.stringify(state).length > STATE_MAX) return this.#refuseFrame("state_too_large");
    this.#world.setState(held, state);
  }

  #refuseFrame(code: string): void {
    this.fromServer(JSON.stringify({ type: "error", code, message: code }));
  }

  /** The server heard a close, or a goodbye. */
  #end(code: number): void {
    if (!this.#isServed) return;
    if (code !== 1000 && code !== 1005) return this.#lose();
    this.#isServed = false;
    if (this.#channel !== null) this.#world.remove(this.#channel, "left");
  }

  /** The server lost the connection: the presence has its grace. */
  #lose(graceMs = GRACE_MS): void {
    if (!this.#isServed) return;
    this.#isServed = false;
    const held = this.#world.presences.get(this.#channel ?? "");
    if (held?.socket !== this) return;
    held.socket = null;
    this.#world.clock.schedule(graceMs, () => {
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
