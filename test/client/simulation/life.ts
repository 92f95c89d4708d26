/** The life of one client in a simulated world: what is done to it, and what must be true of it at all times. */

import assert from "node:assert/strict";
import { inspect, isDeepStrictEqual } from "node:util";
import { joinRoom, type Member, type RoomClient } from "../../../src/client/index.ts";
import type { Clock, Dice } from "./clock.ts";
import { World } from "./world.ts";

/** Longer than any grace, age, backoff and timeout. */
const REST_MS = 200_000;

/** One client from joining to leaving, with everything that it says. */
export class Life {
  readonly world: World;
  readonly client: RoomClient;
  readonly #dice: Dice;
  readonly #lines: string[] = [];
  #user = "ada";
  #isCalm = false;
  #hasLeft = false;
  #told = "connecting";
  #replayed = new Map<string, Member>();

  constructor(clock: Clock, dice: Dice) {
    this.#dice = dice;
    this.world = new World(clock, dice);
    this.world.handshake = () => {
      if (this.#isCalm || dice.chance(0.7)) return "opens";
      return dice.pick(["refused", "hangs", "cut after the server accepted"]);
    };
    this.client = joinRoom({
      url: "ws://simulated",
      room: "room",
      token: () => this.#token(),
      messagesWhileAway: dice.pick(["refuse", "queue"]),
    });
    this.#listen();
  }

  /** Something happens. */
  async step(): Promise<void> {
    const dice = this.#dice;
    const { clock } = this.world;
    const roll = dice.upTo(20);
    if (roll < 6) await clock.advance(dice.upTo(60));
    else if (roll < 9) await clock.advance(dice.upTo(3_000));
    else if (roll < 10) await clock.advance(dice.upTo(40_000));
    else if (roll < 13) this.#call();
    else if (roll < 15) this.#cut();
    else if (roll < 16) this.#user = dice.pick(["ada", "ada", "bob"]);
    else if (roll < 17) this.#close();
    else this.world.stir();
    this.world.expire();
    await clock.advance(0);
    this.#check();
  }

  /** The network and the tokens are good from now on, and nobody does anything. */
  async rest(): Promise<void> {
    this.#isCalm = true;
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
    this.client.leave();
    this.#hasLeft = true;
    await this.world.clock.advance(0);
    const isConnecting = this.world.sockets.some(({ readyState }) => readyState === 0);
    // What is still connecting says goodbye when it is open, and has a timeout for that.
    this.#same(this.world.clock.timers.size, isConnecting ? 1 : 0);
    const before = this.#lines.length;
    this.client.reconnect();
    this.client.setState("late");
    this.#same(this.client.send("late"), false);
    await this.rest();
    this.#same(this.#lines.slice(before), ["error not_sent"]);
    this.#same(this.world.clock.timers.size, 0);
    this.#same(this.client.status, "closed");
  }

  #listen(): void {
    const { client } = this;
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
    const roll = dice.upTo(20);
    this.#lines.push(`  call ${roll}`);
    if (roll < 7) this.client.setState(dice.pick([null, 1, 2, { x: 1 }]));
    else if (roll < 13) {
      for (let count = dice.pick([1, 1, 3, 60]); count > 0; count -= 1) this.client.send(count);
    } else if (roll < 17) this.client.reconnect();
    else this.client.wake();
  }

  #cut(): void {
    const who = this.#dice.pick(["both", "client", "server", "nobody"]);
    this.#lines.push(`  cut ${who}`);
    for (const socket of this.world.living) socket.cut(who);
  }

  /** The server ends the connection. */
  #close(): void {
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

  async #token(): Promise<string> {
    const dice = this.#dice;
    const good = `good.${this.#user}.${this.#user}`;
    if (this.#isCalm || dice.chance(0.7)) return good;
    const { clock } = this.world;
    const kind = dice.pick(["throws", "hangs", "late", "expired", "bad"]);
    if (kind === "throws") throw new Error("no session");
    if (kind === "hangs") return new Promise(() => {});
    if (kind === "late") {
      return new Promise((resolve) => clock.schedule(dice.upTo(30_000), () => resolve(good)));
    }
    return `${kind}.${this.#user}`;
  }

  #check(): void {
    const { client, world } = this;
    this.#same(world.violations, []);
    this.#same(world.living.length <= 1, true);
    this.#same(this.#told, client.status);
    this.#same(byId(this.#replayed.values()), byId(client.members));
  }

  #checkAtRest(): void {
    const { client, world } = this;
    const own = world.list.filter(({ user }) => !user.id.startsWith("other"));
    if (client.status === "closed") {
      this.#same(own, []);
      return;
    }
    this.#same(client.status, "here");
    this.#same(
      own.map(({ channel }) => channel),
      [client.self?.channel],
    );
    this.#same(own[0]?.state ?? null, client.self?.state ?? null);
    this.#same(presencesIn(client), sorted(world.list));
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
