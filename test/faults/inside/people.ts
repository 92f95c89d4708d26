/** What people do: they connect, come back, talk, and go in every way there is. */

import { rooms } from "../../../src/index.ts";
import { bindings } from "../../support/objects.ts";
import type { TestSocket } from "../../support/socket.ts";
import { disarm, survive } from "./mishaps.ts";
import type { Person, Resumption } from "./person.ts";
import type { World } from "./world.ts";

/** Connects, and takes up what there is to take up. */
export async function enter(world: World, person: Person): Promise<void> {
  // A room that dies while somebody connects to it is a step of its own.
  disarm(person.home);
  const { model } = world;
  const { channel, secret } = person;
  const isAway = channel !== null && model.isAway(channel);
  const mayResume = isAway && secret !== null && model.atHome(channel)?.user === person.user;
  const resumption = isAway && secret !== null ? { channel, resume: secret } : null;
  await begin(world, person, { resumption, resumes: mayResume ? channel : null });
}

/** The client knows that its line is dead, the room does not: the new connection takes the old one's place. */
export async function takeOver(world: World, person: Person): Promise<void> {
  const { channel, secret, socket } = person;
  if (!socket || channel === null || secret === null) return;
  if (world.model.atHome(channel)?.user !== person.user) return;
  disarm(person.home);
  person.dismissed();
  await begin(world, person, { resumption: { channel, resume: secret }, resumes: channel });
  const { code } = await socket.closes.next();
  expectCode(code, 4009);
  person.witness?.read();
}

/** Comes with a secret that is not theirs, or as somebody else: gets a presence of their own, and changes nothing. */
export async function pretend(world: World, person: Person): Promise<void> {
  if (person.isConnected || person.isWatching) return;
  if (person.channel !== null && world.model.homes.has(person.channel)) return;
  const present = world.people.filter(
    ({ channel }) => channel !== null && world.model.homes.has(channel),
  );
  const alike = present.filter(({ user }) => user === person.user);
  const victim = world.random.maybe(world.random.isOnce(2) ? alike : present);
  if (!victim || victim.channel === null) return;
  disarm(person.home);
  const isOther = person.user !== victim.user && victim.secret !== null;
  const resume = isOther ? (victim.secret ?? "") : "AAAAAAAAAAAAAAAAAAAAAA";
  person.home = victim.home;
  const resumption = { channel: victim.channel, resume };
  await begin(world, person, { resumption, resumes: null });
}

async function begin(
  world: World,
  person: Person,
  { resumption, resumes }: { resumption: Resumption | null; resumes: string | null },
): Promise<void> {
  const { model } = world;
  const socket = await person.connect(person.isWatching ? null : resumption);
  const { channel, secret } = await introduce(world, person, socket);
  person.connected(socket);
  if (person.isWatching) {
    model.watchers.set(person.home, (model.watchers.get(person.home) ?? 0) + 1);
    return;
  }
  if (resumes !== null && channel !== resumes) throw new Error(`${resumes} was not resumed`);
  if (resumes === null && model.homes.has(channel))
    throw new Error(`${channel} was resumed by nobody who may`);
  person.channel = channel;
  person.secret = secret;
  if (resumes === null) model.join(person.home, channel, person.user);
  else model.resume(channel);
}

/** The first frames, and the channel: told by the welcome or, in other views, found in the list. */
async function introduce(
  world: World,
  { home, view, isWatching, user }: Person,
  socket: TestSocket,
): Promise<{ channel: string; secret: string | null }> {
  if (view === "diff") {
    const welcome = await socket.nextOf("welcome");
    return { channel: welcome.channel ?? "", secret: welcome.resume ?? null };
  }
  await socket.next();
  if (isWatching) return { channel: "", secret: null };
  const all = await survive(() => rooms(bindings).get(home).presences());
  const mine = all.filter(({ channel }) => world.isNewcomer(home, channel));
  const [found] = mine;
  if (!found || mine.length > 1 || (found.user?.id ?? null) !== user)
    throw new Error(`not one new presence of ${user} in ${home}: ${JSON.stringify(mine)}`);
  return { channel: found.channel, secret: null };
}

/** A goodbye, said in one of three ways. */
export async function leave(world: World, person: Person): Promise<void> {
  const { socket } = person;
  if (!socket) return;
  const how = world.random.below(3);
  if (how === 0) socket.send({ type: "leave" });
  else if (how === 1) socket.ws.close(1000);
  else socket.ws.close();
  gone(world, person);
  if (person.channel !== null) world.model.leaveAll(person.channel);
  await socket.closes.next();
}

/** The page is closed or reloaded, and says so. */
export async function reload(world: World, person: Person): Promise<void> {
  const { socket } = person;
  if (!socket) return;
  socket.ws.close(1001);
  gone(world, person);
  if (person.channel !== null) world.model.lose(person.channel, "reload");
  await socket.closes.next();
  await world.socketsSettled(person.home);
}

/** The line breaks. */
export async function cut(world: World, person: Person): Promise<void> {
  const { socket } = person;
  if (!socket) return;
  socket.cut();
  gone(world, person);
  if (person.channel !== null) world.model.lose(person.channel, "cut");
  await world.socketsSettled(person.home);
}

function gone({ model }: World, person: Person): void {
  person.dismissed();
  if (!person.isWatching) return;
  model.watchers.set(person.home, (model.watchers.get(person.home) ?? 0) - 1);
}

/** A sign of life; of somebody whose room dies meanwhile it is the last. */
export async function beat(world: World, person: Person): Promise<void> {
  const { socket } = person;
  if (!socket) return;
  const handled = socket.handled();
  handled.catch(() => {});
  await Promise.race([handled, socket.ended]);
  if (person.channel !== null && person.isConnected) world.model.seen(person.channel);
}

/** Says something of themselves, or takes it back. */
export async function setState(world: World, person: Person): Promise<void> {
  const { socket, channel } = person;
  if (!socket || channel === null || person.isWatching) return;
  const state = world.random.pick([null, { typing: true }, { at: world.random.below(1_000) }]);
  socket.send({ type: "state", state });
  await beat(world, person);
  const place = world.model.atHome(channel);
  if (place && person.isConnected) place.state = state === null ? null : JSON.stringify(state);
}

/** Says something to everybody, some times in a row. Anonymous ones may not. */
export async function talk(world: World, person: Person): Promise<void> {
  const { socket, home } = person;
  if (!socket || person.user === null) return;
  const times = 1 + world.random.below(3);
  for (let time = 0; time < times; time += 1) {
    const said = world.say(home, person.name);
    socket.send({ type: "message", payload: said });
    world.sentTo(home, said, world.connected(home));
  }
  await beat(world, person);
}

/** Asks for everything once more. That is dear: until the clock has gone on, the room takes no further frame from them. */
export async function ask(world: World, person: Person): Promise<void> {
  const { socket } = person;
  if (!socket) return;
  socket.frames.skip(socket.frames.unread().length);
  socket.send({ type: "sync" });
  await socket.next();
  if (person.channel !== null) world.model.seen(person.channel);
  await world.tick();
}

export function expectCode(code: number, ...wanted: number[]): void {
  if (!wanted.includes(code)) throw new Error(`closed with ${code}, not ${wanted.join(" or ")}`);
}
