/** What can be seen of the service from outside, its files included, and what it must look like. */

import { expect, vi } from "vitest";
import * as v from "valibot";
import { Occupants, Presences, RoomList, Whereabouts } from "../answers.ts";
import {
  checkNews,
  plain,
  reflectionExpected,
  roomExpected,
  roomsOf,
  sightExpected,
} from "../expectation.ts";
import { textOf } from "../state.ts";
import { GRACE_MS, MAX_AGE_MS, type Service } from "./service.ts";

/** Alarms are a few seconds late, and a busy machine later still. */
const LATE_MS = 15_000;
const ASK_AGAIN_MS = 100;

function eventually(check: () => Promise<void>, ms: number): Promise<void> {
  return vi.waitFor(check, { timeout: ms, interval: ASK_AGAIN_MS });
}

/** Everybody who is away stays away, and who is deaf falls silent; then everything agrees with the model. */
export async function compare(service: Service, keep: () => Promise<void>): Promise<void> {
  const { model } = service;
  for (const caller of service.callers) {
    if (!caller.isDeaf) continue;
    if (!caller.isWatching && caller.channel !== null) model.leaveAll(caller.channel);
    caller.dismissed();
  }
  model.giveUp();
  const patience = Math.max(GRACE_MS, MAX_AGE_MS) + LATE_MS;
  await eventually(async () => {
    await keep();
    const seen = await Promise.all(
      service.names.map(async (room) => [room, await roomSeen(service, room)] as const),
    );
    expect(Object.fromEntries(seen)).toEqual(
      Object.fromEntries(service.names.map((room) => [room, roomExpected(model, room)])),
    );
  }, patience);
  await everybodyHeard(service);
  await eventually(async () => {
    await keep();
    expect(await elsewhere(service)).toEqual(elsewhereExpected(service));
  }, patience);
  await eventually(async () => {
    await keep();
    expect(reflections(service)).toEqual(
      Object.fromEntries(service.names.map((room) => [room, reflectionExpected(model, room)])),
    );
  }, patience);
  for (const caller of service.connected()) {
    checkNews(model, withoutBots(service, caller));
    caller.witness?.forgetNews();
  }
  model.compared();
}

/** The rooms as a server knows them that hears of nothing but webhooks. */
function reflections({ mirror, names }: Service) {
  mirror.check();
  return Object.fromEntries(names.map((room) => [room, mirror.room(room)]));
}

/** Bots are added again after each restart, be they still there or not. */
function withoutBots({ bots, names }: Service, caller: ReturnType<Service["connected"]>[number]) {
  for (const room of names) {
    for (const bot of bots) {
      caller.witness?.news.get(room)?.came.delete(bot);
      caller.witness?.news.get(room)?.left.delete(bot);
    }
  }
  return caller;
}

async function everybodyHeard(service: Service): Promise<void> {
  for (const room of service.names) {
    const audience = service.audienceOf(room);
    const said = service.say(room, "server");
    // oxlint-disable-next-line no-await-in-loop
    await service.call("POST", `/rooms/${room}/messages`, { payload: said });
    service.sentTo(room, said, audience);
  }
  await eventually(async () => service.checkHeard(), LATE_MS);
}

async function roomSeen(service: Service, room: string) {
  const occupants = v.parse(Occupants, await service.call("GET", `/rooms/${room}`));
  const answer = await service.call("GET", `/rooms/${room}/presences?limit=1000`);
  const { presences } = v.parse(Presences, answer);
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

/** The lobby, the homes, the clients and the files. */
async function elsewhere(service: Service) {
  const { rooms } = v.parse(RoomList, await service.call("GET", "/rooms"));
  const channels = await Promise.all(
    service.channels.map(async (channel) => {
      const answer = await service.call("GET", `/channels/${encodeURIComponent(channel)}`);
      return [channel, answer === null ? [] : v.parse(Whereabouts, answer).rooms.toSorted()];
    }),
  );
  const clients = service.connected().map((caller) => {
    caller.witness?.read();
    const sights = roomsOf(service.model, caller).map((room) => {
      const sight = caller.witness?.sights.get(room);
      return [room, sight && plain(sight)] as const;
    });
    const closed = caller.client?.closeFrames.all.length;
    return [caller.name, { closed, ...Object.fromEntries(sights) }] as const;
  });
  const keys = await service.server.keys("Room");
  return {
    rooms: rooms.map(({ room }) => room).toSorted(),
    channels: Object.fromEntries(channels),
    clients: Object.fromEntries(clients),
    stored: keys.filter((key) => /^(?:presence|guest):/.test(key)).toSorted(),
    listed: (await service.server.keys("Lobby")).toSorted(),
  };
}

function elsewhereExpected(service: Service): unknown {
  const { model, names } = service;
  const clients = service.connected().map((caller) => {
    const sights = roomsOf(model, caller).map(
      (room) => [room, sightExpected(model, room, caller)] as const,
    );
    return [caller.name, { closed: 0, ...Object.fromEntries(sights) }] as const;
  });
  const occupied = names.filter((room) => model.in(room).size > 0);
  return {
    rooms: occupied.toSorted(),
    channels: Object.fromEntries(
      service.channels.map((channel) => [channel, model.roomsOf(channel).toSorted()]),
    ),
    clients: Object.fromEntries(clients),
    stored: names
      .flatMap((room) =>
        Array.from(model.in(room).keys(), (channel) => {
          const home = model.homes.get(channel);
          return `${home !== undefined && home !== room ? "guest" : "presence"}:${channel}`;
        }),
      )
      .toSorted(),
    listed: occupied.map((room) => `room:${room}`).toSorted(),
  };
}

/** Everybody is gone. When all alarms have rung, nothing is left on disk. */
export async function expectNothingLeft(service: Service): Promise<void> {
  await eventually(
    async () => {
      expect({
        rooms: await service.server.tables("Room"),
        channels: await service.server.tables("Channel"),
        listed: await service.server.keys("Lobby"),
      }).toEqual({ rooms: [], channels: [], listed: [] });
    },
    MAX_AGE_MS * 4 + LATE_MS,
  );
  expect(reflections(service)).toEqual(
    Object.fromEntries(
      service.names.map((room) => [room, reflectionExpected(service.model, room)]),
    ),
  );
  expect(service.mirror.calls).toBeGreaterThan(0);
}
