/** Who is here: a face for each member, with their tabs and whether they type; and the lurkers, as a number. */

import type { Member, RoomView } from "../../client/index.ts";
import { foreign, make, part, say } from "../shared/element.ts";
import { faceOf, nameOf } from "../shared/face.ts";
import { KeyedList } from "../shared/keyed-list.ts";
import { counted, listed } from "../shared/words.ts";
import { isTyping } from "./signal.ts";

/** More faces than this are a crowd, and are counted. */
const FACES_MAX = 60;
const CROWD = "crowd";
const LURKERS = "lurkers";

type Item = Member | { readonly id: string; readonly count: number };

const title = part("people-title", HTMLElement);
const typing = part("typing", HTMLElement);
/** Keys of members begin with a letter of their own, so that no id can be that of the crowd. */
const list = new KeyedList<Item>(part("people", HTMLElement), {
  keyOf: (item) => ("user" in item ? `m${item.id}` : item.id),
  create: (item) =>
    make("li", "user" in item ? "person" : "person unnamed", make("span"), make("span", "who")),
  update: (element, item) =>
    "user" in item ? drawMember(element, item) : drawCount(element, item),
});

let ownId: string | undefined;

export function showPeople(view: RoomView): void {
  ownId = view.self?.user?.id;
  say(title, titleOf(view));
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

function drawMember(element: HTMLElement, { id, user, presences }: Member): void {
  const name = nameOf(user);
  const types = presences.some(({ state }) => isTyping(state));
  const own = id === ownId ? [" ", make("span", "you", "you")] : [];
  const note = make("span", "note", presences.length > 1 ? counted(presences.length, "tab") : "");
  if (types) note.append(presences.length > 1 ? ", " : "", make("span", "types", "typing"));
  const who = make("span", "who", make("span", "name", foreign(name), ...own), note);
  element.dataset["typing"] = String(types);
  element.title = name;
  element.replaceChildren(faceOf(user), who);
}

function drawCount(element: HTMLElement, { id, count }: { id: string; count: number }): void {
  const words = id === CROWD ? counted(count, "more", "more") : counted(count, "lurker");
  const note = id === CROWD ? "with a name" : "without a name";
  const face = make("span", "face", `+${count > 999 ? "…" : count}`);
  face.ariaHidden = "true";
  const who = make("span", "who", make("span", "name", words), make("span", "note", note));
  element.replaceChildren(face, who);
}

function showTypists(names: string[]): void {
  const verb = names.length === 1 ? "is" : "are";
  say(typing, names.length === 0 ? "" : `${listed(names)} ${verb} typing…`);
}
