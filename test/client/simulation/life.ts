/** The life of one client in a simulated world: what is done to it, and what must be true of it at all times. */

import assert from "node:assert/strict";
import { inspect, isDeepStrictEqual } from "node:util";
import {
  joinRoom,
  type Member,
  type RoomClient,
  type RoomOptions,
} from "../../../src/client/index.ts";
import type { Clock, Dice } from "./clock.ts";
import type { Page } from "./page.ts";
import { World } from "./world.ts";

/** Longer than any grace, age, backoff and timeout. */
const REST_MS = 200_000;
/** Longer than any delay here, and shorter than the grace: who is still there then is a ghost. */
const GHOST_MS = 6_000;

const STATES = [null, 1, 2, { x: 1 }, "x".repeat(50)] as const;

/** One client from joining to leaving, reloads of its page included, with everything that it says. */
export class Life {
  readonly world: World;
  client: RoomClient;
  readonly #page: Page;
  readonly #dice: Dice;
  readonly #lines: string[] = [];
  readonly #options: RoomOptions;
  /** Nothing is cut, refused or closed, and it is one user: no presence may outlive its client. */
  readonly #isNetworkGood: boolean;
  #user = "ada";
  #isCalm = false;
  #hasLeft = false;
  /** How often its page was loaded again. */
  #loads = 0;
  #told = "connecting";
  #lastView: unknown;
  #replayed = new Map<string, Member>();

  constructor(clock: Clock, dice: Dice, page: Page) {
    this.#dice = dice;
    this.#page = page;
    this.world = new World(clock, dice);
    this.#isNetworkGood = dice.chance(0.4);
    this.world.handshake = () => {
      if (this.#isCalm || this.#isNetworkGood || dice.chance(0.7)) return "opens";
      return dice.pick(["refused", "hangs", "cut after the server accepted"]);
    };
    this.#options = {
      url: "ws://simulated",
      room: "room",
      token: this.#tokenOption(),
      watch: dice.chance(0.1),
      state: dice.pick([undefined, undefined, 1, { x: 1 }]),
      messagesWhileAway: dice.pick(["refuse", "queue"]),
    };
    page.renew();
    this.client = joinRoom(this.#options);
    this.#listen();
  }

  /** Whether it goes on: listeners may leave, too. */
  get isOver(): boolean {
    return this.#hasLeft;
  }

  /** Something happens. */
  async step(): Promise<void> {
    const dice = this.#dice;
    const { clock } = this.world;
    const roll = dice.upTo(40);
    if (roll < 12) await clock.advance(dice.upTo(60));
    else if (roll < 18) await clock.advance(dice.upTo(3_000));
    else if (roll < 20) await clock.advance(dice.upTo(40_000));
    else if (roll < 26) this.#call();
    else if (roll < 29) this.#cut();
    else if (roll < 31) this.#switchUser();
    else if (roll < 33) this.#close();
    else if (roll < 34) this.world.setCounting(dice.chance(0.5));
    else if (roll < 35) await this.#reload();
    else if (roll < 36) await this.#reconnect();
    else this.world.stir();
    this.world.expire();
    await clock.advance(0);
    this.#check();
  }

  /** The network and the tokens are good from now on, and nobody does anything. */
  async rest(): Promise<void> {
    this.#isCalm = true;
    this.world.setCounting(false);
    for (let passed = 0; passed < REST_MS; passed += 5_000) {
      // oxlint-disable-next-line no-await-in-loop
      await this.world.clock.advance(5_000);
      this.world.expire();
    }
    this.#check();
    this.#checkAtRest();
    this.#isCalm = false;
  }

  async leave(): Promise<void> {
    this.#leave();
    await this.world.clock.advance(0);
    const isConnecting = this.world.sockets.some(({ readyState }) => readyState === 0);
    // What is still connecting says goodbye when it is open, and has a timeout for that.
    this.#same(this.world.clock.timers.size, isConnecting ? 1 : 0);
    const before = this.#lines.length;
    this.client.reconnect();
    this.client.setState("late");
    this.#same(this.client.send("late"), false);
    await this.#checkGhosts(0);
    await this.rest();
    this.#same(this.#lines.slice(before), ["error not_sent"]);
    this.#same(this.world.clock.timers.size, 0);
    this.#same(this.client.status, "closed");
    this.#same(this.world.own(), []);
  }

  #listen(): void {
    const { client } = this;
    this.#told = client.status;
    this.#lastView = client.view;
    this.#replayed = new Map();
    client.subscribe(() => {
      this.#lastView = client.view;
    });
    client.on("status", ({ status }) =>
      this.#heard(`status ${status}`, () => (this.#told = status)),
    );
    client.on("error", ({ code }) => this.#heard(`error ${code}`));
    client.on("message", ({ payload }) => this.#heard(`message ${JSON.stringify(payload)}`));
    client.on("sync", ({ members }) =>
      this.#heard("sync", () => {
        this.#replayed = new Map(members.map((member) => [member.id, member]));
      }),
    );
    client.on("join", (member) => this.#heard("join", () => this.#replayed.set(member.id, member)));
    client.on("leave", ({ member }) =>
      this.#heard("leave", () => this.#replayed.delete(member.id)),
    );
    client.on("update", ({ member }) =>
      this.#heard("update", () => this.#replayed.set(member.id, member)),
    );
  }

  #heard(line: string, note = () => {}): void {
    this.#lines.push(line);
    note();
    if (!this.#isCalm && !this.#hasLeft && this.#dice.chance(0.05)) this.#call();
  }

  #call(): void {
    const dice = this.#dice;
    const roll = dice.upTo(60);
    this.#lines.push(`  call ${roll}`);
    if (roll < 20) this.client.setState(dice.pick(STATES));
    else if (roll < 22 && !this.#isNetworkGood) this.client.setState("x".repeat(300));
    else if (roll < 24 && !this.#isNetworkGood) this.client.send("x".repeat(300));
    else if (roll < 38) {
      for (let count = dice.pick([1, 1, 3, 60]); count > 0; count -= 1) this.client.send(count);
    } else if (roll < 50) this.client.reconnect();
    else if (roll < 51) this.#leave();
    else this.client.wake();
  }

  #leave(): void {
    // Before the call: what listeners do meanwhile they do to a client that has left.
    this.#hasLeft = true;
    this.client.leave();
  }

  /** Another connection, and then time for whatever came of the last one to end. */
  async #reconnect(): Promise<void> {
    this.#lines.push("  reconnect");
    this.client.reconnect();
    await this.world.clock.advance(this.#dice.upTo(500));
    this.client.reconnect();
    this.#isCalm = true;
    await this.#checkGhosts(1);
    this.#isCalm = false;
  }

  /** Its own presences, some seconds after there was reason for a change. */
  async #checkGhosts(max: number): Promise<void> {
    await this.world.clock.advance(GHOST_MS);
    if (this.#isNetworkGood) this.#same(this.world.own().slice(max), []);
  }

  /** From the next token on. The presence of the user of before is lost, and has its grace. */
  #switchUser(): void {
    if (!this.#isNetworkGood) this.#user = this.#dice.pick(["ada", "ada", "bob"]);
  }

  async #reload(): Promise<void> {
    if (this.#isNetworkGood) return;
    this.#lines.push("  reload");
    const { clock } = this.world;
    await clock.advance(0);
    this.#page.unload();
    this.#loads += 1;
    for (const socket of this.world.living) socket.unload();
    clock.timers.clear();
    await clock.advance(this.#dice.upTo(3_000));
    this.client = joinRoom(this.#options);
    this.#listen();
  }

  #cut(): void {
    if (this.#isNetworkGood) return;
    const who = this.#dice.pick(["both", "client", "server", "nobody"]);
    this.#lines.push(`  cut ${who}`);
    for (const socket of this.world.living) socket.cut(who);
  }

  /** The server ends the connection. */
  #close(): void {
    if (this.#isNetworkGood) return;
    const [code, name] = this.#dice.pick([
      [4003, "removed"],
      [4100, "room_full"],
      [4129, "rate_limited"],
      [4200, "restarted"],
    ]);
    for (const socket of this.world.living) {
      const { channel } = socket;
      if (channel === null) continue;
      this.#lines.push(`  close ${code}`);
      socket.refuse(code, name);
      this.world.remove(channel, "removed");
    }
  }

  #tokenOption(): RoomOptions["token"] {
    const dice = this.#dice;
    if (dice.chance(0.7)) return () => this.#token();
    return dice.pick([null, undefined, "good.ada.ada", "expired.ada", "bad.ada"]);
  }

  async #token(): Promise<string | null> {
    const dice = this.#dice;
    const good = `good.${this.#user}.${this.#user}`;
    if (this.#isCalm || dice.chance(0.7)) return good;
    const { clock } = this.world;
    // A presence that was given up for a token that is refused then is lost, whatever the network.
    const kind = this.#isNetworkGood
      ? dice.pick(["throws", "hangs", "late"])
      : dice.pick(["throws", "hangs", "late", "expired", "bad", "none"]);
    if (kind === "throws") throw new Error("no session");
    if (kind === "hangs") return new Promise(() => {});
    if (kind === "none") return null;
    if (kind === "late") {
      const load = this.#loads;
      return new Promise((resolve) => {
        // A page that is gone hears no answers.
        clock.schedule(dice.upTo(30_000), () => load === this.#loads && resolve(good));
      });
    }
    return `${kind}.${this.#user}`;
  }

  #check(): void {
    const { client, world } = this;
    this.#same(world.violations, []);
    this.#same(world.living.slice(1).length, 0);
    this.#same(this.#told, client.status);
    if (this.#lastView !== client.view) this.#same(this.#lastView, client.view);
    this.#same(byId(this.#replayed.values()), byId(client.members));
  }

  #checkAtRest(): void {
    const { client, world } = this;
    const own = world.own();
    if (client.status === "closed") {
      this.#same(own, []);
      return;
    }
    this.#same(client.status, "here");
    const { channel = null, state } = own[0] ?? {};
    this.#same(own.length, this.#options.watch ? 0 : 1);
    this.#same(channel, client.self?.channel);
    // What a lurker said nobody is told, so a lurker whose state was refused cannot tell either.
    if (own[0]?.user) this.#same(state ?? null, client.self?.state ?? null);
    this.#same(presencesIn(client), sorted(world.list));
    this.#same(client.lurkers, world.lurkers);
  }

  #same(actual: unknown, expected: unknown): void {
    if (isDeepStrictEqual(actual, expected)) return;
    assert.fail(`${inspect(actual)} instead of ${inspect(expected)} ${this.#report()}`);
  }

  #report(): string {
    return `after:\n${this.#lines.slice(-60).join("\n")}\n`;
  }
}

function byId(members: Iterable<Member>): Member[] {
  return Array.from(members).toSorted((a, b) => a.id.localeCompare(b.id));
}

function presencesIn(client: RoomClient): unknown[] {
  return sorted(client.members.flatMap(({ presences }) => presences));
}

function sorted<T extends { readonly channel: string }>(presences: readonly T[]): T[] {
  return presences.toSorted((a, b) => a.channel.localeCompare(b.channel));
}
