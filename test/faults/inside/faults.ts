/** Faults of objects, of storage and of the clock, each with what it does to people. */

import { rooms } from "../../../src/index.ts";
import { bindings, channelObject, roomObject, wake } from "../../support/objects.ts";
import { advance, stored } from "../../support/room.ts";
import { arm, disarm, type Mishap, mendStorage, survive, type Target } from "./mishaps.ts";
import type { Person } from "./person.ts";
import { enter, expectCode } from "./people.ts";
import { add, checkExpected, remove } from "./servers.ts";
import { isIn } from "./looks.ts";
import { TICK_SECONDS, type World } from "./world.ts";

/** Memory goes, sockets stay. */
export async function evictRoom(world: World, room: string): Promise<void> {
  await world.socketsSettled(room);
  await survive(() => roomObject(room).evict());
  await world.slept(room);
}

/** The room dies with all its sockets, and wakes when somebody next needs it. */
export async function crashRoom(world: World, room: string): Promise<void> {
  await survive(() => roomObject(room).crash());
  world.died(room);
  if (world.random.isOnce(2)) await world.wakeAll();
}

/** All of them at once, as when the runtime is killed. */
export async function crashAll(world: World): Promise<void> {
  await Promise.all(world.names.map((room) => survive(() => roomObject(room).crash())));
  for (const room of world.names) world.died(room);
  await Promise.all(world.bots.map((bot) => survive(() => channelObject(bot).crash())));
  await Promise.all(world.lobbies.map((lobby) => survive(() => lobby.crash())));
}

export async function crashChannel(world: World): Promise<void> {
  const channel = channelObject(world.random.pick(world.bots));
  await survive(() => channel.crash());
}

export async function crashLobby(world: World): Promise<void> {
  const lobby = world.random.pick(world.lobbies);
  await survive(() => lobby.crash());
}

/** The room dies once it has let somebody in, before they hear of it: a presence that nobody takes up. */
export async function crashWhileEntering(world: World, person: Person): Promise<void> {
  if (person.isConnected || person.isWatching) return;
  const { home } = person;
  const isMine = person.channel !== null && world.model.homes.has(person.channel);
  if (isMine) return;
  // Whoever came in just before would be undone, too.
  await world.stored([home]);
  arm({ kind: "room", name: home, method: "fetch" }, "crashes");
  try {
    const socket = await person.connect(null);
    await socket.closes.next();
  } catch (error) {
    checkExpected(error);
  }
  disarm();
  await world.afterCrashes();
  const listed = await survive(() => rooms(bindings).get(home).presences());
  for (const { channel } of listed) {
    if (!world.isNewcomer(home, channel)) continue;
    world.model.join(home, channel, person.user);
    world.model.lose(channel, "restart");
    person.channel = channel;
    person.secret = null;
  }
}

/** Many calls that objects may make of each other go wrong, each once, in what comes next. */
export function armSome(world: World): void {
  const { random } = world;
  const targets: Target[] = [
    ...world.names.flatMap((name) =>
      ROOM_CALLS.map((method) => ({ kind: "room" as const, name, method })),
    ),
    ...world.bots.flatMap((name) =>
      CHANNEL_CALLS.map((method) => ({ kind: "channel" as const, name, method })),
    ),
    ...world.lobbies.flatMap(({ title }) =>
      LOBBY_CALLS.map((method) => ({ kind: "lobby" as const, name: title, method })),
    ),
  ];
  for (const target of targets) {
    if (random.isOnce(4)) arm(target, random.pick(MISHAPS));
  }
}

const MISHAPS: readonly Mishap[] = ["fails", "fails", "loses its answer", "crashes"];
const ROOM_CALLS = "add remove link look touch touchHere leaveAll drop deliver resync seen".split(
  " ",
);
const CHANNEL_CALLS = "link isLinked unlink touch leaveAll".split(" ");
const LOBBY_CALLS = "fill empty".split(" ");

/** The clock goes on while alarms and the calls in them fail. What failed is tried again at the next step of the clock. */
export async function shakyTick(world: World): Promise<void> {
  const { random } = world;
  await world.stored(world.names);
  armSome(world);
  arm(
    { kind: "room", name: random.pick(world.names), method: "alarm" },
    random.pick<Mishap>(["loses its answer", "crashes"]),
  );
  const lively = world.names.filter((name) => world.model.connections(name) > 0);
  const broken = random.isOnce(2) ? (random.maybe(lively) ?? null) : null;
  if (broken !== null) await world.breakStorage(broken, random.pick(["put", "delete", "list"]));
  await world.wakeAll();
  advance(TICK_SECONDS);
  await world.ringDue();
  disarm();
  if (broken !== null) await mendStorage(broken);
  await world.afterCrashes();
  world.isUnsettled = true;
  await world.tick();
}

/** Storage fails while somebody goes: whether the room heard of it or not, they do not stay for longer than the grace. */
export async function failToStoreEnd(world: World, person: Person): Promise<void> {
  const { socket, home, channel } = person;
  const { model, random } = world;
  if (!socket || person.isWatching || channel === null) return;
  // Or it would be whoever came in just before whose row fails.
  await stored(home);
  let hasFailed = false;
  await world.breakStorage(home, random.pick(["put", "delete"]), () => (hasFailed = true));
  const end = random.pick(["goodbye", "reload", "cut"] as const);
  if (end === "cut") socket.cut();
  else socket.ws.close(end === "goodbye" ? 1000 : 1001);
  person.dismissed();
  model.lose(channel, end === "reload" ? "reload" : "cut");
  await world.socketsSettled(home);
  await mendStorage(home);
  await survive(() => wake(home));
  if (!hasFailed && end === "goodbye") model.leaveAll(channel);
  if (!hasFailed) return;
  if (await isIn(home, channel)) model.lostUnheard(home, channel);
  else if (end === "goodbye") model.leaveAll(channel);
  else throw new Error(`${channel} is gone without its grace`);
}

/**
 * Storage fails while somebody comes in: they are turned away, and try again. Whoever is greeted before that is put
 * out, and nobody else has been told of them.
 */
export async function failToStoreJoin(world: World, person: Person): Promise<void> {
  const { home } = person;
  if (person.isConnected || person.isWatching || world.model.connections(home) === 0) return;
  if (person.channel !== null && world.model.homes.has(person.channel)) return;
  await world.breakStorage(home, "put");
  try {
    const { closes } = await person.connect(null);
    expectCode((await closes.next()).code, 1011);
  } catch (error) {
    if (!String(error).includes("try again later")) throw error;
  }
  await mendStorage(home);
  await enter(world, person);
}

/** Storage fails in what a server asks for; it asks again. */
export async function failToStoreAddition(world: World): Promise<void> {
  const room = world.random.pick(world.names);
  if (world.model.connections(room) === 0) return;
  await world.breakStorage(room, world.random.pick(["put", "delete"]));
  const channel = world.random.pick(world.channels);
  if (world.random.isOnce(2)) await add(world, room, channel);
  else await remove(world, room, channel);
  await mendStorage(room);
}
