/** What servers ask for. A call that fails is made again until it does not, as servers do. */

import { type AddOptions, presences, rooms } from "../../../src/index.ts";
import { bindings } from "../../support/objects.ts";
import { disarm } from "./mishaps.ts";
import { isIn } from "./looks.ts";
import type { World } from "./world.ts";

const ATTEMPTS_MAX = 8;
const AGES_SECONDS = [0, 30] as const;
/** None is a multiple of a tick, nor is it with the slack of its alarm: see `TICK_SECONDS`. */
const TTLS_SECONDS = [24, 101] as const;
const USERS = ["ada", "bob", "gus", null] as const;

/** Puts a channel into a room: a bot, or somebody who has a socket somewhere. */
export async function add(world: World, room: string, channel: string): Promise<void> {
  const old = world.model.at(room, channel);
  const given = givenTo(world, channel);
  const keepsUser = world.random.isOnce(5);
  const user = keepsUser ? (old?.user ?? null) : userFor(world, room, channel);
  const isNew = old === undefined;
  const said = keepsUser ? undefined : user;
  const { added, attempts } = await insist(world, () => addOnce(room, channel, said, given));
  if (attempts === 1 && !world.isUnsettled && added.isNew !== isNew)
    throw new Error(`${channel} in ${room}: isNew is ${added.isNew}`);
  world.model.add(room, channel, user, given);
}

async function addOnce(
  room: string,
  channel: string,
  user: string | null | undefined,
  given: AddOptions,
) {
  const said = typeof user === "string" ? { id: user } : user;
  return { added: await rooms(bindings).add(room, channel, said, given) };
}

/** To a bot a state, a ttl, or neither; to somebody with a socket, or who had one, neither. */
function givenTo({ random, bots }: World, channel: string): AddOptions {
  if (!bots.includes(channel)) return {};
  const state = random.maybe([undefined, null, { thinking: true }, { step: random.below(1_000) }]);
  const ttl = random.maybe([undefined, ...TTLS_SECONDS]);
  return { ...(state !== undefined && { state }), ...(ttl !== undefined && { ttl }) };
}

/** At home, mostly themselves: whoever is given another user there cannot be taken up again. */
function userFor(world: World, room: string, channel: string): string | null {
  const person = world.personOf(channel);
  if (!person || world.model.homes.get(channel) !== room) return world.random.pick(USERS);
  return world.random.isOnce(6) ? world.random.pick(USERS) : person.user;
}

/** A server that dies in the middle of an addition: it may have been made or not, and nobody tries again. */
export async function addAndDie(world: World, room: string, channel: string): Promise<void> {
  if (world.model.in(room).has(channel)) return;
  const user = world.random.pick(USERS);
  const given = givenTo(world, channel);
  try {
    await addOnce(room, channel, user, given);
  } catch (error) {
    checkExpected(error);
  }
  disarm();
  if (await isIn(room, channel)) world.model.add(room, channel, user, given);
}

export async function remove(world: World, room: string, channel: string): Promise<void> {
  await insist(world, async () => ({ _: await rooms(bindings).remove(room, channel) }));
  world.model.remove(room, channel);
  world.dismissGone();
}

export async function touch(world: World, channel: string): Promise<void> {
  const { named } = await insist(world, async () => ({
    named: await presences(bindings).touch(channel),
  }));
  expectAll(world, channel, named);
  world.model.touch(channel);
}

export async function leaveAll(world: World, channel: string): Promise<void> {
  const { named, attempts } = await insist(world, async () => ({
    named: await presences(bindings).leaveAll(channel),
  }));
  if (attempts === 1) expectAll(world, channel, named);
  world.model.leaveAll(channel);
  world.dismissGone();
}

/** A room that a home was not told of may be named too: it is the others that must not be missed. */
function expectAll({ model, isUnsettled }: World, channel: string, named: readonly string[]): void {
  if (isUnsettled) return;
  const missed = model.roomsOf(channel).filter((room) => !named.includes(room));
  if (missed.length > 0) throw new Error(`${channel} is in ${missed.join(", ")} too`);
}

/** At most once: a call that fails is not made again. */
export async function send(world: World, room: string): Promise<void> {
  const said = world.say(room, "server");
  await rooms(bindings).send(room, said);
  world.sentTo(room, said, world.connected(room));
}

export async function prune(world: World, room: string): Promise<void> {
  const seconds = world.random.pick(AGES_SECONDS);
  const pruned = await rooms(bindings).get(room).prunePresences(seconds);
  const due = world.model.prune(room, seconds * 1_000);
  world.dismissGone();
  const channels = pruned.map(({ channel }) => channel).toSorted();
  if (String(channels) !== String(due.toSorted()))
    throw new Error(`pruned ${String(channels)}, not ${String(due.toSorted())}`);
}

export async function pruneRooms(): Promise<void> {
  await rooms(bindings).pruneRooms();
}

async function insist<T>(world: World, work: () => Promise<T>): Promise<T & { attempts: number }> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop
      return { ...(await work()), attempts };
    } catch (error) {
      checkExpected(error);
      world.tally.fault("a server's call fails", String(error));
      if (attempts >= ATTEMPTS_MAX) throw error;
    }
  }
}

/** What goes wrong on purpose, and what follows from it. */
const ON_PURPOSE = [
  "out of order",
  "the answer was lost",
  "crashed",
  "the disk is full",
  "the server could not answer; try again later",
  "rooms of a channel that is gone could not be told",
  "not all rooms could be reached",
];

/** Nothing else may. */
export function checkExpected(error: unknown): void {
  const why = String(error);
  if (!ON_PURPOSE.some((known) => why.includes(known))) throw error;
}
