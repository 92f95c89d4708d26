/** What callers and servers do, and what the network and the machine do to them. */

import * as v from "valibot";
import type { Given } from "../model.ts";
import type { Caller } from "./caller.ts";
import { GRACE_MS, MAX_AGE_MS, type Service } from "./service.ts";

const TTL_SECONDS = 30;

const Listed = v.object({
  presences: v.array(
    v.looseObject({ channel: v.string(), user: v.nullable(v.looseObject({ id: v.string() })) }),
  ),
});

/** Connects, and takes up what there is to take up. */
export async function enter(service: Service, caller: Caller): Promise<void> {
  const { model } = service;
  const { channel, secret, goodAt, isDeaf } = caller;
  const mayTry = channel !== null && secret !== null && model.atHome(channel) !== undefined;
  // After a restart the grace begins when the room wakes, which was not before the runtime did.
  const leftAt =
    model.atHome(channel ?? "")?.loss?.cause === "restart" ? service.startedAt : goodAt;
  await caller.connect(service.server.port, mayTry ? { channel, resume: secret } : null);
  const found = await introduce(service, caller);
  // On a busy machine it may have gone while they connected.
  const mayBeGone = service.mayBeGone(leftAt, isDeaf ? MAX_AGE_MS : GRACE_MS);
  if (caller.isWatching) {
    model.watchers.set(caller.home, (model.watchers.get(caller.home) ?? 0) + 1);
    return;
  }
  if (mayTry && found.channel === channel) {
    model.resume(channel);
    return;
  }
  if (mayTry && model.atHome(channel)?.user === caller.user) {
    if (!mayBeGone) throw new Error(`${channel} was not resumed`);
    model.leaveAll(channel);
  }
  caller.channel = found.channel;
  caller.secret = found.secret;
  model.join(caller.home, found.channel, caller.user);
}

async function introduce(service: Service, { client, view, isWatching, home, user }: Caller) {
  if (!client) throw new Error("nobody is connected");
  if (view === "diff") {
    const { channel = "", resume = "" } = await client.nextOf("welcome");
    return { channel, secret: resume };
  }
  await client.next();
  if (isWatching) return { channel: "", secret: null };
  const known = service.model.in(home);
  const answer = await service.call("GET", `/rooms/${home}/presences?limit=1000`);
  const mine = v
    .parse(Listed, answer)
    .presences.filter((one) => !known.has(one.channel) && (one.user?.id ?? null) === user);
  if (mine.length !== 1) throw new Error(`${mine.length} new presences of ${user} in ${home}`);
  return { channel: mine[0]?.channel ?? "", secret: null };
}

function gone({ model }: Service, caller: Caller): void {
  caller.dismissed();
  if (!caller.isWatching) return;
  model.watchers.set(caller.home, (model.watchers.get(caller.home) ?? 0) - 1);
}

export async function leave(service: Service, caller: Caller): Promise<void> {
  const { client, channel } = caller;
  if (!client) return;
  const how = service.random.below(3);
  if (how === 0) client.send({ type: "leave" });
  else if (how === 1) client.ws.close(1000);
  else client.ws.close();
  gone(service, caller);
  if (channel !== null) service.model.leaveAll(channel);
  await client.closeFrames.next();
}

export async function reload(service: Service, caller: Caller): Promise<void> {
  const { client, channel } = caller;
  if (!client) return;
  client.ws.close(1001);
  gone(service, caller);
  if (channel !== null) service.model.lose(channel, "reload");
  await client.closeFrames.next();
  // Back at once, or not at all: how long it would be waited for is a matter of two seconds.
  if (!caller.isWatching && caller.secret !== null && service.random.isOnce(2))
    await backFromReload(service, caller);
}

async function backFromReload(service: Service, caller: Caller): Promise<void> {
  const { model } = service;
  const { channel, secret, goodAt } = caller;
  if (channel === null || secret === null) return;
  await caller.connect(service.server.port, { channel, resume: secret });
  const found = await introduce(service, caller);
  if (found.channel === channel) {
    model.resume(channel);
    return;
  }
  if (Date.now() - goodAt < 2_000) throw new Error(`${channel} was not resumed after a reload`);
  model.leaveAll(channel);
  caller.channel = found.channel;
  caller.secret = found.secret;
  model.join(caller.home, found.channel, caller.user);
}

export async function cut(service: Service, caller: Caller): Promise<void> {
  const { client, channel } = caller;
  if (!client) return;
  caller.cut();
  await client.closes.next();
  gone(service, caller);
  if (channel !== null) service.model.lose(channel, "cut");
}

/** Nothing passes any more, and neither side is told. They may notice, and connect again, or fall silent for good. */
export async function goDeaf(service: Service, caller: Caller): Promise<void> {
  caller.goDeaf();
  if (service.random.isOnce(2)) return;
  if (caller.isWatching || caller.secret === null) return;
  await enter(service, caller);
}

/** Nothing passes for a while, then all of it does. */
export async function stall(service: Service, caller: Caller): Promise<void> {
  caller.stall();
  const other = service.random.maybe(service.connected().filter((one) => one !== caller));
  if (other) await talk(service, other);
  caller.catchUp();
  await caller.client?.settled();
}

export async function setState(service: Service, caller: Caller): Promise<void> {
  const { client, channel } = caller;
  if (!client || channel === null || caller.isWatching) return;
  const state = service.random.pick([null, { typing: true }, { at: service.random.below(1_000) }]);
  client.send({ type: "state", state });
  await client.settled();
  const place = service.model.atHome(channel);
  if (place) place.state = state === null ? null : JSON.stringify(state);
}

export async function talk(service: Service, caller: Caller): Promise<void> {
  const { client, home } = caller;
  if (!client || caller.user === null) return;
  const said = service.say(home, caller.name);
  client.send({ type: "message", payload: said });
  service.sentTo(home, said, service.connected(home));
  await client.settled();
}

/** Puts a channel into a room: a bot, or somebody who has their socket there or elsewhere. */
export async function add(service: Service, room: string, channel: string): Promise<void> {
  const owner = service.callers.find((caller) => caller.channel === channel);
  const user =
    owner && owner.home === room ? owner.user : service.random.pick(["ada", "gus", null]);
  const given = service.bots.some((bot) => bot === channel) ? givenTo(service) : {};
  const body = { user: user === null ? null : { id: user }, ...given };
  await service.call("PUT", pathOf(room, channel), body);
  service.model.add(room, channel, user, given);
}

/** A state, and a ttl that outlasts any restart: who adds the bot again need not say what it does. */
function givenTo({ random }: Service): Given {
  const state = random.pick([null, { thinking: true }, { step: random.below(1_000) }]);
  return { state, ttl: TTL_SECONDS };
}

export async function remove(service: Service, room: string, channel: string): Promise<void> {
  await service.call("DELETE", pathOf(room, channel));
  service.model.remove(room, channel);
  dismissGone(service);
}

export async function leaveAll(service: Service, channel: string): Promise<void> {
  await service.call("DELETE", `/channels/${encodeURIComponent(channel)}`);
  service.model.leaveAll(channel);
  dismissGone(service);
}

/** The runtime dies. Most people come back as soon as it is there again. */
export async function kill(service: Service): Promise<void> {
  const here = service.connected();
  // Whoever came in just before would be undone with it. An answer waits for the disk.
  await Promise.all(service.names.map((room) => service.call("GET", `/rooms/${room}`)));
  await service.kill();
  await keepBots(service);
  for (const caller of here) {
    // One after the other, in the same order in each run.
    // oxlint-disable-next-line no-await-in-loop
    if (!service.random.isOnce(4)) await enter(service, caller);
  }
}

/** A server's word for all its bots: it adds again those that were given up while it could not be reached. */
export async function keepBots(service: Service): Promise<void> {
  const { model, bots } = service;
  for (const bot of bots) {
    for (const room of model.roomsOf(bot)) {
      const user = model.at(room, bot)?.user ?? null;
      const body = { user: user === null ? null : { id: user } };
      // oxlint-disable-next-line no-await-in-loop
      await service.call("PUT", pathOf(room, bot), body);
      model.add(room, bot, user);
    }
  }
}

function dismissGone(service: Service): void {
  for (const caller of service.connected()) {
    if (caller.isWatching || caller.channel === null) continue;
    if (!service.model.isConnected(caller.channel)) caller.dismissed();
  }
}

function pathOf(room: string, channel: string): string {
  return `/rooms/${room}/presences/${encodeURIComponent(channel)}`;
}
