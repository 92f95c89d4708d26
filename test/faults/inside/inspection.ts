/** What can be seen of a world from outside, and what it must look like: to be compared when nothing is under way. */

import { expect } from "vitest";
import * as v from "valibot";
import { rooms } from "../../../src/index.ts";
import { call, roomPath } from "../../support/http.ts";
import { bindings, expectNothingIn, roomObject, channelObject } from "../../support/objects.ts";
import { Occupants, Presences, RoomList, Whereabouts } from "../answers.ts";
import { checkNews, plain, roomExpected, roomsOf, sightExpected } from "../expectation.ts";
import { textOf } from "../state.ts";
import { disarm } from "./mishaps.ts";
import type { Person } from "./person.ts";
import { eventually } from "./looks.ts";
import { MAX_AGE_MS, TICK_SECONDS, type World } from "./world.ts";

const Rows = v.object({ rows: v.array(v.tuple([v.string(), v.unknown()])), hasAlarm: v.boolean() });
const Links = v.object({
  rooms: v.array(v.tuple([v.string(), v.object({ generation: v.number(), linkedAt: v.number() })])),
  gone: v.nullable(v.string()),
});

/** The newest part of a room's log says at its end what the room is. */
const Log = v.object({
  end: v.object({ members: v.number(), lurkers: v.number(), presences: v.number() }),
});

/** Flags of a room that say nothing about anybody. */
const FLAGS = new Set(["isListed", "restartedAt", "isCounting"]);

/** Everything agrees with the model, now or as soon as what is under way has arrived. */
export async function compare(world: World): Promise<void> {
  disarm();
  await everybodyHeard(world);
  await eventually(async () => {
    const seen = await observed(world);
    expect(seen).toEqual(expected(world));
  });
  for (const person of world.connected()) checkNews(world.model, person);
  await Promise.all(world.people.map((person) => person.expectClosed()));
  world.model.compared();
  for (const { witness } of world.connected()) witness?.forgetNews();
}

/** Whoever is to hear of a room has heard all of it: a message comes behind. */
async function everybodyHeard(world: World): Promise<void> {
  for (const room of world.names) {
    const audience = world.audienceOf(room);
    if (audience.length === 0) continue;
    const said = world.say(room, "server");
    // oxlint-disable-next-line no-await-in-loop
    await rooms(bindings).send(room, said);
    world.sentTo(room, said, audience);
  }
  await eventually(() => world.checkHeard());
}

async function observed(world: World): Promise<unknown> {
  const { names, model } = world;
  const channels = world.channels;
  const list = v.parse(RoomList, (await call("GET", `/rooms?prefix=${world.prefix}`)).body);
  return {
    rooms: await mapAll(names, (room) => roomSeen(world, room)),
    list: list.rooms.map(({ room }) => room).filter((room) => !world.unlisted.has(room)),
    channels: await mapAll(channels, async (channel) => {
      const { status, body } = await call("GET", `/channels/${encodeURIComponent(channel)}`);
      return status === 404 ? [] : v.parse(Whereabouts, body).rooms.toSorted();
    }),
    stored: await mapAll(names, (room) => keysOf(world, room)),
    clients: Object.fromEntries(
      world.connected().map((person) => [person.name, sightsOf(world, person)]),
    ),
    homes: await mapAll(world.bots, async (bot) => {
      const links = await linksOf(bot);
      return model.roomsOf(bot).filter((room) => !links.includes(room));
    }),
  };
}

function expected(world: World): unknown {
  const { names, model } = world;
  return {
    rooms: all(names, (room) => roomExpected(world.model, room)),
    list: names.filter((room) => model.in(room).size > 0 && !world.unlisted.has(room)),
    channels: all(world.channels, (channel) => model.roomsOf(channel).toSorted()),
    stored: all(names, (room) =>
      Array.from(model.in(room).keys(), (channel) => {
        const home = model.homes.get(channel);
        return `${home !== undefined && home !== room ? "guest" : "presence"}:${channel}`;
      }).toSorted(),
    ),
    clients: all(
      world.connected().map(({ name }) => name),
      (name) => sightsExpected(world, name),
    ),
    homes: all(world.bots, () => []),
  };
}

async function roomSeen({ model }: World, room: string) {
  const occupants = v.parse(Occupants, (await call("GET", roomPath(room))).body);
  const { body } = await call("GET", `${roomPath(room)}/presences?limit=1000`);
  const { presences } = v.parse(Presences, body);
  for (const { channel, state } of presences) {
    const place = model.at(room, channel);
    // What nobody can know, the room decides.
    if (place?.state === undefined && place) place.state = textOf(state);
  }
  return {
    members: occupants.members.map(({ id }) => id).toSorted(),
    lurkers: occupants.lurkers,
    presences: Object.fromEntries(
      presences.map(({ channel, user, state }) => [
        channel,
        { user: user?.id ?? null, state: textOf(state) },
      ]),
    ),
  };
}

const LOG = "log:";
const NOTHING = { members: 0, lurkers: 0, presences: 0 };

function newestPart(rows: readonly (readonly [string, unknown])[]): unknown {
  const parts = rows.filter(([key]) => key.startsWith(LOG));
  return parts.toSorted(([a], [b]) => (a < b ? -1 : 1)).at(-1)?.[1];
}

function countsOf({ model }: World, room: string) {
  const { members, lurkers, presences } = roomExpected(model, room);
  return { members: members.length, lurkers, presences: Object.keys(presences).length };
}

/** The keys of presences in a room's storage. Throws for anything else that should not be there. */
async function keysOf(world: World, room: string): Promise<string[]> {
  const { rows, hasAlarm } = v.parse(Rows, await roomObject(room).rows());
  if (rows.length > 0 && !hasAlarm) throw new Error(`${room} has rows, and no alarm`);
  const keys: string[] = [];
  const { end } = v.parse(v.optional(Log, { end: NOTHING }), newestPart(rows));
  expect(end, `the log of ${room}`).toEqual(countsOf(world, room));
  for (const [key, value] of rows) {
    if (key.startsWith(LOG)) continue;
    if (key.startsWith("links:")) checkLinks(world, room, key.slice("links:".length), value);
    else if (!FLAGS.has(key)) keys.push(key);
  }
  return keys.toSorted();
}

/** A home knows all further rooms of its channel; one too many only where something went wrong. */
function checkLinks({ model, hasHadMishaps }: World, room: string, channel: string, row: unknown) {
  const { rooms: linked, gone } = v.parse(Links, row);
  if (gone !== null) throw new Error(`${room} has yet to tell of the end of ${channel}`);
  if (model.homes.get(channel) !== room) throw new Error(`${channel} is not at home in ${room}`);
  const is = model.roomsOf(channel).filter((name) => name !== room);
  const names = linked.map(([name]) => name);
  const missed = is.filter((name) => !names.includes(name));
  if (missed.length > 0)
    throw new Error(`${room} does not know that ${channel} is in ${missed[0]}`);
  const many = names.filter((name) => !is.includes(name));
  if (many.length > 0 && !hasHadMishaps)
    throw new Error(`${room} thinks that ${channel} is in ${many.join(", ")}`);
}

async function linksOf(bot: string): Promise<string[]> {
  const { rows } = v.parse(Rows, await channelObject(bot).rows());
  return rows.flatMap(([, row]) => v.parse(Links, row).rooms.map(([name]) => name));
}

function sightsOf(world: World, person: Person): unknown {
  const { witness } = person;
  witness?.read();
  const sights = roomsOf(world.model, person).map((room) => {
    const sight = witness?.sights.get(room);
    return [room, sight && plain(sight)] as const;
  });
  return { closed: person.socket?.closes.all, ...Object.fromEntries(sights) };
}

function sightsExpected(world: World, name: string): unknown {
  const person = world.people.find((one) => one.name === name);
  if (!person) return null;
  const sights = roomsOf(world.model, person).map((room) => [
    room,
    sightExpected(world.model, room, person),
  ]);
  return { closed: [], ...Object.fromEntries(sights) };
}

/** So many turns of the clock, or a few more, are as long as a log is kept: 120 s. */
const TURNS_OF_LOG = 3;

/** Everybody falls silent for good. When all alarms have rung, nothing is left anywhere. */
export async function expectNothingLeft(world: World): Promise<void> {
  // Then the logs run out, too.
  for (let turn = 0; turn < 4 + TURNS_OF_LOG; turn += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await world.tick(MAX_AGE_MS / 1_000 + TICK_SECONDS - 4);
  }
  expect(world.model.size).toBe(0);
  await Promise.all(world.people.map((person) => person.expectClosed()));
  await eventually(() => expectNothingIn(world.objects));
  const lobbies = await Promise.all(world.lobbies.map((lobby) => lobby.rows()));
  const left = lobbies.flatMap((lobby) => v.parse(Rows, lobby).rows);
  expect(left).toEqual([]);
}

function all<T>(keys: readonly string[], look: (key: string) => T): Record<string, T> {
  return Object.fromEntries(keys.map((key) => [key, look(key)]));
}

async function mapAll<T>(
  keys: readonly string[],
  look: (key: string) => Promise<T>,
): Promise<Record<string, T>> {
  return Object.fromEntries(
    await Promise.all(keys.map(async (key) => [key, await look(key)] as const)),
  );
}
