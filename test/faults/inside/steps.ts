/** All that may happen in one step, and how often. */

import type { Random } from "../random.ts";
import * as faults from "./faults.ts";
import { compare } from "./inspection.ts";
import { arm, disarm } from "./mishaps.ts";
import * as people from "./people.ts";
import type { Person } from "./person.ts";
import * as servers from "./servers.ts";
import type { World } from "./world.ts";

export type Step = {
  readonly kind: string;
  readonly weight: number;
  readonly isFault?: true;
  /** `note` says to whom or what it happens. */
  run(world: World, note: (details: string) => void): Promise<void>;
};

type Deed = (world: World, person: Person) => Promise<void>;

/** Something that one of the people does, of those who can. */
function by(pick: (world: World) => readonly Person[], deed: Deed): Step["run"] {
  return async (world, note) => {
    const person = world.random.maybe(pick(world));
    if (!person) return;
    note(`${person.name} in ${person.home}`);
    await deed(world, person);
  };
}

const connected = (world: World) => world.connected();
const present = (world: World) => world.connected().filter(({ isWatching }) => !isWatching);
const absent = (world: World) => world.people.filter(({ isConnected }) => !isConnected);
const away = (world: World) =>
  absent(world).filter(({ channel }) => channel !== null && world.model.isAway(channel));

/** Something in one room, to one channel. */
function inRoom(deed: (world: World, room: string, channel: string) => Promise<void>): Step["run"] {
  return async (world, note) => {
    const { random, names, channels } = world;
    const [room, channel] = [random.pick(names), random.pick(channels)];
    note(`${room} ${channel}`);
    await deed(world, room, channel);
  };
}

function toRoom(deed: (world: World, room: string) => Promise<void>): Step["run"] {
  return inRoom((world, room) => deed(world, room));
}

function toChannel(deed: (world: World, channel: string) => Promise<void>): Step["run"] {
  return inRoom((world, _, channel) => deed(world, channel));
}

/** Any of the lists and sweeps is only right once all have heard of everything. */
function whenSettled(deed: (world: World) => Promise<void>): Step["run"] {
  return async (world) => {
    if (world.isUnsettled) await world.settle();
    await deed(world);
  };
}

/** What is likely to make objects call each other, with calls that go wrong. */
const SHAKEN: readonly Step["run"][] = [
  inRoom(servers.add),
  inRoom(servers.add),
  inRoom(servers.remove),
  toChannel(servers.touch),
  toChannel(servers.leaveAll),
  by(present, people.leave),
  by(away, people.enter),
  by(present, people.takeOver),
  by(present, people.ask),
];

async function shaken(world: World, note: (details: string) => void): Promise<void> {
  faults.armSome(world);
  await world.random.pick(SHAKEN)(world, note);
}

/** Two or three things at once, each about somebody else. */
async function atOnce(world: World, note: (details: string) => void): Promise<void> {
  disarm();
  const { random } = world;
  const some = shuffled(
    random,
    world.people.filter(({ view }) => view === "diff"),
  ).slice(0, 3);
  const bots = shuffled(random, world.bots).slice(0, 2);
  await Promise.all([
    ...some.map((person) => {
      const deed = random.pick(
        person.isConnected
          ? [people.leave, people.cut, people.setState, people.talk]
          : [people.enter],
      );
      note(`${person.name} ${deed.name}`);
      return deed(world, person);
    }),
    ...bots.map((bot) => {
      const room = random.pick(world.names);
      note(`${bot} in ${room}`);
      return random.pick([servers.add, servers.remove])(world, room, bot);
    }),
  ]);
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, place: random.next() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

/** A deadline holds although the room sleeps before it: the grace runs from the loss, not from the sleep. */
async function sleepInGrace(world: World, person: Person): Promise<void> {
  if (world.isUnsettled) await world.settle();
  await people.cut(world, person);
  await world.tick();
  await faults.evictRoom(world, person.home);
  await world.tick();
  await compare(world);
}

/** The second restart is one of its own: those who had come back have their grace from then. */
async function crashTwice(world: World, { home }: Person): Promise<void> {
  if (world.isUnsettled) await world.settle();
  const returnAll = async () => {
    for (const person of away(world).filter((one) => one.home === home && one.secret !== null)) {
      // oxlint-disable-next-line no-await-in-loop
      await people.enter(world, person);
    }
  };
  await faults.crashRoom(world, home);
  await returnAll();
  await world.tick();
  await faults.crashRoom(world, home);
  await world.tick();
  await returnAll();
}

export const STEPS: readonly Step[] = [
  { kind: "join", weight: 14, run: by(absent, people.enter) },
  { kind: "come back", weight: 6, run: by(away, people.enter) },
  { kind: "leave", weight: 3, run: by(connected, people.leave) },
  { kind: "state", weight: 5, run: by(present, people.setState) },
  { kind: "message", weight: 6, run: by(connected, people.talk) },
  { kind: "ask for everything", weight: 2, run: by(connected, people.ask) },
  {
    kind: "frames of all",
    weight: 8,
    run: async (world) => {
      await Promise.all(world.connected().map((person) => people.beat(world, person)));
    },
  },
  { kind: "add", weight: 9, run: inRoom(servers.add) },
  { kind: "remove", weight: 2, run: inRoom(servers.remove) },
  { kind: "touch", weight: 3, run: toChannel(servers.touch) },
  { kind: "leave all", weight: 1, run: toChannel(servers.leaveAll) },
  { kind: "message of a server", weight: 2, run: toRoom(servers.send) },
  {
    kind: "prune a room",
    weight: 1,
    run: whenSettled((world) => servers.prune(world, world.random.pick(world.names))),
  },
  { kind: "prune rooms", weight: 1, run: whenSettled(servers.pruneRooms) },
  { kind: "several at once", weight: 4, run: atOnce },
  { kind: "cut", weight: 8, isFault: true, run: by(connected, people.cut) },
  { kind: "reload", weight: 4, isFault: true, run: by(connected, people.reload) },
  { kind: "half-open, taken over", weight: 4, isFault: true, run: by(present, people.takeOver) },
  {
    kind: "false resumption",
    weight: 2,
    isFault: true,
    run: by(absent, people.pretend),
  },
  { kind: "room evicted", weight: 8, isFault: true, run: toRoom(faults.evictRoom) },
  { kind: "room evicted in a grace", weight: 1, isFault: true, run: by(present, sleepInGrace) },
  { kind: "room crashed", weight: 8, isFault: true, run: toRoom(faults.crashRoom) },
  { kind: "room crashed twice", weight: 1, isFault: true, run: by(present, crashTwice) },
  { kind: "channel crashed", weight: 2, isFault: true, run: faults.crashChannel },
  { kind: "lobby crashed", weight: 2, isFault: true, run: faults.crashLobby },
  { kind: "all crashed", weight: 1, isFault: true, run: faults.crashAll },
  {
    kind: "crash while entering",
    weight: 2,
    isFault: true,
    run: by(absent, faults.crashWhileEntering),
  },
  { kind: "calls fail", weight: 8, isFault: true, run: shaken },
  {
    kind: "server dies while adding",
    weight: 2,
    isFault: true,
    run: async (world, note) => {
      if (world.isUnsettled) await world.settle();
      faults.armSome(world);
      const [room, bot] = [world.random.pick(world.names), world.random.pick(world.bots)];
      arm(
        world.random.pick([
          { kind: "channel", name: bot, method: "link" },
          { kind: "channel", name: bot, method: "isLinked" },
          { kind: "room", name: room, method: "add" },
        ]),
        world.random.pick(["fails", "loses its answer", "crashes"]),
      );
      note(`${room} ${bot}`);
      await servers.addAndDie(world, room, bot);
    },
  },
  {
    kind: "storage fails while leaving",
    weight: 2,
    isFault: true,
    run: by(present, faults.failToStoreEnd),
  },
  {
    kind: "storage fails while joining",
    weight: 1,
    isFault: true,
    run: by(absent, faults.failToStoreJoin),
  },
  { kind: "storage fails in a call", weight: 1, isFault: true, run: faults.failToStoreAddition },
  { kind: "alarms fail", weight: 4, isFault: true, run: faults.shakyTick },
  { kind: "clock +7 s", weight: 7, isFault: true, run: (world) => world.tick(7) },
  { kind: "clock +14 s", weight: 2, isFault: true, run: (world) => world.tick(14) },
  { kind: "clock +28 s", weight: 1, isFault: true, run: (world) => world.tick(28) },
  { kind: "clock +63 s", weight: 0.5, isFault: true, run: (world) => world.tick(63) },
];
