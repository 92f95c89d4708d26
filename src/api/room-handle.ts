/** One room as a server sees it: to ask, to change and to speak to, from anywhere in the Worker. */

import { decodeUser } from "../core/claims.ts";
import {
  decodeState,
  type Given,
  type GivenPresence,
  needsDetached,
  ttlMsOf,
} from "../core/given-presence.ts";
import type { AttendanceList, EventList, Occupants, PastOccupants } from "../core/http-shapes.ts";
import { flawOf, type Json } from "../core/json.ts";
import { JSON_DEPTH_MAX, PRESENCE_PAGE_MAX } from "../core/limits.ts";
import { checkChannel, checkRoom, roomOfChannel } from "../core/names.ts";
import type { ListedPresence, User } from "../core/presence.ts";
import { ProtocolError } from "../core/protocol.ts";
import type { ErrorFrame } from "../core/server-frames.ts";
import type { Env } from "../config/env.ts";
import { readSettings } from "../config/settings.ts";
import { call } from "../rpc/call.ts";
import type { Added, Behind, PresencePage, Replay, RoomStats, RoomStub } from "../rpc/stubs.ts";
import {
  attendanceListOf,
  type AttendanceOptions,
  attendanceQueryOf,
  checkTime,
  eventListOf,
  eventQueryOf,
  type EventsOptions,
} from "./history.ts";
import { roomTransport } from "./webhook-transport.ts";
import { noWebhook } from "./webhooks.ts";

/** What a server may say of a channel without a socket; what it leaves out stays as it is. */
export type AddOptions = {
  /** What the presence says of itself: any JSON of at most `PRESENCE_STATE_MAX` bytes; `null` removes it. */
  readonly state?: Json | undefined;
  /**
   * Seconds that it stays after this and after each further addition and touch, 2 to 86,400. Default: `PRESENCE_MAX_AGE`.
   */
  readonly ttl?: number | undefined;
};

/** What a room is to itself and to others alike. */
type Target = Behind<RoomStub>;

/**
 * Every method throws a ProtocolError for what cannot be, with a message that says why, and the
 * platform's error where the room cannot be reached after a few attempts. Times are milliseconds
 * since the epoch.
 */
export class RoomHandle {
  readonly name: string;
  readonly #env: Env;
  readonly #self: Target | null;

  /**
   * Get one by `rooms(env).get(name)`. `self` is the room itself, inside of which no stub is
   * needed.
   * @internal
   */
  constructor(name: string, env: Env, self: Target | null = null) {
    checkRoom(name);
    this.name = name;
    this.#env = env;
    this.#self = self;
  }

  /**
   * Puts a channel into the room, as `user`, or anonymously where that is `null`. One that is in it
   * already is refreshed, and what is left out stays as it is; a new one is anonymous without a user.
   * A channel that has its socket in another room gets the frames of this one over it; one without a
   * socket stays until it is removed, or not touched for its ttl. Throws a RangeError for a ttl that
   * is none.
   */
  async add(channel: string, user?: User | null, options: AddOptions = {}): Promise<Added> {
    checkChannel(channel);
    const given = this.#decode(options);
    const presence =
      user === undefined
        ? { channel, user: null, given: { ...given, keepsUser: true as const } }
        : { channel, user: decodeUser(user), given };
    return granted((await this.#addLocal(presence)) ?? (await this.#addDetached(presence)));
  }

  /**
   * Takes a channel out of the room, if it is in it. A socket that is in this room is closed with
   * 4003.
   */
  async remove(channel: string): Promise<void> {
    checkChannel(channel);
    const link = await this.#ask((room) => room.remove(channel));
    if (link === null) return;
    await call(this.#env.PRESENCE_CHANNEL, channel, (stub) => stub.unlink(this.name, link));
  }

  /** Who is here, as the `presence` frame says it, with all the names. */
  occupants(): Promise<Occupants> {
    return this.#ask((room) => room.occupants());
  }

  /** The channel is alive, in this room at least. Whether it is in it. */
  touch(channel: string): Promise<boolean> {
    return this.#ask((room) => room.touchHere(channel));
  }

  /** What the room has counted. It is reset when the last connection goes, and by a crash. */
  stats(): Promise<RoomStats> {
    return this.#ask((room) => room.stats());
  }

  /**
   * What happened here, oldest first, a page at a time. Go on with the `cursor` while there is one; later
   * with the last `rev`, as `after`. Throws `history_gone` where not everything after it is known any
   * more: then read the room anew.
   */
  async events(options: EventsOptions = {}): Promise<EventList> {
    const query = eventQueryOf(options);
    this.#checkHistory();
    return eventListOf(granted(await this.#ask((room) => room.events(query))));
  }

  /**
   * Who was here at `moment`, in milliseconds since the epoch, as the `presence` frame said it then. Where
   * `complete` is false the room does not know so early a time any more, and this is the earliest that it
   * knows.
   */
  async at(moment: number): Promise<PastOccupants> {
    checkTime("at", moment);
    this.#checkHistory();
    return this.#ask((room) => room.at(moment));
  }

  /**
   * Which users were here and when, in the order of their ids, a page at a time. All visits that touch the
   * time are listed as they were; `presentMs` counts what is within it.
   */
  async attendance(options: AttendanceOptions = {}): Promise<AttendanceList> {
    const query = attendanceQueryOf(options);
    this.#checkHistory();
    return attendanceListOf(await this.#ask((room) => room.attendance(query)));
  }

  /**
   * Sends events that are in the room's log to the receiver of webhooks once more: those behind the
   * revision `after`, those from the time `from` on, or all. Returns how many. They come with ids of
   * their own, and before anything else of this room.
   */
  async replayWebhooks(replay: Replay = {}): Promise<number> {
    // Known without waking the room.
    if (roomTransport(this.name, this.#env) === null) throw noWebhook();
    return granted(await this.#ask((room) => room.replayWebhooks(replay)));
  }

  /** The members: each user once, in the order of their first joins. */
  async getUsers(): Promise<readonly User[]> {
    return (await this.occupants()).members;
  }

  /** How many presences are anonymous. */
  async getAnonymousCount(): Promise<number> {
    return (await this.occupants()).lurkers;
  }

  /** All presences, in the order of their joins. */
  async presences(): Promise<readonly ListedPresence[]> {
    const presences: ListedPresence[] = [];
    let after: string | null = null;
    do {
      // Each page says where the next begins.
      // oxlint-disable-next-line no-await-in-loop
      const page: PresencePage = await this.page(after, PRESENCE_PAGE_MAX);
      presences.push(...page.presences);
      after = page.after;
    } while (after !== null);
    return presences;
  }

  /** `limit` presences behind `after`, which is the `after` of the page before, or `null`. */
  page(after: string | null, limit: number): Promise<PresencePage> {
    return this.#ask((room) => room.page(after, limit));
  }

  /**
   * Sends any JSON to every connection in the room, as a message from nobody. Returns to how many.
   * At most once: it is not tried again where the room cannot be reached.
   */
  async send(payload: Json): Promise<number> {
    checkPayload(payload);
    const room = this.#self ?? this.#env.PRESENCE_ROOM.getByName(this.name);
    await Promise.resolve();
    return granted(await room.send(payload));
  }

  /**
   * Removes presences that were last seen longer ago than `age` seconds, `PRESENCE_MAX_AGE` if left
   * out. Returns them.
   */
  prunePresences(age?: number): Promise<readonly ListedPresence[]> {
    const ageMs = age === undefined ? age : millisecondsOf(age);
    return this.#ask((room) => room.prune(ageMs));
  }

  /**
   * A channel that has its socket in some room, which links this one first. `null` where it has
   * none.
   */
  async #addLocal({ channel, user, given }: GivenPresence): Promise<Added | ErrorFrame | null> {
    const room = roomOfChannel(channel);
    if (room === null) return null;
    const owner = await call(this.#env.PRESENCE_ROOM, room, (stub) =>
      stub.link(channel, this.name, needsDetached(given)),
    );
    if (owner === null) return null;
    const link = granted(owner);
    const elsewhere = room === this.name ? null : link;
    return this.#ask((stub) => stub.add(channel, user, elsewhere, given));
  }

  /**
   * A channel without a socket. One that ends while this is under way may be dropped from the room
   * too early, so the link is checked once more: an end in between has the last word.
   */
  async #addDetached({ channel, user, given }: GivenPresence): Promise<Added | ErrorFrame> {
    const { PRESENCE_CHANNEL: channels } = this.#env;
    const owner = granted(await call(channels, channel, (stub) => stub.link(this.name)));
    const { generation } = owner;
    const added = await this.#ask((room) => room.add(channel, user, owner, given));
    if (added === null) throw new Error("the room takes the channel for one of its own");
    const isRefused = "type" in added;
    if (isRefused) await call(channels, channel, (stub) => stub.unlink(this.name, generation));
    else if (!(await call(channels, channel, (stub) => stub.isLinked(this.name, generation)))) {
      await this.#ask((room) => room.drop(channel, "removed", generation));
    }
    return added;
  }

  #checkHistory(): void {
    if (readSettings(this.#env).historyMs > 0) return;
    throw new ProtocolError(
      "no_history",
      "rooms keep no log, for PRESENCE_HISTORY is 0; set it to the seconds that they are to keep",
    );
  }

  #decode({ state, ttl }: AddOptions): Given {
    return {
      ...(state !== undefined && { state: decodeState(state, readSettings(this.#env).stateMax) }),
      ...(ttl !== undefined && { ttlMs: ttlMsOf(ttl) }),
    };
  }

  async #ask<Result>(ask: (room: Target) => Result | Promise<Result>): Promise<Result> {
    if (!this.#self) return call(this.#env.PRESENCE_ROOM, this.name, async (stub) => ask(stub));
    // Asked from within one of its own events, the room answers after that.
    await Promise.resolve();
    return ask(this.#self);
  }
}

/** Seconds of an age, as milliseconds. Throws a RangeError where it is none. */
export function millisecondsOf(age: number): number {
  if (Number.isFinite(age) && age >= 0) return age * 1_000;
  throw new RangeError(`the age is ${age}; it must be a number of seconds, 0 or more`);
}

function checkPayload(payload: Json): void {
  const flaw = payload === undefined ? "missing" : flawOf(payload, JSON_DEPTH_MAX);
  if (flaw === null) return;
  throw new ProtocolError(
    "bad_frame",
    `payload is ${flaw}; it must be JSON of at most ${JSON_DEPTH_MAX} levels`,
  );
}

function granted<Granted>(answer: Granted | ErrorFrame): Granted {
  if (isRefusal(answer)) throw new ProtocolError(answer.code, answer.message);
  return answer;
}

function isRefusal(answer: unknown): answer is ErrorFrame {
  return (
    typeof answer === "object" && answer !== null && "type" in answer && answer.type === "error"
  );
}
