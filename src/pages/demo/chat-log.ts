/** What was said, and who came and went meanwhile: the newest hundred lines. */

import { foreign, make, part } from "../shared/element.ts";
import { faceOf, nameOf, type Person } from "../shared/face.ts";
import { clock, listed } from "../shared/words.ts";

const LINES_MAX = 100;
/** Comings and goings within this time are one line: a live region must not chatter. */
const GATHER_MS = 500;

const view = part("lane-view", HTMLElement);
const lane = part("lane", HTMLElement);
const empty = part("lane-empty", HTMLElement);
const news = new Map<string, string[]>();
let gathering = 0;

/** A line that somebody said; `null` for a server. */
export function showText(person: Person | null, text: string, isOwn: boolean): void {
  const name = person ? nameOf(person) : "The server";
  const time = make("time", "", clock(Date.now()));
  const said = make(
    "p",
    "said",
    make("span", "by", foreign(name), " ", time),
    foreign(text, "text"),
  );
  const face = person ? faceOf(person) : make("span", "face server");
  append(make("li", isOwn ? "line own" : "line", face, said));
}

/** That somebody came or went, in what way. */
export function showNews(person: Person, happening: string): void {
  news.set(happening, [...(news.get(happening) ?? []), nameOf(person)]);
  if (gathering === 0) gathering = setTimeout(tellNews, GATHER_MS);
}

export function clearLane(): void {
  lane.replaceChildren();
  news.clear();
  empty.hidden = false;
}

function tellNews(): void {
  gathering = 0;
  for (const [happening, names] of news)
    append(make("li", "news", foreign(listed(names)), ` ${happening}`));
  news.clear();
}

function append(line: HTMLElement): void {
  // Who reads further up is not torn away.
  const isAtEnd = view.scrollHeight - view.scrollTop - view.clientHeight < 60;
  empty.hidden = true;
  lane.append(line);
  while (lane.childElementCount > LINES_MAX) lane.firstElementChild?.remove();
  if (isAtEnd) view.scrollTop = view.scrollHeight;
}
