/**
 * What the client promises, whatever happens: random calls at random times, inside listeners too, with
 * tokens that hang, throw and run out, over a network that delays, refuses and cuts. CLIENT_STEPS and
 * CLIENT_SEED choose how many steps, and which.
 */

import { expect, test } from "vitest";
import { joinRoom, type Member, type RoomClient } from "../../../src/client/index.ts";
import { Clock, Dice } from "./clock.ts";
import { World } from "./world.ts";

const STEPS = Number(process.env["CLIENT_STEPS"] ?? 10_000);
const SEED = Number(process.env["CLIENT_SEED"] ?? 20261129);
const STEPS_PER_LIFE = 120;
/** Longer than any grace, age, backoff and timeout. */
const REST_MS = 200_000;

/** One client from joining to leaving, with everything that it says. */
class Life {
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
    expect(this.world.clock.timers.size, this.#report()).toBe(isConnecting ? 1 : 0);
    const before = this.#lines.length;
    this.client.reconnect();
    this.client.setState("late");
    expect(this.client.send("late")).toBe(false);
    await this.rest();
    expect(this.#lines.slice(before), this.#report()).toEqual(["error not_sent"]);
    expect(this.world.clock.timers.size).toBe(0);
    expect(this.client.status).toBe("closed");
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
    expect(world.violations, this.#report()).toEqual([]);
    expect(world.living.length, this.#report()).toBeLessThanOrEqual(1);
    expect(this.#told, this.#report()).toBe(client.status);
    expect([...this.#replayed.values()], this.#report()).toEqual(
      expect.arrayContaining([...client.members]),
    );
    expect(this.#replayed.size, this.#report()).toBe(client.members.length);
  }

  #checkAtRest(): void {
    const { client, world } = this;
    const own = world.list.filter(({ user }) => !user.id.startsWith("other"));
    if (client.status === "closed") {
      expect(own, this.#report()).toEqual([]);
      return;
    }
    expect(client.status, this.#report()).toBe("here");
    expect(
      own.map(({ channel }) => channel),
      this.#report(),
    ).toEqual([client.self?.channel]);
    expect(own[0]?.state ?? null, this.#report()).toEqual(client.self?.state ?? null);
    expect(presencesIn(client), this.#report()).toEqual(sorted(world.list));
  }

  #report(): string {
    return `seed ${SEED}:\n${this.#lines.slice(-60).join("\n")}\n`;
  }
}

function presencesIn(client: RoomClient): unknown[] {
  return sorted(client.members.flatMap(({ presences }) => presences));
}

function sorted<T extends { readonly channel: string }>(presences: readonly T[]): T[] {
  return presences.toSorted((a, b) => a.channel.localeCompare(b.channel));
}

test(`${STEPS} random steps with the seed ${SEED}`, { timeout: 600_000 }, async () => {
  const dice = new Dice(SEED);
  const clock = new Clock();
  const uninstall = clock.install(dice.roll);
  try {
    /* oxlint-disable no-await-in-loop -- one life, and one step, after the other */
    for (let step = 0; step < STEPS;) {
      const life = new Life(clock, dice);
      for (let count = 0; count < STEPS_PER_LIFE && step < STEPS; count += 1, step += 1) {
        await life.step();
      }
      if (dice.chance(0.5)) await life.rest();
      await life.leave();
      clock.timers.clear();
    }
    /* oxlint-enable no-await-in-loop */
  } finally {
    uninstall();
  }
});
