/** The changes in a room that is watched, a line each, from its frames. */

import { NO_PRESENCES, reduce, type RoomPresences } from "../client/presence-reducer.ts";
import type { OccupancyFrame } from "../client/server-frames.ts";
import type { Presence } from "../core/presence.ts";
import { formatCount } from "../core/protocol.ts";
import { counted, printable, stateText, userText } from "./text.ts";

/** One line for people: what happened to whom. */
export type Change = { readonly what: string; readonly text: string };

export class WatchedRoom {
  #state: RoomPresences = NO_PRESENCES;

  get presences(): readonly Presence[] {
    return [...this.#state.presences.values()];
  }

  /** Whether the room has too many presences to name them. */
  get namesHidden(): boolean {
    return this.#state.shown.namesHidden;
  }

  /** `2 members, 1 lurker, 4 presences` */
  get summary(): string {
    const { shown, size } = this.#state;
    return `${counted(shown.count, "member")}, ${counted(shown.lurkers, "lurker")}, ${counted(size, "presence")}`;
  }

  /** Applies a frame, and returns what it changed, including what was missed while disconnected. */
  apply(frame: OccupancyFrame): Change[] {
    const before = this.#state;
    const after = reduce(before, frame);
    this.#state = after;
    if (!after.isNamed) return frame.type === "count" ? [summaryChange("count", this)] : [];
    const present = [...after.presences.values()];
    if (!before.isNamed) {
      const here = present.map((presence) => lineFor("here", presence, stateText(presence.state)));
      return [summaryChange("room", this), ...here];
    }
    const joinsAndStates = present.flatMap((presence) =>
      changesOf(before.presences.get(presence.channel), presence),
    );
    return [
      ...leavesBetween(before, after, frame),
      ...joinsAndStates.filter(({ what }) => what === "join"),
      ...joinsAndStates.filter(({ what }) => what !== "join"),
      ...lurkersChange(before, after),
    ];
  }
}

function summaryChange(what: string, room: WatchedRoom): Change {
  return { what, text: room.summary };
}

function leavesBetween(
  before: RoomPresences,
  after: RoomPresences,
  frame: OccupancyFrame,
): Change[] {
  const reasons = new Map(
    frame.type === "diff" ? frame.leaves.map(({ channel, reason }) => [channel, reason]) : [],
  );
  return [...before.presences.values()].flatMap((presence) => {
    const reason = reasons.get(presence.channel);
    if (reason !== undefined) return [lineFor("leave", presence, printable(reason))];
    if (after.presences.has(presence.channel)) return [];
    return [lineFor("leave", presence, "while we were away")];
  });
}

/** What a frame did to one presence: it came, it has another state, or nothing. */
function changesOf(before: Presence | undefined, after: Presence): Change[] {
  const state = stateText(after.state);
  if (before === undefined || userText(before.user) !== userText(after.user)) {
    return [lineFor("join", after, state)];
  }
  return stateText(before.state) === state ? [] : [lineFor("state", after, state || "(none)")];
}

function lurkersChange(before: RoomPresences, after: RoomPresences): Change[] {
  const { lurkers } = after.shown;
  return lurkers === before.shown.lurkers ? [] : [{ what: "lurkers", text: formatCount(lurkers) }];
}

function lineFor(what: string, { user, channel }: Presence, more: string): Change {
  return { what, text: [userText(user), printable(channel), more].filter(Boolean).join("  ") };
}
