/** One room: its numbers, its presences, what happens in it, and what an operator can do there. */

import type { Connection } from "../../client/connection.ts";
import { NO_PRESENCES, reduce, type RoomPresences } from "../../client/presence-reducer.ts";
import type { Status } from "../../client/index.ts";
import type { Frame } from "../../client/server-frames.ts";
import { watchRoom } from "../../client/watch.ts";
import { find, setText } from "../shared/element.ts";
import { counted } from "../shared/format.ts";
import { removePresence, watchActions } from "./actions.ts";
import { PresencePage } from "./answers.ts";
import { type Api, ApiError, roomPath, SERVICE } from "./api.ts";
import { clearLog, logFrame } from "./event-log.ts";
import { countFrame, resetFrameRate, tickFrameRate } from "./frame-rate.ts";
import { RoomHistory } from "./room-history.ts";
import { paginate } from "./pagination.ts";
import { Polling } from "./polling.ts";
import { PresenceList } from "./presence-list.ts";
import { clearWebhooks, loadWebhooks } from "./webhook-line.ts";

const EVERY_MS = 5_000;
/** The shortest time between two requests for the list, however much happens. */
const SOON_MS = 400;

const status = find("panel-status", HTMLElement);
const problem = find("panel-problem", HTMLElement);
const done = find("done", HTMLElement);
const presencesNote = find("presences-note", HTMLElement);
const more = find("more-presences", HTMLButtonElement);
const numbers = {
  members: find("number-members", HTMLElement),
  presences: find("number-presences", HTMLElement),
  lurkers: find("number-lurkers", HTMLElement),
};

export class RoomPanel {
  readonly #api: Api;
  readonly #room: string;
  readonly #connection: Connection;
  readonly #list: PresenceList;
  readonly #polling: Polling;
  readonly #history: RoomHistory;
  readonly #ticks: number;
  readonly #listening = new AbortController();
  /** Called when what the token may do is in doubt. */
  readonly #refused: (error: ApiError) => void;
  #pages = 1;
  #presences: RoomPresences = NO_PRESENCES;

  /** Throws a TypeError where no address can name the room. */
  constructor(api: Api, room: string, refused: (error: ApiError) => void) {
    this.#connection = watchRoom(
      { url: SERVICE, room, token: api.token },
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
    setText(find("panel-room", HTMLElement), room);
    this.#showStatus("connecting", "");
    for (const number of Object.values(numbers)) setText(number, "–");
    for (const line of [done, presencesNote]) setText(line, "");
    more.hidden = true;
    clearWebhooks();
    clearLog();
    resetFrameRate();
    showProblem(null);
    const attempt = (work: () => Promise<string>) => void this.#attempt(work);
    this.#list = new PresenceList(
      () => api.now(),
      ({ channel }) => attempt(() => removePresence(api, room, channel)),
    );
    const { signal } = this.#listening;
    watchActions({ api, room, attempt, signal });
    more.addEventListener("click", () => this.#showMore(), { signal });
    this.#polling = new Polling(() => this.#load(), EVERY_MS, SOON_MS);
    this.#history = new RoomHistory(api, room);
    this.#ticks = setInterval(() => {
      tickFrameRate();
      this.#list.tick();
    }, 1_000);
  }

  stop(): void {
    this.#listening.abort();
    this.#connection.close();
    this.#polling.stop();
    this.#history.stop();
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
    setText(status, why === "" ? words[now] : `${words[now]}: ${why}`);
  }

  #showFrame(frame: Frame): void {
    countFrame();
    if (frame.type === "welcome") this.#showStatus("here", "");
    logFrame(frame, this.#presences);
    if (frame.type !== "sync" && frame.type !== "diff" && frame.type !== "count") return;
    this.#presences = reduce(this.#presences, frame);
    const { shown, size } = this.#presences;
    setText(numbers.members, String(shown.count));
    setText(numbers.lurkers, String(shown.lurkers));
    setText(numbers.presences, String(size));
    this.#polling.soon();
    this.#history.refresh();
  }

  #showMore(): void {
    this.#pages += 1;
    this.#polling.now();
  }

  async #load(): Promise<void> {
    try {
      const path = roomPath(this.#room, "presences");
      const { items, hasMore } = await paginate(this.#pages, async (query) => {
        const page = await this.#api.call(PresencePage, "GET", path + query);
        return { items: page.presences, cursor: page.cursor };
      });
      if (this.#listening.signal.aborted) return;
      showProblem(null);
      this.#list.show(items);
      more.hidden = !hasMore;
      setText(presencesNote, wordsOf(items.length, hasMore));
      await loadWebhooks(this.#api, this.#room, this.#listening.signal);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #attempt(work: () => Promise<string>): Promise<void> {
    try {
      const words = await work();
      if (this.#listening.signal.aborted) return;
      showProblem(null);
      setText(done, words);
      this.#polling.now();
    } catch (error) {
      setText(done, "");
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#listening.signal.aborted) return;
    if (!(error instanceof ApiError)) throw error;
    showProblem(error.message);
    if (error.status === 401) this.#refused(error);
  }
}

function showProblem(words: string | null): void {
  problem.hidden = words === null;
  setText(problem, words ?? "");
}

function wordsOf(count: number, hasMore: boolean): string {
  if (count === 0) return "Nobody is in this room.";
  return hasMore ? `The first ${counted(count, "presence")}.` : "";
}
