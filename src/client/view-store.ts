/** The view of the moment, and the telling of what changes in it. */

import type { Json } from "../core/json.ts";
import { Emitter } from "./emitter.ts";
import { BLANK_ROLL, happenedBetween, hear, type Roll } from "./presence-reducer.ts";
import type { Reason, RoomEvents, RoomView, Self } from "./room-view.ts";
import type { RollFrame } from "./server-frames.ts";

/** What a client tells; `view` whenever there is a new one. */
export type ClientEvents = RoomEvents & { view: RoomView };

const HERE = { status: "here", reason: null, stale: false, staleSince: null } as const;

/** Before anything is known; also what a server renders. */
export function blankView(room: string): RoomView {
  return { room, ...HERE, status: "connecting", self: null, ...BLANK_ROLL.shown };
}

export class ViewStore {
  readonly events = new Emitter<ClientEvents>();
  #view: RoomView;
  #roll: Roll = BLANK_ROLL;

  constructor(room: string) {
    this.#view = blankView(room);
  }

  get view(): RoomView {
    return this.#view;
  }

  /** The state that the room has of this client: `null` for none, `undefined` where it cannot be seen. */
  get knownState(): Json | undefined {
    const own = this.#roll.presences.get(this.#view.self?.channel ?? "");
    return own && (own.state ?? null);
  }

  /** Takes a frame of this room in. With `arrive` it is the first list of a connection. */
  hear(frame: RollFrame, arrive: (() => void) | false): void {
    const before = this.#roll;
    const roll = hear(before, frame);
    this.#roll = roll;
    // What the room knows decides what this client has to say, and that is in the view.
    if (arrive) arrive();
    this.change({ ...roll.shown, ...(arrive && HERE) }, () => {
      const { leave, join, update } = happenedBetween(before, roll, frame);
      for (const event of leave) this.events.emit("leave", event);
      for (const event of join) this.events.emit("join", event);
      for (const event of update) this.events.emit("update", event);
      if (frame.type === "sync" || before.isNamed !== roll.isNamed || arrive) {
        this.events.emit("sync", this.#view);
      }
      if (arrive) this.events.emit("status", HERE);
    });
  }

  /** There is no connection, since `heardAt` at the latest. What is known stays, and is stale. */
  away(reason: Reason, heardAt: number, end?: "closed"): void {
    const before = this.#view;
    const isFirst = before.status === "connecting";
    const status = end ?? (isFirst ? "connecting" : "reconnecting");
    // Attempt after attempt may fail for one reason, and none after the end is news.
    const isSame = before.status === status && before.reason?.message === reason.message;
    if (isSame || before.status === "closed") return;
    const staleSince = isFirst ? null : (before.staleSince ?? heardAt);
    this.change({ status, reason, stale: !isFirst, staleSince }, () =>
      this.events.emit("status", { status, reason }),
    );
  }

  /** A new view, if `news` are any. `tell` comes before those who only want to know that there is one. */
  change(news: Partial<RoomView>, tell?: () => void): void {
    const before = this.#view;
    const view = { ...before, ...news };
    const isNew = Object.entries(news).some(([key, value]) => value !== Reflect.get(before, key));
    if (isNew) this.#view = view;
    tell?.();
    if (isNew) this.events.emit("view", view);
  }

  /** Shows what this client says of itself, once the server has said who that is. */
  showState(state: Json | undefined, self: Omit<Self, "state"> | null = this.#view.self): void {
    if (self) this.change({ self: { ...self, state: state ?? undefined } });
  }
}
