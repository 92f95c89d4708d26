/**
 * What one client can know of its rooms: the frames that it got, folded in order. It complains of whatever a page
 * could not make sense of, and of messages that come twice or in another order than they were sent.
 */

import type { DiffFrame, MessagesFrame, View } from "../../src/core/protocol.ts";
import type { Frame, Listener } from "../support/listener.ts";
import { textOf } from "./state.ts";

type Named = { readonly user: string | undefined; state: string | null };

/** A room as a client sees it: names where it was told names, numbers where it was told numbers. */
export type Sight =
  | { kind: "list"; members: string[]; lurkers: number }
  | { kind: "counts"; members: number; lurkers: number }
  | { kind: "presences"; presences: Map<string, Named>; lurkers: number };

/** Payloads of messages that tests send: who says it, and the how-manieth it is of that sender in that room. */
export type Said = { readonly by: string; readonly number: number };

/** What somebody knew of their room when they were last told, and as of which revision. */
export type Known = {
  readonly rev: string;
  readonly presences: ReadonlyMap<string, Named>;
  /** Their own presence. */
  readonly former: string | undefined;
};

export class Witness {
  readonly listener: Listener;
  readonly home: string;
  readonly view: View;
  readonly sights = new Map<string, Sight>();
  /** Channels whose coming and going it was told of, by room, since the last `forgetNews`. */
  readonly news = new Map<string, { came: Set<string>; left: Set<string> }>();
  /** The numbers of the messages that came, by room and sender. */
  readonly #heard = new Map<string, number[]>();
  /** What they said that they knew when they connected. */
  readonly #knownBefore: Known | null;
  #rev: string | undefined;
  #channel: string | undefined;
  #read = 0;

  constructor(
    listener: Listener,
    { home, view }: { home: string; view: View },
    knownBefore: Known | null = null,
  ) {
    this.listener = listener;
    this.home = home;
    this.view = view;
    this.#knownBefore = knownBefore;
  }

  /** What they can say when they come back; `null` where that is of no use. */
  get known(): Known | null {
    const sight = this.sights.get(this.home);
    if (sight?.kind !== "presences" || this.#rev === undefined) return null;
    return { rev: this.#rev, presences: sight.presences, former: this.#channel };
  }

  /** Reads what came since the last time. Throws where a page would be at a loss. */
  read(): void {
    const { all } = this.listener.frames;
    while (this.#read < all.length) {
      const frame = all[this.#read];
      this.#read += 1;
      try {
        if (frame !== undefined) this.#take(frame);
      } catch (error) {
        const frames = all.slice(Math.max(0, this.#read - 6), this.#read + 1);
        const before = frames.map((one) => JSON.stringify(one)).join("\n  ");
        throw new Error(`${String(error)}; the last frames:\n  ${before}`, { cause: error });
      }
    }
  }

  /** Whether a message has come. */
  hasHeard(room: string, { by, number }: Said): boolean {
    return this.#heard.get(`${room} ${by}`)?.includes(number) === true;
  }

  forgetNews(): void {
    this.news.clear();
  }

  #take(frame: Frame): void {
    if (frame === "heartbeat") return;
    if (this.sights.size === 0) this.#greeted(frame);
    if (frame.type === "welcome") this.#channel = frame.channel;
    if ("rev" in frame && frame.room === this.home) this.#rev = frame.rev;
    switch (frame.type) {
      case "presence": {
        const { channel_name: room, members, lurkers, count } = frame.payload;
        const ids = members.map(({ id }) => id);
        demand(new Set(ids).size === ids.length, "a member is named twice");
        this.#see(
          room,
          count === undefined
            ? { kind: "list", members: ids, lurkers }
            : { kind: "counts", members: count, lurkers },
        );
        return;
      }
      case "count":
        this.#see(frame.room, { kind: "counts", members: frame.members, lurkers: frame.lurkers });
        return;
      case "sync": {
        const presences = new Map(
          frame.presences.map(({ channel, user, state }) => [channel, named(user?.id, state)]),
        );
        demand(presences.size === frame.presences.length, "a channel is named twice");
        this.#see(frame.room, { kind: "presences", presences, lurkers: frame.lurkers });
        return;
      }
      case "diff":
        if (frame.since !== undefined) this.#catchUp(frame);
        else this.#apply(frame);
        return;
      case "messages":
        this.#hear(frame);
        return;
      case "welcome":
      case "error":
    }
  }

  /** The first frame is about the room that it connected to, and has itself in it. */
  #greeted(frame: Exclude<Frame, "heartbeat">): void {
    if (frame.type === "error") return;
    const room = frame.type === "presence" ? frame.payload.channel_name : frame.room;
    const wanted = {
      diff: ["welcome", "sync", "diff", "count"],
      list: ["presence"],
      count: ["count"],
    };
    demand(
      room === this.home && wanted[this.view].includes(frame.type),
      `the first frame is a ${frame.type} of ${room}`,
    );
  }

  #see(room: string, sight: Sight): void {
    const wanted = { diff: ["presences", "counts"], list: ["list", "counts"], count: ["counts"] };
    demand(wanted[this.view].includes(sight.kind), `${sight.kind} in view ${this.view}`);
    this.sights.set(room, sight);
  }

  /** What they missed, instead of a snapshot. They may know of somebody before the log does. */
  #catchUp({ room, since, joins, updates, leaves, lurkers }: DiffFrame): void {
    const known = this.#knownBefore;
    demand(known?.rev === since, `since ${since} was not asked for`);
    const presences = new Map<string, Named>();
    for (const [channel, { user }] of known?.presences ?? []) {
      presences.set(channel, { user, state: null });
    }
    // Their own, if they did not ask for it: of that they may have been told before it was stored.
    if (known?.former !== this.#channel) presences.delete(known?.former ?? "");
    for (const { channel } of leaves) presences.delete(channel);
    for (const { channel, user, state } of joins) presences.set(channel, named(user?.id, state));
    for (const { channel, state } of updates) {
      const presence = presences.get(channel);
      demand(presence !== undefined, `${channel} has a state, who was not there`);
      if (presence) presence.state = textOf(state);
    }
    this.#see(room, { kind: "presences", presences, lurkers });
  }

  #apply({ room, joins, updates, leaves, lurkers }: DiffFrame): void {
    const sight = this.sights.get(room);
    demand(sight?.kind === "presences", "a diff without a snapshot before it");
    if (sight?.kind !== "presences") return;
    const { presences } = sight;
    const news = this.news.get(room) ?? { came: new Set(), left: new Set() };
    this.news.set(room, news);
    const all = [...joins, ...updates, ...leaves].map(({ channel }) => channel);
    demand(new Set(all).size === all.length, "a channel is in two lists");
    for (const { channel } of leaves) {
      demand(presences.delete(channel), `${channel} leaves, who was not there`);
      news.left.add(channel);
    }
    for (const { channel, user, state } of joins) {
      demand(!presences.has(channel), `${channel} joins, who was there`);
      presences.set(channel, named(user?.id, state));
      news.came.add(channel);
    }
    for (const { channel, state } of updates) {
      const presence = presences.get(channel);
      demand(presence !== undefined, `${channel} has a state, who was not there`);
      if (presence) presence.state = textOf(state);
    }
    sight.lurkers = lurkers;
  }

  #hear({ room, messages }: MessagesFrame): void {
    for (const { from, payload } of messages) {
      const said = saidIn(payload);
      if (!said) continue;
      const key = `${room} ${said.by}`;
      const numbers = this.#heard.get(key) ?? [];
      this.#heard.set(key, numbers);
      const last = numbers.at(-1) ?? 0;
      demand(said.number > last, `message ${said.number} of ${key} comes after ${last}`);
      // Of somebody whose name a server took away, only the channel is known.
      demand(
        (said.by === "server") === (from === null),
        `message ${said.number} of ${key} has another sender`,
      );
      numbers.push(said.number);
    }
  }
}

/** What a message of these tests says, or `null` for another one. */
function saidIn(payload: unknown): Said | null {
  if (typeof payload !== "object" || payload === null) return null;
  if (!("by" in payload) || !("number" in payload)) return null;
  const { by, number } = payload;
  return typeof by === "string" && typeof number === "number" ? { by, number } : null;
}

function named(user: string | undefined, state: unknown): Named {
  return { user, state: textOf(state) };
}

function demand(isTrue: boolean, complaint: string): void {
  if (!isTrue) throw new Error(complaint);
}
