/** The view of the moment, and the telling of what changes in it. */

import type { Json } from "../core/json.ts";
import { Emitter } from "./emitter.ts";
import { BLANK_ROLL, hear, type Roll } from "./roll.ts";
import { blankView, type Reason, type RoomEvents, type RoomView, type Self } from "./room-view.ts";
import type { RollFrame } from "./server-frames.ts";

/** What a client tells; `view` whenever there is a new one. */
export type ClientEvents = RoomEvents & { view: RoomView };

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

  /** Takes a frame of this room in. `isArrival` where it is the first one of a connection. */
  hear(frame: RollFrame, arrive?: () => void): void {
    const { roll, leaves, joins, updates, isSync } = hear(this.#roll, frame);
    this.#roll = roll;
    // What the room knows decides what this client has to say, and that is in the view.
    arrive?.();
    const here = { status: "here", reason: null, stale: false, staleSince: null } as const;
    this.change({ ...roll.shown, ...(arrive ? here : {}) }, () => {
      for (const event of leaves) this.events.emit("leave", event);
      for (const event of joins) this.events.emit("join", event);
      for (const event of updates) this.events.emit("update", event);
      if (isSync || arrive) this.events.emit("sync", this.#view);
      if (arrive) this.events.emit("status", here);
    });
  }

  /** There is no connection, since `heardAt` at the latest. What is known stays, and is stale. */
  away(status: RoomView["status"], reason: Reason, heardAt: number): void {
    const before = this.#view;
    const isSame = before.reason?.code === reason.code && before.reason.message === reason.message;
    if (before.status === status && isSame) return;
    const stale = this.#roll.isKnown;
    const staleSince = stale ? (before.staleSince ?? heardAt) : null;
    this.change({ status, reason, stale, staleSince }, () =>
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
