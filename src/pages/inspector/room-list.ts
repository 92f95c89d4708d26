/**
 * The occupied rooms whose names begin with what was typed, by name, in as many pages as were asked
 * for.
 */

import { untrusted, create, find, setText } from "../shared/element.ts";
import { KeyedList } from "../shared/keyed-list.ts";
import { age, counted } from "../shared/format.ts";
import { type ListedRoom, RoomPage } from "./answers.ts";
import type { Api } from "./api.ts";
import { paginate } from "./pagination.ts";
import { Polling } from "./polling.ts";

const EVERY_MS = 5_000;
const SOON_MS = 250;

const note = find("rooms-note", HTMLElement);
const more = find("more-rooms", HTMLButtonElement);
const prefix = find("prefix", HTMLInputElement);

type Listener = {
  readonly choose: (room: string) => void;
  /** A request failed with `error`, or succeeded again: then it is `null`. */
  readonly failed: (error: unknown) => void;
};

export class RoomList {
  readonly #api: Api;
  readonly #listener: Listener;
  readonly #list: KeyedList<ListedRoom>;
  readonly #polling: Polling;
  readonly #listening = new AbortController();
  #pages = 1;
  #chosen = "";

  constructor(api: Api, listener: Listener) {
    this.#api = api;
    this.#listener = listener;
    const parent = find("rooms", HTMLElement);
    parent.replaceChildren();
    this.#list = new KeyedList(parent, {
      keyOf: ({ room }) => room,
      create: ({ room }) => create("li", "", this.#buttonOf(room)),
      update: (element, { since }) => {
        setText(element.querySelector(".since") ?? element, `for ${age(since, api.now())}`);
      },
    });
    const { signal } = this.#listening;
    setText(note, "Looking for rooms…");
    more.hidden = true;
    more.addEventListener("click", () => this.#showMore(), { signal });
    prefix.addEventListener("input", () => this.#filter(), { signal });
    this.#polling = new Polling(() => this.#load(), EVERY_MS, SOON_MS);
  }

  stop(): void {
    this.#listening.abort();
    this.#polling.stop();
  }

  /** Marks the room that is shown beside the list. */
  mark(room: string): void {
    this.#chosen = room;
    this.#drawChosen();
  }

  refresh(): void {
    this.#polling.soon();
  }

  #showMore(): void {
    this.#pages += 1;
    this.#polling.now();
  }

  #filter(): void {
    this.#pages = 1;
    this.#polling.soon();
  }

  async #load(): Promise<void> {
    const start = prefix.value;
    try {
      const { items, hasMore } = await paginate(
        this.#pages,
        async (query) => {
          const { rooms, cursor } = await this.#api.call(RoomPage, "GET", `rooms${query}`);
          return { items: rooms, cursor };
        },
        start === "" ? {} : { prefix: start },
      );
      if (this.#listening.signal.aborted) return;
      this.#listener.failed(null);
      this.#list.show(items);
      this.#drawChosen();
      more.hidden = !hasMore;
      setText(note, wordsOf(items.length, hasMore, start));
    } catch (error) {
      if (!this.#listening.signal.aborted) this.#listener.failed(error);
    }
  }

  #buttonOf(room: string): HTMLButtonElement {
    const since = create("span", "since quiet");
    const button = create("button", "room-button", untrusted(room, "room-name"), since);
    button.type = "button";
    button.dataset["room"] = room;
    button.addEventListener("click", () => this.#listener.choose(room));
    return button;
  }

  #drawChosen(): void {
    for (const button of document.querySelectorAll<HTMLElement>("#rooms .room-button")) {
      if (button.dataset["room"] === this.#chosen) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }
}

function wordsOf(count: number, hasMore: boolean, prefixed: string): string {
  const where = prefixed === "" ? "" : ` that begin with “${prefixed}”`;
  if (count === 0)
    return `No occupied rooms${where}${where === "" ? ", or none that this token is for" : ""}.`;
  return `${hasMore ? "The first " : ""}${counted(count, "occupied room")}${where}`;
}
