/** What is known of a room that is watched: frames in, changes out. Whatever was missed shows as changes too. */

import { applyDiff } from "../core/diff.ts";
import type { Presence } from "../core/presence.ts";
import { formatCount } from "../core/protocol.ts";
import type { WatchedFrame } from "./shapes.ts";
import { counted, printable, stateText, userText } from "./text.ts";

/** One line for people: what happened to whom. */
export type Change = { readonly what: string; readonly text: string };

type SnapshotFrame = Extract<WatchedFrame, { type: "sync" }>;
type DiffFrame = Extract<WatchedFrame, { type: "diff" }>;
type CountFrame = Extract<WatchedFrame, { type: "count" }>;

export class LiveRoom {
  /** `null` as long as nobody has been named, and while the room tells counts. */
  #presences: ReadonlyMap<string, Presence> | null = null;
  #lurkers = 0;
  #counts: CountFrame | null = null;

  get presences(): readonly Presence[] {
    return [...(this.#presences?.values() ?? [])];
  }

  /** Whether the room has too many presences to be named. */
  get isCounting(): boolean {
    return this.#counts !== null;
  }

  /** `2 members, 1 lurker, 4 presences` */
  get numbers(): string {
    const { members, presences, lurkers } = this.#counts ?? this.#counted();
    return `${counted(members, "member")}, ${counted(lurkers, "lurker")}, ${counted(presences, "presence")}`;
  }

  apply(frame: WatchedFrame): Change[] {
    switch (frame.type) {
      case "sync":
        return this.#applySync(frame);
      case "diff":
        return this.#applyDiff(frame);
      case "count":
        return this.#applyCount(frame);
      case "welcome":
      case "error":
        return [];
    }
  }

  #applySync({ presences, lurkers }: SnapshotFrame): Change[] {
    const before = this.#presences;
    this.#counts = null;
    const after = new Map(presences.map((presence) => [presence.channel, presence]));
    this.#presences = after;
    if (before === null) {
      this.#lurkers = lurkers;
      const here = presences.map((presence) => told("here", presence, stateText(presence.state)));
      return [{ what: "room", text: this.numbers }, ...here];
    }
    return [
      ...[...before.values()]
        .filter(({ channel }) => !after.has(channel))
        .map((presence) => told("leave", presence, "while we were away")),
      ...presences.flatMap((presence) => differences(before.get(presence.channel), presence)),
      ...this.#lurkersChange(lurkers),
    ];
  }

  #applyDiff(frame: DiffFrame): Change[] {
    const before = this.#presences ?? new Map<string, Presence>();
    const after = applyDiff(before, frame);
    this.#presences = after;
    const leaves = frame.leaves.flatMap(({ channel, reason }) => {
      const presence = before.get(channel);
      return presence ? [told("leave", presence, printable(reason))] : [];
    });
    const updates = frame.updates.flatMap(({ channel, state }) => {
      const presence = after.get(channel);
      return presence ? [told("state", presence, stateText(state) || "(none)")] : [];
    });
    const joins = frame.joins.map((presence) => told("join", presence, stateText(presence.state)));
    return [...leaves, ...joins, ...updates, ...this.#lurkersChange(frame.lurkers)];
  }

  #applyCount(frame: CountFrame): Change[] {
    this.#counts = frame;
    this.#lurkers = frame.lurkers;
    // Whoever comes and goes now is not named: what is known goes stale.
    this.#presences = null;
    return [{ what: "count", text: this.numbers }];
  }

  #lurkersChange(lurkers: number): Change[] {
    if (lurkers === this.#lurkers) return [];
    this.#lurkers = lurkers;
    return [{ what: "lurkers", text: formatCount(lurkers) }];
  }

  #counted() {
    const { presences } = this;
    const members = new Set(presences.map(({ user }) => user?.id)).size;
    return { members, lurkers: this.#lurkers, presences: presences.length + this.#lurkers };
  }
}

/** What became of a presence in a time of which nothing was told. */
function differences(before: Presence | undefined, after: Presence): Change[] {
  const state = stateText(after.state);
  if (before === undefined || userText(before.user) !== userText(after.user)) {
    return [told("join", after, state)];
  }
  return stateText(before.state) === state ? [] : [told("state", after, state || "(none)")];
}

function told(what: string, { user, channel }: Presence, more: string): Change {
  return { what, text: [userText(user), printable(channel), more].filter(Boolean).join("  ") };
}
