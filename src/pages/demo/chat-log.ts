/** What was said, and who came and went meanwhile: the newest hundred lines. */

import { untrusted, create, find } from "../shared/element.ts";
import { faceOf, nameOf, type Person } from "../shared/face.ts";
import { clock, listed } from "../shared/format.ts";

const LINES_MAX = 100;
/** Comings and goings within this time are one line: a live region must not chatter. */
const GATHER_MS = 500;

const view = find("chat-log-view", HTMLElement);
const log = find("chat-log", HTMLElement);
const empty = find("chat-log-empty", HTMLElement);
const news = new Map<string, string[]>();
let gathering = 0;

/** A line that somebody said; `null` for a server. */
export function showText(person: Person | null, text: string, isOwn: boolean): void {
  const name = person ? nameOf(person) : "The server";
  const time = create("time", "", clock(Date.now()));
  const said = create(
    "p",
    "said",
    create("span", "by", untrusted(name), " ", time),
    untrusted(text, "text"),
  );
  const face = person ? faceOf(person) : create("span", "face server");
  append(create("li", isOwn ? "line own" : "line", face, said));
}

/** That somebody came or went, in what way. */
export function showNews(person: Person, happening: string): void {
  news.set(happening, [...(news.get(happening) ?? []), nameOf(person)]);
  if (gathering === 0) gathering = setTimeout(tellNews, GATHER_MS);
}

export function clearChatLog(): void {
  log.replaceChildren();
  news.clear();
  empty.hidden = false;
}

function tellNews(): void {
  gathering = 0;
  for (const [happening, names] of news)
    append(create("li", "news", untrusted(listed(names)), ` ${happening}`));
  news.clear();
}

function append(line: HTMLElement): void {
  // Who reads further up is not torn away.
  const isAtEnd = view.scrollHeight - view.scrollTop - view.clientHeight < 60;
  empty.hidden = true;
  log.append(line);
  while (log.childElementCount > LINES_MAX) log.firstElementChild?.remove();
  if (isAtEnd) view.scrollTop = view.scrollHeight;
}
