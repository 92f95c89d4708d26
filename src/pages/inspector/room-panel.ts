/** One room, looked at: its numbers, its presences, what happens in it, and what can be done there. */

import type { Frame } from "../../client/server-frames.ts";
import { BLANK_ROLL, hear, type Roll } from "../../client/presence-reducer.ts";
import { part, say } from "../shared/element.ts";
import { counted } from "../shared/words.ts";
import { removePresence, watchActions } from "./actions.ts";
import { PresencePage } from "./answers.ts";
import { type Api, Failure, roomPath } from "./api.ts";
import { clearLog, note } from "./log.ts";
import { countFrame, resetMeter, tickMeter } from "./meter.ts";
import { firstPages } from "./pagination.ts";
import { Polling } from "./polling.ts";
import { PresenceList } from "./presence-list.ts";
import { Tap, type TapStatus } from "./watch-connection.ts";

const EVERY_MS = 5_000;
/** In a room where much happens, the list is asked for once in so long. */
const SOON_MS = 400;

const status = part("panel-status", HTMLElement);
const problem = part("panel-problem", HTMLElement);
const done = part("done", HTMLElement);
const presencesNote = part("presences-note", HTMLElement);
const more = part("more-presences", HTMLButtonElement);
const numbers = {
  members: part("number-members", HTMLElement),
  presences: part("number-presences", HTMLElement),
  lurkers: part("number-lurkers", HTMLElement),
};

export class RoomPanel {
  readonly #api: Api;
  readonly #room: string;
  readonly #tap: Tap;
  readonly #list: PresenceList;
  readonly #polling: Polling;
  readonly #ticks: number;
  readonly #listening = new AbortController();
  /** Called when what the token may do is in doubt. */
  readonly #refused: (failure: Failure) => void;
  #pages = 1;
  #roll: Roll = BLANK_ROLL;

  /** Throws a TypeError where no address can name the room. */
  constructor(api: Api, room: string, refused: (failure: Failure) => void) {
    this.#tap = new Tap(room, api.token, {
      status: (now, why) => this.#showStatus(now, why),
      frame: (frame) => this.#hear(frame),
    });
    this.#api = api;
    this.#room = room;
    this.#refused = refused;
    say(part("panel-room", HTMLElement), room);
    this.#showStatus("connecting", "");
    for (const number of Object.values(numbers)) say(number, "–");
    for (const line of [done, presencesNote]) say(line, "");
    more.hidden = true;
    clearLog();
    resetMeter();
    complain(null);
    const attempt = (work: () => Promise<string>) => void this.#attempt(work);
    this.#list = new PresenceList(
      () => api.now(),
      ({ channel }) => attempt(() => removePresence(api, room, channel)),
    );
    const { signal } = this.#listening;
    watchActions({ api, room, attempt, signal });
    more.addEventListener("click", () => this.#showMore(), { signal });
    this.#polling = new Polling(() => this.#load(), EVERY_MS, SOON_MS);
    this.#ticks = setInterval(() => {
      tickMeter();
      this.#list.tick();
    }, 1_000);
  }

  stop(): void {
    this.#listening.abort();
    this.#tap.stop();
    this.#polling.stop();
    clearInterval(this.#ticks);
  }

  #showStatus(now: TapStatus, why: string): void {
    status.dataset["status"] = now;
    const words = {
      connecting: "Connecting…",
      here: "Live",
      reconnecting: "Reconnecting",
      closed: "Closed",
    };
    say(status, why === "" ? words[now] : `${words[now]}: ${why}`);
  }

  #hear(frame: Frame): void {
    countFrame();
    if (frame.type !== "error" && frame.room !== this.#room) return;
    note(frame, this.#roll);
    if (frame.type !== "sync" && frame.type !== "diff" && frame.type !== "count") return;
    this.#roll = hear(this.#roll, frame);
    const { count, lurkers } = this.#roll.shown;
    say(numbers.members, String(count));
    say(numbers.lurkers, String(lurkers));
    // Frames of a room that tells numbers are read by the client as far as it needs them.
    const isNamed = frame.type !== "count";
    say(numbers.presences, isNamed ? String(this.#roll.presences.size + lurkers) : "–");
    this.#polling.soon();
  }

  #showMore(): void {
    this.#pages += 1;
    this.#polling.now();
  }

  async #load(): Promise<void> {
    try {
      const path = roomPath(this.#room, "presences");
      const { items, hasMore } = await firstPages(this.#pages, async (query) => {
        const page = await this.#api.call(PresencePage, "GET", path + query);
        return { items: page.presences, cursor: page.cursor };
      });
      if (this.#listening.signal.aborted) return;
      complain(null);
      this.#list.show(items);
      more.hidden = !hasMore;
      say(presencesNote, wordsOf(items.length, hasMore));
    } catch (error) {
      this.#fail(error);
    }
  }

  async #attempt(work: () => Promise<string>): Promise<void> {
    try {
      const words = await work();
      if (this.#listening.signal.aborted) return;
      complain(null);
      say(done, words);
      this.#polling.now();
    } catch (error) {
      say(done, "");
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#listening.signal.aborted) return;
    if (!(error instanceof Failure)) throw error;
    complain(error.message);
    if (error.status === 401) this.#refused(error);
  }
}

function complain(words: string | null): void {
  problem.hidden = words === null;
  say(problem, words ?? "");
}

function wordsOf(count: number, hasMore: boolean): string {
  if (count === 0) return "Nobody is in this room.";
  return hasMore ? `The first ${counted(count, "presence")}.` : "";
}
