/**
 * What a room says to each view after a batch of changes: names or counts, news or everything, or nothing
 * where nothing changed for the view. Each text is made at most once, and only if somebody is to get it.
 */

import { tellsCounts } from "./pacer.ts";
import { type Diff, isEmpty } from "./diff.ts";
import { countedListFrame, countFrame, diffFrames, listFrame, syncFrame } from "./frames.ts";
import type { PresenceSet } from "./presence-set.ts";
import type { ServerFrame, View } from "./protocol.ts";

/** The texts for one batch, by view. */
export type RenderedBatch = {
  /** Texts for listeners that know what was sent before, and whether these are changes or a snapshot. */
  news(view: View): readonly string[];
  newsKind(view: View): "changes" | "snapshot";
  /** Snapshots for listeners that know nothing. */
  snapshot(view: View): readonly string[];
};

/** What was said last; a text that nobody got is missing. */
type Said = { list?: string; count?: string; lurkers?: number };

export class ViewRenderer {
  readonly #room: string;
  readonly #announceMax: number;
  #isCounting: boolean;
  #said: Said;

  /** The room wakes up: whatever is in `set` has been said, in the way that `isCounting` tells. */
  constructor(
    room: string,
    set: PresenceSet,
    { announceMax, isCounting }: { announceMax: number; isCounting: boolean },
  ) {
    this.#room = room;
    this.#announceMax = announceMax;
    this.#isCounting = isCounting;
    this.#said = { list: this.#list(set), count: this.#count(set), lurkers: set.lurkers };
  }

  /** Whether it says counts instead of names. Outlives the room's sleep in the store. */
  get isCounting(): boolean {
    return this.#isCounting;
  }

  /** The texts for `diff`, which is in `set` already. */
  render(set: PresenceSet, diff: Diff): RenderedBatch {
    const wasCounting = this.#isCounting;
    this.#isCounting = tellsCounts(wasCounting, set.size, this.#announceMax);
    const before = this.#said;
    const isSameSet = diff.joins.length === 0 && diff.leaves.length === 0 && !diff.newInfo;
    const said: Said = isSameSet ? { ...before } : { lurkers: set.lurkers };
    this.#said = said;
    const list = once(() => (said.list = this.#list(set)));
    const count = once(() => (said.count = this.#count(set)));
    const sync = once(() => text(syncFrame(this.#room, set)));
    const diffs = once(() => this.#diffs(set, diff, before));
    const { isCounting } = this;
    const changed = (was: string | undefined, is: () => string) => {
      if (isSameSet) return [];
      const now = is();
      return now === was ? [] : [now];
    };
    return {
      news: (view) => {
        if (view === "list") return changed(before.list, list);
        if (view === "count" || isCounting) return changed(before.count, count);
        return wasCounting ? [sync()] : diffs();
      },
      newsKind: (view) => (view === "diff" && !isCounting && !wasCounting ? "changes" : "snapshot"),
      snapshot: (view) => {
        if (view === "list") return [list()];
        return [view === "count" || isCounting ? count() : sync()];
      },
    };
  }

  #list(set: PresenceSet): string {
    return text(this.#isCounting ? countedListFrame(this.#room, set) : listFrame(this.#room, set));
  }

  #count(set: PresenceSet): string {
    return text(countFrame(this.#room, set));
  }

  #diffs(set: PresenceSet, diff: Diff, before: Said): string[] {
    if (isEmpty(diff)) return [];
    return diffFrames(this.#room, set, diff)
      .filter(
        ({ joins, updates, leaves, lurkers }) =>
          joins.length + updates.length + leaves.length > 0 || lurkers !== before.lurkers,
      )
      .map(text);
  }
}

function text(frame: ServerFrame): string {
  return JSON.stringify(frame);
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
