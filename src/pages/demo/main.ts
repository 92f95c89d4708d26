/** The page at /: who is in this room, live. Puts the parts of the page together. */

import type { RoomClient, TokenSource } from "../../client/index.ts";
import { watchCopy } from "../shared/copying.ts";
import { part, say } from "../shared/element.ts";
import { addressOf, nameInAddress, roomInAddress } from "./address.ts";
import { moveCursor } from "./cursors.ts";
import {
  enterByName,
  focusEntrance,
  showEntrance,
  suggestedName,
  suggestName,
  watchEntrance,
} from "./entrance.ts";
import { watchPointer } from "./pointer.ts";
import { freeName, openBeside } from "./second-window.ts";
import { Stay } from "./room-session.ts";
import { enableTextBox, focusTextBox, watchTextBox } from "./text-box.ts";

const PROBLEM_MS = 8_000;

const roomName = part("room-name", HTMLElement);
const roomBox = part("room-input", HTMLInputElement);
const leave = part("leave", HTMLButtonElement);
const again = part("again", HTMLButtonElement);
const areaHelp = part("area-help", HTMLElement);
const problem = part("problem", HTMLElement);
const hint = part("hint", HTMLElement);

const stay = new Stay(show, complain);
let forgetting = 0;
/** Of whom a token was given: the page is in the room as them, connected or not. */
let isIn = false;

function show(room: RoomClient): void {
  const { status, members, view } = room;
  const isOver = status === "closed";
  again.hidden = !isOver;
  leave.hidden = !isIn || isOver;
  showEntrance(isIn && !isOver);
  enableTextBox(isIn && !isOver, stay.canSpeak);
  say(areaHelp, areaWords(stay.canSpeak));
  document.title = `${view.count + view.lurkers} in ${room.room} · durable-presence`;
  if (status === "here") suggestName(freeName(members));
}

function areaWords(canSpeak: boolean): string {
  if (!canSpeak) return "Come in, and others see your pointer here.";
  return "Others see your pointer here. By keyboard: arrow keys, Enter.";
}

function complain(words: string): void {
  clearTimeout(forgetting);
  problem.hidden = words === "";
  say(problem, words);
  if (words !== "") forgetting = setTimeout(complain, PROBLEM_MS, "");
}

function enter(token?: TokenSource, name = ""): void {
  const room = roomInAddress();
  isIn = token !== undefined;
  history.replaceState(null, "", addressOf(room, name));
  say(roomName, room);
  complain("");
  try {
    stay.enter(room, token);
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
  }
}

function enterAs(token: TokenSource, name: string): void {
  enter(token, name);
  focusTextBox();
}

function goTo(room: string): void {
  // A token for one room may not be good for another: ask for the next one.
  const name = nameInAddress();
  history.pushState(null, "", addressOf(room, name));
  void arrive();
}

/** Comes in where the address has a name and there is a token for the asking; otherwise looks on. */
async function arrive(): Promise<void> {
  const [room, name] = [roomInAddress(), nameInAddress()];
  // Getting a token takes a moment, in which one may go elsewhere: that arrival comes in then.
  const isStill = () => roomInAddress() === room;
  say(roomName, room);
  const hasToken = await enterByName(name, room, (token) => isStill() && enter(token, name));
  if (!hasToken && isStill()) enter(undefined, name);
}

watchEntrance(roomInAddress, enterAs);
watchTextBox({
  send: (text) => stay.tell({ type: "text", text }),
  typing: (isTyping) => isIn && stay.room?.setState(isTyping ? { typing: true } : null),
});
watchPointer(
  (signal) => stay.tell(signal),
  (place) => {
    const { channel, user } = stay.room?.self ?? {};
    if (channel && user) moveCursor(channel, user, place);
  },
);
watchCopy(part("copy", HTMLButtonElement), part("code", HTMLElement));

for (const button of [leave, again]) {
  button.addEventListener("click", () => {
    enter();
    focusEntrance();
  });
}
part("room-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  goTo(roomBox.value);
  roomBox.value = "";
});
part("second-window", HTMLButtonElement).addEventListener("click", () => {
  const first = isIn ? "" : suggestedName();
  const name = suggestedName() === "" && !isIn ? "" : freeName(stay.room?.members ?? [], first);
  const isOpen = openBeside(roomInAddress(), name);
  hint.hidden = isOpen;
  say(
    hint,
    isOpen ? "" : "The browser did not open a window: allow it, or open this page once more.",
  );
  // Two who see each other are the point; one window alone would only look on.
  if (first !== "") void enterByName(first, roomInAddress(), enterAs);
});
// Also where only the hash has changed.
addEventListener("popstate", () => {
  if (roomInAddress() !== stay.room?.room) void arrive();
});

void arrive();
