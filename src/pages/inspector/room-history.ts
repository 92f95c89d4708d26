/** What happened in a room: a timeline of who was there, and the events, newest first, page by page. */

import { create, find, setText, untrusted } from "../shared/element.ts";
import { nameOf } from "../shared/face.ts";
import { clock, counted } from "../shared/format.ts";
import { AttendancePage, EventPage, type RoomEvent } from "./answers.ts";
import { type Api, ApiError, roomPath } from "./api.ts";
import { Polling } from "./polling.ts";
import { timelineOf, type TimeSpan, visitRowsOf } from "./timeline.ts";

const EVERY_MS = 10_000;
/** The shortest time between two readings, however much happens. */
const SOON_MS = 1_000;
/** Events that are kept in the page; older ones are forgotten. */
const EVENTS_MAX = 10_000;
/** Events that are shown at once. */
const PAGE = 50;
const GONE = 410;

const span = find("history-span", HTMLSelectElement);
const note = find("history-note", HTMLElement);
const timeline = find("timeline", HTMLElement);
const visits = find("visits", HTMLElement);
const visitRows = find("visit-rows", HTMLElement);
const list = find("history", HTMLElement);
const earlier = find("earlier", HTMLButtonElement);

type Known = {
  events: RoomEvent[];
  /** The revision up to which all events are known; none before the first reading. */
  rev: string | undefined;
  isComplete: boolean;
};

export class RoomHistory {
  readonly #api: Api;
  readonly #room: string;
  readonly #polling: Polling;
  readonly #listening = new AbortController();
  #known: Known = { events: [], rev: undefined, isComplete: true };
  #pages = 1;

  constructor(api: Api, room: string) {
    this.#api = api;
    this.#room = room;
    const { signal } = this.#listening;
    span.addEventListener("change", () => this.#restart(), { signal });
    earlier.addEventListener("click", () => this.#showEarlier(), { signal });
    this.#show();
    this.#showVisits([], { from: 0, to: 1 });
    setText(note, "");
    this.#polling = new Polling(() => this.#load(), EVERY_MS, SOON_MS);
  }

  stop(): void {
    this.#listening.abort();
    this.#polling.stop();
  }

  /** Something happened. */
  refresh(): void {
    this.#polling.soon();
  }

  #restart(): void {
    this.#forget();
    this.#pages = 1;
    this.#polling.now();
  }

  #forget(): void {
    // A reading that is under way goes on with what it began.
    this.#known = { events: [], rev: undefined, isComplete: true };
  }

  #showEarlier(): void {
    this.#pages += 1;
    this.#show();
  }

  async #load(): Promise<void> {
    const known = this.#known;
    const to = Math.floor(this.#api.now());
    const from = to - Number(span.value) * 60_000;
    try {
      await this.#loadEvents(known, from);
      const path = `${roomPath(this.#room, "attendance")}?from=${from}`;
      const { users } = await this.#api.call(AttendancePage, "GET", path);
      if (this.#listening.signal.aborted || known !== this.#known) return;
      known.events = known.events.filter(({ at }) => at >= from).slice(-EVENTS_MAX);
      this.#show();
      this.#showVisits(users, { from, to });
      setText(note, wordsOf(known.events.length, known.isComplete));
    } catch (error) {
      if (known === this.#known) this.#fail(error);
    }
  }

  /** Those since `from`, then only what is new. */
  async #loadEvents(known: Known, from: number): Promise<void> {
    const path = roomPath(this.#room, "events");
    const isFirst = known.rev === undefined;
    const start = known.rev === undefined ? { from: String(from) } : { after: known.rev };
    let cursor: string | undefined;
    do {
      const query = { ...start, limit: "1000", ...(cursor !== undefined && { cursor }) };
      const search = new URLSearchParams(query).toString();
      // Each page says where the next begins.
      // oxlint-disable-next-line no-await-in-loop
      const page = await this.#api.call(EventPage, "GET", `${path}?${search}`);
      known.events.push(...page.events);
      if (known.events.length > EVENTS_MAX * 2) known.events.splice(0, EVENTS_MAX);
      if (isFirst) known.isComplete = page.complete;
      cursor = page.cursor;
      if (cursor === undefined) known.rev = page.rev;
    } while (cursor !== undefined && !this.#listening.signal.aborted);
  }

  #show(): void {
    const { events } = this.#known;
    const shown = events.slice(-PAGE * this.#pages).toReversed();
    list.replaceChildren(...shown.map(lineOf));
    earlier.hidden = shown.length === events.length;
  }

  #showVisits(users: AttendancePage["users"], times: TimeSpan): void {
    const picture = timelineOf(users, times);
    timeline.replaceChildren(...(picture ? [picture] : []));
    visitRows.replaceChildren(...visitRowsOf(users));
    visits.hidden = users.length === 0;
  }

  /** What is wrong with the token the list of presences says. */
  #fail(error: unknown): void {
    if (this.#listening.signal.aborted) return;
    if (!(error instanceof ApiError)) throw error;
    this.#forget();
    if (error.status === GONE) this.#polling.soon();
    setText(note, `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`);
  }
}

function wordsOf(count: number, isComplete: boolean): string {
  const words = count === 0 ? "Nothing happened." : `${counted(count, "event")}.`;
  return isComplete ? words : `${words} What was earlier is not kept any more.`;
}

function lineOf({ at, type, user, channel, reason }: RoomEvent): HTMLElement {
  const isArrival = type.endsWith("joined") || type.endsWith("occupied");
  const kind = create("span", `kind is-${isArrival ? "join" : "leave"}`, type);
  const time = create("time", "", clock(at));
  time.dateTime = new Date(at).toISOString();
  if (channel === null) return create("li", "", time, " ", kind);
  const who = user ? untrusted(nameOf(user), "by") : create("span", "by", "a lurker");
  const more = untrusted([reason, channel].filter(Boolean).join(", "), "mono");
  return create("li", "", time, " ", kind, " ", who, " ", more);
}
