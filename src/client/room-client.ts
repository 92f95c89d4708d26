/** The public face of a client: the view, the events and what a page can do. */

import { type Json, type JsonObject, unsafeIntegerIn } from "../core/json.ts";
import type { PresenceStatus } from "../core/status.ts";
import { checkOptions, type RoomOptions } from "./options.ts";
import type { Member, Reason, RoomEvents, RoomView, Self, Status } from "./room-view.ts";
import { Session } from "./session.ts";

/**
 * A client in one room, from `joinRoom` to `leave()` or to a refusal that is final. Connects and
 * reconnects by itself, and resumes its presence, so that others do not see a lost connection.
 */
export class RoomClient<State = Json, Info = JsonObject> implements Iterable<Member<State, Info>> {
  readonly #session: Session;

  /** Throws a TypeError where an option cannot be one, and where the runtime has no WebSocket. */
  constructor(options: RoomOptions<State>) {
    if (typeof WebSocket !== "function") {
      throw new TypeError(
        "this runtime has no WebSocket: the client needs Node 22 or newer, Deno, Bun or a browser",
      );
    }
    checkOptions(options);
    const { state } = options;
    this.#session = new Session(options, state === undefined ? undefined : jsonOf(state));
  }

  /** All there is to know, as one object, which is replaced whenever something in it changes. */
  get view(): RoomView<State, Info> {
    // SAFETY: states and infos are JSON of whatever types the application chose. It promises which,
    // by the type arguments of `joinRoom<State, Info>`.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return this.#session.store.view as RoomView<State, Info>;
  }

  get room(): string {
    return this.view.room;
  }

  /** Users who are in the room, in the order of their first joins, each with their tabs. */
  get members(): readonly Member<State, Info>[] {
    return this.view.members;
  }

  get self(): Self<State, Info> | null {
    return this.view.self;
  }

  /** How many anonymous presences there are. */
  get lurkers(): number {
    return this.view.lurkers;
  }

  /** How many members there are, also where the room tells no names. */
  get count(): number {
    return this.view.count;
  }

  get namesHidden(): boolean {
    return this.view.namesHidden;
  }

  get status(): Status {
    return this.view.status;
  }

  /** Why it is not `here`. */
  get reason(): Reason | null {
    return this.view.reason;
  }

  /** There is no connection: the list is what was last known. */
  get stale(): boolean {
    return this.view.stale;
  }

  /** When the last frame came, in milliseconds since the epoch; `null` unless stale. */
  get staleSince(): number | null {
    return this.view.staleSince;
  }

  [Symbol.iterator](): Iterator<Member<State, Info>> {
    return this.members[Symbol.iterator]();
  }

  /** Calls `listener` whenever there is a new `view`. The function that it returns ends that. */
  subscribe(listener: () => void): () => void {
    return this.#session.store.events.on("view", listener);
  }

  /** Calls `listener` at each event of a type. The function that it returns ends that. */
  on<T extends keyof RoomEvents>(
    type: T,
    listener: (event: RoomEvents<State, Info>[T]) => void,
  ): () => void {
    // SAFETY: as for `view`.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return this.#session.store.events.on(type, listener as (event: RoomEvents[T]) => void);
  }

  /**
   * Sets the state of this tab, which everybody in the room sees; `null` removes it. Any JSON, at
   * most 2,048 bytes of it by default. Sent at once, or after 66 ms where states follow each other
   * faster: then only the newest is sent. Sent again after a reconnection where the room does not
   * know it. Throws a TypeError where it is not JSON.
   *
   * @example
   * room.setState({ typing: true });
   */
  setState(state: State | null): void {
    this.#session.setState(jsonOf(state));
  }

  /**
   * Tells whether somebody is at this tab, or at whatever this client stands for. Told once, and `active` again every
   * four minutes, until it is another one; sent again after a reconnection. Needs a token that names a user. In a
   * browser with `status: "auto"` the next thing that the client sees of its page counts again.
   *
   * @example
   * room.setStatus("away");
   */
  setStatus(status: PresenceStatus): void {
    this.#session.setStatus(status);
  }

  /**
   * Sends a message to everybody in the room, including this client. Needs a token that can `send`.
   * Returns whether it was sent or queued; if not, an `error` event with the code `not_sent` says
   * why. Throws a TypeError where it is not JSON.
   *
   * @example
   * if (!room.send({ text: "hello" })) showNotice("not sent");
   */
  send(payload: Json): boolean {
    return this.#session.send(jsonOf(payload));
  }

  /** Leaves the room at once and for good. */
  leave(): void {
    this.#session.leave();
  }

  /**
   * Checks now whether the connection is alive, or tries now to make one. For runtimes without page
   * events.
   */
  wake(): void {
    this.#session.wake();
  }

  /**
   * Makes another connection at once, with a token that is asked for anew; also after a refusal that was
   * final, but not after `leave()`. The same user stays present meanwhile.
   */
  reconnect(): void {
    this.#session.reconnect();
  }
}

/**
 * Joins a room, and stays there until `leave()` is called or the server refuses for good. Throws a
 * TypeError where an option cannot be one, and where the runtime has no WebSocket (Node before 22).
 * Whatever fails later is reported by events.
 *
 * @example
 * const room = joinRoom({ url: "https://presence.example.com", room: "lobby", token: getToken });
 * room.subscribe(() => console.log(room.members.map(({ id }) => id)));
 */
export function joinRoom<State = Json, Info = JsonObject>(
  options: RoomOptions<State>,
): RoomClient<State, Info> {
  return new RoomClient(options);
}

/**
 * A copy of `value`, as the others will get it. Throws a TypeError where that would be something else.
 */
function jsonOf(value: unknown): Json {
  const text = JSON.stringify(value, (_, item: unknown) => {
    if (typeof item !== "number" || Number.isFinite(item)) return item;
    throw new TypeError(`only JSON can be sent; ${item} is not a number there`);
  });
  if (typeof text !== "string") {
    throw new TypeError(`only JSON can be sent; this is a ${typeof value}`);
  }
  const unsafe = unsafeIntegerIn(text);
  if (unsafe === null) return JSON.parse(text);
  throw new TypeError(`${unsafe} is rounded in JSON; send it as a string`);
}
