/**
 * Some rooms inside the real runtime, the people and bots in them, and the model beside. All time is the test's: it
 * goes in steps, so nobody needs to know how long anything took.
 */

import {
  channelObject,
  LOBBIES,
  roomObject,
  type TestObject,
  wake,
} from "../../support/objects.ts";
import { advance, inRoom, socketsLeft, stored } from "../../support/room.ts";
import { Model } from "../model.ts";
import type { Random } from "../random.ts";
import type { Tally } from "../tally.ts";
import type { Said, Witness } from "../witness.ts";
import { isIn } from "./looks.ts";
import { breakStorage, disarm, type Mishap, onMishap, survive, type Target } from "./mishaps.ts";
import { Person } from "./person.ts";

/** As in the settings' defaults. */
export const MAX_AGE_MS = 60_000;
const GRACE_MS = 10_000;

/**
 * All steps of the clock are multiples of this, in seconds. Ages are then far enough from every deadline that
 * rounding does not decide: 56 is below the maximum age, 63 above it with the slack of the alarm; 7 is
 * within the grace, 14 is not.
 */
export const TICK_SECONDS = 7;

const ROOMS = 5;
const BOTS = 5;

/** A message, and who was there to hear it. */
type Sent = {
  readonly room: string;
  readonly said: Said;
  readonly audience: readonly (readonly [Person, Witness | null])[];
};

let worlds = 0;

export class World {
  readonly random: Random;
  readonly tally: Tally;
  readonly prefix: string;
  readonly names: readonly string[];
  readonly bots: readonly string[];
  readonly model: Model;
  readonly people: readonly Person[];
  /** Something went wrong in the middle of a call: the objects may know less than the model, until they had their alarms. */
  isUnsettled = false;
  /** Rooms that may not have told their lobby what they are, until they had an alarm. */
  readonly unlisted = new Set<string>();
  /** Rooms that died, and that nobody has needed since: in their own eyes it happens when they wake. */
  readonly asleep = new Set<string>();
  /** Whether anything ever went wrong that may leave a link too many. */
  hasHadMishaps = false;
  /** Objects that died in a call, and whose people do not know it yet. */
  readonly crashed = new Set<string>();
  #sent: Sent[] = [];
  readonly #numbers = new Map<string, number>();

  constructor(random: Random, tally: Tally) {
    worlds += 1;
    this.random = random;
    this.tally = tally;
    this.prefix = `faults-${worlds}-`;
    this.names = Array.from({ length: ROOMS }, (_, index) => `${this.prefix}room-${index}`);
    this.model = new Model(this.names, { maxAgeMs: MAX_AGE_MS, graceMs: GRACE_MS });
    this.people = Person.crowd(this.names);
    this.bots = Array.from({ length: BOTS }, (_, index) =>
      // One of them looks as if it had a socket.
      index === 0 ? `${this.names[0]}!AbCdEfGhIjKl` : `${this.prefix}bot-${index}`,
    );
    onMishap((target, mishap) => this.#wentWrong(target, mishap));
  }

  /** All that may have something stored, but for the lobbies. */
  get objects(): TestObject[] {
    return [...this.bots.map(channelObject), ...this.names.map(roomObject)];
  }

  get lobbies(): readonly TestObject[] {
    return LOBBIES;
  }

  connected(room?: string): Person[] {
    return this.people.filter(
      (person) => person.isConnected && (room === undefined || person.home === room),
    );
  }

  /** The channels that there are: those of people who are in a room, and of bots. */
  get channels(): string[] {
    const present = this.people.flatMap(({ channel }) =>
      channel !== null && this.model.homes.has(channel) ? [channel] : [],
    );
    return [...present, ...this.bots];
  }

  /** Whether a channel that is in a room is of somebody who connected to it just now. Others may be there by mistake, until an alarm. */
  isNewcomer(room: string, channel: string): boolean {
    const isOurs = channel.startsWith(`${room}!`) && !this.bots.includes(channel);
    return isOurs && !this.model.in(room).has(channel);
  }

  personOf(channel: string): Person | undefined {
    return this.people.find((person) => person.channel === channel);
  }

  /** Who is told what is said in a room, with a socket there or elsewhere. */
  audienceOf(room: string): Person[] {
    return this.connected().filter(
      ({ channel, home, isWatching }) =>
        home === room || (!isWatching && channel !== null && this.model.at(room, channel)),
    );
  }

  /** What somebody says next in a room. */
  say(room: string, by: string): Said {
    const number = (this.#numbers.get(`${room} ${by}`) ?? 0) + 1;
    this.#numbers.set(`${room} ${by}`, number);
    return { by, number };
  }

  /** A message is on its way to these people, as long as they stay connected. */
  sentTo(room: string, said: Said, people: readonly Person[]): void {
    const audience = people.map((person) => [person, person.witness] as const);
    this.#sent.push({ room, said, audience });
  }

  /** Throws for a message that somebody should have heard. Once all have come, they are forgotten. */
  checkHeard(): void {
    for (const { room, said, audience } of this.#sent) {
      for (const [person, witness] of audience) {
        if (witness === null || person.witness !== witness) continue;
        witness.read();
        if (!witness.hasHeard(room, said))
          throw new Error(`${person.name} did not hear ${JSON.stringify(said)} in ${room}`);
      }
    }
    this.#sent = [];
  }

  /** Those whose presence ended from outside are not connected any more, whether their sockets know or not. */
  dismissGone(): void {
    for (const person of this.connected()) {
      if (person.channel !== null && !this.model.isConnected(person.channel)) person.dismissed();
    }
  }

  /** The clock goes on, and every alarm that is due rings. Nothing goes wrong in them. */
  async tick(seconds = TICK_SECONDS): Promise<void> {
    disarm();
    await Promise.all(this.objects.map(alarmOf));
    await this.afterCrashes();
    await this.wakeAll();
    advance(seconds);
    const rung = await this.ringDue();
    this.model.tick();
    this.dismissGone();
    for (const name of rung) this.unlisted.delete(name);
  }

  async wakeAll(): Promise<void> {
    const names = [...this.asleep];
    this.asleep.clear();
    await Promise.all(names.map((name) => this.#wake(name)));
  }

  /** Rings every alarm that is due, again and again until none is. Returns whose did. */
  async ringDue(): Promise<Set<string>> {
    const rung = new Set<string>();
    for (let turn = 0; turn < 20; turn += 1) {
      // oxlint-disable-next-line no-await-in-loop
      const alarms = await Promise.all(
        this.objects.map(async (object) => ({ object, at: await alarmOf(object) })),
      );
      const due = alarms.filter(({ at }) => at !== null && at <= Date.now());
      if (due.length === 0) return rung;
      for (const { object } of due) {
        rung.add(object.title.replace(/^room /, ""));
        // One after the other, as alarms that are due at different times.
        // oxlint-disable-next-line no-await-in-loop
        await ringOne(object);
      }
    }
    throw new Error("alarms that are due are due again at once");
  }

  /** Whatever went wrong is over, and has been put right by alarms. */
  async settle(): Promise<void> {
    disarm();
    await this.tick();
    await this.tick();
    this.isUnsettled = false;
  }

  /** The sockets that a room should have are those that it has: closing ones are gone. */
  socketsSettled(room: string): Promise<void> {
    return survive(() => socketsLeft(room, this.model.connections(room)));
  }

  /** The rooms have stored whoever was greeted. Time alone does not see to that: calls within one process leave none. */
  async stored(rooms: readonly string[]): Promise<void> {
    await Promise.all(rooms.map((room) => survive(() => stored(room))));
  }

  /** The room's memory is gone, and it has been woken again. */
  async slept(room: string): Promise<void> {
    this.model.sleep(room);
    await this.#wake(room);
  }

  /** The room died with all its sockets. It does not wake by that. */
  died(room: string): void {
    this.tally.detail(
      `${room} died with ${this.connected(room)
        .map(({ name }) => name)
        .join(" ")}`,
    );
    for (const person of this.connected(room)) person.dismissed();
    this.model.restart(room);
    this.#sent = this.#sent.filter((one) => one.room !== room);
    this.unlisted.add(room);
    this.asleep.add(room);
  }

  /** Whatever died meanwhile: its sockets are gone, and it is awake again. */
  async afterCrashes(): Promise<void> {
    const died = this.names.filter((name) => this.crashed.has(name));
    this.crashed.clear();
    for (const room of died) {
      // oxlint-disable-next-line no-await-in-loop
      await this.#forgetDue(room);
      this.died(room);
    }
    await this.wakeAll();
  }

  /** What the room makes of what it wakes up to. Two restarts within a second it may take for one. */
  async #wake(room: string): Promise<void> {
    await survive(() => wake(room));
    if (this.model.connections(room) > 0 || !this.model.mayRestart(room)) return;
    const at = await survive(() => inRoom(room, (_, { storage }) => storage.kv.get("restartedAt")));
    if (typeof at === "number" && at > Date.now() - 1_000) this.model.restartAgain(room);
  }

  /** Those whose time was over when the room died have left, or got some more: only the room can tell. */
  async #forgetDue(room: string): Promise<void> {
    for (const [channel] of this.model.residents(room)) {
      if (!this.model.isDue(room, channel)) continue;
      // oxlint-disable-next-line no-await-in-loop
      if (!(await isIn(room, channel))) this.model.leaveAll(channel);
    }
  }

  /** Storage of a room fails once, in what comes next; then its memory goes, as if it had slept. */
  async breakStorage(
    room: string,
    method: "put" | "delete" | "list",
    onFailure = () => {},
  ): Promise<void> {
    // Whoever came in just before would be turned away, too.
    await this.stored([room]);
    await breakStorage(room, method, () => {
      onFailure();
      this.tally.fault(`storage fails: ${method}`, room);
      this.hasHadMishaps = true;
      this.isUnsettled = true;
      this.unlisted.add(room);
    });
  }

  #wentWrong({ kind, name, method }: Target, mishap: Mishap): void {
    this.tally.fault(`${kind}.${method} ${mishap}`, name);
    this.isUnsettled = true;
    this.hasHadMishaps = true;
    if (mishap === "crashes") this.crashed.add(name);
  }
}

/** When the object's alarm is to ring. */
async function alarmOf(object: TestObject): Promise<number | null> {
  return (await survive(() => object.storage())).alarm;
}

async function ringOne(object: TestObject): Promise<void> {
  try {
    await object.ring();
  } catch (error) {
    // It died in its alarm: the platform tries again, and so do we, at the next step of the clock.
    if (!/crashed|answer was lost/.test(String(error))) throw error;
    if (!object.title.startsWith("room ")) return;
    const room = object.title.slice("room ".length);
    await survive(() => inRoom(room, (_, { storage }) => storage.setAlarm(Date.now() + 1)));
  }
}

/** Holds the clock from here on. Far ahead of the real one, whose alarms then never come by themselves. */
export function takeTheClock(): void {
  advance(24 * 60 * 60);
}
