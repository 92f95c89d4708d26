/** The current view, and the events that report each change of it. */

import { type Json, jsonEqual } from "../core/json.ts";
import { Emitter } from "./emitter.ts";
import { changesBetween, NO_PRESENCES, reduce, type RoomPresences } from "./presence-reducer.ts";
import type { Reason, RoomEvents, RoomView, Self } from "./room-view.ts";
import type { OccupancyFrame } from "./server-frames.ts";

/** The events of a client, and `view` whenever there is a new one. */
export type ClientEvents = RoomEvents & { view: RoomView };

const HERE = { status: "here", reason: null, stale: false, staleSince: null } as const;

/** Before anything is known; also what a server renders. */
export function blankView(room: string): RoomView {
  return { room, ...HERE, status: "connecting", self: null, ...NO_PRESENCES.shown };
}

export class ViewStore {
  readonly events = new Emitter<ClientEvents>();
  #view: RoomView;
  #presences: RoomPresences = NO_PRESENCES;

  constructor(room: string) {
    this.#view = blankView(room);
  }

  get view(): RoomView {
    return this.#view;
  }

  /**
   * The state that the room has of this client: `null` for none, `undefined` where nobody can tell.
   */
  get knownState(): Json | undefined {
    const own = this.#presences.presences.get(this.#view.self?.channel ?? "");
    return own && (own.state ?? null);
  }

  /**
   * Applies a frame of this room. `arrived` is called where it is the first list of a connection.
   */
  apply(frame: OccupancyFrame, arrived?: () => void): void {
    const before = this.#presences;
    const after = reduce(before, frame);
    this.#presences = after;
    // What the room knows decides what this client has to say, and that is in the view.
    arrived?.();
    this.#update({ ...after.shown, self: this.#selfIn(after), ...(arrived && HERE) }, () => {
      const { leave, join, update } = changesBetween(before, after, frame);
      for (const event of leave) this.events.emit("leave", event);
      for (const event of join) this.events.emit("join", event);
      for (const event of update) this.events.emit("update", event);
      // After what was missed, the list of before goes on.
      if (
        frame.type !== "diff" &&
        (frame.type === "sync" || before.isNamed !== after.isNamed || arrived)
      ) {
        this.events.emit("sync", this.#view);
      }
      if (arrived) this.events.emit("status", HERE);
    });
  }

  /**
   * The connection is gone; the last frame came at `heardAt`. What is known stays, and is stale.
   */
  disconnect(reason: Reason, heardAt: number, end?: "closed"): void {
    const before = this.#view;
    const isFirst = before.status === "connecting";
    const status = end ?? (isFirst ? "connecting" : "reconnecting");
    // Attempt after attempt may fail for the same reason, and nothing is news after the end.
    const isSame = before.status === status && before.reason?.message === reason.message;
    if (isSame || before.status === "closed") return;
    const staleSince = isFirst ? null : (before.staleSince ?? heardAt);
    this.#update({ status, reason, stale: !isFirst, staleSince }, () =>
      this.events.emit("status", { status, reason }),
    );
  }

  /** A client that was refused tries again. */
  revive(): void {
    const { status, stale, reason } = this.#view;
    if (status !== "closed") return;
    const next = stale ? "reconnecting" : "connecting";
    this.#update({ status: next }, () => this.events.emit("status", { status: next, reason }));
  }

  /** Shows the state and status of this client in `self`, once the server has said who that is. */
  showOwn(
    { state, status }: Pick<Self, "state" | "status">,
    self: Pick<Self, "channel" | "user"> | null = this.#view.self,
  ): void {
    if (!self) return;
    const before = this.#view.self;
    const { channel, user } = self;
    const isSame =
      before?.channel === channel &&
      before.status === status &&
      jsonEqual(before.user, user) &&
      jsonEqual(before.state ?? null, state ?? null);
    if (!isSame) this.#update({ self: { channel, user, state: state ?? undefined, status } });
  }

  /** A server may have given this client's channel other info. */
  #selfIn({ presences }: RoomPresences): Self | null {
    const { self } = this.#view;
    const own = self && presences.get(self.channel ?? "");
    return !own || jsonEqual(own.user, self.user) ? self : { ...self, user: own.user };
  }

  /**
   * Makes a new view of what differs in `changes`. `emit` comes before the event that there is one.
   */
  #update(changes: Partial<RoomView>, emit?: () => void): void {
    const before = this.#view;
    const view = { ...before, ...changes };
    const isNew = Object.entries(changes).some(
      ([key, value]) => value !== Reflect.get(before, key),
    );
    if (isNew) this.#view = view;
    this.events.batch(() => {
      emit?.();
      if (isNew) this.events.emit("view", view);
    });
  }
}
