/** One room, looked at: its numbers, its presences, what happens in it, and what can be done there. */

import type { Connection } from "../../client/connection.ts";
import { NO_PRESENCES, reduce, type RoomPresences } from "../../client/presence-reducer.ts";
import type { Status } from "../../client/index.ts";
import type { Frame } from "../../client/server-frames.ts";
import { watchRoom } from "../../client/watch.ts";
import { part, say } from "../shared/element.ts";
import { counted } from "../shared/words.ts";
import { removePresence, watchActions } from "./actions.ts";
import { PresencePage } from "./answers.ts";
import { type Api, ApiError, roomPath, SERVICE } from "./api.ts";
import { clearLog, note } from "./log.ts";
import { countFrame, resetMeter, tickMeter } from "./meter.ts";
import { firstPages } from "./pagination.ts";
import { Polling } from "./polling.ts";
import { PresenceList } from "./presence-list.ts";

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
  readonly #connection: Connection;
  readonly #list: PresenceList;
  readonly #polling: Polling;
  readonly #ticks: number;
  readonly #listening = new AbortController();
  /** Called when what the token may do is in doubt. */
  readonly #refused: (error: ApiError) => void;
  #pages = 1;
  #presences: RoomPresences = NO_PRESENCES;

  /** Throws a TypeError where no address can name the room. */
  constructor(api: Api, room: string, refused: (error: ApiError) => void) {
    this.#connection = watchRoom(
      { url: SERVICE, room, token: () => api.token },
      {
        received: (frame) => frame && this.#showFrame(frame),
        ended: ({ reason, retryMs }) => {
          this.#showStatus(retryMs === null ? "closed" : "reconnecting", reason.message);
        },
      },
    );
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
    this.#connection.close();
    this.#polling.stop();
    clearInterval(this.#ticks);
  }

  #showStatus(now: Status, why: string): void {
    status.dataset["status"] = now;
    const words = {
      connecting: "Connecting…",
      here: "Live",
      reconnecting: "Reconnecting",
      closed: "Closed",
    };
    say(status, why === "" ? words[now] : `${words[now]}: ${why}`);
  }

  #showFrame(frame: Frame): void {
    countFrame();
    if (frame.type === "welcome") this.#showStatus("here", "");
    note(frame, this.#presences);
    if (frame.type !== "sync" && frame.type !== "diff" && frame.type !== "count") return;
    this.#presences = reduce(this.#presences, frame);
    const { shown, size } = this.#presences;
    say(numbers.members, String(shown.count));
    say(numbers.lurkers, String(shown.lurkers));
    say(numbers.presences, String(size));
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
    if (!(error instanceof ApiError)) throw error;
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
