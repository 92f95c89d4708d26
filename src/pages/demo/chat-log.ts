/** The chat, and who came and went meanwhile: the newest 100 lines. */

import { untrusted, create, find } from "../shared/element.ts";
import { faceOf, nameOf, type Person } from "../shared/face.ts";
import { clock, listed } from "../shared/format.ts";

const LINES_MAX = 100;
/** Joins and leaves within this time are one line: a live region must not speak all the time. */
const GATHER_MS = 500;

const view = find("chat-log-view", HTMLElement);
const log = find("chat-log", HTMLElement);
const empty = find("chat-log-empty", HTMLElement);
const news = new Map<string, string[]>();
let gathering = 0;

/** Shows a line that somebody sent; `null` for a server. */
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

/** Shows that somebody came or went, and how. */
export function showNews(person: Person, happening: string): void {
  news.set(happening, [...(news.get(happening) ?? []), nameOf(person)]);
  if (gathering === 0) gathering = setTimeout(flushNews, GATHER_MS);
}

export function clearChatLog(): void {
  log.replaceChildren();
  news.clear();
  empty.hidden = false;
}

function flushNews(): void {
  gathering = 0;
  for (const [happening, names] of news)
    append(create("li", "news", untrusted(listed(names)), ` ${happening}`));
  news.clear();
}

function append(line: HTMLElement): void {
  // A reader who has scrolled up stays where they are.
  const isAtEnd = view.scrollHeight - view.scrollTop - view.clientHeight < 60;
  empty.hidden = true;
  log.append(line);
  while (log.childElementCount > LINES_MAX) log.firstElementChild?.remove();
  if (isAtEnd) view.scrollTop = view.scrollHeight;
}
