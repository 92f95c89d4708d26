/** One room's presences, with the time since each was last seen. */

import { untrusted, create, find } from "../shared/element.ts";
import { faceOf, nameOf } from "../shared/face.ts";
import { KeyedList } from "../shared/keyed-list.ts";
import { age, clock } from "../shared/format.ts";
import type { ListedPresence } from "./answers.ts";

/**
 * A removal is final for the page that it hits, so the button asks for confirmation, for so long.
 */
const SURE_MS = 4_000;

export class PresenceList {
  readonly #list: KeyedList<ListedPresence>;
  readonly #now: () => number;
  #presences: readonly ListedPresence[] = [];
  /** What is drawn: presences of which only the time has changed are not drawn again. */
  #shown: readonly ListedPresence[] = [];

  constructor(now: () => number, remove: (presence: ListedPresence) => void) {
    this.#now = now;
    const parent = find("presences", HTMLElement);
    parent.replaceChildren();
    this.#list = new KeyedList(parent, {
      keyOf: ({ channel }) => channel,
      create: (presence) => create("li", "presence", create("div"), removal(presence, remove)),
      update: (element, presence) => element.firstElementChild?.replaceWith(detailsOf(presence)),
    });
  }

  show(presences: readonly ListedPresence[]): void {
    const before = new Map(this.#shown.map((presence) => [presence.channel, presence]));
    this.#presences = presences;
    this.#shown = presences.map((presence) => {
      const known = before.get(presence.channel);
      return known && isSameFor(known, presence) ? known : presence;
    });
    this.#list.show(this.#shown);
    this.tick();
  }

  /** A second is over. */
  tick(): void {
    const seen = new Map(this.#presences.map(({ channel, lastSeen }) => [channel, lastSeen]));
    for (const element of document.querySelectorAll<HTMLElement>("#presences .seen")) {
      const since = age(seen.get(element.dataset["channel"] ?? "") ?? 0, this.#now());
      const words = since === "now" ? "seen just now" : `seen ${since} ago`;
      if (element.textContent !== words) element.textContent = words;
    }
  }
}

function isSameFor(known: ListedPresence, presence: ListedPresence): boolean {
  return JSON.stringify({ ...known, lastSeen: 0 }) === JSON.stringify({ ...presence, lastSeen: 0 });
}

function detailsOf({ channel, user, joinedAt, state }: ListedPresence): HTMLElement {
  const seen = create("span", "seen");
  seen.dataset["channel"] = channel;
  const face = user ? faceOf(user) : create("span", "face nobody", "?");
  face.ariaHidden = "true";
  const name = user ? untrusted(nameOf(user), "name") : create("span", "name quiet", "a lurker");
  const id = user && nameOf(user) !== user.id ? [untrusted(user.id, "mono quiet")] : [];
  const title = create("span", "presence-title", name, ...id);
  const times = create("span", "presence-times", seen, ` · joined ${clock(joinedAt)}`);
  const details = create(
    "div",
    "presence-details",
    face,
    title,
    times,
    untrusted(channel, "mono channel"),
  );
  if (state !== undefined && state !== null)
    details.append(untrusted(JSON.stringify(state), "mono state"));
  return details;
}

function removal(
  presence: ListedPresence,
  remove: (presence: ListedPresence) => void,
): HTMLButtonElement {
  const { user, channel } = presence;
  const who = `${user ? nameOf(user) : "a lurker"}, ${channel}`;
  const button = create("button", "remove", "Remove");
  button.type = "button";
  let timer = 0;
  function ask(isSure: boolean): void {
    clearTimeout(timer);
    button.textContent = isSure ? "Really?" : "Remove";
    button.ariaLabel = isSure ? `Really remove ${who}?` : `Remove ${who}`;
    button.classList.toggle("sure", isSure);
    if (isSure) timer = setTimeout(ask, SURE_MS, false);
  }
  ask(false);
  button.addEventListener("click", () => {
    const isSure = button.classList.contains("sure");
    ask(!isSure);
    if (isSure) remove(presence);
  });
  return button;
}
