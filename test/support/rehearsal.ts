/** People who come, go and look in a room whose timers are held, and what each of them must have been told. */

import { expect } from "vitest";
import { applyDiff } from "../../src/core/diff.ts";
import type { Json } from "../../src/core/json.ts";
import type { Presence } from "../../src/core/presence.ts";
import type { View } from "../../src/core/protocol.ts";
import { rooms } from "../../src/index.ts";
import { bindings } from "./objects.ts";
import { flush, stored } from "./room.ts";
import { newRoom, open, type TestSocket } from "./socket.ts";
import { deploy } from "./worker.ts";

/** Longer than anything waits. */
const QUIET_MS = 5_000;

export type Visit = { readonly id: string | null; readonly view: View };
type Person = Visit & { readonly socket: TestSocket; state: Json; hasAsked: boolean };

/** Who is there and what they say of themselves, as far as a room tells it: sorted, for channels are not known to all. */
type Sight = readonly string[];

function sightOf(presences: Iterable<{ id: string | null; state: Json }>): Sight {
  return Array.from(presences, ({ id, state }) => `${id} ${JSON.stringify(state)}`).toSorted();
}

/** What a client of view `diff` makes of its frames, and what it was told that it knew already. */
class Fold {
  presences = new Map<string, Presence>();
  readonly mistakes: string[] = [];

  constructor({ frames }: TestSocket) {
    for (const frame of frames.all) {
      if (frame === "heartbeat") continue;
      if (frame.type === "sync")
        this.presences = new Map(frame.presences.map((p) => [p.channel, p]));
      if (frame.type !== "diff") continue;
      const isKnown = ({ channel }: { channel: string }) => this.presences.has(channel);
      const isMistaken = frame.joins.some(isKnown) || !frame.leaves.every(isKnown);
      if (isMistaken) this.mistakes.push(JSON.stringify(frame));
      this.presences = applyDiff(this.presences, frame);
    }
  }

  get sight(): Sight {
    return sightOf(
      Array.from(this.presences.values(), ({ user, state }) => ({
        id: user?.id ?? null,
        state: state ?? null,
      })),
    );
  }
}

/** A room, the people in it, and what each of them must know. */
export class Rehearsal {
  readonly #room = newRoom();
  readonly #tokens: ReadonlyMap<string, string>;
  #people: Person[] = [];

  constructor(tokens: ReadonlyMap<string, string>, rate: number) {
    this.#tokens = tokens;
    deploy(this.#room, {
      PRESENCE_ANNOUNCE_RATE: String(rate),
      // Frames of one client cost nothing: the clock stands still.
      PRESENCE_FRAME_RATE: "10000",
    });
  }

  /** Some come in the same moment. Each gets its first frames, though no timer rings. */
  async enter(visits: readonly Visit[]): Promise<void> {
    const before = this.#people;
    const newcomers = await Promise.all(visits.map((visit) => this.#open(visit)));
    this.#people = [...before, ...newcomers];
    for (const person of newcomers) {
      // oxlint-disable-next-line no-await-in-loop
      await expectGreeting(person, before, newcomers);
    }
  }

  async leave(at: number): Promise<void> {
    const person = this.#pick(at);
    if (!person) return;
    this.#people = this.#people.filter((one) => one !== person);
    person.socket.ws.close(1000);
    await person.socket.closes.next();
  }

  async setState(at: number, state: Json): Promise<void> {
    const person = this.#pick(at);
    if (!person) return;
    person.state = state;
    person.socket.send({ type: "state", state });
    await person.socket.handled();
  }

  async ask(at: number): Promise<void> {
    const person = this.#pick(at);
    // A second one would empty their bucket of frames.
    if (!person || person.hasAsked) return;
    person.hasAsked = true;
    person.socket.send({ type: "sync" });
    await person.socket.handled();
  }

  async pause(ms: number): Promise<void> {
    await flush(this.#room, ms);
  }

  /** Nothing waits any more: everybody knows what the room knows, and was told nothing twice. */
  async expectAgreement(): Promise<void> {
    await stored(this.#room);
    await this.pause(QUIET_MS);
    const present = await rooms(bindings).get(this.#room).presences();
    const truth = sightOf(
      present.map(({ user, state }) => ({ id: user?.id ?? null, state: state ?? null })),
    );
    expectSame(truth, sightOf(this.#people));
    await Promise.all(this.#people.map(({ socket }) => socket.handled()));
    for (const person of this.#people) expectKnowledge(person, this.#people);
  }

  end(): void {
    for (const { socket } of this.#people) socket.ws.close(1000);
  }

  #pick(at: number): Person | undefined {
    return this.#people[at % Math.max(1, this.#people.length)];
  }

  async #open({ id, view }: Visit): Promise<Person> {
    const token = id === null ? undefined : this.#tokens.get(id);
    const options = { query: { view }, ...(token === undefined ? {} : { token }) };
    return { id, view, socket: await open(this.#room, options), state: null, hasAsked: false };
  }
}

function idsOf(people: readonly Person[]): string[] {
  return people.flatMap(({ id }) => (id === null ? [] : [id]));
}

function byId(a: { id: string }, b: { id: string }): number {
  return a.id < b.id ? -1 : 1;
}

function expectSame(told: Sight, is: Sight): void {
  expect(told).toEqual(is);
}

/** The first frames tell of everybody who was there, of the newcomer, and of nobody but those who came with it. */
async function expectGreeting(
  { view, id, socket }: Person,
  before: readonly Person[],
  newcomers: readonly Person[],
): Promise<void> {
  const first = await socket.next();
  const [least, most] = [before.length + 1, before.length + newcomers.length];
  if (first === "heartbeat") throw new Error("nobody asked");
  if (first.type === "count") {
    expect(first.presences).toBeGreaterThanOrEqual(least);
    expect(first.presences).toBeLessThanOrEqual(most);
  } else if (first.type === "presence") {
    const ids = first.payload.members.map((member) => member.id);
    if (id !== null) expect(ids).toContain(id);
    for (const there of idsOf(before)) expect(ids).toContain(there);
    for (const told of ids) expect(idsOf([...before, ...newcomers])).toContain(told);
  } else {
    expect([view, first.type]).toEqual(["diff", "welcome"]);
    const sync = await socket.nextOf("sync");
    const all = sync.presences.length + sync.lurkers;
    expect(all).toBeGreaterThanOrEqual(least);
    expect(all).toBeLessThanOrEqual(most);
    const named = sightOf(before.filter((person) => person.id !== null));
    const seen = [...new Fold(socket).sight];
    for (const one of named) {
      expect(seen).toContain(one);
      seen.splice(seen.indexOf(one), 1);
    }
    if (id !== null) expect(seen).toContain(`${id} null`);
  }
}

/** Everybody who is there, and nobody else; and nothing that it knew already. */
function expectKnowledge({ view, socket }: Person, people: readonly Person[]): void {
  const lurkers = people.filter(({ id }) => id === null).length;
  const named = people.filter(({ id }) => id !== null);
  const frames = socket.frames.all.filter((frame) => frame !== "heartbeat");
  if (view === "diff") {
    const fold = new Fold(socket);
    expect(fold.mistakes).toEqual([]);
    expect(fold.sight).toEqual(sightOf(named));
    const numbers = frames.filter((frame) => frame.type === "sync" || frame.type === "diff");
    expect(numbers.at(-1)).toMatchObject({ lurkers });
  } else if (view === "list") {
    const ids = [...new Set(idsOf(named))].map((id) => ({ id }));
    const lists = frames.filter((frame) => frame.type === "presence");
    const { members = [], lurkers: told } = lists.at(-1)?.payload ?? {};
    expect(members.toSorted(byId)).toEqual(ids.toSorted(byId));
    expect(told).toBe(lurkers);
  } else {
    const members = new Set(idsOf(named)).size;
    const counts = frames.filter((frame) => frame.type === "count");
    expect(counts.at(-1)).toMatchObject({ members, presences: people.length, lurkers });
  }
}
