/**
 * What a server can know of rooms that is told of them by webhooks alone: their events, folded in the order in which
 * they came. It complains of whatever would mislead a mirror: a gap, an order that cannot be, numbers that differ from
 * its own, a repetition that is not one.
 */

import type { RoomEvent } from "../../src/core/room-events.ts";

/** One call that the receiver has stored, or a repetition of it. */
export type Told = {
  readonly id: string;
  readonly text: string;
  readonly events: readonly RoomEvent[];
};

/** A room as its events tell it. */
type Reflection = {
  rev: string | null;
  isOccupied: boolean;
  readonly members: Set<string>;
  /** The ids of users by channel; `null` for an anonymous one. */
  readonly presences: Map<string, string | null>;
};

export class Mirror {
  readonly #rooms = new Map<string, Reflection>();
  /** The bodies of calls, by their ids. */
  readonly #calls = new Map<string, string>();
  /** Every event as it came first, and the id of the call that had it. */
  readonly #events = new Map<string, { readonly text: string; readonly call: string }>();

  #complaint: unknown;

  /** Calls that came, repetitions left out. */
  get calls(): number {
    return this.#calls.size;
  }

  /** Does what throws in vain where it is called: `check` throws it again. */
  note(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#complaint ??= error;
    }
  }

  /** Throws the first complaint of what `note` did. */
  check(): void {
    if (this.#complaint !== undefined) throw this.#complaint;
  }

  /** A call came, whether it is stored or not. */
  hear({ id, text }: Told): void {
    const before = this.#calls.get(id);
    demand(before === undefined || before === text, `${id} came with two bodies`);
    this.#calls.set(id, text);
  }

  /** A call came and is stored. */
  take(told: Told): void {
    this.hear(told);
    for (const event of told.events) {
      const text = JSON.stringify(event);
      const before = this.#events.get(event.id);
      demand(before === undefined || before.text === text, `${event.id} is told in two ways`);
      demand(
        before === undefined || before.call === told.id,
        `${event.id} came in ${before?.call} and in ${told.id}`,
      );
      if (before) continue;
      this.#events.set(event.id, { text, call: told.id });
      this.#fold(event);
    }
  }

  /** Everything that it knows of a room. */
  room(name: string) {
    const { members, presences, isOccupied } = this.#of(name);
    return {
      members: [...members].toSorted(),
      lurkers: [...presences.values()].filter((user) => user === null).length,
      presences: Object.fromEntries(presences),
      isOccupied,
    };
  }

  #of(name: string): Reflection {
    const known = this.#rooms.get(name) ?? {
      rev: null,
      isOccupied: false,
      members: new Set(),
      presences: new Map(),
    };
    this.#rooms.set(name, known);
    return known;
  }

  #fold(event: RoomEvent): void {
    const room = this.#of(event.room);
    const { rev, prev, type, channel, user } = event;
    const isNewLife = room.rev !== null && lifeOf(room.rev) !== lifeOf(rev);
    demand(!isNewLife || room.presences.size === 0, `${event.room} forgot who was there`);
    const expected = isNewLife ? null : room.rev;
    demand(prev === expected, `${rev} says that ${prev} was before it, not ${expected}`);
    room.rev = rev;
    const id = user?.id ?? null;
    switch (type) {
      case "room.occupied":
      case "room.vacated":
        demand(room.isOccupied === (type === "room.vacated"), `${rev}: ${type} comes twice`);
        room.isOccupied = type === "room.occupied";
        return;
      case "member.joined":
        demand(id !== null && !room.members.has(id), `${rev}: ${id} joins, who was there`);
        if (id !== null) room.members.add(id);
        return;
      case "member.left":
        demand(id !== null && room.members.delete(id), `${rev}: ${id} leaves, who was not there`);
        return;
      case "presence.joined":
        demand(channel !== null && !room.presences.has(channel), `${rev}: ${channel} was there`);
        if (channel !== null) room.presences.set(channel, id);
        break;
      case "presence.left":
        demand(
          channel !== null && room.presences.get(channel) === id && room.presences.delete(channel),
          `${rev}: ${channel} was not there as ${id}`,
        );
    }
    const lurkers = [...room.presences.values()].filter((one) => one === null).length;
    demand(event.presences === room.presences.size, `${rev} counts ${event.presences} presences`);
    demand(event.lurkers === lurkers, `${rev} counts ${event.lurkers} lurkers`);
  }
}

function lifeOf(rev: string): string {
  return rev.slice(0, rev.indexOf(":"));
}

function demand(isTrue: boolean, complaint: string): void {
  if (!isTrue) throw new Error(`the mirror: ${complaint}`);
}
