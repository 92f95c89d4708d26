/**
 * Rooms, channels and lobbies against a model so simple that it can be seen to be right: a map of rooms, each a
 * map of channels. Objects are evicted and crash at random; once everybody has had their alarms, all must agree.
 */

import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { presences, rooms } from "../../src/index.ts";
import { lobbyOf } from "../../src/rpc/lobbies.ts";
import {
  believed,
  bindings,
  channelObject,
  expectNothingIn,
  heardOf,
  LOBBIES,
  NOTHING,
  ringAll,
  roomObject,
  type Stored,
  type TestObject,
  wake,
} from "../support/objects.ts";
import { advance, inRoom, socketsLeft } from "../support/room.ts";
import { firstFrames, openAs, type TestSocket } from "../support/socket.ts";

/** As in the settings' defaults. */
const MAX_AGE_MS = 60_000;

/** Time of a frame is rounded up to this. Steps of the clock sum up to no time at which that would matter. */
const ROUNDING_MS = 1_000;
const STEPS_SECONDS = [7, 26] as const;
const PRUNE_SECONDS = [0, 30] as const;
/** Twice this ends every grace, also one that a restart has begun anew. */
const GRACE_STEP_SECONDS = 12;

const ROOMS = 5;
/** The home of each client: some have one in common. */
const HOMES = [0, 0, 1, 2, 3] as const;
const CHANNELS = HOMES.length * 2;
const USERS = ["ada", "bob", null] as const;

const MODEL_MS = 16_000;
/** Always the same runs; fast-check prints it with the path to what failed. */
const SEED = 20_261_122;

const room = fc.nat({ max: ROOMS - 1 });
const client = fc.nat({ max: HOMES.length - 1 });
const channel = fc.nat({ max: CHANNELS - 1 });

const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("open" as const), client }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("close" as const), client }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("cut" as const), client }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("frame" as const), client }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("frames" as const) }) },
  {
    weight: 9,
    arbitrary: fc.record({
      type: fc.constant("add" as const),
      room,
      channel,
      user: fc.constantFrom(...USERS),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("remove" as const), room, channel }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("touch" as const), channel }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("leaveAll" as const), channel }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("send" as const), room }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("evictRoom" as const), room }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("crashRoom" as const), room }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("crashChannel" as const), channel }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("crashLobby" as const), room }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("prune" as const),
      room,
      seconds: fc.constantFrom(...PRUNE_SECONDS),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("pruneAll" as const),
      seconds: fc.constantFrom(...PRUNE_SECONDS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("pruneRooms" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("wait" as const),
      seconds: fc.constantFrom(...STEPS_SECONDS),
    }),
  },
);

type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

type Places = ReadonlyMap<string, Place>;
type Whereabouts = { rooms: string[]; lastSeen: number };

/** What can be seen from outside, by room and by channel. */
type Seen = {
  rooms: ReadonlyMap<string, Places>;
  channels: ReadonlyMap<string, Whereabouts | null>;
  /** Names of occupied rooms. */
  list: string[];
  /** By empty room. */
  stored: ReadonlyMap<string, Stored>;
  /** By channel with a socket: by room, the users by channel. */
  beliefs: ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, string | null>>>;
};

type Place = { user: string | null; lastSeen: number };

/** The naive rooms. */
class Model {
  readonly rooms: Map<string, Map<string, Place>>;
  /** Where a channel has its socket. */
  readonly homes = new Map<string, string>();
  /** Channels that have lost their sockets, and may get them back. */
  readonly away = new Set<string>();

  constructor(names: readonly string[]) {
    this.rooms = new Map(names.map((name) => [name, new Map()]));
  }

  in(name: string): Map<string, Place> {
    const places = this.rooms.get(name);
    if (!places) throw new Error(`there is no room ${name}`);
    return places;
  }

  roomsOf(name: string): string[] {
    return [...this.rooms].filter(([, places]) => places.has(name)).map(([found]) => found);
  }

  presences(name: string): Places {
    const places = [...this.in(name).entries()];
    return new Map(
      places.map(([one, { user }]) => [one, { user, lastSeen: this.lastSeen(name, one) }]),
    );
  }

  /** Of one with a socket, its home has the word. */
  whereabouts(one: string): Whereabouts | null {
    const its = this.roomsOf(one).toSorted();
    const home = this.homes.get(one);
    const asked = home === undefined ? its : [home];
    const lastSeen = Math.max(...asked.map((name) => this.lastSeen(name, one)));
    return its.length === 0 ? null : { rooms: its, lastSeen };
  }

  add(name: string, one: string, user: string | null): void {
    this.in(name).set(one, { user, lastSeen: Date.now() });
  }

  /** Out of its home means out of all rooms. */
  remove(name: string, one: string): void {
    if (this.homes.get(one) === name) this.leaveAll(one);
    else this.in(name).delete(one);
  }

  leaveAll(one: string): void {
    for (const places of this.rooms.values()) places.delete(one);
    this.homes.delete(one);
    this.away.delete(one);
  }

  touch(one: string): void {
    for (const places of this.rooms.values()) {
      const place = places.get(one);
      if (place) place.lastSeen = Date.now();
    }
  }

  /** A sign of life at home counts in all rooms. */
  lastSeen(name: string, one: string): number {
    const home = this.homes.get(one);
    const atHome = home === undefined ? undefined : this.in(home).get(one);
    return Math.max(this.in(name).get(one)?.lastSeen ?? 0, atHome?.lastSeen ?? 0);
  }

  /** Whoever was last seen longer ago leaves that room: nobody is away at such a time, but for the end of a grace. */
  prune(name: string, ageMs: number): void {
    const due = Array.from(this.in(name).keys()).filter(
      (one) => !this.away.has(one) && this.lastSeen(name, one) + ageMs <= Date.now(),
    );
    for (const one of due) this.remove(name, one);
  }

  pruneAll(ageMs = MAX_AGE_MS): void {
    for (const name of this.rooms.keys()) this.prune(name, ageMs);
  }
}

/** A client that takes its presence up again, if it can. */
type Client = { channel: string; resume: string; socket: TestSocket | null };

let runs = 0;

/** The rooms as they are, and the model beside them. */
class Run {
  readonly prefix: string;
  readonly names: readonly string[];
  readonly model: Model;
  readonly #bots: readonly string[];
  readonly #clients = HOMES.map((): Client => ({ channel: "", resume: "", socket: null }));

  constructor() {
    runs += 1;
    this.prefix = `model-${runs}-`;
    this.names = Array.from({ length: ROOMS }, (_, index) => `${this.prefix}${index}`);
    this.model = new Model(this.names);
    this.#bots = HOMES.map((home, index) =>
      // One of them looks as if it had a socket.
      index === 0 ? `${this.#name(home)}!AbCdEfGhIjKl` : `${this.prefix}bot-${index}`,
    );
  }

  get objects(): TestObject[] {
    return [...this.#bots.map(channelObject), ...this.names.map(roomObject)];
  }

  // oxlint-disable-next-line complexity
  async perform(todo: Operation): Promise<void> {
    switch (todo.type) {
      case "open":
        return this.#open(todo.client);
      case "close":
        return this.#close(todo.client);
      case "cut":
        return this.#cut(todo.client);
      case "frame":
        return this.#frame(todo.client);
      case "frames":
        await Promise.all(this.#clients.map((_, index) => this.#frame(index)));
        return;
      case "add":
        return this.#add(this.#name(todo.room), todo.channel, todo.user);
      case "remove":
        return this.#remove(this.#name(todo.room), todo.channel);
      case "touch":
        return this.#touch(todo.channel);
      case "leaveAll":
        return this.#leaveAll(todo.channel);
      case "send":
        await rooms(bindings).send(this.#name(todo.room), "hello");
        return;
      case "evictRoom":
        return roomObject(this.#name(todo.room)).evict();
      case "crashRoom":
        return this.#crashRoom(this.#name(todo.room));
      case "crashChannel":
        return this.#channelObject(todo.channel).crash();
      case "crashLobby":
        return this.#crashLobby(this.#name(todo.room));
      case "prune":
        return this.#prune(this.#name(todo.room), todo.seconds);
      case "pruneAll":
        return this.#pruneAll(todo.seconds);
      case "pruneRooms":
        await rooms(bindings).pruneRooms();
        return;
      case "wait":
        return this.wait(todo.seconds);
    }
  }

  /** The clock goes on, and everybody has their alarms. Who is away does not come back any more. */
  async wait(seconds: number): Promise<void> {
    if (this.model.away.size === 0) {
      advance(seconds);
      await this.#ring();
      return;
    }
    advance(GRACE_STEP_SECONDS);
    await this.#ring();
    advance(GRACE_STEP_SECONDS);
    const lost = Array.from(this.model.away);
    for (const one of lost) this.model.leaveAll(one);
    await this.#ring();
  }

  /** All that servers, the list and clients can see; times as in the model where they are near enough. Nobody may be away. */
  async observed(): Promise<Seen> {
    const { rooms: listed } = await rooms(bindings).list({ prefix: this.prefix });
    return {
      rooms: await mapAll(this.names, (name) => this.#observedRoom(name)),
      channels: await mapAll(this.#channels(), (one) => this.#observedChannel(one)),
      list: listed.map((one) => one.room),
      stored: await mapAll(this.#empty(), (name) => roomObject(name).storage()),
      beliefs: await mapAll(this.#believers(), (one) => this.#beliefOf(one)),
    };
  }

  /** The same, as the model has it. */
  expected(): Seen {
    const { model } = this;
    const userOf = (name: string) => {
      const places = Array.from(model.in(name), ([one, { user }]) => [one, user] as const);
      return new Map(places.filter(([, user]) => user !== null));
    };
    return {
      rooms: new Map(this.names.map((name) => [name, model.presences(name)])),
      channels: new Map(this.#channels().map((one) => [one, model.whereabouts(one)])),
      list: this.names.filter((name) => model.in(name).size > 0),
      stored: new Map(this.#empty().map((name) => [name, NOTHING])),
      beliefs: new Map(
        this.#believers().map((one) => [
          one,
          new Map(model.roomsOf(one).map((name) => [name, userOf(name)])),
        ]),
      ),
    };
  }

  /** Everybody falls silent for good, and has their alarms. Returns what is listed then: nothing, it is hoped. */
  async end(): Promise<unknown> {
    for (let turn = 0; turn < 3; turn += 1) {
      advance(MAX_AGE_MS / 1_000 + 2);
      // oxlint-disable-next-line no-await-in-loop
      await ringAll(this.objects);
    }
    return rooms(bindings).list({ prefix: this.prefix });
  }

  #name(index: number): string {
    return this.names[index] ?? "";
  }

  #home(index: number): string {
    return this.#name(HOMES[index] ?? 0);
  }

  #client(index: number): Client {
    const found = this.#clients[index];
    if (!found) throw new Error(`there is no client ${index}`);
    return found;
  }

  /** Whether the client has a presence, be it away or not. */
  #isPresent({ channel: one }: Client): boolean {
    return this.model.homes.has(one);
  }

  /** The channels that there are; a client has none until it connects. */
  #channels(): string[] {
    return [...this.#clients.map((one) => one.channel).filter(Boolean), ...this.#bots];
  }

  #channel(index: number): string | null {
    if (index >= HOMES.length) return this.#bots[index - HOMES.length] ?? null;
    const one = this.#client(index);
    return this.#isPresent(one) ? one.channel : null;
  }

  #channelObject(index: number): TestObject {
    return channelObject(this.#bots[index % HOMES.length] ?? "");
  }

  /** The socket of a client that is connected. */
  #socket(one: Client): TestSocket | null {
    return this.#isPresent(one) && !this.model.away.has(one.channel) ? one.socket : null;
  }

  async #open(index: number): Promise<void> {
    const one = this.#client(index);
    if (this.#socket(one)) return;
    const home = this.#home(index);
    const user = `client-${index}`;
    const isBack = this.model.away.has(one.channel);
    const resumption = isBack ? { channel: one.channel, resume: one.resume } : {};
    const socket = await openAs(user, home, { query: { view: "diff", ...resumption } });
    const { welcome } = await firstFrames(socket);
    if (isBack && welcome.channel !== one.channel)
      throw new Error(`${one.channel} was not resumed`);
    one.channel = welcome.channel ?? "";
    one.resume = welcome.resume ?? "";
    one.socket = socket;
    this.model.homes.set(one.channel, home);
    this.model.away.delete(one.channel);
    this.model.add(home, one.channel, user);
  }

  async #close(index: number): Promise<void> {
    const one = this.#client(index);
    const socket = this.#socket(one);
    if (!socket) return;
    socket.ws.close(1000);
    await socket.closes.next();
    this.model.leaveAll(one.channel);
  }

  async #cut(index: number): Promise<void> {
    const one = this.#client(index);
    const socket = this.#socket(one);
    if (!socket) return;
    const home = this.#home(index);
    const open = await inRoom(home, (_, state) => state.getWebSockets().length);
    socket.cut();
    await socketsLeft(home, open - 1);
    this.model.away.add(one.channel);
  }

  async #frame(index: number): Promise<void> {
    const one = this.#client(index);
    await this.#socket(one)?.handled();
    if (this.#socket(one))
      this.model.in(this.#home(index)).set(one.channel, {
        user: `client-${index}`,
        lastSeen: Date.now(),
      });
  }

  async #add(name: string, index: number, user: string | null): Promise<void> {
    const one = this.#channel(index);
    if (one === null) return;
    // With another user at home it could not be resumed.
    const id = this.model.homes.get(one) === name ? `client-${index}` : user;
    const isNew = !this.model.in(name).has(one);
    const added = await rooms(bindings).add(name, one, id === null ? null : { id });
    if (added.isNew !== isNew) throw new Error(`${one} in ${name}: isNew is ${added.isNew}`);
    this.model.add(name, one, id);
  }

  async #remove(name: string, index: number): Promise<void> {
    const one = this.#channel(index);
    if (one === null) return;
    await rooms(bindings).remove(name, one);
    this.model.remove(name, one);
  }

  async #touch(index: number): Promise<void> {
    const one = this.#channel(index);
    if (one === null) return;
    this.#expectAll(one, await presences(bindings).touch(one));
    this.model.touch(one);
  }

  async #leaveAll(index: number): Promise<void> {
    const one = this.#channel(index);
    if (one === null) return;
    this.#expectAll(one, await presences(bindings).leaveAll(one));
    this.model.leaveAll(one);
  }

  /** A room that the home was not told of in a crash may be named too: it is the others that must not be missed. */
  #expectAll(one: string, named: readonly string[]): void {
    const missed = this.model.roomsOf(one).filter((name) => !named.includes(name));
    if (missed.length > 0) throw new Error(`${one} is in ${missed.join(", ")} too`);
  }

  /** Its sockets are gone, its presences have their grace from the moment it wakes: now. */
  async #crashRoom(name: string): Promise<void> {
    const its = this.#clients.filter((one) => this.model.homes.get(one.channel) === name);
    const sockets = its.map((one) => this.#socket(one));
    await roomObject(name).crash();
    await Promise.all(sockets.flatMap((socket) => (socket ? [socket.closes.next()] : [])));
    for (const one of its) this.model.away.add(one.channel);
    await wake(name);
  }

  async #crashLobby(name: string): Promise<void> {
    await LOBBIES.find(({ title }) => title === lobbyOf(name))?.crash();
  }

  async #prune(name: string, seconds: number): Promise<void> {
    if (this.model.away.size > 0) return;
    await rooms(bindings).get(name).prunePresences(seconds);
    this.model.prune(name, seconds * 1_000);
  }

  async #pruneAll(seconds: number): Promise<void> {
    if (this.model.away.size > 0) return;
    // A crash may have kept the lobby from hearing of a room until its alarm.
    await this.#ring();
    await rooms(bindings).prunePresences(seconds);
    this.model.pruneAll(seconds * 1_000);
  }

  async #ring(): Promise<void> {
    await ringAll(this.objects);
    this.model.pruneAll();
  }

  #empty(): string[] {
    return this.names.filter((name) => this.model.in(name).size === 0);
  }

  /** The channels of clients that are connected. */
  #believers(): string[] {
    return this.#clients.filter((one) => this.#isPresent(one)).map((one) => one.channel);
  }

  async #observedRoom(name: string): Promise<Places> {
    const listed = await rooms(bindings).get(name).presences();
    const places = listed.map(({ channel: one, user, lastSeen }) => {
      const near = nearest(lastSeen, this.model.lastSeen(name, one));
      return [one, { user: user?.id ?? null, lastSeen: near }] as const;
    });
    if (new Map(places).size < places.length) throw new Error(`${name} lists a channel twice`);
    return new Map(places);
  }

  async #observedChannel(one: string): Promise<Whereabouts | null> {
    const found = await presences(bindings).get(one);
    if (!found) return null;
    const lastSeen = nearest(found.lastSeen, this.model.whereabouts(one)?.lastSeen ?? 0);
    return { rooms: found.rooms.toSorted(), lastSeen };
  }

  /** What the client heard of its rooms, applied in order. */
  async #beliefOf(one: string): Promise<Map<string, ReadonlyMap<string, string | null>>> {
    const socket = this.#clients.find((owner) => owner.channel === one)?.socket;
    if (!socket) throw new Error(`${one} has no socket`);
    return mapAll(this.model.roomsOf(one), async (name) => {
      await heardOf(socket, name);
      const users = Array.from(believed(socket, name), ([who, { user }]) => [who, user] as const);
      return new Map(users.map(([who, user]) => [who, user?.id ?? null]));
    });
  }
}

/** Of a time that is a little late, the one that was meant. */
function nearest(time: number, meant: number): number {
  return Math.abs(time - meant) <= ROUNDING_MS ? meant : time;
}

async function mapAll<T>(
  keys: readonly string[],
  look: (key: string) => Promise<T>,
): Promise<Map<string, T>> {
  return new Map(await Promise.all(keys.map(async (key) => [key, await look(key)] as const)));
}

beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test(
  "after random events the rooms, the channels and the list of rooms are those of the model",
  { timeout: MODEL_MS * 4 },
  async () => {
    const property = fc.asyncProperty(
      fc.array(operation, { minLength: 10, maxLength: 40 }),
      async (operations) => {
        advance(0);
        const run = new Run();
        // One after the other, in this order: that is the point.
        // oxlint-disable-next-line no-await-in-loop
        for (const todo of operations) await run.perform(todo);
        await run.wait(STEPS_SECONDS[0]);
        expect(await run.observed()).toEqual(run.expected());
        expect(await run.end()).toEqual({ rooms: [] });
        await expectNothingIn(run.objects);
      },
    );
    await fc.assert(property, {
      seed: SEED,
      numRuns: 1_000,
      interruptAfterTimeLimit: MODEL_MS,
    });
    expect(runs).toBeGreaterThan(10);
  },
);
