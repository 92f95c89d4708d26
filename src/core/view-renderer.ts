/**
 * What a room says to each view: names or counts, changes or a snapshot, or nothing where nothing changed
 * for the view. Each text is made at most once, and only if somebody is to get it.
 */

import { type Diff, isEmpty } from "./diff.ts";
import { textOf } from "./frame-text.ts";
import { countedListFrame, countFrame, diffFrames, listFrame, syncFrame } from "./frames.ts";
import { tellsCounts } from "./pacer.ts";
import type { PresenceSet } from "./presence-set.ts";
import type { View } from "./protocol.ts";

/**
 * What the room was when something was sent of it, and the texts that were made of it. A text that nobody
 * got is missing.
 */
export type Sent = {
  readonly isCounting: boolean;
  readonly lurkers: number;
  list?: string;
  count?: string;
};

/** What a listener knows: what it was sent last, and how many of the gathered changes that includes. */
export type Knowledge = { readonly sent: Sent; readonly changes: number };

/** The gathered changes but the first so many, as one diff. */
export type ChangesSince = (changes: number) => Diff;

/** A snapshot, and what whoever gets it knows then. */
export type Snapshot = { readonly texts: readonly string[]; readonly sent: Sent };

/** The texts for one batch, by view. */
export type RenderedBatch = {
  /** Texts for listeners that know what was sent with the last batch, or what `knowledge` says. */
  news(view: View, knowledge?: Knowledge): readonly string[];
  /** Whether these are changes or a snapshot. */
  newsKind(view: View): "changes" | "snapshot";
  /** Snapshots for listeners that know nothing. */
  snapshot(view: View): readonly string[];
};

export class ViewRenderer {
  readonly #room: string;
  readonly #announceMax: number;
  /** What everybody was sent with the last batch. */
  #sent: Sent;
  /** Of the room as it is. */
  #current: { readonly rosterVersion: number; readonly sent: Sent };
  #sync:
    | { readonly version: number; readonly rev: string | undefined; readonly text: string }
    | undefined;

  /** The room wakes up: whatever is in `set` has been sent, in the way that `isCounting` tells. */
  constructor(
    room: string,
    set: PresenceSet,
    { announceMax, isCounting }: { announceMax: number; isCounting: boolean },
  ) {
    this.#room = room;
    this.#announceMax = announceMax;
    this.#sent = { isCounting, lurkers: set.lurkers };
    this.#sent.list = this.#list(set, this.#sent);
    this.#sent.count = this.#count(set, this.#sent);
    // The setting may be another one since: then nothing of what was sent is what the room is now.
    const isStale = tellsCounts(isCounting, set.size, announceMax) !== isCounting;
    this.#current = { rosterVersion: isStale ? -1 : set.rosterVersion, sent: this.#sent };
  }

  /** Whether it says counts instead of names. Outlives the room's sleep in the store. */
  get isCounting(): boolean {
    return this.#current.sent.isCounting;
  }

  /** All there is to know now, for a listener that is new. */
  snapshot(set: PresenceSet, view: View, rev?: string): Snapshot {
    const sent = this.#refresh(set);
    return { texts: [this.#whole(set, view, sent, rev)], sent };
  }

  /**
   * The same for a listener of view `diff` that knows what the room was at the revision `since`.
   * `undefined` where the room tells counts: a list that was known before is of no use then.
   */
  catchUp(
    set: PresenceSet,
    diff: Diff,
    revs: { since: string; rev: string },
  ): Snapshot | undefined {
    const sent = this.#refresh(set);
    if (sent.isCounting) return undefined;
    const texts = diffFrames(this.#room, set, diff, revs.rev).map((frame) =>
      textOf({ ...frame, since: revs.since }),
    );
    return { texts, sent };
  }

  /** The texts of the gathered changes, which are in `set` already. */
  render(set: PresenceSet, changesSince: ChangesSince, rev?: string): RenderedBatch {
    const before = { sent: this.#sent, changes: 0 };
    const now = this.#refresh(set);
    this.#sent = now;
    const { isCounting } = now;
    return {
      news: (view, { sent, changes } = before) => {
        if (view === "list") return sent === now ? [] : changed(sent.list, this.#list(set, now));
        if (view === "count" || isCounting) {
          // Whoever has names must hear that they are told no more, be the numbers the same.
          const known = view === "diff" && !sent.isCounting ? undefined : sent.count;
          return sent === now ? [] : changed(known, this.#count(set, now));
        }
        if (sent.isCounting) return [this.#syncText(set, rev)];
        return this.#diffs(set, changesSince(changes), sent.lurkers, rev);
      },
      newsKind: (view) =>
        view === "diff" && !isCounting && !before.sent.isCounting ? "changes" : "snapshot",
      snapshot: (view) => [this.#whole(set, view, now, rev)],
    };
  }

  /** What the room is now. Texts without states outlive changes of states. */
  #refresh(set: PresenceSet): Sent {
    const { rosterVersion } = set;
    if (rosterVersion !== this.#current.rosterVersion) {
      const isCounting = tellsCounts(this.isCounting, set.size, this.#announceMax);
      this.#current = { rosterVersion, sent: { isCounting, lurkers: set.lurkers } };
    }
    return this.#current.sent;
  }

  #whole(set: PresenceSet, view: View, sent: Sent, rev: string | undefined): string {
    if (view === "list") return this.#list(set, sent);
    return view === "count" || sent.isCounting ? this.#count(set, sent) : this.#syncText(set, rev);
  }

  #list(set: PresenceSet, sent: Sent): string {
    const make = sent.isCounting ? countedListFrame : listFrame;
    return (sent.list ??= textOf(make(this.#room, set)));
  }

  #count(set: PresenceSet, sent: Sent): string {
    return (sent.count ??= textOf(countFrame(this.#room, set)));
  }

  #syncText(set: PresenceSet, rev: string | undefined): string {
    const { version } = set;
    if (this.#sync?.version !== version || this.#sync.rev !== rev) {
      this.#sync = { version, rev, text: textOf(syncFrame(this.#room, set, rev)) };
    }
    return this.#sync.text;
  }

  #diffs(set: PresenceSet, diff: Diff, lurkersBefore: number, rev: string | undefined): string[] {
    if (isEmpty(diff)) return [];
    return diffFrames(this.#room, set, diff, rev)
      .filter(
        ({ joins, updates, leaves, statuses = [], lurkers }) =>
          joins.length + updates.length + leaves.length + statuses.length > 0 ||
          lurkers !== lurkersBefore,
      )
      .map(textOf);
  }
}

function changed(before: string | undefined, now: string): string[] {
  return now === before ? [] : [now];
}
