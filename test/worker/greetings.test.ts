/**
 * Newcomers in the middle of whatever a room does, in the real runtime: random joins, goodbyes, states, snapshots that
 * are asked for, and pauses. Nothing rings by itself, so what comes without a flush comes at once.
 */

import * as fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { applyDiff } from "../../src/core/diff.ts";
import type { Json } from "../../src/core/json.ts";
import type { Presence } from "../../src/core/presence.ts";
import type { View } from "../../src/core/protocol.ts";
import { bindings } from "../support/objects.ts";
import { rooms } from "../../src/index.ts";
import { flush, holdTimers, stored } from "../support/room.ts";
import { newRoom, open, type TestSocket, tokenFor } from "../support/socket.ts";
import { deploy } from "../support/worker.ts";

/** Longer than anything waits. */
const QUIET_MS = 5_000;

const NAMES = ["ada", "bob", "cid"];

afterEach(() => {
  vi.useRealTimers();
});

type Visit = { readonly id: string | null; readonly view: View };
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

class Rehearsal {
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
      await this.#expectGreeting(person, before, newcomers);
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
    expect(truth).toEqual(sightOf(this.#people));
    await Promise.all(this.#people.map(({ socket }) => socket.handled()));
    for (const person of this.#people) this.#expectKnowledge(person);
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

  /** The first frames tell of everybody who was there, of the newcomer, and of nobody but those who came with it. */
  async #expectGreeting(
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

  #expectKnowledge({ view, socket }: Person): void {
    const people = this.#people;
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
}

function idsOf(people: readonly Person[]): string[] {
  return people.flatMap(({ id }) => (id === null ? [] : [id]));
}

function byId(a: { id: string }, b: { id: string }): number {
  return a.id < b.id ? -1 : 1;
}

const visit = fc.record({
  id: fc.option(fc.constantFrom(...NAMES), { freq: 5 }),
  view: fc.constantFrom<View>("diff", "diff", "list", "count"),
});
const at = fc.nat({ max: 20 });
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(visit, { minLength: 1, maxLength: 4 }).map((enter) => ({ enter })),
  },
  { weight: 2, arbitrary: at.map((leave) => ({ leave })) },
  { weight: 3, arbitrary: fc.record({ speaker: at, state: fc.constantFrom(null, 1, 2) }) },
  { weight: 2, arbitrary: at.map((ask) => ({ ask })) },
  { weight: 3, arbitrary: fc.constantFrom(1, 40, 300, 2_000).map((pause) => ({ pause })) },
  { weight: 1, arbitrary: fc.constant({ quiet: true }) },
);

test(
  "a newcomer in the midst of anything is greeted at once, rightly, and told the rest once",
  { timeout: 120_000 },
  async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    console.log(`greetings: seed ${seed}`);
    const tokens = new Map(
      await Promise.all(NAMES.map(async (name) => [name, await tokenFor(name)] as const)),
    );
    holdTimers();
    const steps = fc.array(step, { maxLength: 40 });
    const property = fc.asyncProperty(fc.constantFrom(10, 60, 400), steps, async (rate, all) => {
      const room = new Rehearsal(tokens, rate);
      // One after the other: that is the point.
      /* oxlint-disable no-await-in-loop */
      for (const one of all) {
        if ("enter" in one) await room.enter(one.enter);
        else if ("leave" in one) await room.leave(one.leave);
        else if ("speaker" in one) await room.setState(one.speaker, one.state);
        else if ("ask" in one) await room.ask(one.ask);
        else if ("pause" in one) await room.pause(one.pause);
        else await room.expectAgreement();
      }
      /* oxlint-enable no-await-in-loop */
      await room.expectAgreement();
      room.end();
    });
    const result = await fc.check(property, { seed, numRuns: 40 });
    expect(result.failed, fc.defaultReportMessage(result) ?? "").toBe(false);
  },
);
