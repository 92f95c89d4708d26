/** Who is here: a face for each member, with tabs, typing and whether they are away, and the number of lurkers. */

import type { Member, RoomView } from "../../client/index.ts";
import { untrusted, create, find, setText } from "../shared/element.ts";
import { faceOf, nameOf } from "../shared/face.ts";
import { KeyedList } from "../shared/keyed-list.ts";
import { ago, counted, listed } from "../shared/format.ts";
import { isThinking, isTyping } from "./demo-message.ts";

/** Members beyond this number are counted, not drawn. */
const FACES_MAX = 60;
const CROWD = "crowd";
/** How often it is said anew how long somebody has been away: minutes are the smallest unit. */
const REDRAW_MS = 20_000;
const LURKERS = "lurkers";

type Item = Member | { readonly id: string; readonly count: number };

const title = find("people-title", HTMLElement);
const typing = find("typing", HTMLElement);
/** Keys of members have a prefix, so that no id can be the key of the crowd. */
const list = new KeyedList<Item>(find("people", HTMLElement), {
  keyOf: (item) => ("user" in item ? `m${item.id}` : item.id),
  create: (item) =>
    create(
      "li",
      "user" in item ? "person" : "person unnamed",
      create("span"),
      create("span", "who"),
    ),
  update: (element, item) =>
    "user" in item ? drawMember(element, item) : drawCount(element, item),
});

let ownId: string | undefined;

setInterval(() => {
  for (const note of document.querySelectorAll<HTMLElement>(".since")) drawSince(note);
}, REDRAW_MS);

export function showMembers(view: RoomView): void {
  ownId = view.self?.user?.id;
  setText(title, titleOf(view));
  const items: Item[] = view.members.slice(0, FACES_MAX);
  const crowd = view.count - items.length;
  if (crowd > 0 && !view.namesHidden) items.push({ id: CROWD, count: crowd });
  if (view.lurkers > 0) items.push({ id: LURKERS, count: view.lurkers });
  list.show(items);
  const typists = view.members.filter(
    ({ id, presences }) => id !== ownId && presences.some(({ state }) => isTyping(state)),
  );
  showTypists(typists.map(({ user }) => nameOf(user)));
}

function titleOf({ count, lurkers, namesHidden, status, self }: RoomView): string {
  if (self === null && status === "connecting") return "Who is here?";
  if (namesHidden) return `${counted(count, "person", "people")} are here, too many for names`;
  if (count === 0) return lurkers > 0 ? "Nobody with a name is here" : "Nobody is here";
  return count === 1 ? "One person is here" : `${counted(count, "person", "people")} are here`;
}

function drawMember(element: HTMLElement, { id, user, presences, status, activeAt }: Member): void {
  const name = nameOf(user);
  const types = presences.some(({ state }) => isTyping(state));
  const thinks = presences.some(({ state }) => isThinking(state));
  const own = id === ownId ? [" ", create("span", "you", "you")] : [];
  const note = create("span", "note", presences.length > 1 ? counted(presences.length, "tab") : "");
  const doing = types ? "typing" : "thinking";
  if (types || thinks) {
    note.append(presences.length > 1 ? ", " : "", create("span", "types", doing));
  } else if (activeAt !== undefined) {
    const since = create("span", "since");
    since.dataset["activeAt"] = String(activeAt);
    drawSince(since);
    note.append(presences.length > 1 ? ", " : "", since);
  }
  const who = create("span", "who", create("span", "name", untrusted(name), ...own), note);
  element.dataset["typing"] = String(types);
  element.dataset["status"] = status;
  element.title = name;
  element.replaceChildren(faceOf(user), who);
}

function drawSince(element: HTMLElement): void {
  setText(element, `active ${ago(Number(element.dataset["activeAt"]), Date.now())}`);
}

function drawCount(element: HTMLElement, { id, count }: { id: string; count: number }): void {
  const words = id === CROWD ? counted(count, "more", "more") : counted(count, "lurker");
  const note = id === CROWD ? "with a name" : "without a name";
  const face = create("span", "face", `+${count > 999 ? "…" : count}`);
  face.ariaHidden = "true";
  const who = create("span", "who", create("span", "name", words), create("span", "note", note));
  element.replaceChildren(face, who);
}

function showTypists(names: string[]): void {
  const verb = names.length === 1 ? "is" : "are";
  setText(typing, names.length === 0 ? "" : `${listed(names)} ${verb} typing…`);
}
